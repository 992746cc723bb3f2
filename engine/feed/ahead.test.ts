/** Entries that came ahead of those before them: what is shown of them, and what is not. */
import { describe, expect, it } from 'vitest';
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import type { Annotation } from '../messages/annotation.ts';
import { Messages } from '../messages/messages.ts';
import { VirtualClock } from '../testing/clock.ts';
import { conversation } from '../testing/feed-network.ts';
import { cheapDevice, cheapSignatures, hashes, seededRandom } from '../testing/keys.ts';
import { MemoryFeedStore } from '../testing/memory-feed-store.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import type { StoredEntry } from '../ports.ts';
import { Feeds } from './log.ts';
import { readPayload } from './payload.ts';

const [ann, bob] = [cheapDevice(0), cheapDevice(1)];
const authors = (id: string) => [ann, bob].find((device) => device.id === id)?.publicKey;
const ports = { hashes, signatures: cheapSignatures, clock: { now: () => 1_700_000_000_000 } };

function feedsOf(device = ann, limitOf: (device: DeviceId) => number = () => Infinity, seed = 1): Feeds {
  const store = new MemoryFeedStore();
  return new Feeds({ ...ports, store, device, random: seededRandom(seed), limitOf: (_, one) => limitOf(one) });
}
async function several(feeds: Feeds, count: number): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  for (let number = 0; number < count; number++) {
    const appended = await feeds.append(conversation, { kind: 'text', text: `${number}` });
    if (appended.kind === 'committed') entries.push(appended.entry);
  }
  return entries;
}
const wires = (entries: readonly StoredEntry[]) => entries.map(({ wire }) => wire);

describe('entries that came ahead', () => {
  it('are not shown any more once their author was removed before them', async () => {
    const theirs = await several(feedsOf(bob), 10);
    let limit = Infinity;
    const feeds = feedsOf(ann, (device) => (device === bob.id ? limit : Infinity));
    expect(await feeds.receiveNewest(conversation, wires(theirs.slice(6)), authors)).toBe(true);
    expect((await feeds.history(conversation, 10)).map(({ sequence }) => sequence)).toEqual([6, 7, 8, 9]);
    limit = 8;
    expect((await feeds.history(conversation, 10)).map(({ sequence }) => sequence)).toEqual([6, 7]);
    limit = 0;
    expect([await feeds.history(conversation, 10), feeds.isAhead(conversation)]).toEqual([[], false]);
  });

  it('are not shown of a feed that is found forked', async () => {
    const theirs = await several(feedsOf(bob), 10);
    const others = await several(feedsOf(bob, undefined, 2), 2);
    const feeds = feedsOf();
    await feeds.receive(conversation, wires(others), authors);
    await feeds.receiveNewest(conversation, wires(theirs.slice(6)), authors);
    expect(feeds.isAhead(conversation)).toBe(true);
    await feeds.receive(conversation, wires(theirs.slice(0, 2)), authors);
    expect(feeds.forks(conversation).size).toBe(1);
    expect(feeds.isAhead(conversation)).toBe(false);
    expect((await feeds.history(conversation, 10)).map(({ wire }) => wire)).toEqual(wires(others));
  });

  it('do not hide the newest of what is written meanwhile, however much that is', async () => {
    const theirs = await several(feedsOf(bob), 10);
    const feeds = feedsOf();
    await feeds.receiveNewest(conversation, wires(theirs.slice(6)), authors);
    const mine = await several(feeds, 20);
    expect((await feeds.history(conversation, 5)).map(({ wire }) => wire)).toEqual(wires(mine.slice(-5)));
    expect((await feeds.history(conversation, 100)).map(({ wire }) => wire)).toEqual([
      ...wires(theirs.slice(6)),
      ...wires(mine),
    ]);
  });

  it('lose their words like all others when they were deleted before they were taken', async () => {
    const person = 'person' as AccountId;
    const theirs = await several(feedsOf(bob), 3);
    const other = feedsOf(ann);
    const deleted = await other.append(conversation, { kind: 'delete', of: { device: bob.id, sequence: 1 } });
    if (deleted.kind !== 'committed') throw new Error(deleted.kind);
    const feeds = feedsOf(cheapDevice(2));
    const messages = new Messages({
      feeds,
      clock: new VirtualClock(),
      annotations: new MemoryRecords<Annotation>(),
      marks: new MemoryRecords(),
      expiries: new MemoryRecords(),
      offerDeleted: () => Promise.resolve(),
      altered: () => Promise.resolve(),
      later: () => undefined,
    });
    const take = async (entries: readonly StoredEntry[]) => {
      const { committed } = await feeds.receive(conversation, wires(entries), authors);
      await messages.take(committed, () => person, 'me' as AccountId);
    };
    await feeds.receiveNewest(conversation, wires(theirs.slice(1)), authors);
    await take([deleted.entry]);
    await take(theirs);
    const kinds = (await feeds.range(conversation, bob.id, 0, 3)).map((entry) => readPayload(entry).kind);
    expect(kinds).toEqual(['text', 'dropped', 'text']);
  });
});
