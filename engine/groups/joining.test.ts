/** Whoever asks to join gets in, in whatever order words come: from a server that may be far, from members who may be linked as contacts already. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { found, groupOf, isIn } from '../testing/small-group.ts';
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
