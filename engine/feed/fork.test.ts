import fc from 'fast-check';
import { expect, it } from 'vitest';
import { conversation, FeedNetwork, settle, type SimulatedPeer } from '../testing/feed-network.ts';
import { cheapSignatures, hashes } from '../testing/keys.ts';
import { readEntry } from './entry.ts';

const long = process.env.CAUSEWAY_LONG === '1';

const sayMany = async (peer: SimulatedPeer, count: number) => {
  for (let i = 0; i < count; i++) peer.say();
  await settle();
};

/** One device writes two histories; each is told to some of the honest peers, who then meet. */
async function findsFork(
  honest: number,
  [prefix, left, right]: readonly [number, number, number],
  told: readonly ('left' | 'right' | 'prefix' | 'nothing')[],
  twinsMeet: boolean,
): Promise<void> {
  const network = new FeedNetwork(honest + 1);
  const forger = network.peer(honest);
  const others = network.peers.slice(0, honest);
  for (const peer of others) await sayMany(peer, 1);
  await sayMany(forger, prefix);
  for (const peer of others.filter((_, i) => told[i] === 'prefix')) network.connect(forger, peer);
  await network.quiet();
  const twin = await network.twinOf(forger);
  for (const { link } of network.ends()) link.cut();
  await sayMany(forger, left);
  await sayMany(twin, right);
  // Somebody has to have heard each of the two.
  const sources = new Map<string | undefined, SimulatedPeer>([
    ['left', forger],
    ['right', twin],
  ]);
  for (const peer of others) {
    const from = sources.get(['left', 'right'][peer.index] ?? told[peer.index]);
    if (from) network.connect(from, peer);
    await network.quiet();
    for (const { link } of network.ends()) link.cut();
  }
  if (!twinsMeet) network.peers.splice(honest, 2);
  network.keyFor = (_, device) => [...others, forger].find((peer) => peer.device.id === device)?.device.publicKey;
  await network.heal('mesh', 2000);
  expect(network.faults).toEqual([]);

  const authors = () => forger.device.publicKey;
  const clock = { now: () => 1_700_000_000_000 };
  for (const peer of network.peers) {
    const forks = peer.feeds.forks(conversation);
    expect([...forks.keys()]).toEqual([forger.device.id]);
    expect(peer.forks).toEqual([...forks.values()]);
    for (const { ours, theirs } of forks.values()) {
      expect(ours.hash).not.toEqual(theirs.hash);
      expect([ours.sequence, ours.sequence + 1]).toContain(theirs.sequence);
      for (const { wire } of [ours, theirs])
        expect(
          (await readEntry({ hashes, signatures: cheapSignatures, clock }, conversation, wire, authors)).kind,
        ).toBe('ok');
    }
    // The feeds of the others are not touched by it.
    const frontier = await peer.feeds.frontier(conversation);
    for (const other of others) expect(frontier.get(other.device.id)).toBe(1);
  }
  if (twinsMeet) expect((await forger.feeds.append(conversation, { kind: 'text', text: 'x' })).kind).toBe('forked');
}

it('a forked feed is found by everybody who hears of it, with a proof', { timeout: 600_000 }, async () => {
  const count = fc.integer({ min: 1, max: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 4 }),
      fc.tuple(fc.nat(4), count, count),
      fc.array(fc.constantFrom('left', 'right', 'prefix', 'nothing'), { minLength: 4, maxLength: 4 }),
      fc.boolean(),
      findsFork,
    ),
    { numRuns: long ? 2000 : 200 },
  );
});
