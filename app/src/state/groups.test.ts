/** When the app says that somebody is in a group. */
import { expect, test } from 'vitest';
import { Crowd } from '../../../engine/testing/crowd.ts';
import { World, type Machine } from '../../../engine/testing/world.ts';
import { GroupState } from './groups.ts';

async function three() {
  const world = new World();
  const crowd = await Crowd.gather(world, 3);
  await world.run(60_000, () => crowd.complete);
  const [ann, bob] = crowd.all;
  if (!bob) throw new Error('nobody there');
  return { world, crowd, ann, bob };
}

function standing({ engine }: Machine): string {
  const nothing = (): void => undefined;
  const report = (problem: unknown): never => {
    throw problem;
  };
  const state = new GroupState({ engine, open: nothing, changed: nothing, guard: (work) => work(), report });
  const [group] = engine.groups.all();
  return group ? state.view(group).standing : 'none';
}

test('a member is in it before the server has said who is, and after', async () => {
  const { world, bob } = await three();
  bob.crash();
  world.server.delayMs = 1_000;
  await bob.start();
  expect(standing(bob)).toBe('in');
  await world.run(10_000, () => bob.engine.connected);
  expect(standing(bob)).toBe('in');
  await world.run(10_000);
  expect(bob.engine.groups.all()[0]?.roster.size).toBe(3);
  expect(standing(bob)).toBe('in');
});

test('whom the server calls out is out, though nobody has told them by the log', async () => {
  const { world, crowd, ann, bob } = await three();
  const group = crowd.idOf(ann);
  world.server.groups.change(ann.account.id, { group, change: { kind: 'remove', account: bob.account.id } });
  await world.run(1_000);
  expect(standing(bob)).toBe('out');
  bob.crash();
  await bob.start();
  await world.run(5_000);
  expect(standing(bob)).toBe('out');
});
