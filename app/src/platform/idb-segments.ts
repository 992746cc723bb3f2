/** Segments of the search text among the small records: the last segment and how far it goes change in one transaction. */
import type { SegmentHead, SegmentStore } from '../state/search-index.ts';
import type { Segment } from '../state/search-text.ts';
import type { AccountDatabase } from './database.ts';

const heads = 'search-heads';
const segments = 'search-segments';

/** Fixed width, so that keys sort as numbers do. */
const keyOf = (conversation: string, number: number): string => `${conversation}/${String(number).padStart(6, '0')}`;
const table = (name: string): IDBKeyRange => IDBKeyRange.bound([name, ''], [name, '\uffff']);

export function idbSegments(db: AccountDatabase): SegmentStore {
  return {
    async heads() {
      return (await db.getAll('records', table(heads))).map(({ record }) => record as SegmentHead);
    },
    async segment(conversation, number) {
      return (await db.get('records', [segments, keyOf(conversation, number)]))?.record as Segment | undefined;
    },
    async all() {
      return (await db.getAll('records', table(segments))).map(({ record }) => record as Segment);
    },
    async put(head, changed, gone = []) {
      // Made again from the feeds if it is lost: no need to wait for the disk.
      const tx = db.transaction('records', 'readwrite');
      for (const segment of changed)
        await tx.store.put({ table: segments, key: keyOf(segment.conversation, segment.number), record: segment });
      for (const number of gone) await tx.store.delete([segments, keyOf(head.conversation, number)]);
      await tx.store.put({ table: heads, key: head.conversation, record: head });
      await tx.done;
    },
  };
}
