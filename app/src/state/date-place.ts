/** Where a conversation was at some time. Clocks of authors nearly follow the order of a conversation, so halving finds the place in a few reads. */
import type { Feeds } from '../../../engine/feed/log.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import type { ConversationId, DeviceId } from '../../../protocol/ids.ts';

/** The first entry whose clock is at or after `at` milliseconds; the newest one when none is; none in an empty conversation. */
export async function datePlace(
  feeds: Pick<Feeds, 'history' | 'historyAfter'>,
  conversation: ConversationId,
  at: number,
): Promise<StoredEntry | undefined> {
  const [newest] = await feeds.history(conversation, 1);
  if (!newest || newest.wall < at) return newest;
  const from = async (lamport: number): Promise<StoredEntry> => {
    const [entry] = await feeds.historyAfter(conversation, 1, { lamport, device: '' as DeviceId, sequence: 0 });
    return entry ?? newest;
  };
  let [low, high] = [0, newest.lamport];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const entry = await from(middle);
    if (entry.wall >= at) high = middle;
    else low = Math.max(middle, entry.lamport) + 1;
  }
  return from(low);
}
