/** Owns a group of a few in a simulated world: the first founds it, the others join by one code. Many, a few at a time, are a `Crowd`. */
import type { Group } from '../groups/group.ts';
import { World, type Machine } from './world.ts';

const foundingMs = 5_000;
const joiningMs = 60_000;

/** The one group that a machine is in. */
export const groupOf = (machine: Machine): Group => {
  const [group] = machine.engine.groups.all();
  if (!group) throw new Error(`machine ${machine.index} is in no group`);
  return group;
};

export const isIn = (machine: Machine): boolean => machine.engine.groups.all()[0]?.me !== undefined;

/** @returns a code by which any number of people may join the group of `founder`. */
export async function inviteTo(founder: Machine, bounds = { approval: false }): Promise<string> {
  let code = '';
  founder.act(async (engine) => {
    code = (await engine.groups.invite(groupOf(founder), bounds)).code ?? '';
  });
  await founder.world.run(foundingMs, () => code !== '');
  return code;
}

/** @returns the code by which others join. */
export async function found(founder: Machine, bounds?: { approval: boolean }): Promise<string> {
  founder.act((engine) => engine.groups.found({ name: 'Choir' }));
  await founder.world.run(foundingMs, () => isIn(founder) && groupOf(founder).face !== undefined);
  return inviteTo(founder, bounds);
}

/** Resolves once all who need nobody's word are in, and can read what is written. */
export async function smallGroup(
  count: number,
  bounds?: { approval: boolean },
): Promise<{ world: World; all: [Machine, ...Machine[]]; code: string }> {
  const world = new World();
  const founder = await world.person();
  const others: Machine[] = [];
  while (others.length < count - 1) others.push(await world.person());
  const all: [Machine, ...Machine[]] = [founder, ...others];
  for (const machine of all) await machine.start();
  await world.run(500);
  const code = await found(founder, bounds);
  for (const machine of others) machine.act((engine) => engine.groups.join(code.toLowerCase()));
  const complete = () => all.every((machine) => isIn(machine) && groupOf(machine).keys.some);
  if (!bounds?.approval && !(await world.run(joiningMs, complete))) throw new Error('not everybody got in');
  return { world, all, code };
}
