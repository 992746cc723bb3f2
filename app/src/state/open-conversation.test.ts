/** Which conversation comes to the screen, and that nothing of it is missed while it is read. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { friends, type Machine } from '../../../engine/testing/world.ts';
import type { CardExtras } from './file-cards.ts';
import { OpenConversation } from './open-conversation.ts';
import { talkOf } from './talk.ts';

/** No file is in these conversations. */
const extras = {} as CardExtras;

/** What is read next comes when it is let go on. */
function slowly({ engine }: Machine) {
  const read = engine.feeds.history.bind(engine.feeds);
  let goOn = (): void => undefined;
  const gate = new Promise<void>((open) => (goOn = open));
  const history = vi.spyOn(engine.feeds, 'history').mockImplementationOnce(async (...args) => {
    const found = await read(...args);
    await gate;
    return found;
  });
  return { goOn: () => goOn(), history };
}

function openOn({ engine }: Machine): OpenConversation {
  vi.stubGlobal('document', { visibilityState: 'hidden' });
  onTestFinished(() => void vi.unstubAllGlobals());
  const nothing = (): void => undefined;
  const report = (problem: unknown): never => {
    throw problem;
  };
  return new OpenConversation({ engine, extras, show: nothing, changed: nothing, report });
}

function shown({ engine }: Machine, { timeline }: OpenConversation): string[] {
  const talk = timeline && talkOf(engine, timeline.account);
  if (!talk) return [];
  const { items } = timeline.view(talk, { mine: 'I', theirs: 'They' });
  return items.map((item) => (item.kind === 'text' ? item.text : item.kind));
}

test('the one that was asked for last is shown, however long the one before takes to read', async () => {
  const { ann, bob } = await friends();
  const conversation = openOn(bob);
  const { goOn } = slowly(bob);
  const first = conversation.open(ann.account.id);
  await conversation.open(bob.account.id);
  goOn();
  await first;
  expect(conversation.timeline?.account).toBe(bob.account.id);
});

test('whoever goes back while it is read is not brought into it afterwards', async () => {
  const { ann, bob } = await friends();
  const conversation = openOn(bob);
  const { goOn } = slowly(bob);
  const opened = conversation.open(ann.account.id);
  expect(conversation.opening).toBe(ann.account.id);
  conversation.close();
  goOn();
  await opened;
  expect(conversation.timeline).toBeUndefined();
});

test('one that could not be read is read anew when it is asked for once more', async () => {
  const { ann, bob } = await friends();
  const conversation = openOn(bob);
  vi.spyOn(bob.engine.feeds, 'history').mockRejectedValueOnce(new Error('no storage'));
  await expect(conversation.open(ann.account.id)).rejects.toThrow('no storage');
  expect(conversation.opening).toBeUndefined();
  await conversation.open(ann.account.id);
  expect(conversation.timeline?.account).toBe(ann.account.id);
});

test('what comes while nobody looks is unread, and shown as that once somebody does', async () => {
  const { world, ann, bob } = await friends();
  const conversation = openOn(bob);
  const unread = () => bob.engine.conversations.summary(bob.person(ann).conversation).unread;
  const become = (visibilityState: 'visible' | 'hidden') => {
    vi.stubGlobal('document', { visibilityState });
    conversation.visibilityChanged();
  };
  const say = async (text: string) => {
    ann.act((engine) => engine.sendText(bob.account.id, text));
    await world.run(5_000);
    conversation.committed(talkOf(bob.engine, ann.account.id), await bob.history(ann));
  };
  const firstUnread = () => {
    const talk = talkOf(bob.engine, ann.account.id);
    return talk && conversation.timeline?.view(talk, { mine: 'I', theirs: 'They' }).firstUnread;
  };
  become('visible');
  await conversation.open(ann.account.id);
  await say('seen');
  expect(unread()).toBe(0);
  become('hidden');
  await say('one');
  await say('two');
  expect(unread()).toBe(2);
  expect(firstUnread()).toBe(-1);
  become('visible');
  expect(unread()).toBe(0);
  await vi.waitFor(() => expect(shown(bob, conversation)).toEqual(['seen', 'one', 'two']));
  await vi.waitFor(() => expect(firstUnread()).toBe(1));
});

test('what is committed while it is read is there when it is shown', async () => {
  const { world, ann, bob } = await friends();
  const conversation = openOn(bob);
  const { goOn, history } = slowly(bob);
  const opened = conversation.open(ann.account.id);
  await vi.waitFor(() => expect(history).toHaveBeenCalled());
  ann.act((engine) => engine.sendText(bob.account.id, 'meanwhile'));
  await world.run(5_000);
  conversation.committed(talkOf(bob.engine, ann.account.id), await bob.history(ann));
  goOn();
  await opened;
  await vi.waitFor(() => expect(shown(bob, conversation)).toEqual(['meanwhile']));
});
