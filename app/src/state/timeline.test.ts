/** What a window of a conversation shows at the edges: entries of a newer version, a clock that is ahead, both devices writing at once. */
import { expect, test, vi } from 'vitest';
import { writeEntry, NO_PREVIOUS } from '../../../engine/feed/entry.ts';
import { hashes } from '../../../engine/testing/keys.ts';
import { friends, type Machine } from '../../../engine/testing/world.ts';
import { fromBase64 } from '../../../protocol/bytes.ts';
import { encodeCbor } from '../../../protocol/codec.ts';
import type { CardExtras } from './file-cards.ts';
import { talkOf } from './talk.ts';
import { Timeline } from './timeline.ts';
import type { MessageItem } from './views/messages.ts';

/** No file is in these conversations. */
const extras = {} as CardExtras;

async function shown(machine: Machine, other: Machine): Promise<MessageItem[]> {
  const { engine } = machine;
  const talk = talkOf(engine, other.account.id);
  if (!talk) throw new Error('they know each other');
  const timeline = new Timeline(engine, other.account.id, 0, extras);
  await timeline.load(talk);
  return timeline.view(talk, { mine: 'I', theirs: 'They' }).items;
}
const said = (items: MessageItem[]) =>
  items.map((item) => (item.kind === 'text' ? item.text : item.kind === 'notice' ? item.notice : item.kind));

test('an entry of a kind that this version does not know has its place, and what follows is read', async () => {
  const { world, ann, bob } = await friends();
  const { conversation } = ann.person(bob);
  ann.crash();
  const hourAhead = { now: () => world.clock.now() + 3_600_000 };
  const newer = await writeEntry(
    { hashes, device: ann.keys, clock: hourAhead, random: { bytes: (count) => new Uint8Array(count).fill(7) } },
    { conversation, sequence: 0, previous: NO_PREVIOUS, heads: [], lamport: 1 },
    encodeCbor({ kind: 'hologram', voxels: [1, 2, 3] }),
  );
  await ann.feeds.append([newer]);
  await ann.start();
  await world.run(500);
  ann.act((engine) => engine.sendText(bob.account.id, 'did you see that?'));
  await world.run(5_000);
  const items = await shown(bob, ann);
  expect(said(items)).toEqual(['needs-newer-version', 'did you see that?']);
  // Its clock was an hour ahead: it is shown as of when it came, and says so.
  const [first, second] = items;
  expect(first?.at).toBeLessThanOrEqual(world.clock.now());
  expect([first?.clockAhead, second?.clockAhead]).toEqual([true, undefined]);
  // Carried on like any other.
  expect((await bob.history(ann)).map(({ wire }) => wire)[0]).toEqual(newer.wire);
});

test('a date leads to the first message from then on, and one after all of them to the newest', async () => {
  const { world, ann, bob } = await friends();
  const times: number[] = [];
  for (let hour = 0; hour < 4; hour++) {
    times.push(world.clock.now());
    ann.act((engine) => engine.sendText(bob.account.id, `hour ${hour}`));
    ann.act((engine) => engine.sendText(bob.account.id, `still hour ${hour}`));
    await world.run(3_600_000);
  }
  const talk = talkOf(bob.engine, ann.account.id);
  if (!talk) throw new Error('they know each other');
  const timeline = new Timeline(bob.engine, ann.account.id, 0, extras);
  await timeline.load(talk);
  const at = async (when: number) => {
    await timeline.atDate(when);
    const { items, target } = timeline.view(talk, { mine: 'I', theirs: 'They' });
    return said(items.filter(({ key }) => key === target?.key));
  };
  expect(await at(0)).toEqual(['hour 0']);
  expect(await at((times[1] ?? 0) + 60_000)).toEqual(['hour 2']);
  expect(await at(world.clock.now() + 86_400_000)).toEqual(['still hour 3']);
});

test('what was unread has a divider before it, also when it is more than a page', async () => {
  const { world, ann, bob } = await friends();
  for (let n = 0; n < 150; n++) ann.act((engine) => engine.sendText(bob.account.id, `text ${n}`));
  await world.run(10_000);
  const talk = talkOf(bob.engine, ann.account.id);
  if (!talk) throw new Error('they know each other');
  for (const unread of [1, 59, 130, 150]) {
    const timeline = new Timeline(bob.engine, ann.account.id, unread, extras);
    await timeline.load(talk);
    const { items, firstUnread } = timeline.view(talk, { mine: 'I', theirs: 'They' });
    expect(said(items)[firstUnread]).toBe(`text ${150 - unread}`);
  }
  // More than is ever in memory: everything that is shown is new.
  const timeline = new Timeline(bob.engine, ann.account.id, 100_000, extras);
  await timeline.load(talk);
  const { items, firstUnread } = timeline.view(talk, { mine: 'I', theirs: 'They' });
  expect([items.length, firstUnread]).toEqual([120, 0]);
});

test('what both write at once stands in the same order on both sides', async () => {
  const { world, ann, bob } = await friends();
  for (let round = 0; round < 5; round++) {
    ann.act((engine) => engine.sendText(bob.account.id, `ann ${round}`));
    bob.act((engine) => engine.sendText(ann.account.id, `bob ${round}`));
    if (round === 2) await world.run(2_000);
  }
  await world.run(5_000);
  const [here, there] = [said(await shown(ann, bob)), said(await shown(bob, ann))];
  expect(here).toHaveLength(10);
  expect(there).toEqual(here);
});

test('before messages that came ahead, and whose sender is gone, is what was there before them', async () => {
  const { world, ann, bob } = await friends();
  const say = async (from: number, to: number) => {
    for (let n = from; n < to; n++) ann.act((engine) => engine.sendText(bob.account.id, `text ${n}`));
    await world.run(3_000);
  };
  await say(0, 20);
  await bob.close();
  await say(20, 60);
  const entries = await ann.history(bob);
  await ann.close();
  await bob.start();
  await world.run(500);
  const { conversation, everyDevice } = bob.person(ann);
  const newest = entries.slice(-10).map(({ wire }) => wire);
  const keys = new Map(everyDevice.map(({ id, sign }) => [id, fromBase64(sign)]));
  const isAhead = await bob.engine.feeds.receiveNewest(conversation, newest, (device) => keys.get(device));
  expect(isAhead).toBe(true);
  const expected = [...Array(20).keys(), ...Array.from({ length: 10 }, (_, n) => 50 + n)].map((n) => `text ${n}`);
  expect(said(await shown(bob, ann))).toEqual(expected);
  // While somebody brings what is between, it is waited for, and counted.
  vi.spyOn(bob.engine.conversations, 'isServed').mockReturnValue(true);
  const talk = talkOf(bob.engine, ann.account.id);
  if (!talk) throw new Error('they know each other');
  const timeline = new Timeline(bob.engine, ann.account.id, 0, extras);
  await timeline.load(talk);
  const { items, onTheWay } = timeline.view(talk, { mine: 'I', theirs: 'They' });
  expect([said(items), onTheWay]).toEqual([expected.slice(20), 30]);
});
