/** Port for small durable records of one account on this device: contacts, offers, marks. Writes resolve after they are durable. */
export interface Records<T> {
  all(): Promise<T[]>;
  put(key: string, record: T): Promise<void>;
  delete(key: string): Promise<void>;
}
