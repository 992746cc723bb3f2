/** Who joins a group with a long history sees the newest of it first. */
import { expect, it } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import { Crowd } from '../testing/crowd.ts';
import { World } from '../testing/world.ts';
import { readPayload } from './payload.ts';

const messages = 1500;

it('shows the newest messages while the others are on their way, and in the end all in one order', async () => {
  // 1,500 entries take about 20 s over this line.
  const world = new World({ wires: { bytesPerSecond: 30_000 } });
  const crowd = await Crowd.gather(world, 2);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  const [founder] = crowd.all;
  const chat = crowd.groupOf(founder)?.chat;
  const group = crowd.groupOf(founder)?.id;
  if (chat === undefined || group === undefined) throw new Error('no group');
  for (let number = 0; number < messages; number++) await founder.engine.sendText(group, `message ${number}`);
  await world.run(60_000);

  const late = await crowd.join(await crowd.invite());
  const from = world.clock.now();
  expect(await world.run(5_000, () => late.engine.feeds.isAhead(chat))).toBe(true);
  expect(world.clock.now() - from).toBeLessThan(5_000);
  const textsOf = async (limit: number) =>
    (await late.engine.feeds.history(chat, limit)).flatMap((entry) => {
      const payload = readPayload(entry);
      return payload.kind === 'text' ? [payload.text] : [];
    });
  const seen = await textsOf(60);
  expect(seen.at(-1)).toBe(`message ${messages - 1}`);
  expect(seen.length).toBe(60);
  expect((await late.engine.feeds.frontier(chat)).get(founder.device) ?? 0).toBeLessThan(messages / 2);
  // A message that answers one of them finds it, and what is written now comes after them.
  const [newest] = (await late.engine.feeds.history(chat, 1)).slice(-1);
  expect(newest && (await late.engine.feeds.entryAt(chat, newest.device, newest.sequence))).toEqual(newest);
  await late.engine.sendText(group, 'I am here');
  expect((await textsOf(60)).slice(-2)).toEqual([`message ${messages - 1}`, 'I am here']);

  const everything = () => !late.engine.feeds.isAhead(chat);
  expect(await world.run(60_000, everything)).toBe(true);
  await world.run(5_000);
  expect(await crowd.texts(late)).toEqual(await crowd.texts(founder));
  expect((await crowd.texts(founder)).slice(-2)).toEqual([`message ${messages - 1}`, 'I am here']);
  expect(crowd.all.flatMap(({ reports }) => reports)).toEqual([]);
});

it('is not sent to who lacks little, and no more than a page of it', async () => {
  const world = new World();
  const crowd = await Crowd.gather(world, 2);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  const [founder] = crowd.all;
  const chat = crowd.groupOf(founder)?.chat;
  if (chat === undefined) throw new Error('no group');
  for (let number = 0; number < 20; number++) crowd.say(founder, `message ${number}`);
  await world.run(10_000);
  const late = await crowd.join(await crowd.invite());
  let ahead = false;
  await world.run(10_000, () => {
    ahead ||= late.engine.feeds.isAhead(chat);
    return false;
  });
  expect(ahead).toBe(false);
  expect((await crowd.texts(late)).length).toBe(20);
  expect(limits.newestEntries).toBeLessThan(limits.newestBeyondEntries);
});
