import { describe, expect, it } from 'vitest';
import type { ConversationId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { conversation } from '../testing/feed-network.ts';
import { cheapDevice, cheapSignatures, hashes, seededRandom } from '../testing/keys.ts';
import { MemoryFeedStore } from '../testing/memory-feed-store.ts';
import type { FeedStore, StoredEntry } from '../ports.ts';
import { NO_PREVIOUS, writeEntry } from './entry.ts';
import { Feeds } from './log.ts';

const devices = [0, 1, 2].map(cheapDevice);
const [ann, bob] = devices as [(typeof devices)[0], (typeof devices)[0]];
const authors = (id: string) => devices.find((device) => device.id === id)?.publicKey;
const ports = { hashes, signatures: cheapSignatures, clock: { now: () => 1_700_000_000_000 } };

function feedsOf(device = ann, store: FeedStore = new MemoryFeedStore(), seed = 1): Feeds {
  return new Feeds({ ...ports, store, device, random: seededRandom(seed) });
}
async function say(feeds: Feeds, text = 'x', where = conversation): Promise<StoredEntry> {
  const appended = await feeds.append(where, { kind: 'text', text });
  if (appended.kind !== 'committed') throw new Error(appended.kind);
  return appended.entry;
}
const several = async (feeds: Feeds, count: number) => {
  const entries: StoredEntry[] = [];
  for (let i = 0; i < count; i++) entries.push(await say(feeds, `${i}`));
  return entries;
};
const wires = (entries: readonly StoredEntry[]) => entries.map(({ wire }) => wire);
const nothing = {
  committed: [],
  shared: new Map(),
  gaps: [],
  unknownAuthors: [],
  forks: [],
  refused: [],
  bad: undefined,
};
/** Signs an entry of `bob` at any place. */
const forged = (place: { sequence?: number; previous?: Uint8Array<ArrayBuffer>; lamport?: number }) =>
  writeEntry(
    { hashes, device: bob, clock: ports.clock, random: seededRandom(7) },
    { conversation, heads: [], sequence: 0, previous: NO_PREVIOUS, lamport: 1, ...place },
    new Uint8Array([1]),
  );

describe('append', () => {
  it('gives each of many at the same time its own place, and keeps conversations apart', async () => {
    const feeds = feedsOf();
    const other = 'D'.repeat(43) as ConversationId;
    const entries = await Promise.all(
      Array.from({ length: 40 }, (_, i) => say(feeds, `${i}`, i % 2 ? other : conversation)),
    );
    for (const where of [conversation, other]) {
      const here = entries.filter((entry) => entry.conversation === where);
      expect(here.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, i) => i));
      expect(here.map(({ lamport }) => lamport)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    }
  });

  it('makes a feed that others take as it is', async () => {
    const feeds = feedsOf();
    const entries = await several(feeds, 5);
    const received = await feedsOf(bob).receive(conversation, wires(entries), authors);
    expect(received).toEqual({ ...nothing, committed: entries, shared: new Map([[ann.id, 5]]) });
  });

  it('comes after everything that was seen', async () => {
    const [mine, theirs] = [feedsOf(), feedsOf(bob)];
    await mine.receive(conversation, wires(await several(theirs, 7)), authors);
    expect((await say(mine)).lamport).toBe(8);
  });

  it('continues after a restart', async () => {
    const store = new MemoryFeedStore();
    await several(feedsOf(ann, store), 3);
    const { sequence, lamport } = await say(feedsOf(ann, store));
    expect([sequence, lamport]).toEqual([3, 4]);
  });

  it('resolves and tells only after the entry is durable', async () => {
    const store = new MemoryFeedStore();
    const order: string[] = [];
    const slow: FeedStore = {
      heads: (where) => store.heads(where),
      range: (...args) => store.range(...args),
      history: (...args) => store.history(...args),
      historyAfter: (...args) => store.historyAfter(...args),
      replace: (entries) => store.replace(entries),
      append: async (entries) => {
        await new Promise((resolve) => setImmediate(resolve));
        await store.append(entries);
        order.push('durable');
      },
    };
    const feeds = feedsOf(ann, slow);
    feeds.listen(() => order.push('told'));
    await say(feeds).then(() => order.push('resolved'));
    expect(order).toEqual(['durable', 'told', 'resolved']);
  });

  it.each(['before', 'after'])('does not fork itself when the store fails %s writing', async (point) => {
    const store = new MemoryFeedStore();
    let failing = false;
    const flaky: FeedStore = {
      heads: (where) => store.heads(where),
      range: (...args) => store.range(...args),
      history: (...args) => store.history(...args),
      historyAfter: (...args) => store.historyAfter(...args),
      replace: (entries) => store.replace(entries),
      append: async (entries) => {
        if (!failing || point === 'after') await store.append(entries);
        if (failing) throw new Error('no space');
      },
    };
    const feeds = feedsOf(ann, flaky);
    await say(feeds, 'first');
    failing = true;
    await expect(say(feeds, 'lost')).rejects.toThrow('no space');
    failing = false;
    await say(feeds, 'next');
    const entries = await store.history(conversation, 9);
    expect(entries).toHaveLength(point === 'before' ? 2 : 3);
    expect((await feedsOf(bob).receive(conversation, wires(entries), authors)).committed).toEqual(entries);
  });

  it('refuses a payload that is too large, and the place stays free', async () => {
    const feeds = feedsOf();
    const file = { name: 'n'.repeat(1000), size: 1, type: '' };
    const files = Array.from({ length: 100 }, () => file);
    const appended = await feeds.append(conversation, { kind: 'offer', offer: 'O'.repeat(22) as never, files });
    expect(appended.kind === 'too-large' && appended.sizeBytes > limits.payloadBytes).toBe(true);
    expect((await say(feeds)).sequence).toBe(0);
  });
});

describe('receive', () => {
  it('takes each entry once', async () => {
    const entries = await several(feedsOf(bob), 4);
    const feeds = feedsOf();
    const told: StoredEntry[] = [];
    feeds.listen((news) => told.push(...news));
    await feeds.receive(conversation, wires(entries.slice(0, 3)), authors);
    const again = await feeds.receive(conversation, wires([...entries, ...entries]), authors);
    expect(again).toEqual({ ...nothing, committed: entries.slice(3), shared: new Map([[bob.id, 4]]) });
    expect(told).toEqual(entries);
  });

  it('takes each entry once from two links at the same time', async () => {
    const entries = await several(feedsOf(bob), 4);
    const feeds = feedsOf();
    const both = await Promise.all([0, 1].map(() => feeds.receive(conversation, wires(entries), authors)));
    expect(both.map(({ committed }) => committed.length)).toEqual([4, 0]);
  });

  it('takes what comes before a gap and nothing after', async () => {
    const entries = await several(feedsOf(bob), 5);
    const feeds = feedsOf();
    const [a, b, , d, e] = wires(entries);
    const received = await feeds.receive(conversation, [e, b, d, a] as Uint8Array[], authors);
    expect(received).toMatchObject({ committed: entries.slice(0, 2), gaps: [bob.id], bad: undefined });
    expect(await feeds.frontier(conversation)).toEqual(new Map([[bob.id, 2]]));
  });

  it('takes all feeds of a batch in one write', async () => {
    const store = new MemoryFeedStore();
    const feeds = feedsOf(cheapDevice(2), store);
    const told: number[] = [];
    feeds.listen((entries) => told.push(entries.length));
    const both = [...(await several(feedsOf(ann), 2)), ...(await several(feedsOf(bob), 3))];
    await feeds.receive(conversation, wires(both), authors);
    expect(told).toEqual([5]);
  });

  it('names authors that it does not know, and takes the others', async () => {
    const feeds = feedsOf();
    const stranger = cheapDevice(9);
    const batch = [...(await several(feedsOf(stranger), 2)), ...(await several(feedsOf(bob), 1))];
    const received = await feeds.receive(conversation, wires(batch), authors);
    expect(received).toMatchObject({ unknownAuthors: [stranger.id], bad: undefined });
    expect(received.committed.map(({ device }) => device)).toEqual([bob.id]);
  });

  it('learns its own feed back from others, and continues it', async () => {
    const entries = await several(feedsOf(), 3);
    const restored = feedsOf();
    await restored.receive(conversation, wires(entries), authors);
    expect((await say(restored)).sequence).toBe(3);
  });

  it('keeps what is good of a batch in which something is bad, and says so', async () => {
    const entries = await several(feedsOf(bob), 3);
    const broken = entries[2]?.wire.slice() ?? new Uint8Array();
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    const feeds = feedsOf();
    const received = await feeds.receive(conversation, [...wires(entries.slice(0, 2)), broken], authors);
    expect(received.committed).toEqual(entries.slice(0, 2));
    expect(received.bad?.code).toBe('malformed');
  });

  it('refuses a Lamport time that does not grow', async () => {
    const first = await forged({ lamport: 5 });
    const second = await forged({ sequence: 1, previous: first.hash, lamport: 5 });
    const received = await feedsOf().receive(conversation, wires([first, second]), authors);
    expect(received.committed).toEqual([first]);
    expect(received.bad?.message).toContain('Lamport');
  });

  it('lets nobody use up the Lamport time', async () => {
    const feeds = feedsOf();
    await feeds.receive(conversation, wires([await forged({ lamport: Number.MAX_SAFE_INTEGER })]), authors);
    const entries = await several(feeds, 2);
    expect(entries.map(({ lamport }) => lamport)).toEqual([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    expect((await feedsOf(bob).receive(conversation, wires(entries), authors)).committed).toEqual(entries);
  });
});

describe('a fork', () => {
  it('is two entries at one place; the feed is closed from then on, the others go on', async () => {
    const store = new MemoryFeedStore();
    const left = await several(feedsOf(bob, new MemoryFeedStore(), 1), 4);
    const right = await several(feedsOf(bob, new MemoryFeedStore(), 2), 4);
    const feeds = feedsOf(ann, store);
    await feeds.receive(conversation, wires(left.slice(0, 2)), authors);
    const received = await feeds.receive(conversation, wires(right), authors);
    const fork = { conversation, device: bob.id, ours: left[0], theirs: right[0] };
    expect(received).toEqual({ ...nothing, forks: [fork] });
    expect(feeds.forks(conversation)).toEqual(new Map([[bob.id, fork]]));
    const later = await feeds.receive(conversation, wires(left), authors);
    expect(later).toEqual({ ...nothing, refused: [bob.id] });
    expect(await store.range(conversation, bob.id, 0, 9)).toEqual(left.slice(0, 2));
    expect((await say(feeds)).sequence).toBe(0);
  });

  it('is an entry on top of another one than ours', async () => {
    const left = await several(feedsOf(bob, new MemoryFeedStore(), 1), 2);
    const right = await several(feedsOf(bob, new MemoryFeedStore(), 2), 3);
    const feeds = feedsOf();
    await feeds.receive(conversation, wires(left), authors);
    const { forks } = await feeds.receive(conversation, wires(right.slice(2)), authors);
    expect(forks).toEqual([{ conversation, device: bob.id, ours: left[1], theirs: right[2] }]);
  });

  it('is seen within one batch', async () => {
    const left = await several(feedsOf(bob, new MemoryFeedStore(), 1), 1);
    const right = await several(feedsOf(bob, new MemoryFeedStore(), 2), 1);
    const { forks, committed } = await feedsOf().receive(conversation, wires([...left, ...right]), authors);
    expect(committed).toEqual(left);
    expect(forks).toHaveLength(1);
  });

  it('of the own feed stops writing it', async () => {
    const other = await several(feedsOf(ann, new MemoryFeedStore(), 2), 1);
    const feeds = feedsOf();
    await say(feeds);
    await feeds.receive(conversation, wires(other), authors);
    expect((await feeds.append(conversation, { kind: 'text', text: 'x' })).kind).toBe('forked');
  });
});

describe('entriesAfter', () => {
  it('gives what lacks, each feed in sequence, in the order of the conversation', async () => {
    const feeds = feedsOf();
    const theirs = feedsOf(bob);
    for (let i = 0; i < 40; i++) {
      await feeds.receive(conversation, [(await say(theirs)).wire], authors);
      await theirs.receive(conversation, [(await say(feeds)).wire], authors);
    }
    const batch = await feeds.entriesAfter(conversation, new Map([[bob.id, 5]]), 1e9);
    expect(batch.map(({ lamport }) => lamport)).toEqual(batch.map(({ lamport }) => lamport).toSorted((a, b) => a - b));
    for (const [device, from] of [[ann.id, 0] as const, [bob.id, 5] as const])
      expect(batch.filter((entry) => entry.device === device).map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 40 - from }, (_, i) => i + from),
      );
    expect(
      await feeds.entriesAfter(
        conversation,
        new Map([
          [bob.id, 99],
          [ann.id, 40],
        ]),
        1e9,
      ),
    ).toEqual([]);
  });

  it('stops at the size and at the count, but gives at least one', async () => {
    const feeds = feedsOf();
    const [first] = await several(feeds, 600);
    const sizeBytes = first?.wire.length ?? 0;
    const count = async (maxBytes: number) => (await feeds.entriesAfter(conversation, new Map(), maxBytes)).length;
    expect(await count(1)).toBe(1);
    expect(await count(3 * sizeBytes)).toBe(3);
    expect(await count(1e9)).toBe(limits.entriesPerBatch);
  });
});
