/** A device that gives out different contents of one file of a group: each block is signed, and the members find out all the same. */
import { afterEach, expect, test, vi } from 'vitest';
import { equalBytes, type Bytes } from '../protocol/bytes.ts';
import type { OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { agreementOn } from './exchange/agreement.ts';
import { holdersOf } from './exchange/copies.ts';
import { factsOf } from './exchange/offer.ts';
import { SourceError } from './ports.ts';
import { contentOf } from './testing/content.ts';
import { Crowd } from './testing/crowd.ts';
import { World, type Machine } from './testing/world.ts';
import { OfferedBlob } from './transfer/offered-blob.ts';

const right = contentOf(5 * limits.blockBytes + 7, 1);
const wrong = right.slice();
wrong.fill(7, 3 * limits.blockBytes, 3 * limits.blockBytes + 9);

afterEach(() => vi.restoreAllMocks());

async function offered() {
  const world = new World();
  const crowd = await Crowd.gather(world, 4);
  await world.run(60_000, () => crowd.complete);
  const [ann, bob, cid, dan] = crowd.all as [Machine, Machine, Machine, Machine];
  const offer = ann.offer(crowd.idOf(ann), [right]);
  if (offer === undefined) throw new Error('not running');
  const knows = (machine: Machine) => machine.engine.transfers.get(offer)?.offered !== undefined;
  expect(await world.run(30_000, () => crowd.all.every(knows))).toBe(true);
  return { world, ann, bob, cid, dan, offer };
}

const has = (machine: Machine, offer: OfferId, content: Bytes): boolean => {
  const received = machine.blobs.received(offer, 0, content.length);
  return machine.standing(offer) === 'done' && received !== undefined && equalBytes(received, content);
};
const download = (machine: Machine, offer: OfferId) => machine.act((engine) => engine.download(offer, 0));
const agreement = (machine: Machine, offer: OfferId) => agreementOn(machine.record(offer), 0);
const rootAt = (machine: Machine, offer: OfferId) => factsOf(machine.record(offer), 0).root;

/** From now on this device sends other bytes, and signs them. */
function swap(ann: Machine, offer: OfferId): void {
  ann.blobs.attach(offer, 0, wrong, true);
  ann.engine.transfers.provided(offer, 0);
}

test('whoever gets other bytes than those that the sender stands by refuses them, and can have the right ones of others', async () => {
  const { world, ann, bob, cid, dan, offer } = await offered();
  download(bob, offer);
  expect(await world.run(30_000, () => has(bob, offer, right))).toBe(true);
  expect(await world.run(10_000, () => [bob, cid, dan].every((one) => rootAt(one, offer) !== undefined))).toBe(true);
  await world.run(2_000);
  await bob.close();
  swap(ann, offer);
  download(cid, offer);
  expect(await world.run(30_000, () => cid.standing(offer) === 'failed')).toBe(true);
  expect(factsOf(cid.record(offer), 0)).toMatchObject({ failed: 'differs', takers: [cid.device] });
  expect(factsOf(cid.record(offer), 0).receipt).toBeUndefined();
  await world.run(10_000);
  expect(factsOf(dan.record(offer), 0).holders).toEqual([bob.device]);

  await ann.close();
  await bob.start();
  cid.act((engine) => engine.transfers.resume(offer, 0));
  expect(await world.run(60_000, () => has(cid, offer, right))).toBe(true);
  expect([bob, cid, dan].map((one) => agreement(one, offer))).toEqual(['same', 'same', 'same']);
});

test('while the sender says nothing all learn that there are two of it, and who has which once it does', async () => {
  const { world, ann, bob, cid, dan, offer } = await offered();
  const silent = vi.spyOn(OfferedBlob.prototype, 'root').mockRejectedValue(new SourceError('gone'));
  download(bob, offer);
  expect(await world.run(30_000, () => has(bob, offer, right))).toBe(true);
  await bob.close();
  swap(ann, offer);
  download(cid, offer);
  expect(await world.run(30_000, () => has(cid, offer, wrong))).toBe(true);
  await ann.close();
  await bob.start();
  const all = [bob, cid, dan];
  expect(await world.run(30_000, () => all.every((one) => agreement(one, offer) === 'disputed'))).toBe(true);
  expect(all.map((one) => one.standing(offer))).toEqual(['done', 'done', 'waiting']);

  silent.mockRestore();
  await cid.close();
  await bob.close();
  await ann.start();
  download(dan, offer);
  expect(await world.run(60_000, () => has(dan, offer, wrong))).toBe(true);
  await bob.start();
  expect(await world.run(30_000, () => agreement(bob, offer) === 'differs')).toBe(true);
  // What its person has stays, and goes to nobody.
  expect(has(bob, offer, right)).toBe(true);
  expect(agreement(dan, offer)).toBe('same');
  expect(holdersOf(factsOf(dan.record(offer), 0))).not.toContain(bob.device);
  await ann.close();
  await dan.close();
  await cid.start();
  cid.act((engine) => engine.transfers.kept.letGo(offer, 0));
  await world.run(5_000);
  download(cid, offer);
  await world.run(20_000);
  expect(cid.blobs.haveBlocks(offer, 0)).toBe(0);
});

test('a sender that was away, and lost what it knew, says its root when it hears that somebody has the file', async () => {
  const { world, ann, bob, dan, offer } = await offered();
  const silent = vi.spyOn(OfferedBlob.prototype, 'root').mockRejectedValue(new SourceError('gone'));
  download(bob, offer);
  expect(await world.run(30_000, () => has(bob, offer, right))).toBe(true);
  expect(rootAt(bob, offer)).toBeUndefined();
  ann.crash();
  silent.mockRestore();
  ann.blobs.attach(offer, 0, right, true);
  const apart = [ann.device, dan.device];
  world.wires.reachable = (a, b) => !(apart.includes(a) && apart.includes(b));
  await ann.start();
  download(dan, offer);
  expect(await world.run(30_000, () => rootAt(bob, offer) !== undefined)).toBe(true);
  expect(agreement(bob, offer)).toBe('same');
  await world.run(130_000);
  expect(ann.blobs.openSources).toBe(0);
});
