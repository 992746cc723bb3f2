/** Files that their author deletes for everybody: on the real engine, over simulated links, by devices that come, go and crash. */
import { describe, expect, test } from 'vitest';
import type { EntryRef } from '../protocol/entry.ts';
import type { ChatId, ConversationId, OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { needsAnswer } from './exchange/offer.ts';
import { readPayload } from './feed/payload.ts';
import { contentOf } from './testing/content.ts';
import { groupOf, smallGroup } from './testing/small-group.ts';
import { friends, World, type Machine } from './testing/world.ts';

const BLOCK = limits.blockBytes;
const content = contentOf(8 * BLOCK + 5, 3);

async function placeOf(machine: Machine, conversation: ConversationId, offer: OfferId): Promise<EntryRef> {
  for (const entry of await machine.engine.feeds.history(conversation, 1000)) {
    const payload = readPayload(entry);
    if (payload.kind === 'offer' && payload.offer === offer) return { device: entry.device, sequence: entry.sequence };
  }
  throw new Error('no such offer');
}

/** Deletes an offer that is in the conversation of `machine`. */
async function deleteOffer(machine: Machine, chat: ChatId, conversation: ConversationId, offer: OfferId) {
  const of = await placeOf(machine, conversation, offer);
  return machine.engine.say(chat, { kind: 'delete', of });
}

/** Nothing of the offer is left here but that it was there. */
function expectGone(machine: Machine, offer: OfferId): void {
  const record = machine.engine.transfers.get(offer);
  if (record?.offered) {
    expect(record.offered.files.map(({ name }) => name)).toEqual(['']);
    expect([record.deleted, machine.standing(offer), machine.activity(offer), needsAnswer(record)]).toEqual([
      true,
      'cancelled',
      'idle',
      false,
    ]);
    expect(record.files.map(({ cleared }) => cleared)).toEqual([true]);
  }
  expect([machine.blobs.has(offer, 0), machine.blobs.haveBlocks(offer, 0), machine.doneBytes(offer)]).toEqual([
    false,
    0,
    0,
  ]);
  expect([machine.blobs.openSources, machine.blobs.openSinks, machine.blobs.sinksCollided]).toEqual([0, 0, false]);
  expect(machine.engine.transfers.uploadOf(offer, 0)).toBeUndefined();
  expect([machine.lies, machine.reports]).toEqual([[], []]);
}

describe('between two people, a file that its author deletes', () => {
  const talk = (ann: Machine, bob: Machine) => ann.person(bob).conversation;

  test('while it runs stops at both ends, and is gone from both', async () => {
    const { world, ann, bob } = await friends({ wires: { bytesPerSecond: 200_000 } });
    const offer = ann.offer(bob.account.id, [content]) as OfferId;
    await world.run(1_000, () => bob.standing(offer) === 'waiting');
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    expect(await world.run(10_000, () => bob.doneBytes(offer) > BLOCK)).toBe(true);
    expect(await deleteOffer(ann, bob.account.id, talk(ann, bob), offer)).toEqual({ ok: true });
    expect(await world.run(3_000, () => bob.record(offer).files[0]?.cleared === true)).toBe(true);
    const { length } = await ann.history(bob);
    await world.run(10_000);
    for (const machine of [ann, bob]) expectGone(machine, offer);
    // Nothing more is said of it.
    expect((await bob.history(ann)).length).toBe(length);
    const kinds = ['dropped', 'answer', 'delete', 'cancel'];
    expect((await bob.history(ann)).map((entry) => readPayload(entry).kind)).toEqual(kinds);
    expect(bob.engine.conversations.summary(talk(ann, bob)).last).toBeUndefined();
    const words = await bob.engine.messages.words(talk(ann, bob), await bob.history(ann));
    expect(words.filter((said) => said !== undefined)).toEqual([]);
  });

  test('after it was received takes the copy with it that the receiver keeps, also when that was fetched again', async () => {
    const { world, ann, bob } = await friends();
    const offers = [1, 2].map((seed) => ann.offer(bob.account.id, [contentOf(3 * BLOCK, seed)]) as OfferId);
    await world.run(1_000, () => offers.every((offer) => bob.standing(offer) === 'waiting'));
    for (const offer of offers) bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    expect(await world.run(20_000, () => offers.every((offer) => ann.standing(offer) === 'done'))).toBe(true);
    const [first, second] = offers as [OfferId, OfferId];
    await bob.engine.transfers.kept.clear(second, 0, 'cleared');
    ann.engine.transfers.setSpeedLimits({ upBytesPerSecond: 100_000 });
    await bob.engine.transfers.kept.fetchAgain(second, 0);
    expect(await world.run(10_000, () => bob.blobs.haveBlocks(second, 0) > 0)).toBe(true);
    for (const offer of [first, second]) await deleteOffer(ann, bob.account.id, talk(ann, bob), offer);
    await world.run(5_000);
    for (const offer of offers) {
      for (const machine of [ann, bob]) expectGone(machine, offer);
      await bob.engine.download(offer, 0);
      expect(await bob.engine.answerOffer(offer, 'accepted')).toEqual({ ok: true });
    }
    await world.run(5_000);
    for (const offer of offers) expectGone(bob, offer);
  });

  test('before the other came is never offered to them', async () => {
    const { world, ann, bob } = await friends();
    await bob.close();
    const offer = ann.offer(bob.account.id, [content], { name: 'secret plans' }) as OfferId;
    await world.run(1_000);
    await deleteOffer(ann, bob.account.id, talk(ann, bob), offer);
    ann.act((engine) => engine.sendText(bob.account.id, 'after'));
    await world.run(1_000);
    await bob.start();
    await world.run(5_000);
    const kinds = ['dropped', 'delete', 'cancel', 'text'];
    expect((await bob.history(ann)).map((entry) => readPayload(entry).kind)).toEqual(kinds);
    expect([bob.standing(offer), bob.engine.conversations.summary(talk(ann, bob)).unread]).toEqual(['unknown', 1]);
    expectGone(ann, offer);
  });

  test('from another of their devices leaves the one that offered it as well', async () => {
    const { world, ann, bob } = await friends();
    const desk = await world.secondDevice(ann);
    await desk.start();
    await world.run(5_000);
    const offer = ann.offer(bob.account.id, [content]) as OfferId;
    expect(await world.run(10_000, () => [desk, bob].every((one) => one.standing(offer) === 'waiting'))).toBe(true);
    expect(await deleteOffer(desk, bob.account.id, talk(ann, bob), offer)).toEqual({ ok: true });
    await world.run(10_000);
    for (const machine of [ann, desk, bob]) expectGone(machine, offer);
  });

  test('stays when anybody else says that it is deleted', async () => {
    const { world, ann, bob } = await friends();
    const offer = ann.offer(bob.account.id, [content]) as OfferId;
    await world.run(1_000, () => bob.standing(offer) === 'waiting');
    const refused = { ok: false, error: { code: 'not-allowed' } };
    expect(await deleteOffer(bob, ann.account.id, talk(ann, bob), offer)).toEqual(refused);
    // A program that says so all the same, and one that deletes an offer of its own under the same id.
    await bob.engine.feeds.append(talk(ann, bob), { kind: 'delete', of: await placeOf(bob, talk(ann, bob), offer) });
    await bob.engine.offer(ann.account.id, offer, [{ name: 'mine', size: 1, type: '' }]);
    const { length } = (await bob.history(ann)).filter(({ device }) => device === bob.device);
    const of = { device: bob.device, sequence: length - 1 };
    expect(await bob.engine.say(ann.account.id, { kind: 'delete', of })).toEqual({ ok: true });
    await world.run(2_000);
    expect([ann.standing(offer), bob.standing(offer), ann.blobs.has(offer, 0)]).toEqual(['waiting', 'waiting', true]);
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    expect(await world.run(20_000, () => ann.standing(offer) === 'done')).toBe(true);
  });

  test('is gone after a crash at any moment', async () => {
    for (let effects = 1; effects <= 8; effects++) {
      const { world, ann, bob } = await friends();
      const offer = ann.offer(bob.account.id, [contentOf(BLOCK)]) as OfferId;
      await world.run(1_000, () => bob.standing(offer) === 'waiting');
      bob.act((engine) => engine.answerOffer(offer, 'accepted'));
      await world.run(10_000, () => ann.standing(offer) === 'done');
      await world.run(2_000);
      for (const machine of [ann, bob])
        machine.crashAt = { effects, when: effects % 2 ? 'before' : ('after' as const) };
      const of = await placeOf(ann, talk(ann, bob), offer);
      ann.act((engine) => engine.say(bob.account.id, { kind: 'delete', of }));
      await world.run(3_000);
      for (const machine of [ann, bob]) {
        machine.crash();
        await machine.start();
      }
      // The first crash may have come before anything was said.
      if (!ann.record(offer).deleted) ann.act((engine) => engine.say(bob.account.id, { kind: 'delete', of }));
      await world.run(10_000);
      for (const machine of [ann, bob]) expectGone(machine, offer);
    }
  });

  async function offeredToStranger() {
    const world = new World();
    const [ann, bob] = [await world.person(), await world.person()];
    for (const machine of [ann, bob]) await machine.start();
    await world.run(500);
    ann.act((engine) => engine.shareWith(bob.account.handle));
    await world.run(500);
    const offer = ann.offer(bob.account.id, [content]) as OfferId;
    expect(await world.run(3_000, () => bob.standing(offer) === 'waiting')).toBe(true);
    return { world, ann, bob, offer };
  }

  test('is taken back from somebody who is no contact yet', async () => {
    const { world, ann, bob, offer } = await offeredToStranger();
    await deleteOffer(ann, bob.account.id, talk(ann, bob), offer);
    expect(await world.run(3_000, () => bob.standing(offer) === 'cancelled')).toBe(true);
    expectGone(ann, offer);
  });

  test('is taken back from somebody who accepted it meanwhile as a stranger, and hears of it in the feed alone', async () => {
    const { world, ann, bob, offer } = await offeredToStranger();
    const of = await placeOf(ann, talk(ann, bob), offer);
    await bob.close();
    ann.act((engine) => engine.say(bob.account.id, { kind: 'delete', of }));
    await world.run(500);
    await ann.close();
    world.server.knocks = [];
    await bob.start();
    await world.run(500);
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    await world.run(2_000);
    expect(bob.standing(offer)).toBe('accepted');
    await ann.start();
    await world.run(10_000);
    expect([bob.standing(offer), bob.activity(offer), bob.blobs.haveBlocks(offer, 0)]).toEqual([
      'cancelled',
      'idle',
      0,
    ]);
    expectGone(ann, offer);
  });
});

describe('in a group, a file that its author deletes', () => {
  test('leaves all who have it, who fetch it, and who come later, whoever tells them', async () => {
    const { world, all } = await smallGroup(4);
    const [ann, bob, cid, dan] = all as [Machine, Machine, Machine, Machine];
    await dan.close();
    const { id, chat } = groupOf(ann);
    const offer = ann.offer(id, [content]) as OfferId;
    const knows = (machine: Machine) => machine.engine.transfers.get(offer)?.offered !== undefined;
    expect(await world.run(30_000, () => [bob, cid].every(knows))).toBe(true);
    bob.act((engine) => engine.download(offer, 0));
    expect(await world.run(30_000, () => bob.standing(offer) === 'done')).toBe(true);
    for (const { engine } of [ann, bob]) engine.transfers.setSpeedLimits({ upBytesPerSecond: 100_000 });
    cid.act((engine) => engine.download(offer, 0));
    expect(await world.run(30_000, () => cid.blobs.haveBlocks(offer, 0) > 0)).toBe(true);
    expect(await deleteOffer(bob, id, chat, offer)).toMatchObject({ ok: false });
    await deleteOffer(ann, id, chat, offer);
    expect(await world.run(10_000, () => [bob, cid].every((one) => one.record(offer).files[0]?.cleared))).toBe(true);
    await world.run(5_000);
    for (const machine of [ann, bob, cid]) {
      expectGone(machine, offer);
      expect(machine.engine.conversations.summary(chat).last).toBeUndefined();
    }
    await ann.close();
    await dan.start();
    const heard = async () => (await dan.engine.feeds.history(chat, 100)).map((entry) => readPayload(entry).kind);
    await world.run(20_000);
    expect(await heard()).toContain('delete');
    expect(await heard()).not.toContain('offer');
    expect(dan.engine.transfers.get(offer)?.offered).toBeUndefined();
    dan.act((engine) => engine.download(offer, 0));
    await world.run(5_000);
    for (const machine of [bob, cid, dan]) expectGone(machine, offer);
  });

  test('is not deleted by who founded the group, and a voice message is', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    const { id, chat } = groupOf(bob);
    const voice = { durationMs: 1000, levels: new Uint8Array(8) };
    const offer = bob.offer(id, [contentOf(3000)], { voice, type: 'audio/webm', name: 'a.weba' }) as OfferId;
    expect(await world.run(30_000, () => [ann, cid].every((one) => one.standing(offer) === 'done'))).toBe(true);
    expect(await deleteOffer(ann, id, chat, offer)).toMatchObject({ ok: false });
    await ann.engine.feeds.append(chat, { kind: 'delete', of: await placeOf(ann, chat, offer) });
    await world.run(5_000);
    for (const machine of [ann, cid]) expect(machine.standing(offer)).toBe('done');
    await deleteOffer(bob, id, chat, offer);
    await world.run(10_000);
    for (const machine of all) expectGone(machine, offer);
  });
});
