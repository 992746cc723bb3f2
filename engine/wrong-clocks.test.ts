/** Clocks that are wrong by a day: what is said keeps its order, and a moment that cannot be is marked. */
import { describe, expect, it } from 'vitest';
import { limits } from '../protocol/limits.ts';
import { World, type Machine } from './testing/world.ts';

const dayMs = 24 * 3600_000;

async function talk(aheadMs: number): Promise<{ world: World; ann: Machine; bob: Machine }> {
  const world = new World();
  const [ann, bob] = [await world.person(), await world.person()];
  bob.clockAheadMs = aheadMs;
  world.befriend(ann, bob);
  await ann.start();
  await bob.start();
  await world.run(500);
  const say = async (from: Machine, to: Machine, words: string) => {
    from.act((engine) => engine.sendText(to.account.id, words));
    for (const machine of [ann, bob])
      await world.run(10_000, () => lastOf(machine, machine === ann ? bob : ann) === words);
  };
  await say(ann, bob, 'one');
  await say(bob, ann, 'two');
  await say(ann, bob, 'three');
  return { world, ann, bob };
}

function lastOf(machine: Machine, other: Machine): string | undefined {
  const { last } = machine.engine.conversations.summary(machine.person(other).conversation);
  return last?.kind === 'text' ? last.text : undefined;
}

describe.each([
  ['ahead', dayMs],
  ['behind', -dayMs],
])('a clock a day %s', (_, aheadMs) => {
  it('changes nothing of the order, nor of what is shown as the last message', async () => {
    const { ann, bob } = await talk(aheadMs);
    for (const [machine, other] of [
      [ann, bob],
      [bob, ann],
    ] as const) {
      expect(await machine.texts(other)).toEqual(['one', 'two', 'three']);
      expect(lastOf(machine, other)).toBe('three');
    }
  });

  it('puts nothing into the future of others: such a moment is when it came, and marked', async () => {
    const { world, ann, bob } = await talk(aheadMs);
    for (const [machine, other] of [
      [ann, bob],
      [bob, ann],
    ] as const) {
      const now = world.clock.now() + machine.clockAheadMs;
      const theirs = (await machine.history(other)).filter(({ device }) => device === other.device);
      const ahead = other.clockAheadMs - machine.clockAheadMs > limits.wallSkewMs;
      expect(theirs.map(({ clamped }) => clamped)).toEqual(theirs.map(() => ahead));
      for (const { wall } of theirs) expect(wall).toBeLessThanOrEqual(now);
    }
  });

  it('keeps the conversation where its last message belongs in a list', async () => {
    const { world, ann, bob } = await talk(aheadMs);
    bob.act((engine) => engine.sendText(ann.account.id, 'four'));
    await world.run(10_000, () => lastOf(ann, bob) === 'four');
    const { last } = ann.engine.conversations.summary(ann.person(bob).conversation);
    expect(Math.abs((last?.at ?? 0) - world.clock.now())).toBeLessThan(60_000);
  });
});
