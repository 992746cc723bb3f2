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
