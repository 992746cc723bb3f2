/** Files in a group whose members are contacts of each other: their links serve both, and are held to the rules of both. */
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
