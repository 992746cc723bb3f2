/** Records in memory that outlive the engine that used them, as a disk would: what is put is copied, and `beforeWrite` may fail a write. */
import type { Records } from '../records.ts';

export class MemoryRecords<T> implements Records<T> {
  readonly #records = new Map<string, T>();
  /** Called before every write; throwing fails it. */
  beforeWrite: (key: string) => void = () => undefined;

  all(): Promise<T[]> {
    return Promise.resolve([...this.#records.values()].map((record) => structuredClone(record)));
  }

  async put(key: string, record: T): Promise<void> {
    await Promise.resolve();
    this.beforeWrite(key);
    this.#records.set(key, structuredClone(record));
  }

  async delete(key: string): Promise<void> {
    await Promise.resolve();
    this.beforeWrite(key);
    this.#records.delete(key);
  }

  /** As it is durable now. */
  get(key: string): T | undefined {
    return this.#records.get(key);
  }
}
