/** The feed store on IndexedDB: entries and the heads of their feeds change in one transaction, with strict durability. */
import type { IDBPTransaction } from 'idb';
import { equalBytes } from '../../../protocol/bytes.ts';
import type { ConversationId, DeviceId } from '../../../protocol/ids.ts';
import type { FeedStore, StoredEntry } from '../../../engine/ports.ts';
import { strict, type AccountDatabase, type AccountSchema } from './database.ts';

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
      try {
        // A request takes far longer to be answered than to be made: those of a batch are made together.
        const fresh = await Promise.all(byFeed(entries).map((feed) => freshOf(tx, feed)));
        const adding = fresh.flat().map((entry) => tx.objectStore('entries').add(entry));
        const moving = fresh.flatMap((feed) => {
          const last = feed.at(-1);
          if (!last) return [];
          const { conversation, device, sequence, hash, lamport } = last;
          return [tx.objectStore('heads').put({ conversation, device, length: sequence + 1, hash, lamport })];
        });
        await Promise.all([...adding, ...moving]);
      } catch (problem) {
        // Ended by the browser, for want of room: then it is over already, and says so.
        const ended = tx.error;
        if (!ended) tx.abort();
        await tx.done.catch(() => undefined); // the abort that was just asked for, or `ended`
        throw ended ?? problem;
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

type Writing = IDBPTransaction<AccountSchema, ['entries', 'heads'], 'readwrite'>;

function byFeed(entries: readonly StoredEntry[]): StoredEntry[][] {
  const feeds = new Map<string, StoredEntry[]>();
  for (const entry of entries) {
    const key = `${entry.conversation}/${entry.device}`;
    const feed = feeds.get(key);
    if (feed) feed.push(entry);
    else feeds.set(key, [entry]);
  }
  return [...feeds.values()];
}

/** Those of one feed that are not there yet. Rejects when one is another than what is there, or does not continue the feed. */
async function freshOf(tx: Writing, entries: readonly StoredEntry[]): Promise<StoredEntry[]> {
  const [first] = entries;
  if (!first) return [];
  const { conversation, device } = first;
  const before = (await tx.objectStore('heads').get([conversation, device]))?.length ?? 0;
  const known = entries.map(({ sequence }) => sequence).filter((sequence) => sequence < before);
  const [from, to] = [Math.min(...known), Math.max(...known)];
  const there =
    known.length > 0
      ? await tx
          .objectStore('entries')
          .getAll(IDBKeyRange.bound([conversation, device, from], [conversation, device, to]))
      : [];
  const fresh: StoredEntry[] = [];
  for (const entry of entries) {
    const { sequence } = entry;
    const same = sequence < before ? there[sequence - from] : fresh[sequence - before];
    if (same && !equalBytes(same.hash, entry.hash)) throw new Error(`feed ${device} has another entry ${sequence}`);
    if (same) continue;
    if (sequence !== before + fresh.length) throw new Error(`feed ${device} does not continue with entry ${sequence}`);
    fresh.push(entry);
  }
  return fresh;
}
