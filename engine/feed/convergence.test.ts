import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conversation, FeedNetwork, settle, type CrashPoint } from '../testing/feed-network.ts';

const long = process.env.CAUSEWAY_LONG === '1';

type Step =
  | { do: 'say'; at: number; times: number }
  | { do: 'connect'; at: number; to: number }
  | { do: 'cut'; at: number; to: number }
  | { do: 'move'; fate: 'deliver' | 'drop' | 'duplicate' | 'reorder'; link: number; times: number }
  | { do: 'partition'; side: number }
  | { do: 'crash'; at: number; point: CrashPoint | 'now' };

const at = fc.nat(4);
const times = fc.integer({ min: 1, max: 4 });
const move = (fate: fc.Arbitrary<'deliver' | 'drop' | 'duplicate' | 'reorder'>) =>
  fc.record({ do: fc.constant('move' as const), fate, link: fc.nat(19), times });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('say' as const), at, times }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), at, to: at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), at, to: at }) },
  { weight: 8, arbitrary: move(fc.constant('deliver')) },
  { weight: 3, arbitrary: move(fc.constantFrom('drop', 'duplicate', 'reorder')) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('partition' as const), side: fc.nat(31) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('crash' as const), at, point: fc.constantFrom('now', 'before', 'after') }),
  },
);

function take(network: FeedNetwork, next: Step): void {
  if (next.do === 'say') for (let i = 0; i < next.times; i++) network.peer(next.at).say();
  else if (next.do === 'connect' || next.do === 'cut') {
    const [a, b] = [network.peer(next.at), network.peer(next.to)];
    if (a === b) return;
    if (next.do === 'connect') network.connect(a, b);
    else network.linkOf(a, b)?.cut();
  } else if (next.do === 'partition') {
    const sideOf = (index: number) => (next.side >> index) & 1;
    for (const end of network.ends()) if (sideOf(end.peer.index) !== sideOf(end.other.peer.index)) end.link.cut();
  } else if (next.do === 'crash') {
    const peer = network.peer(next.at);
    if (next.point === 'now') peer.crash();
    else peer.crashAtNextWrite = next.point;
  } else {
    const ends = network.ends();
    const end = ends[next.link % Math.max(1, ends.length)];
    for (let i = 0; end && i < next.times; i++) {
      if (next.fate === 'deliver') end.deliver();
      else if (next.fate === 'drop') end.inbox.shift();
      else if (next.fate === 'duplicate') end.deliver(0, true);
      else end.deliver(end.inbox.length - 1);
    }
  }
}

async function converges(peers: number, steps: readonly Step[], shape: 'chain' | 'mesh'): Promise<void> {
  const network = new FeedNetwork(peers);
  for (const next of steps) {
    take(network, next);
    await settle();
  }
  await network.heal(shape);
  expect(network.faults).toEqual([]);
  const texts = await network.peer(0).texts();
  expect(new Set(texts).size).toBe(texts.length);
  for (const peer of network.peers) {
    expect(await peer.texts()).toEqual(texts);
    expect(peer.forks).toEqual([]);
    // Nothing that was acknowledged is lost, and what one device said stays in the order in which it said it.
    const own = texts.filter((text) => text.startsWith(`${peer.index}:`));
    expect(own).toEqual(expect.arrayContaining(peer.acknowledged));
    const spoken = own.map((text) => Number(text.split(':')[1]));
    expect(spoken).toEqual(spoken.toSorted((a, b) => a - b));
    for (const end of peer.ends) {
      const frontier = await peer.feeds.frontier(conversation);
      const length = frontier.get(peer.device.id);
      if (length !== undefined) expect(end.sync.peerHas().get(peer.device.id)).toBe(length);
    }
  }
}

describe('convergence', () => {
  it('of 2 to 5 peers under drop, duplicate, reorder, partition and crash', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 5 }),
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.constantFrom('chain' as const, 'mesh' as const),
        converges,
      ),
      { numRuns: long ? 10_000 : 500 },
    );
  });
});
