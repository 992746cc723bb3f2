/** Small durable records on IndexedDB. */
import type { Records } from '../../../engine/records.ts';
import { strict, type AccountDatabase } from './database.ts';

/** @param table name of the kind of record; one key space each. */
export function idbRecords<T>(db: AccountDatabase, table: string): Records<T> {
  return {
    async all() {
      const found = await db.getAll('records', IDBKeyRange.bound([table, ''], [table, '\uffff']));
      return found.map(({ record }) => record as T);
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
