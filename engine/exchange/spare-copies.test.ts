/** The copy of a file that was sent to a group: when it may go, by hand and by a limit. */
import { expect, test } from 'vitest';
import type { OfferId } from '../../protocol/ids.ts';
import { contentOf } from '../testing/content.ts';
import { Crowd } from '../testing/crowd.ts';
import { World, type Machine } from '../testing/world.ts';
import { fileKey, factsOf } from './offer.ts';

async function sent() {
  const world = new World();
  const crowd = await Crowd.gather(world, 3);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  const [ann, bob, cid] = crowd.all as unknown as [Machine, Machine, Machine];
  const offer = ann.offer(crowd.idOf(ann), [contentOf(300_000)]) as OfferId;
  const download = async (machine: Machine) => {
    expect(await world.run(30_000, () => machine.engine.transfers.get(offer)?.offered !== undefined)).toBe(true);
    machine.act((engine) => engine.download(offer, 0));
    const holds = () => factsOf(ann.record(offer), 0).holders?.includes(machine.device) === true;
    expect(await world.run(120_000, holds)).toBe(true);
    await world.run(120_000); // nobody reads it any more
  };
  return { world, crowd, ann, bob, cid, offer, download };
}

test('it is spare while somebody else who is in the group has the file, and their word is not enough for a limit', async () => {
  const { world, crowd, ann, bob, cid, offer, download } = await sent();
  const { kept } = ann.engine.transfers;
  expect(kept.isSpare(offer, 0)).toBe(false);
  await download(bob);
  expect(kept.isSpare(offer, 0)).toBe(true);
  expect(await kept.mayGo(offer, 0)).toBe(false);
  ann.blobs.originals.add(fileKey(offer, 0));
  expect(await kept.mayGo(offer, 0)).toBe(true);

  ann.act(async () => crowd.groupOf(ann)?.remove(bob.account.id));
  expect(await world.run(10_000, () => !kept.isSpare(offer, 0))).toBe(true);
  expect(await kept.mayGo(offer, 0)).toBe(false);
  await download(cid);
  expect(await kept.mayGo(offer, 0)).toBe(true);
  await kept.clearCopy(offer, 0);
  expect(ann.blobs.has(offer, 0)).toBe(false);
});

test('another device of who sent it is nobody else', async () => {
  const { world, crowd, ann, offer, download } = await sent();
  const second = await world.secondDevice(ann);
  await second.start();
  expect(await world.run(60_000, () => crowd.groupOf(second)?.keys.some === true)).toBe(true);
  await download(second);
  expect(ann.engine.transfers.kept.isSpare(offer, 0)).toBe(false);
});

test('of a group that was left, all that somebody has is spare', async () => {
  const { world, crowd, ann, bob, cid } = await sent();
  const offer = bob.offer(crowd.idOf(bob), [contentOf(1000)]) as OfferId;
  expect(await world.run(30_000, () => cid.engine.transfers.get(offer)?.offered !== undefined)).toBe(true);
  cid.act((engine) => engine.download(offer, 0));
  expect(await world.run(30_000, () => factsOf(bob.record(offer), 0).holders !== undefined)).toBe(true);
  ann.act(async () => crowd.groupOf(ann)?.remove(cid.account.id));
  await world.run(120_000); // nobody reads it any more
  expect(bob.engine.transfers.kept.isSpare(offer, 0)).toBe(false);
  bob.act(async (engine) => {
    const group = crowd.groupOf(bob);
    if (group) await engine.groups.leave(group);
  });
  expect(await world.run(10_000, () => bob.engine.transfers.kept.isSpare(offer, 0))).toBe(true);
});
