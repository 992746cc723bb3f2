/** A group of many on the real engine: simulated links, one virtual clock. Of 200, with figures: `npm run bench -- groups`. */
import { expect, test } from 'vitest';
import { Crowd } from '../testing/crowd.ts';
import { World } from '../testing/world.ts';

const members = 16;

test(`a group of ${members} comes to the same members and messages over a few links each`, async () => {
  const world = new World();
  const crowd = await Crowd.gather(world, members);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  // Nobody has anything for anybody any more: links close when they are idle.
  await world.run(150_000);
  expect(crowd.links).toEqual(crowd.all.map(() => 0));

  const writers = crowd.all.filter((_, at) => at % 4 === 0);
  for (const machine of writers) crowd.say(machine, `from ${machine.index}`);
  const tookMs = await crowd.spread(
    writers.map(({ index }) => `from ${index}`),
    20_000,
  );
  expect(tookMs).toBeLessThan(5_000);
  expect(Math.max(...crowd.links)).toBeLessThan(members - 1);
  // Each key is sealed to each device once, by whoever let its owner in.
  const group = crowd.groupOf(crowd.all[0]);
  const sealed = (group?.membership?.keys ?? []).flatMap(({ payload }) => ('sealed' in payload ? payload.sealed : []));
  expect(sealed.length).toBe(members);
  expect(crowd.all.flatMap(({ reports }) => reports)).toEqual([]);
});

test('a key reaches who was admitted though who admitted them is gone a moment later', async () => {
  const world = new World();
  const crowd = await Crowd.gather(world, 4);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  const code = await crowd.invite();
  const [founder, ...others] = crowd.all;
  const newest = await crowd.join(code);
  // The founder answers first, as the member who has been there longest, and dies between admitting and sealing.
  const before = crowd.groupOf(founder)?.membership?.members.size ?? 0;
  const admitted = () => others.some((one) => (crowd.groupOf(one)?.membership?.members.size ?? 0) > before);
  const stop = world.server.clock.now() + 5_000;
  founder.keys.seal = () => new Promise(() => undefined);
  expect(await world.run(stop - world.server.clock.now(), admitted)).toBe(true);
  founder.crash();
  expect(await world.run(30_000, () => crowd.groupOf(newest)?.keys.some === true)).toBe(true);
});
