/** Speed limits over a whole world: what is shared is shared by all. */
import { expect, test } from 'vitest';
import type { OfferId } from '../protocol/ids.ts';
import { contentOf } from './testing/content.ts';
import { World, type Machine } from './testing/world.ts';

async function offered(from: Machine, to: Machine, files: number): Promise<OfferId> {
  const contents = Array.from({ length: files }, (_, file) => contentOf(6_000_000, file + 1));
  const offer = from.offer(to.account.id, contents) as OfferId;
  await from.world.run(1_000, () => to.standing(offer) === 'waiting');
  to.act((engine) => engine.answerOffer(offer, 'accepted'));
  return offer;
}

test('a limit of what comes is shared by files of one person and of others, and none of them is taken for stalled', async () => {
  const world = new World();
  const [ann, bob, eve] = [await world.person(), await world.person(), await world.person()];
  world.befriend(ann, bob, eve);
  for (const machine of world.machines) await machine.start();
  await world.run(500);
  bob.engine.transfers.setSpeedLimits({ downBytesPerSecond: 300_000 });
  const [two, one] = [await offered(ann, bob, 2), await offered(eve, bob, 1)];
  const all = [
    [two, 0],
    [two, 1],
    [one, 0],
  ] as const;
  const stalled = new Set<string>();
  await world.run(15_000, () => {
    for (const [offer, file] of all) {
      const record = bob.engine.transfers.get(offer);
      if (record && bob.engine.transfers.stalledMs(record, file) !== undefined) stalled.add(`${offer} ${file}`);
    }
    return false;
  });
  const came = all.map(([offer, file]) => bob.doneBytes(offer, file));
  expect(came.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(0.8 * 15 * 300_000);
  for (const bytes of came) expect(bytes).toBeGreaterThan(700_000);
  expect([...stalled]).toEqual([]);
});

test('a limit of what is sent is shared by all who get it, however many files each gets', async () => {
  const world = new World();
  const [ann, bob, eve] = [await world.person(), await world.person(), await world.person()];
  world.befriend(ann, bob, eve);
  for (const machine of world.machines) await machine.start();
  await world.run(500);
  ann.engine.transfers.setSpeedLimits({ upBytesPerSecond: 300_000 });
  const [two, one] = [await offered(ann, bob, 2), await offered(ann, eve, 1)];
  await world.run(15_000);
  const bobs = bob.doneBytes(two, 0) + bob.doneBytes(two, 1);
  const eves = eve.doneBytes(one, 0);
  expect(bobs + eves).toBeGreaterThan(0.8 * 15 * 300_000);
  expect(Math.min(bobs, eves)).toBeGreaterThan(0.4 * (bobs + eves));
});
