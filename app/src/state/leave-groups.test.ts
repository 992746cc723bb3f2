/** Whoever deletes their account leaves their groups first, as far as that can be. */
import { expect, it } from 'vitest';
import { smallGroup } from '../../../engine/testing/small-group.ts';
import type { Machine, World } from '../../../engine/testing/world.ts';
import { leaveGroups } from './leave-groups.ts';

async function inOneGroup(): Promise<{ world: World; ann: Machine; bob: Machine }> {
  const { world, all } = await smallGroup(2);
  const [ann, bob] = all as unknown as [Machine, Machine];
  return { world, ann, bob };
}

/** Says by whom it is known who is in the group, in the log that a machine has. */
const members = (machine: Machine) => [...(machine.engine.groups.all()[0]?.membership?.members.keys() ?? [])];

/** How long it took, and what failed. */
async function leaving(world: World, machine: Machine): Promise<{ tookMs: number; problems: unknown[] }> {
  const problems: unknown[] = [];
  const begunAt = world.clock.now();
  const ports = { clock: world.clock, report: (problem: unknown) => problems.push(problem) };
  let over = false;
  machine.act(async (engine) => {
    await leaveGroups(engine, ports);
    over = true;
  });
  expect(await world.run(30_000, () => over)).toBe(true);
  return { tookMs: world.clock.now() - begunAt, problems };
}

it('tells the log of the group, which a member has before it is over, and hands the group on', async () => {
  const { world, ann, bob } = await inOneGroup();
  expect(members(bob)).toHaveLength(2);
  expect((await leaving(world, ann)).problems).toEqual([]);
  expect(members(bob)).toEqual([bob.account.id]);
  expect(bob.engine.groups.all()[0]?.me?.role).toBe('owner');
});

it('reaches somebody with whom nothing was linked any more', async () => {
  const { world, ann, bob } = await inOneGroup();
  await world.run(10 * 60_000, () => ann.engine.links.stateOf(bob.device) === 'none');
  expect(ann.engine.links.stateOf(bob.device)).toBe('none');
  expect((await leaving(world, ann)).problems).toEqual([]);
  expect(members(bob)).toEqual([bob.account.id]);
});

it('keeps nobody waiting where nobody is there', async () => {
  const { world, ann, bob } = await inOneGroup();
  await bob.close();
  await world.run(60_000);
  const { tookMs, problems } = await leaving(world, ann);
  expect(problems).toEqual([]);
  expect(tookMs).toBeLessThan(6_000);
  expect(members(ann)).not.toContain(ann.account.id);
});
