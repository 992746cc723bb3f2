/** A group whose server is away for a while: what does not need it goes on, and what it missed it is told once it is back. */
import { expect, test } from 'vitest';
import { Crowd } from '../testing/crowd.ts';
import { World } from '../testing/world.ts';

/** Three who have the group on the screen, and are linked. */
async function three(): Promise<{ world: World; crowd: Crowd }> {
  const world = new World();
  const crowd = await Crowd.gather(world, 3);
  await world.run(60_000, () => crowd.complete);
  for (const machine of crowd.all) machine.engine.lookAt(crowd.idOf(machine));
  crowd.say(crowd.all[0], 'before');
  expect(await crowd.spread(['before'], 10_000)).toBeDefined();
  expect(crowd.links).toEqual([2, 2, 2]);
  return { world, crowd };
}

test('what is written while the server is away goes out over the links that are open', async () => {
  const { world, crowd } = await three();
  world.server.kill();
  await world.run(2_000);
  crowd.say(crowd.all[0], 'while it is away');
  expect(await crowd.spread(['while it is away'], 2_000)).toBeDefined();
});

test('what is written in the moment of a restart of the server is with everybody at once', async () => {
  const { world, crowd } = await three();
  const [, bob] = crowd.all;
  world.server.kill();
  await world.run(200);
  world.server.start();
  crowd.say(crowd.all[0], 'in that moment');
  expect(await crowd.spread(['in that moment'], 1_000)).toBeDefined();
  // One is back before the others: who is not named yet is linked all the same.
  await world.run(60_000, () => bob?.engine.connected === true);
  if (bob) crowd.say(bob, 'as one of the first');
  expect(await crowd.spread(['as one of the first'], 1_000)).toBeDefined();
});
