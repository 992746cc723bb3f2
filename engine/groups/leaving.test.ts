/** The word that somebody left, was removed, or ended a group, gets to those whom it parts. */
import { expect, test } from 'vitest';
import { readPayload } from '../feed/payload.ts';
import { groupOf, isIn, smallGroup } from '../testing/small-group.ts';
import type { Machine, World } from '../testing/world.ts';

const knows = (machine: Machine, other: Machine): boolean =>
  groupOf(machine).membership?.members.has(other.account.id) === true;
const listed = (world: World): string[] =>
  [...world.server.groups.records.values()].flatMap(({ members }) => members.map(({ account }) => account));
const isLinked = (one: Machine, other: Machine): boolean => one.engine.links.stateOf(other.device) === 'open';

async function texts(machine: Machine): Promise<string[]> {
  const history = await machine.engine.feeds.history(groupOf(machine).chat, 1000);
  return history.flatMap((entry) => {
    const payload = readPayload(entry);
    return payload.kind === 'text' ? [payload.text] : [];
  });
}

/** All know of each other. */
async function group(count: number) {
  const made = await smallGroup(count);
  const { world, all } = made;
  expect(await world.run(60_000, () => all.every((one) => all.every((other) => knows(one, other))))).toBe(true);
  return made;
}

const leave = (machine: Machine) => machine.act((engine) => engine.groups.leave(groupOf(machine)));

test('who left while nobody was there tells it when somebody is, after a restart too', async () => {
  const { world, all } = await group(2);
  const [ann, bob] = all as [Machine, Machine];
  await bob.close();
  await world.run(30_000);
  leave(ann);
  await world.run(10_000);
  expect(isIn(ann)).toBe(false);
  expect(listed(world)).toContain(ann.account.id);
  ann.crash();
  await world.run(30_000);
  await bob.start();
  await world.run(5_000);
  expect(knows(bob, ann)).toBe(true);
  await ann.start();
  expect(await world.run(20_000, () => !knows(bob, ann))).toBe(true);
  expect(await world.run(5_000, () => !listed(world).includes(ann.account.id))).toBe(true);
  expect(await world.run(5_000, () => !ann.engine.groups.isLeaving(groupOf(ann)))).toBe(true);
  expect(groupOf(bob).me?.role).toBe('owner');
});

test('who left gets nothing more of the chat, and is linked with nobody soon', async () => {
  const { world, all } = await group(3);
  const [ann, bob, cid] = all as [Machine, Machine, Machine];
  leave(cid);
  expect(await world.run(10_000, () => !knows(ann, cid) && !knows(bob, cid))).toBe(true);
  ann.act((engine) => engine.sendText(groupOf(ann).id, 'among us'));
  await world.run(15_000);
  expect(await texts(bob)).toEqual(['among us']);
  expect(await texts(cid)).toEqual([]);
  expect([ann, bob].map((machine) => isLinked(cid, machine))).toEqual([false, false]);
  expect(all.flatMap(({ reports }) => reports)).toEqual([]);
});

test('who was removed hears of it', async () => {
  const { world, all } = await group(2);
  const [ann, bob] = all as [Machine, Machine];
  await world.run(5_000, () => isLinked(ann, bob));
  ann.act(() => groupOf(ann).remove(bob.account.id));
  expect(await world.run(10_000, () => !isIn(bob))).toBe(true);
  await world.run(15_000);
  expect(isLinked(ann, bob)).toBe(false);
  expect(all.flatMap(({ reports }) => reports)).toEqual([]);
});

test('the end of a group is told to those who are linked, and then to the server', async () => {
  const { world, all } = await group(3);
  const [ann] = all as [Machine];
  ann.act((engine) => engine.groups.end(groupOf(ann)));
  expect(await world.run(10_000, () => all.every((machine) => groupOf(machine).membership?.deleted))).toBe(true);
  expect(await world.run(10_000, () => world.server.groups.records.size === 0)).toBe(true);
});

test('who left comes back by an invitation, and stays', async () => {
  const { world, all, code } = await group(2);
  const [ann, bob] = all as [Machine, Machine];
  leave(bob);
  expect(await world.run(10_000, () => !listed(world).includes(bob.account.id))).toBe(true);
  bob.act((engine) => engine.groups.join(code));
  expect(await world.run(60_000, () => isIn(bob) && knows(ann, bob))).toBe(true);
  await world.run(30_000);
  expect(listed(world)).toContain(bob.account.id);
  ann.act((engine) => engine.sendText(groupOf(ann).id, 'welcome back'));
  await world.run(20_000);
  expect(await texts(bob)).toEqual(['welcome back']);
});
