/** Who was away has everything from several members, and each entry about once. Of 10,000, with figures: `npm run bench -- catch-up`. */
import { expect, it } from 'vitest';
import { decodeFrame } from '../../protocol/frame.ts';
import { limits } from '../../protocol/limits.ts';
import { Crowd } from '../testing/crowd.ts';
import { World, type Machine } from '../testing/world.ts';

const missed = 2_000;

/** A group of four, of which the last was away while the first said much; it starts, and what entries are sent to it is counted. */
async function away() {
  const world = new World({ wires: { bytesPerSecond: 4e6, delayMs: 5 } });
  const crowd = await Crowd.gather(world, 4);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  const [writer] = crowd.all;
  const last = crowd.all.at(-1) ?? writer;
  const group = crowd.groupOf(writer);
  if (!group) throw new Error('no group');
  await last.close();
  for (let number = 0; number < missed; number++) await writer.engine.sendText(group.id, `message ${number}`);
  await world.run(10_000);
  const sent = new Map<Machine, number>();
  let batchEntries = 0;
  world.wires.tamper = (bytes, from) => {
    const frame = decodeFrame(bytes);
    if (frame.type !== 'control' || frame.control.kind !== 'entries') return bytes;
    if (frame.control.conversation !== group.chat) return bytes;
    const by = crowd.all.find(({ device }) => device === from.device) ?? writer;
    sent.set(by, (sent.get(by) ?? 0) + frame.control.entries.length);
    batchEntries = Math.max(batchEntries, frame.control.entries.length);
    return bytes;
  };
  await last.start();
  const taken = () => (last.running ? last.engine.conversations.taken(group.chat, writer.device) : 0);
  const total = () => [...sent.values()].reduce((sum, one) => sum + one, 0);
  return { world, crowd, sent, taken, total, batch: () => batchEntries };
}

it('is brought by one of them', async () => {
  const { world, sent, taken, total, batch } = await away();
  expect(await world.run(60_000, () => taken() >= missed)).toBe(true);
  await world.run(5_000);
  expect(sent.size).toBeGreaterThan(1);
  // The others had begun before it was known who brings it.
  expect(total()).toBeLessThanOrEqual(missed + (sent.size - 1) * limits.entryBatchesInFlight * batch());
});

it('is brought by another one when the first is killed on the way', async () => {
  const { world, sent, taken } = await away();
  expect(await world.run(60_000, () => taken() >= missed / 2)).toBe(true);
  const [first] = [...sent].sort(([, a], [, b]) => b - a).map(([machine]) => machine);
  expect(taken()).toBeLessThan(missed);
  first?.crash();
  const from = world.clock.now();
  expect(await world.run(60_000, () => taken() >= missed)).toBe(true);
  expect(world.clock.now() - from).toBeLessThan(4_000);
});
