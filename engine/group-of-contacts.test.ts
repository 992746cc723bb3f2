/** A group whose members are contacts of each other: their links serve both, and are held to the rules of both. */
import { expect, test } from 'vitest';
import { limits } from '../protocol/limits.ts';
import { contentOf } from './testing/content.ts';
import { Crowd } from './testing/crowd.ts';
import { World } from './testing/world.ts';

test('a file that can be served again is nothing to contacts who have it, or never wanted it', async () => {
  const world = new World();
  const crowd = await Crowd.gather(world, 3);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  world.befriend(...crowd.all);
  for (const machine of crowd.all) await machine.close();
  for (const machine of crowd.all) await machine.start();
  await world.run(2_000);
  const [ann, ...others] = crowd.all;
  const offer = ann.offer(crowd.idOf(ann), [contentOf(2 * limits.blockBytes)]);
  if (offer === undefined) throw new Error('not running');
  expect(await world.run(30_000, () => others.every(({ engine }) => engine.transfers.get(offer)?.offered))).toBe(true);
  const [bob] = others;
  bob?.act((engine) => engine.download(offer, 0));
  expect(await world.run(30_000, () => bob?.standing(offer) === 'done')).toBe(true);
  for (const machine of others) ann.act((engine) => engine.sendText(machine.account.id, 'here'));
  await world.run(2_000);

  const links = () => others.map(({ device }) => ann.engine.links.open(device));
  const before = links();
  for (const link of before) expect(link && ann.engine.transfers.serves(link)).toBe(true);
  ann.engine.transfers.provided(offer, 0);
  await world.run(2_000);
  expect(links().map((link, at) => link === before[at])).toEqual([true, true]);
  expect(crowd.all.flatMap(({ reports }) => reports)).toEqual([]);
});

test.each([5, 20, 40, 80, 300, 1_000])(
  'a contact who is linked already is let in, when it is %i ms to the server and a moment to the others',
  async (delayMs) => {
    const world = new World();
    const crowd = await Crowd.gather(world, 1);
    const [ann] = crowd.all;
    const bob = await world.person();
    world.befriend(ann, bob);
    await ann.close();
    world.server.delaysMs.set(bob.device, delayMs);
    for (const machine of [ann, bob]) await machine.start();
    await world.run(10_000);
    ann.act((engine) => engine.sendText(bob.account.id, 'here'));
    expect(await world.run(10_000, () => ann.engine.links.open(bob.device) !== undefined)).toBe(true);
    const code = await crowd.invite();
    bob.act((engine) => engine.groups.join(code));
    expect(await world.run(20_000, () => crowd.groupOf(bob)?.me !== undefined)).toBe(true);
    expect(bob.engine.groups.joining()).toEqual([]);
  },
);

/** Ann's group; Bob is her contact, in it or not, and each looks at the other, so that they stay linked whatever becomes of the group. */
async function linkedContacts() {
  const world = new World();
  const crowd = await Crowd.gather(world, 1);
  const [ann] = crowd.all;
  const bob = await world.person();
  world.befriend(ann, bob);
  await ann.close();
  for (const machine of [ann, bob]) await machine.start();
  await world.run(2_000);
  ann.engine.lookAt(bob.account.id);
  bob.engine.lookAt(ann.account.id);
  const isIn = () => crowd.groupOf(bob)?.me !== undefined && crowd.groupOf(bob)?.keys.some === true;
  const join = async () => {
    const code = await crowd.invite();
    bob.act((engine) => engine.groups.join(code));
    return world.run(20_000, isIn);
  };
  expect(await join()).toBe(true);
  const group = crowd.groupOf(ann);
  if (!group) throw new Error('no group');
  return { world, crowd, ann, bob, group, join };
}

test.each(['leaves', 'is removed'])(
  'a contact who %s is let in again over the link that stayed, whichever of the two ceased first to speak of the group',
  async (parting) => {
    const { world, crowd, ann, bob, group, join } = await linkedContacts();
    const link = ann.engine.links.open(bob.device);
    for (const waitMs of [0, 9_990, 9_998, 10_000, 10_005, 10_020, 15_000]) {
      if (parting === 'leaves') bob.act((engine) => engine.groups.leave(crowd.groupOf(bob) ?? group));
      else ann.act(() => group.remove(bob.account.id));
      const isOut = () => crowd.groupOf(bob)?.me === undefined && group.membership?.members.size === 1;
      expect(await world.run(5_000, isOut)).toBe(true);
      await world.run(waitMs);
      expect(await join()).toBe(true);
      crowd.say(bob, `after ${waitMs}`);
      await world.run(2_000);
      expect(await crowd.texts(ann)).toContain(`after ${waitMs}`);
    }
    expect(link && ann.engine.links.open(bob.device)).toBe(link);
    expect([...ann.reports, ...bob.reports]).toEqual([]);
  },
);

test('a contact who was removed and has not heard it is a contact as before', async () => {
  const { world, ann, bob, group } = await linkedContacts();
  world.wires.reachable = () => false;
  world.wires.cut(ann.device, bob.device);
  ann.act(() => group.remove(bob.account.id));
  await world.run(15_000);
  await ann.close();
  await ann.start();
  world.wires.reachable = () => true;
  await world.run(60_000);
  ann.act((engine) => engine.sendText(bob.account.id, 'no hard feelings'));
  await world.run(5_000);
  expect(await bob.texts(ann)).toEqual(['no hard feelings']);
  expect([...ann.reports, ...bob.reports]).toEqual([]);
});

test('a contact may speak of a group to a device that is new, before its account’s other device does', async () => {
  const { world, crowd, ann, bob } = await linkedContacts();
  const second = await world.secondDevice(ann);
  bob.engine.lookAt(ann.account.id);
  await second.start();
  second.engine.lookAt(bob.account.id);
  expect(await world.run(20_000, () => crowd.groupOf(second)?.keys.some === true)).toBe(true);
  expect([...ann.reports, ...bob.reports, ...second.reports]).toEqual([]);
});
