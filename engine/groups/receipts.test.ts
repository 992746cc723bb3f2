/** Who has read in a group is told in the end, whatever else happens at the same moment. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { GroupId } from '../../protocol/ids.ts';
import { Crowd } from '../testing/crowd.ts';
import { World, type Machine } from '../testing/world.ts';

const members = 3;
/** A receipt waits for so long in a group of this size. */
const receiptMs = 800 + 100 * members;

let world: World;
let crowd: Crowd;
const id = (): GroupId => crowd.groupOf(crowd.all[0])?.id as GroupId;
const pair = () => [crowd.all[1], crowd.all[2]] as [Machine, Machine];

beforeEach(async () => {
  world = new World();
  crowd = await Crowd.gather(world, members);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  for (const machine of crowd.all) machine.engine.lookAt(id());
  await world.run(5_000);
}, 60_000);

async function readersOfLast(author: Machine) {
  const group = crowd.groupOf(author);
  const [last] = group ? await author.feeds.history(group.chat, 1) : [];
  return group && last ? author.engine.readersOf(group, last) : [];
}

describe('that somebody has read', () => {
  it('is heard though they begin to write just before it is told', async () => {
    const [author, reader] = pair();
    crowd.say(author, 'what do you think?');
    await world.run(1_000);
    reader.act((engine) => engine.seen(id()));
    await world.run(receiptMs - 300);
    reader.engine.typing(id());
    await world.run(5_000);
    expect(await readersOfLast(author)).toEqual([reader.account.id]);
  });

  it('is heard though they left before it was told, once they are back', async () => {
    const [author, reader] = pair();
    crowd.say(author, 'hello');
    await world.run(1_000);
    reader.act((engine) => engine.seen(id()));
    await world.run(100);
    reader.crash();
    await world.run(5_000);
    expect(await readersOfLast(author)).toEqual([]);
    await reader.start();
    reader.engine.lookAt(id());
    await world.run(20_000);
    expect(await readersOfLast(author)).toEqual([reader.account.id]);
  });

  it('is heard of who has a wrong clock, and that they are writing', async () => {
    const [author, reader] = pair();
    await reader.close();
    reader.clockAheadMs = 20 * 60_000;
    await reader.start();
    reader.engine.lookAt(id());
    await world.run(5_000);
    crowd.say(author, 'what time is it?');
    await world.run(1_000);
    reader.act((engine) => engine.seen(id()));
    await world.run(5_000);
    expect(await readersOfLast(author)).toEqual([reader.account.id]);
    reader.engine.typing(id());
    await world.run(1_000);
    const group = crowd.groupOf(author);
    expect(group && author.engine.writingIn(group)).toEqual([reader.account.id]);
  });
});
