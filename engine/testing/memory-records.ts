/** Records in memory that outlive the engine that used them, as a disk would: what is put is copied, and `beforeWrite` may fail a write. */
import type { Lookup, Records } from '../records.ts';

export class MemoryRecords<T> implements Records<T>, Lookup<T> {
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

  get(keys: readonly string[]): Promise<(T | undefined)[]> {
    return Promise.resolve(keys.map((key) => structuredClone(this.#records.get(key))));
  }

  /** As it is durable now. */
  at(key: string): T | undefined {
    return this.#records.get(key);
  }
}
