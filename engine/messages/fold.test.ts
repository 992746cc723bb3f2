/** Random entries of random authors, in any order of delivery: everybody sees the same. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Payload } from '../../protocol/entry.ts';
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import { Feeds } from '../feed/log.ts';
import { readPayload } from '../feed/payload.ts';
import type { StoredEntry } from '../ports.ts';
import { VirtualClock } from '../testing/clock.ts';
import { conversation } from '../testing/feed-network.ts';
import { cheapDevice, cheapSignatures, hashes, seededRandom } from '../testing/keys.ts';
import { MemoryFeedStore } from '../testing/memory-feed-store.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import { plain, type Annotation } from './annotation.ts';
import { Messages } from './messages.ts';

const runs = process.env.CAUSEWAY_LONG === '1' ? 5_000 : 200;

/** Two devices of Ann, one of Bob. */
const devices = [cheapDevice(1), cheapDevice(2), cheapDevice(3)];
const accounts = ['ann', 'ann', 'bob'] as AccountId[];
const keys = new Map(devices.map(({ id, publicKey }) => [id, publicKey]));
const personOf = (device: DeviceId) => accounts[devices.findIndex(({ id }) => id === device)] as AccountId;

interface Step {
  by: number;
  kind: 'text' | 'offer' | 'edit' | 'delete' | 'react' | 'read' | 'timer' | 'meet';
  /** Chooses a target, an emoji, a length. */
  pick: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  by: fc.nat(2),
  kind: fc.constantFrom<Step['kind'][]>(
    'text',
    'text',
    'offer',
    'edit',
    'edit',
    'delete',
    'react',
    'read',
    'timer',
    'meet',
  ),
  pick: fc.nat(1000),
});

function feedsOf(device = devices[0] as (typeof devices)[number], seed = 0) {
  const store = new MemoryFeedStore();
  const clock = { now: () => 1_700_000_000_000 };
  return new Feeds({ store, hashes, signatures: cheapSignatures, device, clock, random: seededRandom(seed) });
}

const isMessage = (entry: StoredEntry): boolean => ['text', 'offer'].includes(readPayload(entry).kind);

/** Writes the steps by three devices that meet now and then; the entries of all, in the order in which they were written. */
async function write(steps: readonly Step[]): Promise<StoredEntry[]> {
  const feeds = devices.map((device, index) => feedsOf(device, index));
  const all: StoredEntry[] = [];
  for (const { by, kind, pick } of steps) {
    const own = feeds[by] as Feeds;
    if (kind === 'meet') {
      await own.receive(
        conversation,
        all.map(({ wire }) => wire),
        (id) => keys.get(id),
      );
      continue;
    }
    // What is no message cannot be changed: a program that says so all the same changes what is shown of its own words alone.
    const targets = kind === 'edit' || kind === 'delete' ? all.filter((entry) => isMessage(entry)) : all;
    const target = targets[pick % Math.max(1, targets.length)] ?? { device: devices[by]?.id as DeviceId, sequence: 0 };
    const ref = { device: target.device, sequence: target.sequence };
    const payloads: Record<Exclude<Step['kind'], 'meet'>, Payload> = {
      text: { kind: 'text', text: `text ${pick}`, ...(pick % 3 === 0 ? { reply: ref } : {}) },
      offer: { kind: 'offer', offer: 'A'.repeat(22) as never, files: [{ name: 'x', size: 1, type: '' }] },
      edit: { kind: 'edit', of: ref, text: `edit ${pick}` },
      delete: { kind: 'delete', of: ref },
      react: { kind: 'react', to: ref, ...(pick % 4 === 0 ? {} : { emoji: ['👍', '❤️', '😂'][pick % 3] as string }) },
      read: { kind: 'read', upTo: [[ref.device, pick % 10]] },
      timer: { kind: 'timer', afterMs: pick },
    };
    const appended = await own.append(conversation, payloads[kind]);
    if (appended.kind !== 'committed') throw new Error(appended.kind);
    all.push(appended.entry);
  }
  return all;
}

/** Everything that is shown, after taking the entries in an order that keeps each feed in sequence, in batches. */
async function observe(entries: readonly StoredEntry[], order: readonly number[], batch: number) {
  const queues = devices.map(({ id }) => entries.filter(({ device }) => device === id));
  const delivered: StoredEntry[] = [];
  for (let turn = 0; delivered.length < entries.length; turn++) {
    const next =
      queues[(order[turn % order.length] ?? 0) % 3]?.shift() ?? queues.find((queue) => queue.length > 0)?.shift();
    if (next) delivered.push(next);
  }
  const feeds = feedsOf(cheapDevice(9), 9);
  const annotations = new MemoryRecords<Annotation>();
  const withdrawn = new Set<DeviceId>();
  const messages = new Messages({
    feeds,
    clock: new VirtualClock(),
    annotations,
    marks: new MemoryRecords(),
    expiries: new MemoryRecords(),
    offerDeleted: (_, device) => {
      withdrawn.add(device);
      return Promise.resolve();
    },
    altered: () => Promise.resolve(),
    later: () => undefined,
  });
  const altered = new Set<string>();
  for (let from = 0; from < delivered.length; from += batch) {
    const some = delivered.slice(from, from + batch);
    const { committed } = await feeds.receive(
      conversation,
      some.map(({ wire }) => wire),
      (id) => keys.get(id),
    );
    for (let times = 0; times < 2; times++)
      // twice, as after a crash
      for (const ref of await messages.take(committed, personOf, 'bob' as AccountId))
        altered.add(`${ref.device}/${ref.sequence}`);
  }
  const history = await feeds.history(conversation, 10_000);
  const found = await messages.annotations(conversation, history);
  return {
    words: await messages.words(conversation, history),
    payloads: history.map((entry) => readPayload(entry)),
    reactions: found.map((annotation = plain) => annotation.reactions),
    deleted: history.map(
      (entry, index) =>
        ['text', 'offer', 'dropped'].includes(readPayload(entry).kind) && found[index]?.deleted === true,
    ),
    withdrawn: [...withdrawn].sort(),
    read: ['ann', 'bob'].map((account) => [...messages.readBy(conversation, account as AccountId)].sort()),
    timerMs: messages.timerMs(conversation),
  };
}

it('is the same for everybody, whatever came first', async () => {
  let deleted = 0;
  let withdrawn = 0;
  let edited = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(2), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 7 }),
      async (steps, order, batch) => {
        const entries = await write(steps);
        const [one, other] = [await observe(entries, [0, 1, 2], 1), await observe(entries, order, batch)];
        expect(other).toEqual(one);
        deleted += one.deleted.filter(Boolean).length;
        withdrawn += one.withdrawn.length;
        edited += one.words.filter((words) => words?.startsWith('edit')).length;
        // What was deleted says nothing any more, anywhere.
        one.deleted.forEach((gone, index) => {
          if (gone) expect([one.words[index], one.payloads[index]?.kind]).toEqual([undefined, 'dropped']);
        });
      },
    ),
    { numRuns: runs },
  );
  expect(deleted).toBeGreaterThan(0);
  expect(withdrawn).toBeGreaterThan(0);
  expect(edited).toBeGreaterThan(0);
});

it('lets nobody edit or delete what another person wrote', async () => {
  const feeds = feedsOf(devices[2]);
  const entries = await write([{ by: 0, kind: 'text', pick: 1 }]);
  await feeds.receive(
    conversation,
    entries.map(({ wire }) => wire),
    (id) => keys.get(id),
  );
  const of = { device: devices[0]?.id as DeviceId, sequence: 0 };
  const own = await Promise.all(
    (
      [
        { kind: 'edit', of, text: 'forged' },
        { kind: 'delete', of },
      ] as const
    ).map((payload) => feeds.append(conversation, payload)),
  );
  const all = [...entries, ...own.flatMap((one) => (one.kind === 'committed' ? [one.entry] : []))];
  const { words, deleted } = await observe(all, [0, 1, 2], 10);
  expect(words).toEqual(['text 1', undefined, undefined]);
  expect(deleted).toEqual([false, false, false]);
});
