/** Who sees whom nearby, over a whole world: two engines and a server. */
import { describe, expect, test } from 'vitest';
import type { PlaceId } from '../../protocol/ids.ts';
import { World, type Machine } from '../testing/world.ts';

const home = 'home'.padEnd(22, 'A') as PlaceId;
const cafe = 'cafe'.padEnd(22, 'A') as PlaceId;

async function two(): Promise<{ world: World; ann: Machine; bob: Machine; at: Map<Machine, PlaceId> }> {
  const world = new World();
  const [ann, bob] = [await world.person(), await world.person()];
  const at = new Map([
    [ann, home],
    [bob, home],
  ]);
  world.server.placeOf = (device) => at.get(device === ann.device ? ann : bob) ?? home;
  await ann.start();
  await bob.start();
  await world.run(500);
  return { world, ann, bob, at };
}

const seen = ({ engine }: Machine): string[] | string => {
  const { state } = engine.nearby;
  return state.kind === 'on' ? state.people.map(({ handle }) => handle) : state.kind;
};
const switchOn = (machine: Machine) => machine.act((engine) => engine.nearby.turnOn());

describe('people nearby', () => {
  test('see each other when both want it, and a request needs no handle typed', async () => {
    const { world, ann, bob } = await two();
    switchOn(ann);
    await world.run(500);
    expect([seen(ann), seen(bob)]).toEqual([[], 'off']);
    switchOn(bob);
    await world.run(500);
    expect([seen(ann), seen(bob)]).toEqual([[bob.account.handle], [ann.account.handle]]);
    ann.act((engine) => engine.shareWith(bob.account.handle));
    await world.run(500);
    expect(bob.person(ann).relation).toBe('incoming');
    bob.act((engine) => engine.nearby.turnOff());
    await world.run(500);
    expect([seen(ann), seen(bob)]).toEqual([[], 'off']);
  });

  test('who dies is gone, and who is cut off is there again by themselves', async () => {
    const { world, ann, bob } = await two();
    for (const machine of [ann, bob]) switchOn(machine);
    await world.run(500);
    world.server.kill();
    await world.run(100);
    expect([seen(ann), seen(bob)]).toEqual([[], []]);
    world.server.start();
    await world.run(3_000);
    expect([seen(ann), seen(bob)]).toEqual([[bob.account.handle], [ann.account.handle]]);
    bob.crash();
    await world.run(10_000);
    expect(seen(ann)).toEqual([]);
    // A reload begins with it off.
    await bob.start();
    await world.run(1_000);
    expect([seen(ann), seen(bob)]).toEqual([[], 'off']);
  });

  test('nobody is shown in a network in which they did not ask for it', async () => {
    const { world, ann, bob, at } = await two();
    for (const machine of [ann, bob]) switchOn(machine);
    await world.run(500);
    at.set(bob, cafe);
    world.server.kill();
    world.server.start();
    await world.run(3_000);
    expect(bob.engine.nearby.state).toEqual({ kind: 'off', because: 'elsewhere' });
    expect(seen(ann)).toEqual([]);
    switchOn(bob);
    await world.run(500);
    expect([seen(ann), seen(bob)]).toEqual([[], []]);
  });

  test('turned off while it is being turned on, it is off on both sides', async () => {
    const { world, ann, bob } = await two();
    switchOn(ann);
    await world.run(500);
    switchOn(bob);
    bob.act((engine) => engine.nearby.turnOff());
    await world.run(1_000);
    expect([seen(ann), seen(bob)]).toEqual([[], 'off']);
  });

  test('without a server it says why it stays off', async () => {
    const { world, ann } = await two();
    world.server.kill();
    await world.run(100);
    switchOn(ann);
    await world.run(500);
    expect(ann.engine.nearby.state).toEqual({ kind: 'off', because: 'no-server' });
  });
});
