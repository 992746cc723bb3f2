import { expect, test } from 'vitest';
import { OwnChoices, type KeptChoice } from '../../../engine/devices/own-choices.ts';
import { MemoryRecords } from '../../../engine/testing/memory-records.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { Chats, type KeptChat } from './chats.ts';

const bob = 'bob' as AccountId;

function chatsOf(records: MemoryRecords<KeptChat>, choices: OwnChoices): Chats {
  return new Chats({ records, choices, choose: (choice) => choices.choose(choice), report: () => undefined });
}

function fresh() {
  const records = new MemoryRecords<KeptChat>();
  const choices = new OwnChoices(new MemoryRecords<KeptChoice>(), () => undefined);
  return { records, choices, chats: chatsOf(records, choices) };
}

test('marks that were kept on this device alone become the choice of the person, once', async () => {
  const { records, choices, chats } = fresh();
  await records.put(bob, { account: bob, draft: 'not yet', pinned: true, muted: false, archived: false });
  await chats.load();
  expect(chats.of(bob)).toEqual({ account: bob, draft: 'not yet', pinned: true, muted: false, archived: false });
  expect(choices.untold()).toHaveLength(1);
  chats.change(bob, { pinned: false });
  const again = chatsOf(records, choices);
  await again.load();
  expect(again.of(bob)).toMatchObject({ draft: 'not yet', pinned: false });
});

test('an archived conversation comes back when somebody writes, a muted one does not', () => {
  const { chats } = fresh();
  chats.change(bob, { archived: true });
  expect([chats.heard(bob, false), chats.of(bob).archived]).toEqual([true, false]);
  chats.change(bob, { archived: true, muted: true });
  expect([chats.heard(bob, false), chats.of(bob).archived]).toEqual([false, true]);
});

test('what is chosen already is not chosen again', () => {
  const { chats, choices } = fresh();
  chats.change(bob, { muted: false });
  expect(choices.untold()).toEqual([]);
});
