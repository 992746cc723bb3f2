/** Owns what a peer is sent next: the entries it lacks, in the order of the conversation and each feed in sequence. */
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { FeedStore, StoredEntry } from '../ports.ts';
import { compareEntries } from './order.ts';

/** Entries of one feed read at first; few, because a conversation can have many feeds. */
const READ_ENTRIES = 32;
const READ_AT_LEAST = 8;

/**
 * The first entries after `theirs` (entries that the peer has of each feed) of the feeds in `ours`, up to `maxBytes` of wire bytes and
 * `limits.entriesPerBatch`; at least one when there is any.
 */
export async function nextBatch(
  store: Pick<FeedStore, 'range'>,
  conversation: ConversationId,
  ours: ReadonlyMap<DeviceId, number>,
  theirs: ReadonlyMap<DeviceId, number>,
  maxBytes: number,
): Promise<StoredEntry[]> {
  const read = (device: DeviceId, from: number, most: number) =>
    store.range(conversation, device, from, Math.min(most, (ours.get(device) ?? 0) - from));
  const lacking = [...ours].filter(([device, length]) => (theirs.get(device) ?? 0) < length);
  const feeds = await Promise.all(
    lacking.map(async ([device]) => ({
      device,
      entries: await read(device, theirs.get(device) ?? 0, READ_ENTRIES),
      next: 0,
    })),
  );
  const batch: StoredEntry[] = [];
  let bytes = 0;
  while (batch.length < limits.entriesPerBatch) {
    let first: { feed: (typeof feeds)[number]; entry: StoredEntry } | undefined;
    for (const feed of feeds) {
      const entry = feed.entries[feed.next];
      if (entry && (!first || compareEntries(entry, first.entry) < 0)) first = { feed, entry };
    }
    if (!first) break;
    const { feed, entry } = first;
    if (batch.length > 0 && bytes + entry.wire.length > maxBytes) break;
    batch.push(entry);
    bytes += entry.wire.length;
    feed.next++;
    if (feed.next === feed.entries.length) {
      // What still fits, if all are as large as those until now and the feeds go on in turns: one reading, where many would each be awaited.
      const fitting = Math.ceil(((maxBytes - bytes) * batch.length) / bytes / feeds.length);
      feed.entries = await read(feed.device, entry.sequence + 1, Math.max(READ_AT_LEAST, fitting));
      feed.next = 0;
    }
  }
  return batch;
}
