/** Transfers that are held up: by a full disk, a pause, a dead line, a month, a changed file. Each goes on from where it was, and says who waits for whom. */
import { equalBytes } from '../protocol/bytes.ts';
import type { OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { describe, expect, test } from 'vitest';
import type { Activity } from './exchange/progress.ts';
import { contentOf } from './testing/content.ts';
import { World, type Machine } from './testing/world.ts';

const size = 8_000_000;
const day = 24 * 3600_000;

/** A transfer that is under way, a part of which is had. */
async function underWay(): Promise<{ world: World; ann: Machine; bob: Machine; offer: OfferId }> {
  const world = new World();
  const [ann, bob] = [await world.person(), await world.person()];
  world.befriend(ann, bob);
  await ann.start();
  await bob.start();
  await world.run(500);
  const offer = ann.offer(bob.account.id, [contentOf(size, 7)]) as OfferId;
  await world.run(1_000, () => bob.standing(offer) === 'waiting');
  bob.act((engine) => engine.answerOffer(offer, 'accepted'));
  await world.run(5_000, () => ann.engine.transfers.progressOf(offer, 0).doneBytes > 0);
  return { world, ann, bob, offer };
}

const activity = (machine: Machine, offer: OfferId): Activity => machine.engine.transfers.progressOf(offer, 0).activity;

function stalledMs({ engine }: Machine, offer: OfferId): number | undefined {
  const record = engine.transfers.get(offer);
  return record && engine.transfers.stalledMs(record, 0);
}

/** It arrives by itself, whole, and progress never went back. */
async function arrives(world: World, ann: Machine, bob: Machine, offer: OfferId, withinMs = 20_000): Promise<void> {
  await world.run(withinMs, () => [ann, bob].every((machine) => machine.standing(offer) === 'done'));
  const received = bob.blobs.received(offer, 0, size);
  expect(received && equalBytes(received, contentOf(size, 7))).toBe(true);
  expect([ann.standing(offer), bob.standing(offer)]).toEqual(['done', 'done']);
  expect([...ann.lies, ...bob.lies]).toEqual([]);
}

describe('in the last moment', () => {
  test('the receiver goes: nobody is said to be checking anything, and it is done when he is back', async () => {
    const { world, ann, bob, offer } = await underWay();
    expect(await world.run(20_000, () => activity(ann, offer).kind === 'verifying')).toBe(true);
    bob.crash();
    await world.run(20_000);
    expect([ann.standing(offer), activity(ann, offer).kind]).toEqual(['accepted', 'idle']);
    await bob.start();
    await arrives(world, ann, bob, offer);
  });

  test('the sender goes: the receiver waits for them, and it is done when they are back', async () => {
    const { world, ann, bob, offer } = await underWay();
    expect(await world.run(20_000, () => activity(bob, offer).kind === 'verifying')).toBe(true);
    ann.crash();
    await world.run(20_000);
    expect([bob.standing(offer), activity(bob, offer).kind]).toEqual(['accepted', 'idle']);
    await ann.start();
    await arrives(world, ann, bob, offer);
  });
});

describe('a full disk', () => {
  test('pauses the file, tells both sides, and lets it go on by itself when there is room', async () => {
    const { world, ann, bob, offer } = await underWay();
    bob.blobs.disk.freeBytes = 2_000_000;
    await world.run(6_000);
    expect(bob.standing(offer)).toBe('accepted');
    expect(activity(bob, offer)).toEqual({ kind: 'no-space' });
    expect(activity(ann, offer)).toEqual({ kind: 'paused-there', reason: 'no-space' });
    expect(stalledMs(bob, offer)).toBeUndefined();
    const had = bob.blobs.haveBlocks(offer, 0);
    await world.run(60_000);
    expect([bob.blobs.haveBlocks(offer, 0), activity(bob, offer).kind]).toEqual([had, 'no-space']);
    bob.blobs.disk.freeBytes = Infinity;
    await arrives(world, ann, bob, offer);
  });

  test('is asked at once when the person comes back, or presses Resume', async () => {
    for (const again of [
      (machine: Machine, _: OfferId) => machine.engine.transfers.lookForRoom(),
      (machine: Machine, offer: OfferId) => machine.act((engine) => engine.transfers.resume(offer, 0)),
    ]) {
      const { world, ann, bob, offer } = await underWay();
      bob.blobs.disk.freeBytes = 0;
      await world.run(2_000);
      expect(activity(bob, offer).kind).toBe('no-space');
      bob.blobs.disk.freeBytes = Infinity;
      again(bob, offer);
      await world.run(500);
      expect(activity(bob, offer).kind).not.toBe('no-space');
      await arrives(world, ann, bob, offer);
    }
  });

  test('is told to a sender that comes back, also when nothing was begun', async () => {
    const { world, ann, bob, offer } = await underWay();
    bob.blobs.disk.freeBytes = 0;
    await world.run(2_000);
    ann.crash();
    await world.run(2_000);
    await ann.start();
    await world.run(3_000);
    expect(activity(ann, offer)).toEqual({ kind: 'paused-there', reason: 'no-space' });
    bob.blobs.disk.freeBytes = Infinity;
    await arrives(world, ann, bob, offer);
  });

  test('that an earlier version wrote down as a failure is tried again', async () => {
    const { world, ann, bob, offer } = await underWay();
    await bob.close();
    for (const record of await bob.durableOffers())
      await bob.offers.put(record.offer, {
        ...record,
        files: record.files.map((facts) => ({ ...facts, failed: 'no-space' as never })),
      });
    await bob.start();
    await arrives(world, ann, bob, offer);
  });

  test('does not take a file back that was paused or cancelled meanwhile', async () => {
    const { world, ann, bob, offer } = await underWay();
    bob.blobs.disk.freeBytes = 0;
    await world.run(2_000);
    bob.act((engine) => engine.transfers.pause(offer, 0));
    bob.blobs.disk.freeBytes = Infinity;
    await world.run(30_000);
    expect([bob.standing(offer), bob.blobs.openSinks]).toEqual(['paused', 0]);
    bob.act((engine) => engine.cancelFile(offer, 0));
    await world.run(5_000);
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['cancelled', 'cancelled']);
  });
});

describe('a pause', () => {
  test.each([
    ['the receiver', 1],
    ['the sender', 0],
  ] as const)('by %s is known to the other side, also after either side reloaded', async (_, who) => {
    const { world, ann, bob, offer } = await underWay();
    const [paused, other] = who === 0 ? [ann, bob] : [bob, ann];
    paused.act((engine) => engine.transfers.pause(offer, 0));
    await world.run(500);
    const there: Activity = { kind: 'paused-there', reason: 'paused' };
    expect([paused.standing(offer), activity(other, offer)]).toEqual(['paused', there]);
    const shown = [ann, bob].map(({ engine }) => engine.transfers.progressOf(offer, 0).doneBytes);
    expect(Math.min(...shown)).toBeGreaterThan(0);
    for (const machine of [other, paused]) {
      machine.crash();
      await world.run(2_000);
      await machine.start();
      await world.run(3_000);
      expect([paused.standing(offer), activity(other, offer)]).toEqual(['paused', there]);
      const still = [ann, bob].map(({ engine }) => engine.transfers.progressOf(offer, 0).doneBytes);
      expect(still).toEqual(shown);
    }
    paused.act((engine) => engine.transfers.resume(offer, 0));
    await arrives(world, ann, bob, offer);
  });

  test.each([0, 1])(
    'by both is still known to the other side when one of them lets it go on: %i first',
    async (who) => {
      const { world, ann, bob, offer } = await underWay();
      const [first, second] = who === 0 ? [ann, bob] : [bob, ann];
      for (const machine of [first, second]) {
        machine.act((engine) => engine.transfers.pause(offer, 0));
        await world.run(500);
      }
      for (const [goesOn, waits] of [
        [first, second],
        [second, first],
      ] as const) {
        goesOn.act((engine) => engine.transfers.resume(offer, 0));
        await world.run(1_000);
        expect([waits.standing(offer), activity(goesOn, offer)]).toEqual([
          'paused',
          { kind: 'paused-there', reason: 'paused' },
        ]);
        goesOn.act((engine) => engine.transfers.pause(offer, 0));
        await world.run(500);
      }
      for (const machine of [first, second]) machine.act((engine) => engine.transfers.resume(offer, 0));
      await arrives(world, ann, bob, offer);
    },
  );
});

describe('a half transfer', () => {
  test('goes on after 30 days from what is there', async () => {
    const { world, ann, bob, offer } = await underWay();
    await ann.close();
    await bob.close();
    const had = bob.blobs.haveBlocks(offer, 0);
    await world.run(30 * day);
    await bob.start();
    await world.run(day / 24);
    expect([bob.standing(offer), bob.engine.transfers.progressOf(offer, 0).doneBytes]).toEqual([
      'accepted',
      had * limits.blockBytes,
    ]);
    await ann.start();
    ann.provideAll();
    await arrives(world, ann, bob, offer);
  });
});

describe('a line that is dead', () => {
  test('is noticed after 5 s, said on both sides until it moves again, and mended', async () => {
    const { world, ann, bob, offer } = await underWay();
    expect([stalledMs(ann, offer), stalledMs(bob, offer)]).toEqual([undefined, undefined]);
    world.wires.reachable = () => false;
    await world.run(4_000);
    expect([stalledMs(ann, offer), stalledMs(bob, offer)]).toEqual([undefined, undefined]);
    await world.run(4_000);
    for (const machine of [ann, bob]) {
      expect(stalledMs(machine, offer)).toBeGreaterThanOrEqual(5_000);
      expect(stalledMs(machine, offer)).toBeLessThan(9_000);
    }
    world.wires.reachable = () => true;
    await world.run(30_000, () => activity(bob, offer).kind === 'running');
    await world.run(1_000);
    expect([stalledMs(ann, offer), stalledMs(bob, offer)]).toEqual([undefined, undefined]);
    await arrives(world, ann, bob, offer);
    expect([stalledMs(ann, offer), stalledMs(bob, offer)]).toEqual([undefined, undefined]);
  });

  test('a file that was paused on a dead line is paused, not stalled', async () => {
    const { world, bob, offer } = await underWay();
    world.wires.reachable = () => false;
    await world.run(8_000);
    bob.act((engine) => engine.transfers.pause(offer, 0));
    await world.run(5_000);
    expect(stalledMs(bob, offer)).toBeUndefined();
  });
});

describe('a file that was changed', () => {
  test('fails on both sides, and goes on when its sender gives it back as it was', async () => {
    const { world, ann, bob, offer } = await underWay();
    ann.blobs.attach(offer, 0, contentOf(size + 1, 7));
    ann.engine.transfers.provided(offer, 0);
    await world.run(3_000);
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['failed', 'failed']);
    ann.blobs.attach(offer, 0, contentOf(size, 7));
    ann.act((engine) => engine.transfers.resume(offer, 0));
    await arrives(world, ann, bob, offer);
  });
});
