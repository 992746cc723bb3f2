/** What the server missed of a group, and what it keeps although the log says that it is over. */
import { expect, test } from 'vitest';
import type { Causeway } from '../causeway.ts';
import { limits } from '../../protocol/limits.ts';
import { Crowd } from '../testing/crowd.ts';
import { World, type Machine } from '../testing/world.ts';
import type { Group } from './group.ts';
import type { Invited } from './invitations.ts';

async function gathered(members: number) {
  const world = new World();
  const crowd = await Crowd.gather(world, members);
  await world.run(60_000, () => crowd.complete);
  return { world, crowd };
}

function groupOf(machine: Machine): Group {
  const [group] = machine.engine.groups.all();
  if (!group) throw new Error(`machine ${machine.index} is in no group`);
  return group;
}

/** What becomes of something that a person does, within ten seconds. */
async function outcome<T>({ world, engine }: Machine, what: (engine: Causeway) => Promise<T>): Promise<T> {
  const got: T[] = [];
  what(engine).then(
    (value) => got.push(value),
    (problem: unknown) => {
      throw problem;
    },
  );
  await world.run(10_000, () => got.length > 0);
  const [value] = got;
  if (value === undefined) throw new Error('nothing became of it');
  return value;
}

const invite = (
  machine: Machine,
  bounds: { uses?: number; approval?: boolean; expiresAt?: number } = {},
): Promise<Invited> =>
  outcome(machine, (engine) => engine.groups.invite(groupOf(machine), { approval: false, ...bounds }));
const join = (machine: Machine, { code = '' }: Invited) => outcome(machine, (engine) => engine.groups.join(code));
const isIn = (machine: Machine) => machine.engine.groups.all()[0]?.me !== undefined;
const atServer = ({ server }: World) => [...server.groups.records.values()][0];

async function newcomer(world: World): Promise<Machine> {
  const machine = await world.person();
  await machine.start();
  await world.run(100);
  return machine;
}

async function serverBack(world: World, machines: readonly Machine[]): Promise<void> {
  world.server.start();
  expect(await world.run(60_000, () => machines.every(({ engine }) => engine.connected))).toBe(true);
  await world.run(2_000);
}

test('an invitation that is used up is closed at the server, and makes room for others', async () => {
  const { world, crowd } = await gathered(1);
  const [ann] = crowd.all;
  for (let times = 0; times < limits.invitationsPerGroup; times++) {
    const bob = await newcomer(world);
    const made = await invite(ann, { uses: 1 });
    expect(await join(bob, made)).toMatchObject({ ok: true });
    expect(await world.run(20_000, () => isIn(bob))).toBe(true);
    await bob.close();
  }
  await world.run(1_000);
  expect(atServer(world)?.invitations).toHaveLength(1); // that by which a crowd gathers
});

test('more invitations than the server keeps are refused, not made in vain', async () => {
  const { crowd } = await gathered(1);
  const [ann] = crowd.all;
  for (let open = 1; open < limits.invitationsPerGroup; open++) expect((await invite(ann)).code).toBeDefined();
  expect(await invite(ann)).toEqual({ refused: 'too-many' });
  const [first] = groupOf(ann).membership?.invitations.keys() ?? [];
  if (first) await outcome(ann, (engine) => engine.groups.uninvite(groupOf(ann), first));
  expect((await invite(ann)).code).toBeDefined();
});

test('an invitation that the server has no room for is ended again', async () => {
  const { world, crowd } = await gathered(1);
  const [ann] = crowd.all;
  const record = atServer(world);
  // Of other admins, of whom this device has not heard yet.
  const others = Array.from({ length: limits.invitationsPerGroup }, (_, at) => ({ id: `other-${at}` as never }));
  if (record) world.server.groups.records.set(record.id, { ...record, invitations: others });
  expect(await invite(ann)).toEqual({ refused: 'too-many' });
  const open = [...(groupOf(ann).membership?.invitations.values() ?? [])].filter((one) => one.open);
  expect(open).toHaveLength(1);
});

test('an invitation that was made, and one that was ended, while the server was away are so there once it is back', async () => {
  const { world, crowd } = await gathered(2);
  const [ann] = crowd.all;
  const ended = await invite(ann);
  const cid = await newcomer(world);
  world.server.kill();
  await world.run(1_000);
  const made = await invite(ann);
  expect(made.code).toBeDefined();
  const done = await outcome(ann, (engine) =>
    engine.groups.uninvite(groupOf(ann), ended.refused ? ('' as never) : ended.invitation),
  );
  expect(done).toBe(true);
  await serverBack(world, [...crowd.all, cid]);
  expect(await join(cid, ended)).toEqual({ ok: false, code: 'unknown-invitation' });
  expect(await join(cid, made)).toMatchObject({ ok: true });
  expect(await world.run(20_000, () => isIn(cid))).toBe(true);
});

test('an invitation that is over by the wrong clock of one admin is open to those whom others let in', async () => {
  const { world, crowd } = await gathered(2);
  const [ann, bob] = crowd.all;
  if (!bob) throw new Error('nobody there');
  const dayMs = 24 * 3600_000;
  expect(await outcome(ann, () => groupOf(ann).setRole(bob.account.id, 'admin'))).toBe(true);
  expect(await world.run(10_000, () => groupOf(bob).me?.role === 'admin')).toBe(true);
  const made = await invite(bob, { expiresAt: Math.floor(world.clock.now()) + dayMs });
  const known = () => !made.refused && groupOf(ann).membership?.invitations.has(made.invitation) === true;
  expect(await world.run(10_000, known)).toBe(true);
  await ann.close();
  ann.clockAheadMs = 2 * dayMs;
  await ann.start();
  await world.run(5_000);
  const cid = await newcomer(world);
  expect(await join(cid, made)).toMatchObject({ ok: true });
  // The one with the wrong clock is asked first.
  await world.run(1_000);
  expect(cid.engine.groups.joining().map(({ verdict }) => verdict)).toEqual(['asking']);
  expect(await world.run(20_000, () => isIn(cid))).toBe(true);
});

test('who was made an admin while the server was away can invite once it is back', async () => {
  const { world, crowd } = await gathered(2);
  const [ann, bob] = crowd.all;
  if (!bob) throw new Error('nobody there');
  for (const machine of crowd.all) machine.engine.lookAt(crowd.idOf(machine));
  await world.run(5_000);
  const cid = await newcomer(world);
  world.server.kill();
  await world.run(1_000);
  expect(await outcome(ann, () => groupOf(ann).setRole(bob.account.id, 'admin'))).toBe(true);
  expect(await world.run(2_000, () => groupOf(bob).me?.role === 'admin')).toBe(true);
  const made = await invite(bob);
  await serverBack(world, [...crowd.all, cid]);
  expect(atServer(world)?.members.map(({ role }) => role)).toEqual(['owner', 'admin']);
  expect(await join(cid, made)).toMatchObject({ ok: true });
  expect(await world.run(20_000, () => isIn(cid))).toBe(true);
});

test('a group that was handed over while the server was away is that of the new owner there, and the old one can leave', async () => {
  const { world, crowd } = await gathered(2);
  const [ann, bob] = crowd.all;
  if (!bob) throw new Error('nobody there');
  for (const machine of crowd.all) machine.engine.lookAt(crowd.idOf(machine));
  await world.run(5_000);
  world.server.kill();
  await world.run(1_000);
  expect(await outcome(ann, (engine) => engine.groups.leave(groupOf(ann)))).toBe(true);
  await serverBack(world, crowd.all);
  expect(atServer(world)?.members).toEqual([{ account: bob.account.id, role: 'owner' }]);
});

test('an owner is not said to be out of a group because an answer of the server was lost, or there was none', async () => {
  const { world, crowd } = await gathered(1);
  const [ann] = crowd.all;
  const { server } = world;
  const answer: typeof server.answer = server.answer.bind(server);
  const again = async () => {
    server.kill();
    server.groups.records.clear();
    await serverBack(world, crowd.all);
  };
  for (const code of ['no-server', 'rate-limited', 'internal']) {
    const lost = { ok: false, error: { code } } as never;
    server.answer = (client, name, body) =>
      name === 'groups:change' ? Promise.resolve(lost) : answer(client, name, body);
    await again();
    expect([code, groupOf(ann).excluded]).toEqual([code, false]);
  }
  server.answer = answer;
  await again();
  expect(groupOf(ann).excluded).toBe(false);
  expect(atServer(world)?.members).toHaveLength(1);
});

test('an owner whom the server knows no more in the group is told so', async () => {
  const { world, crowd } = await gathered(2);
  const [ann, bob] = crowd.all;
  const record = atServer(world);
  if (!record || !bob) throw new Error('no group');
  await ann.close();
  world.server.groups.records.set(record.id, { ...record, members: [{ account: bob.account.id, role: 'owner' }] });
  await ann.start();
  await world.run(2_000);
  expect(groupOf(ann).excluded).toBe(true);
});

test('who was removed while the server was away is out there once it is back', async () => {
  const { world, crowd } = await gathered(2);
  const [ann, bob] = crowd.all;
  world.server.kill();
  await world.run(1_000);
  expect(await outcome(ann, () => groupOf(ann).remove(bob?.account.id ?? ('' as never)))).toBe(true);
  await serverBack(world, crowd.all);
  expect(atServer(world)?.members).toEqual([{ account: ann.account.id, role: 'owner' }]);
});

test('an admin who comes back takes nobody out who was let in meanwhile', async () => {
  const { world, crowd } = await gathered(2);
  const [ann, bob] = crowd.all;
  const made = await invite(ann);
  await world.run(2_000);
  await ann.close();
  const cid = await newcomer(world);
  expect(await join(cid, made)).toMatchObject({ ok: true });
  expect(await world.run(20_000, () => isIn(cid))).toBe(true);
  // Nobody tells the admin before the server does.
  for (const machine of [bob, cid]) machine?.crash();
  await ann.start();
  await world.run(5_000);
  expect(atServer(world)?.members).toHaveLength(3);
});

test('who asked long ago is let in by the log, and by the server once they are back', async () => {
  const { world, crowd } = await gathered(1);
  const [ann] = crowd.all;
  const made = await invite(ann, { approval: true });
  const bob = await newcomer(world);
  await join(bob, made);
  await world.run(5_000, () => groupOf(ann).asking.size > 0);
  await bob.close();
  await world.run(limits.joinAskMs + 1_000);
  expect(await outcome(ann, (engine) => engine.groups.decide(groupOf(ann), bob.account.id, 'admit'))).toBe(true);
  expect(atServer(world)?.members).toHaveLength(1);
  await bob.start();
  expect(await world.run(20_000, () => isIn(bob))).toBe(true);
  expect(atServer(world)?.members).toHaveLength(2);
});
