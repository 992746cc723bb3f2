/** What people do with each other, over a whole world: each test says what both sides see in the end. */
import { equalBytes } from '../protocol/bytes.ts';
import { decodeFrame, encodeControl } from '../protocol/frame.ts';
import type { OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { describe, expect, test } from 'vitest';
import { readPayload } from './feed/payload.ts';
import { contentOf } from './testing/content.ts';
import { friends as two, World, type Machine } from './testing/world.ts';

async function strangers(): Promise<{ world: World; ann: Machine; bob: Machine }> {
  const world = new World();
  const [ann, bob] = [await world.person(), await world.person()];
  await ann.start();
  await bob.start();
  await world.run(500);
  ann.act((engine) => engine.shareWith(bob.account.handle));
  await world.run(500);
  return { world, ann, bob };
}

const answer = (machine: Machine, offer: OfferId, verdict: 'accepted' | 'declined' = 'accepted') =>
  machine.act((engine) => engine.answerOffer(offer, verdict));

/** An accepted offer of these bytes from one to the other, at the moment at which it begins. */
async function sending(
  world: World,
  from: Machine,
  to: Machine,
  size = 2_000_000,
): Promise<{ offer: OfferId; content: ReturnType<typeof contentOf> }> {
  const content = contentOf(size, 7);
  const offer = from.offer(to.account.id, [content]) as OfferId;
  await world.run(1_000, () => to.running && to.standing(offer) === 'waiting');
  answer(to, offer);
  await world.run(5_000, () => to.activity(offer) === 'running');
  return { offer, content };
}

function arrived(to: Machine, offer: OfferId, content: Uint8Array): boolean {
  const received = to.blobs.received(offer, 0, content.length);
  return received !== undefined && equalBytes(received, content);
}

const done =
  (...machines: Machine[]) =>
  (offer: OfferId) =>
  () =>
    machines.every((machine) => machine.standing(offer) === 'done');

describe('somebody who deletes the account', () => {
  test('is gone for who is there, and for who comes later; what was said stays', async () => {
    const { world, ann, bob } = await two();
    ann.act((engine) => engine.sendText(bob.account.id, 'good bye'));
    await world.run(2_000);
    const cat = await world.person();
    world.server.befriend(ann.account.id, cat.account.id);
    await cat.start();
    await world.run(500);
    expect(cat.person(ann).relation).toBe('accepted');
    cat.crash();
    world.server.delete(ann.account.id);
    await world.run(2_000);
    await cat.start();
    await world.run(1_000);
    expect(ann.stopped).toEqual(['deleted']);
    for (const one of [bob, cat]) {
      expect(one.person(ann)).toMatchObject({ relation: 'none' });
      expect(one.person(ann).departedAt).toBeGreaterThan(0);
      expect(one.person(ann).keysChangedAt).toBeUndefined();
    }
    expect([bob.engine.people.online(ann.account.id).size, bob.engine.links.all()]).toEqual([0, []]);
    expect(await bob.texts(ann)).toEqual(['good bye']);
    expect(bob.reports).toEqual([]);
  });

  test('is not gone who only parted', async () => {
    const { world, ann, bob } = await two();
    ann.act((engine) => engine.answerRequest(bob.account.id, 'remove'));
    await world.run(1_000);
    expect(bob.person(ann).relation).toBe('none');
    expect(bob.person(ann).departedAt).toBeUndefined();
    expect(bob.person(ann).keysChangedAt).toBeUndefined();
  });
});

describe('two people', () => {
  test('write to each other; what is written while the other is away waits', async () => {
    const { world, ann, bob } = await two();
    ann.act((engine) => engine.sendText(bob.account.id, 'hello'));
    await world.run(2_000);
    bob.crash();
    await world.run(5_000);
    ann.act((engine) => engine.sendText(bob.account.id, 'are you there?'));
    await world.run(7_000);
    const { conversation } = ann.person(bob);
    const state = (sequence: number) => ann.engine.conversations.deliveryOf(conversation, sequence, [bob.device]);
    expect([state(0), state(1)]).toEqual(['delivered', 'queued']);
    await bob.start();
    await world.run(3_000);
    expect(await bob.texts(ann)).toEqual(['hello', 'are you there?']);
    expect(state(1)).toBe('delivered');
    expect(bob.engine.conversations.summary(conversation).unread).toBe(2);
  });

  test('send each other files, empty ones too', async () => {
    const { world, ann, bob } = await two();
    const contents = [contentOf(700_000, 2), contentOf(0), contentOf(1, 3)];
    const offer = ann.offer(bob.account.id, contents) as OfferId;
    await world.run(1_000);
    expect(bob.standing(offer)).toBe('waiting');
    answer(bob, offer);
    await world.run(5_000);
    for (const [file, content] of contents.entries()) {
      expect([ann.standing(offer, file), bob.standing(offer, file)]).toEqual(['done', 'done']);
      const received = bob.blobs.received(offer, file, content.length);
      expect(received && equalBytes(received, content)).toBe(true);
    }
    expect([ann.lies, bob.lies, ann.reports, bob.reports]).toEqual([[], [], [], []]);
    expect([ann.blobs.openSources, bob.blobs.openSinks]).toEqual([0, 0]);
  });

  test('of many files only a few are open at a time', async () => {
    const { world, ann, bob } = await two();
    const count = 120;
    const offer = ann.offer(
      bob.account.id,
      Array.from({ length: count }, (_, i) => contentOf(1_000 + i, i + 1)),
    ) as OfferId;
    await world.run(1_000);
    answer(bob, offer);
    let [sinks, sources] = [0, 0];
    await world.run(60_000, () => {
      sinks = Math.max(sinks, bob.blobs.openSinks);
      sources = Math.max(sources, ann.blobs.openSources);
      return ann.standing(offer, count - 1) === 'done';
    });
    await world.run(2_000);
    expect(
      Array.from({ length: count }, (_, file) => ann.standing(offer, file)).filter((standing) => standing !== 'done'),
    ).toEqual([]);
    expect(sinks).toBeLessThan(12);
    expect(sources).toBeLessThan(16);
    // Reloaded in the middle, no more are opened either.
    const second = ann.offer(
      bob.account.id,
      Array.from({ length: count }, (_, i) => contentOf(300_000, i + 9)),
    ) as OfferId;
    await world.run(1_000);
    answer(bob, second);
    await world.run(4_000, () => bob.standing(second, 3) === 'done');
    bob.crash();
    await bob.start();
    expect(bob.blobs.openSinks).toBeLessThan(12);
  });

  test.each(['ann', 'bob'] as const)('%s pauses and goes on', async (who) => {
    const { world, ann, bob } = await two();
    const { offer, content } = await sending(world, ann, bob);
    const [one, other] = who === 'ann' ? [ann, bob] : [bob, ann];
    await world.run(200);
    one.act((engine) => engine.transfers.pause(offer, 0));
    await world.run(1_000);
    const paused = bob.blobs.haveBlocks(offer, 0);
    expect([one.standing(offer), other.standing(offer), other.activity(offer)]).toEqual([
      'paused',
      'accepted',
      'paused-there',
    ]);
    await world.run(30_000);
    expect(bob.blobs.haveBlocks(offer, 0)).toBe(paused);
    one.act((engine) => engine.transfers.resume(offer, 0));
    expect(await world.run(10_000, () => done(ann, bob)(offer)())).toBe(true);
    expect(arrived(bob, offer, content)).toBe(true);
    expect([...ann.lies, ...bob.lies]).toEqual([]);
  });

  test('what was said last counts, however quickly it was said', async () => {
    const { world, ann, bob } = await two();
    const { offer } = await sending(world, ann, bob);
    for (const machine of [bob, ann]) {
      const { transfers } = machine.engine;
      void transfers.pause(offer, 0);
      void transfers.resume(offer, 0);
      void transfers.pause(offer, 0);
      await world.run(50);
      expect(machine.standing(offer)).toBe('paused');
      void transfers.resume(offer, 0);
      await world.run(500);
      expect(machine.standing(offer)).toBe('accepted');
    }
    void bob.engine.transfers.pause(offer, 0);
    void bob.engine.transfers.resume(offer, 0);
    bob.act((engine) => engine.cancelFile(offer, 0));
    void bob.engine.transfers.resume(offer, 0);
    await world.run(3_000);
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['cancelled', 'cancelled']);
    expect([bob.blobs.sinksCollided, bob.blobs.openSinks, ann.blobs.openSources]).toEqual([false, 0, 0]);
  });

  test.each(['ann', 'bob'] as const)('%s cancels: both stop, and nothing is kept', async (who) => {
    const { world, ann, bob } = await two();
    const { offer } = await sending(world, ann, bob);
    await world.run(200);
    (who === 'ann' ? ann : bob).act((engine) => engine.cancelFile(offer, 0));
    await world.run(2_000);
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['cancelled', 'cancelled']);
    expect([bob.blobs.haveBlocks(offer, 0), bob.blobs.openSinks, ann.blobs.has(offer, 0)]).toEqual([0, 0, false]);
  });

  test('a source that is gone is asked for, by both seen, and sent on once it is provided', async () => {
    const { world, ann, bob } = await two();
    const { offer, content } = await sending(world, ann, bob);
    await world.run(200);
    ann.blobs.lose(offer, 0);
    await world.run(2_000);
    expect([ann.activity(offer), bob.activity(offer)]).toEqual(['needs-file', 'needs-file']);
    ann.provideAll();
    await world.run(50);
    expect(ann.activity(offer)).not.toBe('needs-file');
    expect(await world.run(10_000, () => done(ann, bob)(offer)())).toBe(true);
    expect(arrived(bob, offer, content)).toBe(true);
  });

  test('after a start a source that is gone is asked for before anybody wants it', async () => {
    const { world, ann, bob } = await two();
    const { offer } = await sending(world, ann, bob);
    await world.run(200);
    bob.crash();
    const unanswered = ann.offer(bob.account.id, [contentOf(900, 9), contentOf(900, 10)]) as OfferId;
    await world.run(500);
    ann.crash();
    ann.blobs.lose(offer, 0);
    ann.blobs.lose(unanswered, 1);
    await ann.start();
    await world.run(500);
    const asked = (of: OfferId, file: number) => ann.engine.transfers.progressOf(of, file).activity.kind;
    expect([asked(offer, 0), asked(unanswered, 0), asked(unanswered, 1)]).toEqual(['needs-file', 'idle', 'needs-file']);
    ann.provideAll();
    await bob.start();
    expect(await world.run(10_000, () => done(ann, bob)(offer)())).toBe(true);
  });

  test('another file in its place is not sent', async () => {
    const { world, ann, bob } = await two();
    const { offer } = await sending(world, ann, bob);
    await world.run(600);
    ann.blobs.lose(offer, 0);
    await world.run(1_000);
    ann.blobs.attach(offer, 0, contentOf(1_999_999, 8));
    ann.engine.transfers.provided(offer, 0);
    await world.run(3_000);
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['failed', 'failed']);
  });

  test('the server dead, what is under way goes on; back again, everything is there', async () => {
    const { world, ann, bob } = await two();
    const { offer, content } = await sending(world, ann, bob);
    world.server.kill();
    expect(await world.run(10_000, () => done(ann, bob)(offer)())).toBe(true);
    expect(arrived(bob, offer, content)).toBe(true);
    world.server.start();
    await world.run(3_000);
    expect([...ann.engine.people.online(bob.account.id)]).toEqual([bob.device]);
  });

  test('a sender that crashed after the last byte, and forgot the hashes, still binds the file', async () => {
    const { world, ann, bob } = await two();
    const { offer, content } = await sending(world, ann, bob, 600_000);
    const has = () => bob.blobs.haveBlocks(offer, 0) === 3;
    expect(await world.run(5_000, has)).toBe(true);
    ann.crash();
    ann.blobs.attach(offer, 0, content, true);
    await world.run(20_000);
    await ann.start();
    expect(await world.run(20_000, () => done(ann, bob)(offer)())).toBe(true);
  });

  test('one failure of the storage at any write costs nothing', async () => {
    for (let at = 0; at < 24; at++) {
      const { world, ann, bob } = await two({ seed: at + 1 });
      const machine = at % 2 === 0 ? bob : ann;
      let writes = 0;
      const failing = () => {
        if (++writes === at / 2 + 1 || writes === Math.ceil(at / 2) + 1) throw new Error('the storage failed once');
      };
      machine.offers.beforeWrite = machine.summaries.beforeWrite = machine.deliveries.beforeWrite = failing;
      const offer = ann.offer(bob.account.id, [contentOf(300_000, 4), contentOf(10, 5)]) as OfferId;
      await world.run(6_000, () => bob.standing(offer) === 'waiting');
      answer(bob, offer);
      await world.run(20_000, () =>
        [0, 1].every((file) => ann.standing(offer, file) === 'done' && bob.standing(offer, file) === 'done'),
      );
      for (const file of [0, 1]) {
        if (bob.standing(offer, file) === 'failed') bob.act((engine) => engine.transfers.resume(offer, file));
        await world.run(10_000, () => ann.standing(offer, file) === 'done');
        expect([at, ann.standing(offer, file), bob.standing(offer, file)]).toEqual([at, 'done', 'done']);
      }
      const payloads = (await ann.history(bob)).map((entry) => readPayload(entry).kind).sort();
      expect(payloads).toEqual(['answer', 'close', 'close', 'offer', 'receipt', 'receipt']);
      expect([...ann.lies, ...bob.lies]).toEqual([]);
    }
  });

  test('stopped, an engine holds nothing and does nothing', async () => {
    const { world, ann, bob } = await two();
    const { offer } = await sending(world, ann, bob);
    const second = ann.offer(bob.account.id, [contentOf(100_000, 3)]) as OfferId;
    await world.run(100);
    const engine = bob.engine;
    answer(bob, second);
    const stopped = engine.stop();
    await world.run(1_000);
    await stopped;
    expect([bob.blobs.openSinks, bob.blobs.openSources, world.wires.of(bob.device).length]).toEqual([0, 0, 0]);
    const signals = world.server.relayed.filter(({ from }) => from === bob.device).length;
    await engine.answerOffer(offer, 'accepted');
    engine.wake();
    engine.lookAt(ann.account.id);
    engine.transfers.provided(offer, 0);
    await world.run(30_000);
    expect([bob.blobs.openSinks, world.wires.of(bob.device).length]).toEqual([0, 0]);
    expect(world.server.relayed.filter(({ from }) => from === bob.device)).toHaveLength(signals);
  });

  test('a sender that knows nothing of the offer any more is not asked in circles', async () => {
    const { world, ann, bob } = await two();
    const { offer } = await sending(world, ann, bob);
    await world.run(100);
    ann.crash();
    for (const record of await ann.durableOffers()) await ann.offers.delete(record.offer);
    let wants = 0;
    world.wires.tamper = (frame) => {
      const decoded = frame[0] === 0 ? decodeFrame(frame) : undefined;
      if (decoded?.type === 'control' && decoded.control.kind === 'want') wants++;
      return frame;
    };
    await ann.start();
    await world.run(30_000);
    expect(bob.standing(offer)).toBe('accepted');
    expect(wants).toBeGreaterThan(0);
    expect(wants).toBeLessThan(8);
  });

  test('a receipt of bytes that are not the file is not believed', async () => {
    const { world, ann, bob } = await two();
    const { offer } = await sending(world, ann, bob);
    const { conversation } = bob.person(ann);
    bob.act((engine) =>
      engine.feeds.append(conversation, { kind: 'receipt', offer, file: 0, root: new Uint8Array(32) }),
    );
    await world.run(100);
    expect(ann.standing(offer)).toBe('accepted');
    expect(await world.run(20_000, () => done(ann, bob)(offer)())).toBe(true);
  });

  test('what a contact says of offers of other people, or accepts for us, is not believed', async () => {
    const world = new World();
    const [ann, bob, eve] = [await world.person(), await world.person(), await world.person()];
    world.befriend(ann, bob, eve);
    for (const machine of world.machines) await machine.start();
    await world.run(500);
    const offer = ann.offer(bob.account.id, [contentOf(100, 1)]) as OfferId;
    const own = eve.offer(bob.account.id, [contentOf(100, 2)]) as OfferId;
    await world.run(1_000);
    const { conversation } = eve.person(bob);
    for (const id of [offer, own])
      for (const payload of [
        { kind: 'answer', offer: id, verdict: 'accepted' },
        { kind: 'close', offer: id, file: 0, root: new Uint8Array(32) },
        { kind: 'receipt', offer: id, file: 0, root: new Uint8Array(32) },
      ] as const)
        eve.act((engine) => engine.feeds.append(conversation, payload));
    eve.act((engine) => engine.feeds.append(conversation, { kind: 'cancel', offer, file: 0 }));
    await world.run(2_000);
    expect([bob.standing(offer), bob.standing(own)]).toEqual(['waiting', 'waiting']);
    expect(bob.reports.length).toBeGreaterThan(0);
    expect(bob.engine.links.open(eve.device)).toBeDefined(); // it is no breach of the link's protocol
  });

  test('more frames than anybody may send cost the link', async () => {
    const { world, ann, bob } = await two();
    ann.engine.lookAt(bob.account.id);
    await world.run(1_000);
    const link = ann.engine.links.open(bob.device);
    const { conversation } = ann.person(bob);
    const before = bob.reports.length;
    for (let i = 0; i < 200; i++)
      link?.send(encodeControl({ kind: 'entries', conversation, entries: [new Uint8Array(60_000)] }));
    await world.run(3_000);
    expect(bob.reports.length).toBeGreaterThan(before);
  });
});

describe('strangers', () => {
  test('are offered a file before they are contacts; accepting it accepts the person', async () => {
    const { world, ann, bob } = await strangers();
    const content = contentOf(400_000, 3);
    const offer = ann.offer(bob.account.id, [content]) as OfferId;
    await world.run(1_000);
    expect([bob.standing(offer), bob.person(ann).relation, world.wires.opened]).toEqual(['waiting', 'incoming', 0]);
    answer(bob, offer);
    expect(await world.run(10_000, () => done(ann, bob)(offer)())).toBe(true);
    expect(arrived(bob, offer, content)).toBe(true);
    expect([ann.person(bob).relation, bob.person(ann).relation]).toEqual(['accepted', 'accepted']);
  });

  test('decline it, and the other side hears of it', async () => {
    const { world, ann, bob } = await strangers();
    const offer = ann.offer(bob.account.id, [contentOf(100, 3)]) as OfferId;
    await world.run(1_000);
    answer(bob, offer, 'declined');
    await world.run(1_000);
    expect([ann.standing(offer), bob.standing(offer), world.wires.opened]).toEqual(['declined', 'declined', 0]);
    expect(ann.blobs.has(offer, 0)).toBe(false);
  });

  test('withdraw it, also from somebody who is offline', async () => {
    const { world, ann, bob } = await strangers();
    const shown = ann.offer(bob.account.id, [contentOf(100, 3)]) as OfferId;
    await world.run(1_000);
    await bob.close();
    const unseen = ann.offer(bob.account.id, [contentOf(100, 4)]) as OfferId;
    await world.run(500);
    for (const offer of [shown, unseen]) ann.act((engine) => engine.cancelFile(offer, 0));
    await world.run(1_000);
    await bob.start();
    await world.run(2_000);
    expect([bob.standing(shown), bob.standing(unseen)]).toEqual(['cancelled', 'unknown']);
  });

  test('who were offline find it when they come, also after the server was killed', async () => {
    const { world, ann, bob } = await strangers();
    await bob.close();
    const offer = ann.offer(bob.account.id, [contentOf(100, 3)]) as OfferId;
    await world.run(500);
    world.server.kill();
    world.server.start();
    await world.run(3_000);
    await bob.start();
    await world.run(1_000);
    expect(bob.standing(offer)).toBe('waiting');
  });

  test('cannot have more than a few offers waiting', async () => {
    const { world, ann, bob } = await strangers();
    for (let i = 0; i < 12; i++) ann.offer(bob.account.id, [contentOf(10, i + 1)]);
    await world.run(3_000);
    expect(bob.engine.transfers.all().length).toBeLessThanOrEqual(limits.knocksPerSender);
  });

  test('are not mistaken for each other by a lying server', async () => {
    const { world, ann, bob } = await strangers();
    const carol = await world.person();
    world.server.found = () => bob.account;
    const outcome = ann.engine.shareWith(carol.account.handle);
    await world.run(500);
    expect(await outcome).toEqual({ ok: false, error: { code: 'unknown' } });
    expect(ann.engine.people.byHandle(carol.account.handle)).toBeUndefined();
  });
});

describe('several devices', () => {
  test('a second device gets the history, and what was accepted on the first', async () => {
    const { world, ann, bob } = await two();
    ann.act((engine) => engine.sendText(bob.account.id, 'one'));
    bob.act((engine) => engine.sendText(ann.account.id, 'two'));
    const { offer } = await sending(world, ann, bob, 100_000);
    await world.run(5_000);
    const second = await world.secondDevice(bob);
    await second.start();
    await world.run(3_000);
    expect((await second.texts(ann)).sort()).toEqual(['one', 'two']);
    expect(second.standing(offer)).toBe('done');
    expect(second.blobs.haveBlocks(offer, 0)).toBe(0);
    expect(second.lies).toEqual([]);
    // What it writes reaches the contact over the link that is open, though it was certified after that was made.
    second.act((engine) => engine.sendText(ann.account.id, 'three'));
    await world.run(3_000);
    expect((await ann.texts(bob)).sort()).toEqual(['one', 'three', 'two']);
    expect((await bob.texts(ann)).sort()).toEqual(['one', 'three', 'two']);
  });

  test('both accept at once: one of them gets the file, and both agree who', async () => {
    for (const seed of [1, 2, 3]) {
      const { world, ann, bob } = await two({ seed });
      const second = await world.secondDevice(bob);
      await second.start();
      await world.run(1_000);
      const content = contentOf(900_000, 5);
      const offer = ann.offer(bob.account.id, [content]) as OfferId;
      await world.run(2_000, () => bob.standing(offer) === 'waiting' && second.standing(offer) === 'waiting');
      answer(bob, offer);
      answer(second, offer);
      await world.run(20_000, () => [ann, bob, second].every((machine) => machine.standing(offer) === 'done'));
      await world.run(3_000);
      const by = [ann, bob, second].map(({ engine }) => engine.transfers.get(offer)?.files[0]?.receivedBy);
      expect(new Set(by).size).toBe(1);
      const getter = by[0] === bob.device ? bob : second;
      expect(arrived(getter, offer, content)).toBe(true);
      expect([ann, bob, second].flatMap(({ lies }) => lies)).toEqual([]);
      expect([bob.blobs.openSinks, second.blobs.openSinks]).toEqual([0, 0]);
    }
  });

  test('a revoked device loses its links at once', async () => {
    const { world, ann, bob } = await two();
    const second = await world.secondDevice(bob);
    await second.start();
    ann.engine.lookAt(bob.account.id);
    await world.run(2_000);
    expect(ann.engine.links.open(second.device)).toBeDefined();
    await bob.account.change([bob.keys.device]);
    await world.server.accountChanged(bob.account);
    await world.run(500);
    expect(ann.engine.links.open(second.device)).toBeUndefined();
    expect(ann.engine.links.open(bob.device)).toBeDefined();
    expect(second.stopped).toEqual(['unknown-device']);
  });

  test('a contact who was removed or blocked, by whichever side, loses the link at once', async () => {
    for (const verdict of ['remove', 'block'] as const) {
      const { world, ann, bob } = await two();
      const { offer } = await sending(world, ann, bob, 8_000_000);
      await world.run(300);
      bob.act((engine) => engine.answerRequest(ann.account.id, verdict));
      await world.run(500);
      expect([ann.engine.links.open(bob.device), bob.engine.links.open(ann.device)]).toEqual([undefined, undefined]);
      const had = bob.blobs.haveBlocks(offer, 0);
      await world.run(30_000);
      expect(bob.blobs.haveBlocks(offer, 0)).toBe(had);
      expect(world.wires.all.size).toBe(0);
    }
  });

  test('with new keys of the account the change is loud, and the conversation goes on', async () => {
    const { world, ann, bob } = await two();
    ann.act((engine) => engine.sendText(bob.account.id, 'before'));
    await world.run(2_000);
    const before = ann.person(bob).conversation;
    const fresh = await world.resetRoot(bob);
    await world.run(500);
    expect(ann.person(bob)).toMatchObject({ keysAcknowledged: false, earlier: [before] });
    expect(ann.engine.links.open(bob.device)).toBeUndefined();
    await fresh.start();
    await world.run(500);
    fresh.act((engine) => engine.sendText(ann.account.id, 'it is me'));
    ann.act((engine) => engine.sendText(bob.account.id, 'after'));
    await world.run(3_000);
    expect((await ann.texts(fresh)).sort()).toEqual(['after', 'it is me']);
    expect((await fresh.texts(ann)).sort()).toEqual(['after', 'it is me']);
    expect(ann.person(bob).conversation).not.toBe(before);
  });

  test('the server cannot give this device another account', async () => {
    const { world, ann, bob } = await two();
    const { root } = bob.engine;
    for (const account of [
      ann.account.own,
      { ...bob.account.own, lists: ann.account.lists },
      { ...bob.account.own, lists: [] },
    ])
      world.server.say(bob.device, (events) => events.account(account));
    await world.run(500);
    expect([bob.engine.root, bob.engine.account.id, bob.reports.length]).toEqual([root, bob.account.id, 3]);
    ann.act((engine) => engine.sendText(bob.account.id, 'still you'));
    await world.run(2_000);
    expect(await bob.texts(ann)).toEqual(['still you']);
  });
});

describe('keys that were compared and are others now', () => {
  test('get nothing until their change was looked at', async () => {
    const { world, ann, bob } = await two();
    await ann.engine.people.setVerified(bob.account.id, true);
    await bob.close();
    const other = await world.resetRoot(bob);
    await other.start();
    await world.run(2_000);
    ann.act((engine) => engine.sendText(bob.account.id, 'private'));
    await world.run(20_000);
    expect(ann.person(bob)).toMatchObject({ keysAcknowledged: false });
    expect(await other.texts(ann)).toEqual([]);
    await ann.engine.people.acknowledgeKeys(bob.account.id);
    await world.run(20_000);
    expect(await other.texts(ann)).toEqual(['private']);
  });

  test('get what is said at once where nobody compared them', async () => {
    const { world, ann, bob } = await two();
    await bob.close();
    const other = await world.resetRoot(bob);
    await other.start();
    await world.run(2_000);
    ann.act((engine) => engine.sendText(bob.account.id, 'hello'));
    await world.run(20_000);
    expect(ann.person(bob)).toMatchObject({ keysAcknowledged: false });
    expect(await other.texts(ann)).toEqual(['hello']);
  });
});
