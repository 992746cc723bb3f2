/** Small durable records on IndexedDB. */
import type { Lookup, Records } from '../../../engine/records.ts';
import { strict, type AccountDatabase } from './database.ts';

/** @param table name of the kind of record; one key space each. */
export function idbRecords<T>(db: AccountDatabase, table: string): Records<T> & Lookup<T> {
  return {
    async all() {
      const found = await db.getAll('records', IDBKeyRange.bound([table, ''], [table, '\uffff']));
      return found.map(({ record }) => record as T);
    },
    async get(keys) {
      if (keys.length === 0) return [];
      const { store } = db.transaction('records');
      const found = await Promise.all(keys.map((key) => store.get([table, key])));
      return found.map((one) => one?.record as T | undefined);
    },
    async put(key, record) {
      const tx = db.transaction('records', 'readwrite', strict);
      await Promise.all([tx.store.put({ table, key, record }), tx.done]);
    },
    async delete(key) {
      const tx = db.transaction('records', 'readwrite', strict);
      await Promise.all([tx.store.delete([table, key]), tx.done]);
    },
  };
}
