/** Received files after their receipt: removed, found missing, fetched once more. */
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { contentOf } from '../testing/content.ts';
import { friends, type Machine } from '../testing/world.ts';
import { holdersOf } from './copies.ts';
import { factsOf } from './offer.ts';

const content = contentOf(700_000, 5);

async function received() {
  const { world, ann, bob } = await friends();
  const offer = ann.offer(bob.account.id, [content]) as OfferId;
  await world.run(1_000, () => bob.standing(offer) === 'waiting');
  bob.act((engine) => engine.answerOffer(offer, 'accepted'));
  await world.run(10_000, () => ann.standing(offer) === 'done');
  expect(bob.standing(offer)).toBe('done');
  return { world, ann, bob, offer };
}

const facts = (machine: Machine, offer: OfferId) => factsOf(machine.record(offer), 0);
const whole = (bob: Machine, offer: OfferId): boolean => {
  const got = bob.blobs.received(offer, 0, content.length);
  return got !== undefined && equalBytes(got, content);
};

describe('a received file', () => {
  test('is removed when its person says so, once, and both sides still know that it was received', async () => {
    const { world, ann, bob, offer } = await received();
    const { kept } = bob.engine.transfers;
    await kept.used(offer, 0);
    expect(facts(bob, offer).usedAt).toBe(Math.floor(world.clock.now()));
    await kept.clear(offer, 0, 'cleared');
    await kept.clear(offer, 0, 'limit');
    expect(facts(bob, offer)).toMatchObject({ gone: 'cleared', usedAt: undefined });
    expect(bob.blobs.haveBlocks(offer, 0)).toBe(0);
    expect([kept.isHere(offer, 0), bob.standing(offer), ann.standing(offer)]).toEqual([false, 'done', 'done']);
    await bob.close();
    await bob.start();
    expect(facts(bob, offer).gone).toBe('cleared');
    expect(bob.lies).toEqual([]);
  });

  test('is never removed while it is on its way, nor from the device that sent it', async () => {
    const { world, ann, bob } = await friends({ wires: { bytesPerSecond: 50_000 } });
    const offer = ann.offer(bob.account.id, [content]) as OfferId;
    await world.run(1_000, () => bob.standing(offer) === 'waiting');
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    await world.run(5_000, () => bob.doneBytes(offer) > 0);
    for (const machine of [ann, bob]) {
      await machine.engine.transfers.kept.clear(offer, 0, 'limit');
      await machine.engine.transfers.kept.lost(offer, 0);
    }
    await world.run(60_000, () => ann.standing(offer) === 'done');
    expect(whole(bob, offer)).toBe(true);
  });

  test('leaves a copy with who sent it, which can be removed then, and not before', async () => {
    const { world, ann, bob } = await friends({ wires: { bytesPerSecond: 50_000 } });
    const offer = ann.offer(bob.account.id, [content]) as OfferId;
    await world.run(1_000, () => bob.standing(offer) === 'waiting');
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    await world.run(5_000, () => bob.doneBytes(offer) > 0);
    await ann.engine.transfers.kept.clearCopy(offer, 0);
    expect(ann.blobs.has(offer, 0)).toBe(true);
    await world.run(60_000, () => ann.standing(offer) === 'done');
    await bob.engine.transfers.kept.clearCopy(offer, 0); // it is no copy of a sent file
    expect([ann.blobs.has(offer, 0), whole(bob, offer)]).toEqual([true, true]);
    await ann.engine.transfers.kept.clearCopy(offer, 0);
    expect([ann.blobs.has(offer, 0), ann.standing(offer), bob.standing(offer)]).toEqual([false, 'done', 'done']);
  });

  test('is fetched once more from a sender that still has it, also over a reload in the middle', async () => {
    const { world, ann, bob, offer } = await received();
    await bob.engine.transfers.kept.clear(offer, 0, 'cleared');
    ann.blobs.attach(offer, 0, content);
    await bob.engine.transfers.kept.fetchAgain(offer, 0);
    expect(bob.standing(offer)).toBe('accepted');
    bob.crash();
    await bob.start();
    await world.run(20_000, () => bob.standing(offer) === 'done');
    await world.run(1_000);
    expect(facts(bob, offer)).toMatchObject({ again: false, gone: undefined });
    expect(whole(bob, offer)).toBe(true);
    expect(ann.standing(offer)).toBe('done');
    expect([...ann.lies, ...bob.lies]).toEqual([]);
  });

  test('is not wanted any more before it came: then it is as gone as before', async () => {
    const { world, ann, bob, offer } = await received();
    const { kept } = bob.engine.transfers;
    await kept.clear(offer, 0, 'limit');
    await ann.close();
    await kept.fetchAgain(offer, 0);
    await world.run(5_000);
    expect(bob.standing(offer)).toBe('accepted');
    bob.act((engine) => engine.cancelFile(offer, 0));
    await world.run(1_000);
    expect([bob.standing(offer), facts(bob, offer).gone, kept.isHere(offer, 0)]).toEqual(['done', 'limit', false]);
  });

  test('that the browser removed is said to be gone, to whoever could have asked for it too, and can be had again', async () => {
    const { world, ann, bob, offer } = await received();
    const { kept } = bob.engine.transfers;
    expect(holdersOf(facts(ann, offer))).toEqual([bob.device]);
    bob.act(() => kept.lost(offer, 0));
    await world.run(5_000);
    expect(facts(bob, offer).gone).toBe('lost');
    expect(holdersOf(facts(ann, offer))).toEqual([]);
    await kept.fetchAgain(offer, 0);
    await world.run(20_000, () => bob.standing(offer) === 'done');
    expect(whole(bob, offer)).toBe(true);
    await world.run(5_000);
    expect(holdersOf(facts(ann, offer))).toEqual([bob.device]);
  });

  test('that comes otherwise than it was is no success', async () => {
    const { world, ann, bob, offer } = await received();
    await bob.engine.transfers.kept.clear(offer, 0, 'cleared');
    ann.blobs.attach(offer, 0, contentOf(content.length, 6), true);
    await bob.engine.transfers.kept.fetchAgain(offer, 0);
    await world.run(20_000, () => bob.standing(offer) === 'failed');
    expect(facts(bob, offer)).toMatchObject({ failed: 'verification', gone: 'cleared' });
    expect(bob.engine.transfers.kept.isHere(offer, 0)).toBe(false);
  });
});
