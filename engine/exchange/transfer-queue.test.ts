/** The line and the rules over a whole world: who waits, whose turn it is, what is accepted by itself. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { contentOf } from '../testing/content.ts';
import { World, type Machine } from '../testing/world.ts';
import type { AcceptRule } from './rules.ts';

const rate = { bytesPerSecond: 2_000_000 };
const size = 4_000_000;

async function three(): Promise<{ world: World; ann: Machine; bob: Machine; cid: Machine }> {
  const world = new World({ wires: rate });
  const [ann, bob, cid] = [await world.person(), await world.person(), await world.person()];
  world.befriend(ann, bob, cid);
  for (const machine of [ann, bob, cid]) await machine.start();
  await world.run(500);
  return { world, ann, bob, cid };
}

/** Offers of one file each, one second apart, accepted by the other. */
async function accepted(world: World, from: Machine, to: Machine, count: number): Promise<OfferId[]> {
  const offers: OfferId[] = [];
  for (let n = 0; n < count; n++) {
    const offer = from.offer(to.account.id, [contentOf(size, n)]) as OfferId;
    offers.push(offer);
    await world.run(3_000, () => to.standing(offer) === 'waiting');
  }
  for (const offer of offers) to.act((engine) => engine.answerOffer(offer, 'accepted'));
  await world.run(300, () => offers.some((offer) => to.activity(offer) === 'running'));
  return offers;
}

const inLine = (machine: Machine, offers: readonly OfferId[]) =>
  offers.map((offer) => {
    const record = machine.engine.transfers.get(offer);
    return record !== undefined && machine.engine.transfers.inLine(record, 0);
  });

/** The order in which files are received, and how many ran at most at a time. */
async function watch(
  world: World,
  to: Machine,
  offers: readonly OfferId[],
  at = to,
): Promise<{ order: number[]; most: number }> {
  const order: number[] = [];
  let most = 0;
  const finished = () => {
    most = Math.max(most, offers.filter((offer) => at.activity(offer) === 'running').length);
    offers.forEach((offer, n) => {
      if (to.standing(offer) === 'done' && !order.includes(n)) order.push(n);
    });
    return order.length === offers.length;
  };
  expect(await world.run(60_000, finished)).toBe(true);
  return { order, most };
}

describe('one at a time', () => {
  test('here: the others wait in line, and come in the order that was given', async () => {
    const { world, ann, bob } = await three();
    bob.engine.transfers.setAtOnce(1);
    const offers = await accepted(world, ann, bob, 4);
    expect(inLine(bob, offers)).toEqual([false, true, true, true]);
    await bob.engine.transfers.move(offers[3] as OfferId, 0, 'top');
    await bob.engine.transfers.move(offers[1] as OfferId, 0, 'down');
    expect(await watch(world, bob, offers)).toEqual({ order: [0, 3, 2, 1], most: 1 });
    expect(inLine(bob, offers)).toEqual([false, false, false, false]);
  });

  test('at the sender: its order counts, though the receiver asks for another one', async () => {
    const { world, ann, bob } = await three();
    ann.engine.transfers.setAtOnce(1);
    const offers = await accepted(world, ann, bob, 4);
    await world.run(200);
    expect(inLine(ann, offers)).toEqual([false, true, true, true]);
    await ann.engine.transfers.move(offers[3] as OfferId, 0, 'top');
    expect(await watch(world, bob, offers, ann)).toEqual({ order: [0, 3, 1, 2], most: 1 });
  });

  test('at the sender: what was begun and read whole meanwhile is still in line until it is sent', async () => {
    const { world, ann, bob } = await three();
    ann.engine.transfers.setAtOnce(3);
    const offers = await accepted(world, ann, bob, 3);
    await world.run(1_500);
    bob.crash();
    ann.engine.transfers.setAtOnce(1);
    await world.run(500);
    await bob.start();
    expect(await world.run(20_000, () => offers.some((offer) => bob.standing(offer) === 'done'))).toBe(true);
    const left = offers.filter((offer) => bob.standing(offer) !== 'done');
    expect(left).toHaveLength(2);
    expect(ann.engine.transfers.line('up').length + left.filter((one) => ann.activity(one) === 'running').length).toBe(
      2,
    );
    expect((await watch(world, bob, left)).most).toBe(1);
  });

  test('the order outlives a reload', async () => {
    const { world, ann, bob } = await three();
    bob.engine.transfers.setAtOnce(1);
    const offers = await accepted(world, ann, bob, 3);
    await bob.engine.transfers.move(offers[2] as OfferId, 0, 'top');
    bob.crash();
    await world.run(1_000);
    await bob.start();
    bob.engine.transfers.setAtOnce(1);
    expect((await watch(world, bob, offers)).order).toEqual([2, 0, 1]);
  });

  test('at the sender, after its reload: what it put first is called before what is asked for', async () => {
    const { world, ann, bob } = await three();
    ann.engine.transfers.setAtOnce(1);
    const offers = await accepted(world, ann, bob, 4);
    await world.run(200);
    await ann.engine.transfers.move(offers[3] as OfferId, 0, 'top');
    await bob.engine.transfers.pause(offers[0] as OfferId, 0);
    ann.crash();
    await world.run(500);
    await ann.start();
    ann.engine.transfers.setAtOnce(1);
    const rest = offers.slice(1);
    expect(await watch(world, bob, rest, ann)).toEqual({ order: [2, 0, 1], most: 1 });
  });

  test('at the sender, of what its receiver does not want now: nobody waits for that', async () => {
    const { world, ann, bob } = await three();
    ann.engine.transfers.setAtOnce(1);
    const offers = await accepted(world, ann, bob, 4);
    await world.run(200);
    await ann.engine.transfers.move(offers[3] as OfferId, 0, 'top');
    await bob.engine.transfers.pause(offers[3] as OfferId, 0);
    expect((await watch(world, bob, offers.slice(0, 3))).order).toEqual([0, 1, 2]);
  });

  test('over all links: the second sender waits for the first one', async () => {
    const { world, ann, bob, cid } = await three();
    bob.engine.transfers.setAtOnce(1);
    const [first] = await accepted(world, ann, bob, 1);
    const [second] = await accepted(world, cid, bob, 1);
    expect(inLine(bob, [second as OfferId])).toEqual([true]);
    expect((await watch(world, bob, [first as OfferId, second as OfferId])).most).toBe(1);
  });

  test('a receiver that does not come when its turn is called does not keep the place', async () => {
    const { world, ann, bob, cid } = await three();
    ann.engine.transfers.setAtOnce(1);
    const [running, refused] = await accepted(world, ann, bob, 2);
    const [other] = await accepted(world, ann, cid, 1);
    await world.run(200);
    // Turned away, and then it does not want it any more.
    await bob.engine.transfers.pause(refused as OfferId, 0);
    expect((await watch(world, cid, [other as OfferId])).order).toEqual([0]);
    expect(bob.standing(running as OfferId)).toBe('done');
    await bob.engine.transfers.resume(refused as OfferId, 0);
    expect((await watch(world, bob, [refused as OfferId])).order).toEqual([0]);
  });
});

test('all are paused at once, durably, and all go on', async () => {
  const { world, ann, bob } = await three();
  const offers = await accepted(world, ann, bob, 5);
  await bob.engine.transfers.together.pause();
  await world.run(3_000);
  expect(offers.map((offer) => [bob.standing(offer), bob.activity(offer)])).toEqual(
    offers.map(() => ['paused', 'idle']),
  );
  bob.crash();
  await world.run(500);
  await bob.start();
  await world.run(5_000);
  expect(offers.map((offer) => bob.standing(offer))).toEqual(offers.map(() => 'paused'));
  await bob.engine.transfers.together.resume();
  expect((await watch(world, bob, offers)).most).toBe(3);
  await bob.engine.transfers.together.unlistFinished();
  expect(bob.durableOffer(offers[0] as string)?.files[0]?.unlisted).toBe(true);
  expect(ann.durableOffer(offers[0] as string)?.files[0]?.unlisted).toBeUndefined();
});

describe('a rule', () => {
  const rule: AcceptRule = { upToBytes: size, kinds: 'everything' };

  async function offered(bob: Machine, ann: Machine, world: World, bytes = size): Promise<string> {
    const offer = ann.offer(bob.account.id, [contentOf(bytes, 1)]) as OfferId;
    await world.run(10_000, () => bob.standing(offer) === 'done');
    return bob.standing(offer);
  }

  async function ruled(verified: boolean): Promise<{ world: World; ann: Machine; bob: Machine }> {
    const all = await three();
    await all.bob.engine.people.setAcceptRule(all.ann.account.id, rule);
    if (verified) await all.bob.engine.people.setVerified(all.ann.account.id, true);
    return all;
  }

  test('accepts from somebody who is verified, and says so', async () => {
    const { world, ann, bob } = await ruled(true);
    expect(await offered(bob, ann, world)).toBe('done');
    expect(bob.engine.transfers.all().map(({ byRule }) => byRule)).toEqual([true]);
  });

  test('accepts nothing above its size', async () => {
    const { world, ann, bob } = await ruled(true);
    expect(await offered(bob, ann, world, size + 1)).toBe('waiting');
    expect(bob.engine.transfers.all().map(({ byRule }) => byRule)).toEqual([undefined]);
  });

  test('accepts nothing of somebody who is not verified', async () => {
    const { world, ann, bob } = await ruled(false);
    expect(await offered(bob, ann, world)).toBe('waiting');
  });

  test('accepts nothing where there is no room to spare', async () => {
    const { world, ann, bob } = await ruled(true);
    bob.blobs.disk.freeBytes = 512 * 1024 * 1024;
    expect(await offered(bob, ann, world)).toBe('waiting');
  });

  test('counts what was accepted before and is still to come', async () => {
    const { world, ann, bob } = await ruled(true);
    bob.blobs.disk.freeBytes = 512 * 1024 * 1024 + 1.5 * size;
    await bob.engine.transfers.together.pause();
    const [first, second] = [0, 1].map((n) => ann.offer(bob.account.id, [contentOf(size, n)]) as OfferId);
    await world.run(10_000, () => bob.standing(first as OfferId) === 'done');
    expect(bob.standing(second as OfferId)).toBe('waiting');
  });

  test('is not needed for a voice message of a contact, for a longer one it is', async () => {
    const { world, ann, bob } = await three();
    const voice = { durationMs: 1_000, levels: new Uint8Array(8) };
    const speak = (bytes: number) =>
      ann.offer(bob.account.id, [contentOf(bytes, 1)], { name: 'voice.weba', type: 'audio/webm', voice }) as OfferId;
    const short = speak(20_000);
    await world.run(10_000, () => bob.standing(short) === 'done');
    expect(bob.standing(short)).toBe('done');
    expect(bob.engine.transfers.get(short)?.byRule).toBeUndefined();
    const long = speak(limits.voiceBytes + 1);
    await world.run(3_000);
    expect(bob.standing(long)).toBe('waiting');
  });

  test('accepts nothing under other keys, though it is kept', async () => {
    const { world, ann, bob } = await ruled(true);
    await ann.close();
    const again = await world.resetRoot(ann);
    await again.start();
    await world.run(2_000);
    const offer = again.offer(bob.account.id, [contentOf(size, 1)]) as OfferId;
    await world.run(5_000);
    expect(bob.standing(offer)).toBe('unknown'); // the keys before these were compared
    await bob.engine.people.acknowledgeKeys(again.account.id);
    await world.run(20_000, () => bob.standing(offer) !== 'unknown');
    expect(bob.standing(offer)).toBe('waiting');
    expect(bob.person(again).acceptRule).toEqual(rule);
  });

  test('is done again when the process died before its answer was durable', async () => {
    for (let effects = 1; effects < 12; effects++) {
      const { world, ann, bob } = await ruled(true);
      const offer = ann.offer(bob.account.id, [contentOf(1000, 1)]) as OfferId;
      bob.crashAt = { effects, when: effects % 2 ? 'before' : 'after' };
      await world.run(2_000, () => !bob.running);
      await bob.start();
      expect(await world.run(20_000, () => bob.running && bob.standing(offer) === 'done'), `${effects}`).toBe(true);
    }
  });
});
