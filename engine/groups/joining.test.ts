/** Whoever asks to join gets in, in whatever order words come: from a server that may be far, from members who may be linked as contacts already. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { found, groupOf, inviteTo, isIn, smallGroup } from '../testing/small-group.ts';
import { World, type Machine } from '../testing/world.ts';

const RUNS = process.env['CAUSEWAY_LONG'] === '1' ? 10_000 : 150;

/** Who waits asks again after a minute; besides, somebody may have been gone for some seconds. */
const patienceMs = 100_000;

const milliseconds = fc.integer({ min: 0, max: 5_000 });
const someone = fc.nat({ max: 99 });

const scenario = fc.record({
  wires: fc.record({ delayMs: fc.constantFrom(1, 10, 150), setupMs: fc.constantFrom(5, 40, 800) }),
  founderToServerMs: fc.constantFrom(2, 100, 1_500),
  joiners: fc.array(
    fc.record({
      toServerMs: fc.constantFrom(2, 20, 100, 400, 1_500),
      isContact: fc.boolean(),
      /** Linked for the sake of a conversation. */
      looks: fc.boolean(),
      waitMs: milliseconds,
    }),
    { minLength: 1, maxLength: 4 },
  ),
  gone: fc.array(fc.record({ who: someone, crashes: fc.boolean(), waitMs: milliseconds, awayMs: milliseconds }), {
    maxLength: 2,
  }),
});

it(`lets everybody in, whatever comes first (${RUNS} runs)`, { timeout: 3_600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ wires, founderToServerMs, joiners, gone }) => {
      const world = new World({ wires });
      const founder = await world.person();
      world.server.delaysMs.set(founder.device, founderToServerMs);
      const all: [Machine, ...Machine[]] = [founder];
      for (const { toServerMs, isContact } of joiners) {
        const machine = await world.person();
        world.server.delaysMs.set(machine.device, toServerMs);
        if (isContact) world.befriend(machine, ...all);
        all.push(machine);
      }
      for (const machine of all) await machine.start();
      await world.run(8_000);
      const code = await found(founder);
      for (const [at, { looks, waitMs }] of joiners.entries()) {
        const machine = all[at + 1];
        if (looks) machine?.engine.lookAt(founder.account.id);
        await world.run(waitMs);
        machine?.act((engine) => engine.groups.join(code));
      }
      for (const { who, crashes, waitMs, awayMs } of gone) {
        await world.run(waitMs);
        const machine = all[who % all.length] ?? founder;
        if (crashes) machine.crash();
        else await machine.close();
        await world.run(awayMs);
        await machine.start();
      }
      const isComplete = (machine: Machine) => isIn(machine) && groupOf(machine).keys.some;
      await world.run(patienceMs, () => all.every(isComplete));
      expect(all.map(isComplete)).toEqual(all.map(() => true));
      expect(all.flatMap(({ reports }) => reports.map(String))).toEqual([]);
    }),
    { numRuns: RUNS },
  );
});

it('goes on when the only member who is there comes back, whose word came while they were away', async () => {
  const world = new World();
  const [founder, joiner] = [await world.person(), await world.person()];
  world.server.delaysMs.set(joiner.device, 1_500);
  for (const machine of [founder, joiner]) await machine.start();
  await world.run(8_000);
  const code = await found(founder);
  joiner.act((engine) => engine.groups.join(code));
  const admitted = () => [...world.server.groups.records.values()].some(({ members }) => members.length === 2);
  expect(await world.run(5_000, admitted)).toBe(true);
  await founder.close();
  await world.run(5_000);
  expect(isIn(joiner)).toBe(false);
  await founder.start();
  expect(await world.run(25_000, () => isIn(joiner))).toBe(true);
});

it.each([0, 3, 20])(
  'whoever is let in by somebody who is gone %i ms later has the group from them once they are back',
  async (afterMs) => {
    const { world, all } = await smallGroup(2, { approval: true });
    const [ann, bob] = all as [Machine, Machine];
    expect(await world.run(5_000, () => groupOf(ann).asking.size === 1)).toBe(true);
    ann.act((engine) => engine.groups.decide(groupOf(ann), bob.account.id, 'admit'));
    const isListed = () => [...world.server.groups.records.values()].some(({ members }) => members.length === 2);
    expect(await world.run(5_000, isListed)).toBe(true);
    await world.run(afterMs);
    await ann.close();
    await world.run(5_000);
    await ann.start();
    expect(await world.run(5_000, () => isIn(bob))).toBe(true);
  },
);

it('a member who has not heard of an invitation yet refuses nobody by it', async () => {
  const { world, all } = await smallGroup(2);
  const [ann, bob] = all as [Machine, Machine];
  world.wires.reachable = () => false;
  world.wires.cut(ann.device, bob.device);
  const code = await inviteTo(ann);
  await ann.close();
  const cid = await world.person();
  await cid.start();
  await world.run(500);
  cid.act((engine) => engine.groups.join(code));
  await world.run(5_000);
  expect(cid.engine.groups.joining().map(({ verdict }) => verdict)).toEqual(['asking']);
  world.wires.reachable = () => true;
  await ann.start();
  expect(await world.run(patienceMs, () => isIn(cid))).toBe(true);
});

it('who was removed while away asks by another invitation until somebody lets them in', async () => {
  const { world, all } = await smallGroup(3);
  const [ann, bob, cid] = all as [Machine, Machine, Machine];
  await bob.close();
  world.wires.reachable = () => false;
  world.wires.cut(ann.device, cid.device);
  ann.act(() => groupOf(ann).remove(bob.account.id));
  await world.run(15_000);
  const code = await inviteTo(ann);
  await ann.close();
  await bob.start();
  await world.run(1_000);
  expect([isIn(bob), groupOf(bob).excluded]).toEqual([true, true]); // by its log, and as the server says
  bob.act((engine) => engine.groups.join(code));
  await world.run(5_000); // Cid has not heard of the invitation
  world.wires.reachable = () => true;
  await ann.start();
  const isKnown = (machine: Machine) => groupOf(machine).membership?.members.size === 3 && !groupOf(machine).excluded;
  const isBack = () => [ann, bob].every(isKnown) && groupOf(bob).membership?.invitations.size === 2;
  expect(await world.run(patienceMs, isBack)).toBe(true);
  expect(bob.engine.groups.joining()).toEqual([]);
});

it('who was removed is refused by the invitation from before, and asks no more', async () => {
  const { world, all, code } = await smallGroup(3);
  const [ann, bob, cid] = all as [Machine, Machine, Machine];
  ann.act(() => groupOf(ann).remove(bob.account.id));
  expect(await world.run(5_000, () => !isIn(bob) && groupOf(cid).membership?.members.size === 2)).toBe(true);
  await world.run(5_000);
  const { log } = groupOf(ann);
  const count = async () => (await ann.feeds.history(log, Number.MAX_SAFE_INTEGER)).length;
  const before = await count();
  bob.act((engine) => engine.groups.join(code));
  await world.run(10_000);
  expect(bob.engine.groups.joining().map(({ verdict }) => verdict)).toEqual(['refused']);
  const asked = await count();
  expect(asked - before).toBeLessThanOrEqual(2);
  await world.run(5 * 60_000);
  expect(await count()).toBe(asked);
});

it('asks by no other code once somebody is in', async () => {
  const { world, all, code } = await smallGroup(2);
  const [ann] = all;
  const other = await inviteTo(ann);
  const cid = await world.person();
  await cid.start();
  await world.run(500);
  for (const one of [code, other]) cid.act((engine) => engine.groups.join(one));
  expect(await world.run(10_000, () => isIn(cid))).toBe(true);
  expect(cid.engine.groups.joining()).toEqual([]);
});
