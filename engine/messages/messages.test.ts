/** What two people do with messages, over a whole world. */
import { expect, test } from 'vitest';
import type { EntryRef } from '../../protocol/entry.ts';
import { limits } from '../../protocol/limits.ts';
import { readPayload } from '../feed/payload.ts';
import { friends, type Machine } from '../testing/world.ts';

const refOf = (machine: Machine, sequence: number): EntryRef => ({ device: machine.device, sequence });

/** What `machine` sees of the conversation with `other`. */
async function seen(machine: Machine, other: Machine): Promise<readonly (string | undefined)[]> {
  const { conversation } = machine.person(other);
  return machine.engine.messages.words(conversation, await machine.history(other));
}
const chooseRead = (machine: Machine, read: boolean) =>
  machine.engine.choose({ kind: 'own-discretion', read, typing: true });
const kinds = async (machine: Machine, other: Machine) =>
  (await machine.history(other)).map((entry) => readPayload(entry).kind);

test('an edit and a deletion reach the other side, and a deletion empties both stores', async () => {
  const { world, ann, bob } = await friends();
  const { conversation } = ann.person(bob);
  ann.act((engine) => engine.sendText(bob.account.id, 'one'));
  await world.run(2_000);
  ann.act((engine) => engine.say(bob.account.id, { kind: 'edit', of: refOf(ann, 0), text: 'two' }));
  await world.run(2_000);
  expect([await seen(ann, bob), await seen(bob, ann)]).toEqual([
    ['two', undefined],
    ['two', undefined],
  ]);
  expect(bob.engine.conversations.summary(conversation).last).toMatchObject({ text: 'two' });
  ann.act((engine) => engine.say(bob.account.id, { kind: 'delete', of: refOf(ann, 0) }));
  await world.run(2_000);
  for (const [one, other] of [
    [ann, bob],
    [bob, ann],
  ] as const) {
    expect(await kinds(one, other)).toEqual(['dropped', 'dropped', 'delete']);
    const [annotation] = await one.engine.messages.annotations(conversation, [refOf(ann, 0)]);
    expect(annotation).toMatchObject({ deleted: true });
    expect(annotation?.edit).toBeUndefined();
    expect(one.engine.conversations.summary(conversation).last).toBeUndefined();
  }
  expect([ann.reports, bob.reports]).toEqual([[], []]);
});

test('somebody who was away gets bare entries of what was deleted meanwhile, and the chain goes on', async () => {
  const { world, ann, bob } = await friends();
  await bob.close();
  ann.act((engine) => engine.sendText(bob.account.id, 'secret'));
  await world.run(1_000);
  ann.act((engine) => engine.say(bob.account.id, { kind: 'delete', of: refOf(ann, 0) }));
  ann.act((engine) => engine.sendText(bob.account.id, 'after'));
  await world.run(1_000);
  await bob.start();
  await world.run(5_000);
  expect(await kinds(bob, ann)).toEqual(['dropped', 'delete', 'text']);
  expect(bob.engine.conversations.summary(ann.person(bob).conversation).unread).toBe(1);
  expect(ann.engine.conversations.deliveryOf(ann.person(bob).conversation, 2, [bob.device])).toBe('delivered');
});

test('nobody edits or deletes for another', async () => {
  const { world, ann, bob } = await friends();
  ann.act((engine) => engine.sendText(bob.account.id, 'mine'));
  await world.run(2_000);
  expect(await bob.engine.say(ann.account.id, { kind: 'delete', of: refOf(ann, 0) })).toEqual({
    ok: false,
    error: { code: 'not-allowed' },
  });
  expect(await seen(bob, ann)).toEqual(['mine']);
});

test('a reaction is one per person: changed, taken back', async () => {
  const { world, ann, bob } = await friends();
  const { conversation } = ann.person(bob);
  ann.act((engine) => engine.sendText(bob.account.id, 'hello'));
  await world.run(2_000);
  for (const [emoji, expected] of [
    ['👍', ['👍']],
    ['🎉', ['🎉']],
    [undefined, [undefined]],
  ] as const) {
    bob.act((engine) => engine.say(ann.account.id, { kind: 'react', to: refOf(ann, 0), ...(emoji ? { emoji } : {}) }));
    await world.run(2_000);
    const [annotation] = await ann.engine.messages.annotations(conversation, [refOf(ann, 0)]);
    expect(annotation?.reactions.map(([, reaction]) => reaction.emoji)).toEqual(expected);
  }
});

test('what was read is told once, survives a reload, and not at all when it is turned off on either side', async () => {
  const { world, ann, bob } = await friends();
  const person = ann.person(bob);
  const delivery = (sequence: number) =>
    ann.engine.deliveryOf(ann.person(bob), { conversation: person.conversation, ...refOf(ann, sequence) });
  ann.act((engine) => engine.sendText(bob.account.id, 'hello'));
  await world.run(2_000);
  expect(delivery(0)).toBe('delivered');
  for (let times = 0; times < 3; times++) bob.act((engine) => engine.seen(ann.account.id));
  await world.run(2_000);
  expect(delivery(0)).toBe('read');
  expect(await kinds(bob, ann)).toEqual(['text', 'read']);
  // A receipt is no message: it is not read in turn.
  await ann.engine.seen(bob.account.id);
  expect(await kinds(ann, bob)).toEqual(['text', 'read']);
  ann.crash();
  await ann.start();
  await world.run(2_000);
  expect(delivery(0)).toBe('read');
  await chooseRead(ann, false);
  expect(delivery(0)).toBe('delivered');
  await chooseRead(ann, true);
  await chooseRead(bob, false);
  ann.act((engine) => engine.sendText(bob.account.id, 'again'));
  await world.run(2_000);
  await bob.engine.seen(ann.account.id);
  await world.run(2_000);
  expect(delivery(1)).toBe('delivered');
});

test('that somebody is writing is shown while they do, and costs no entry', async () => {
  const { world, ann, bob } = await friends();
  bob.engine.lookAt(ann.account.id);
  await world.run(3_000);
  for (let times = 0; times < 10; times++) bob.engine.typing(ann.account.id);
  await world.run(500);
  expect(ann.engine.isTyping(bob.account.id)).toBe(true);
  await world.run(limits.typingShownMs);
  expect(ann.engine.isTyping(bob.account.id)).toBe(false);
  bob.engine.typing(ann.account.id);
  await world.run(500);
  expect(ann.engine.isTyping(bob.account.id)).toBe(true);
  bob.act((engine) => engine.sendText(ann.account.id, 'there'));
  await world.run(1_000);
  expect(ann.engine.isTyping(bob.account.id)).toBe(false);
  await bob.engine.choose({ kind: 'own-discretion', read: true, typing: false });
  bob.engine.typing(ann.account.id);
  await world.run(1_000);
  expect(ann.engine.isTyping(bob.account.id)).toBe(false);
  expect(await kinds(bob, ann)).toEqual(['text']);
});

test('a message disappears after it was sent, and at the other side after it was seen there', async () => {
  const { world, ann, bob } = await friends();
  const { conversation } = ann.person(bob);
  ann.act((engine) => engine.sendText(bob.account.id, 'stays'));
  ann.act((engine) => engine.say(bob.account.id, { kind: 'timer', afterMs: 60_000 }));
  await world.run(2_000);
  expect(bob.engine.messages.timerMs(conversation)).toBe(60_000);
  bob.act((engine) => engine.sendText(ann.account.id, 'goes'));
  await world.run(30_000);
  ann.act((engine) => engine.say(bob.account.id, { kind: 'react', to: refOf(bob, 0), emoji: '👍' }));
  await ann.engine.seen(bob.account.id);
  expect(await seen(ann, bob)).toContain('goes');
  await world.run(40_000);
  expect(await seen(bob, ann)).not.toContain('goes');
  expect(await seen(ann, bob)).toContain('goes');
  // A machine that was off catches up when it comes back.
  ann.crash();
  await world.run(60_000);
  await ann.start();
  await world.run(2_000);
  expect(await seen(ann, bob)).not.toContain('goes');
  expect(await seen(ann, bob)).toContain('stays');
  expect(ann.engine.conversations.summary(conversation).last).toMatchObject({ text: 'stays' });
  expect(await ann.engine.messages.annotations(conversation, [refOf(bob, 0)])).toEqual([undefined]);
  expect(await ann.expiries.all()).toEqual([]);
});

test('what was said of messages comes to a second device, also of those that were read there meanwhile', async () => {
  const { world, ann, bob } = await friends();
  const { conversation } = ann.person(bob);
  for (const text of ['one', 'two', 'three']) ann.act((engine) => engine.sendText(bob.account.id, text));
  await world.run(2_000);
  ann.act((engine) => engine.say(bob.account.id, { kind: 'edit', of: refOf(ann, 0), text: 'one, edited' }));
  ann.act((engine) => engine.say(bob.account.id, { kind: 'delete', of: refOf(ann, 1) }));
  bob.act((engine) => engine.say(ann.account.id, { kind: 'react', to: refOf(ann, 2), emoji: '🎉' }));
  await world.run(2_000);
  const second = await world.secondDevice(bob);
  await second.start();
  await world.run(5_000);
  expect((await seen(second, ann)).filter((words) => words !== undefined)).toEqual(['one, edited', 'three']);
  const [annotation] = await second.engine.messages.annotations(conversation, [refOf(ann, 2)]);
  expect(annotation?.reactions).toMatchObject([[bob.account.id, { emoji: '🎉' }]]);
  // Read on the second, then the last message changes: the first must not count it anew.
  second.engine.lookAt(ann.account.id);
  await world.run(10_000);
  ann.act((engine) => engine.say(bob.account.id, { kind: 'edit', of: refOf(ann, 2), text: 'three, edited' }));
  await world.run(5_000);
  for (const machine of [bob, second]) {
    const { last, unread, read } = machine.engine.conversations.summary(conversation);
    expect([last, unread]).toMatchObject([{ text: 'three, edited' }, 0]);
    expect(new Map(read).get(ann.device)).toBeGreaterThan(0);
  }
  // A device of the same person edits what another one wrote.
  second.act((engine) => engine.sendText(ann.account.id, 'from the second'));
  await world.run(2_000);
  const written = (await second.history(ann)).findLast(({ device }) => device === second.device);
  const of = { device: second.device, sequence: written?.sequence ?? -1 };
  bob.act((engine) => engine.say(ann.account.id, { kind: 'edit', of, text: 'from the first' }));
  await world.run(2_000);
  for (const [one, other] of [
    [ann, bob],
    [bob, ann],
    [second, ann],
  ] as const)
    expect(await seen(one, other)).toContain('from the first');
});

test('files say their names, and what is spoken says nothing', async () => {
  const { world, ann, bob } = await friends();
  const { engine } = ann;
  const file = (name: string) => ({ name, size: 1, type: '' });
  const voice = { durationMs: 1, levels: new Uint8Array(1) };
  ann.act(() => engine.offer(bob.account.id, engine.newOfferId(), [file('lake.jpg'), file('notes.txt')]));
  ann.act(() => engine.offer(bob.account.id, engine.newOfferId(), [{ ...file('voice.weba'), voice }]));
  await world.run(2_000);
  const { conversation } = bob.person(ann);
  const said = await bob.engine.messages.words(conversation, await bob.history(ann));
  expect(said.filter((words) => words !== undefined)).toEqual(['lake.jpg, notes.txt', '']);
});

test('of the feeds that somebody has read, those that moved last stand last', async () => {
  const { ann, bob } = await friends();
  const { conversation } = ann.person(bob);
  const feeds = ['a', 'b', 'c'].map((letter) => letter.repeat(43) as EntryRef['device']);
  const read = (...upTo: [number, number][]) =>
    ann.engine.messages.learnRead(
      conversation,
      bob.account.id,
      upTo.map(([feed, length]) => [feeds[feed] as EntryRef['device'], length]),
    );
  await read([0, 1], [1, 1], [2, 1]);
  await read([0, 2], [1, 1]);
  expect([...ann.engine.messages.readBy(conversation, bob.account.id)]).toEqual([
    [feeds[1], 1],
    [feeds[2], 1],
    [feeds[0], 2],
  ]);
});
