/** A group of many on the real engine: simulated links, one virtual clock. 200 members by flag, as it takes minutes. */
import { expect, test } from 'vitest';
import { readPayload } from '../feed/payload.ts';
import { World, type Machine } from '../testing/world.ts';

const members = process.env.CAUSEWAY_LONG === '1' ? 200 : 12;

const groupOf = (machine: Machine) => machine.engine.groups.all()[0];

test(
  `a group of ${members} comes to the same members and messages over a few links each`,
  { timeout: 1_800_000 },
  async () => {
    const world = new World();
    const all: Machine[] = [];
    for (let at = 0; at < members; at++) {
      const machine = await world.person();
      await machine.start();
      all.push(machine);
    }
    await world.run(500);
    const [founder] = all as [Machine];
    founder.act((engine) => engine.groups.found({ name: 'Many' }));
    await world.run(5_000, () => groupOf(founder)?.face !== undefined);
    let code = '';
    founder.act(async (engine) => {
      const group = groupOf(founder);
      code = (group && (await engine.groups.invite(group, { approval: false }))?.code) ?? '';
    });
    await world.run(5_000, () => code !== '');
    for (const machine of all.slice(1)) {
      machine.act((engine) => engine.groups.join(code));
      await world.run(200);
    }
    const complete = () => all.every((machine) => groupOf(machine)?.membership?.members.size === members);
    expect(await world.run(300_000, complete)).toBe(true);
    await world.run(30_000);

    const links = all.map((machine) => machine.engine.links.all().length);
    const saidAt = world.clock.now();
    const writers = all.filter((_, at) => at % Math.ceil(members / 10) === 0);
    for (const machine of writers) {
      const group = groupOf(machine);
      if (group) machine.act((engine) => engine.sendText(group.id, `from ${machine.index}`));
    }
    const has = async (machine: Machine) => {
      const group = groupOf(machine);
      const history = group ? await machine.engine.feeds.history(group.chat, 1000) : [];
      return history.filter((entry) => readPayload(entry).kind === 'text').length;
    };
    let counts: number[] = [];
    for (
      let tries = 0;
      tries < 60 && !(counts.length > 0 && counts.every((count) => count === writers.length));
      tries++
    ) {
      await world.run(1_000);
      counts = await Promise.all(all.map(has));
    }
    expect(counts).toEqual(all.map(() => writers.length));
    const mostLinks = Math.max(...links, ...all.map((machine) => machine.engine.links.all().length));
    expect(mostLinks).toBeLessThanOrEqual(Math.min(members - 1, 32));
    // The figures of a run: `CAUSEWAY_LONG=1 npx vitest run engine/groups/many`.
    const seconds = (world.clock.now() - saidAt) / 1000;
    process.stdout.write(`${members} members: all have all after ${seconds} s, at most ${mostLinks} links each\n`);
  },
);
