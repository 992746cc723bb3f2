/**
 * Ports for small durable records of one account on this device. Writes resolve after they are durable. `Records` are few and held in memory
 * (contacts, offers, marks); of `Lookup` there may be as many as there are messages.
 */
export interface Lookup<T> {
  /** In the order of the keys. */
  get(keys: readonly string[]): Promise<(T | undefined)[]>;
  put(key: string, record: T): Promise<void>;
  delete(key: string): Promise<void>;
}

export interface Records<T> {
  all(): Promise<T[]>;
  put(key: string, record: T): Promise<void>;
  delete(key: string): Promise<void>;
}
