/** The feed store on IndexedDB: entries and the heads of their feeds change in one transaction, with strict durability. */
import { equalBytes } from '../../../protocol/bytes.ts';
import type { ConversationId, DeviceId } from '../../../protocol/ids.ts';
import type { FeedStore } from '../../../engine/ports.ts';
import { strict, type AccountDatabase } from './database.ts';

/** [conversation, lamport, device, sequence] */
type Place = [ConversationId, number, DeviceId, number];
/** How many times farther back it is looked, when too few entries were found. */
const spread = 8;

export function idbFeeds(db: AccountDatabase): FeedStore {
  return {
    async heads(conversation) {
      const found = await db.getAll('heads', IDBKeyRange.bound([conversation, ''], [conversation, '\uffff']));
      return new Map(found.map(({ device, length, hash, lamport }) => [device, { length, hash, lamport }]));
    },

    async range(conversation, device, from, limit) {
      if (limit < 1) return [];
      const end = Math.min(from + limit - 1, Number.MAX_SAFE_INTEGER);
      return db.getAll('entries', IDBKeyRange.bound([conversation, device, from], [conversation, device, end]), limit);
    },

    async append(entries) {
      const tx = db.transaction(['entries', 'heads'], 'readwrite', strict);
      const store = tx.objectStore('entries');
      try {
        for (const entry of entries) {
          const there = await store.get([entry.conversation, entry.device, entry.sequence]);
          if (there && !equalBytes(there.hash, entry.hash))
            throw new Error(`feed ${entry.device} has another entry ${entry.sequence}`);
          if (there) continue;
          await store.add(entry);
          const { conversation, device, sequence, hash, lamport } = entry;
          const head = await tx.objectStore('heads').get([conversation, device]);
          if (sequence !== (head?.length ?? 0))
            throw new Error(`feed ${device} does not continue with entry ${sequence}`);
          await tx.objectStore('heads').put({ conversation, device, length: sequence + 1, hash, lamport });
        }
      } catch (problem) {
        tx.abort();
        await tx.done.catch(() => undefined); // the abort that was just asked for; `problem` says why
        throw problem;
      }
      await tx.done;
    },

    async history(conversation, limit, before) {
      if (limit < 1) return [];
      const index = db.transaction('entries').store.index('order');
      const first = [conversation] as unknown as Place;
      const end = before && ([conversation, before.lamport, before.device, before.sequence] as Place);
      const all = end
        ? IDBKeyRange.bound(first, end, false, true)
        : IDBKeyRange.bound(first, [conversation, Infinity] as unknown);
      // A cursor takes a round trip for each entry. Read in one go, from a place that is about right: times are seldom far apart.
      const newest = (await index.openKeyCursor(all, 'prev'))?.key[1];
      for (let back = limit; newest !== undefined; back *= spread) {
        const from = newest - back;
        const some =
          from < 0 ? all : IDBKeyRange.bound([conversation, from] as unknown, all.upper as Place, false, all.upperOpen);
        const found = await index.getAll(some);
        if (found.length >= limit || from < 0) return found.slice(-limit);
      }
      return [];
    },

    async historyAfter(conversation, limit, after) {
      if (limit < 1) return [];
      const range = IDBKeyRange.bound(
        [conversation, after.lamport, after.device, after.sequence],
        [conversation, Infinity] as unknown,
        true,
      );
      return db.getAllFromIndex('entries', 'order', range, limit);
    },

    async replace(entries) {
      const tx = db.transaction('entries', 'readwrite', strict);
      for (const entry of entries) {
        const there = await tx.store.get([entry.conversation, entry.device, entry.sequence]);
        if (there && equalBytes(there.hash, entry.hash)) await tx.store.put(entry);
      }
      await tx.done;
    },
  };
}
