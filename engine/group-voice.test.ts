/** Voice messages in a group: they come without asking, and stay when whoever spoke them is gone. */
import { expect, test } from 'vitest';
import { equalBytes } from '../protocol/bytes.ts';
import type { OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import type { Group } from './groups/group.ts';
import { contentOf } from './testing/content.ts';
import { Crowd } from './testing/crowd.ts';
import { World, type Machine } from './testing/world.ts';

const content = contentOf(40_000);
const audio = { name: 'voice.weba', type: 'audio/webm;codecs=opus' };
const voice = { durationMs: 12_000, levels: new Uint8Array(64).fill(99) };

async function three() {
  const world = new World();
  const crowd = await Crowd.gather(world, 3);
  await world.run(60_000, () => crowd.complete);
  const [ann, bob, cid] = crowd.all;
  if (!bob || !cid) throw new Error('nobody there');
  return { world, crowd, ann, bob, cid };
}

const has = (machine: Machine, offer: OfferId): boolean => {
  const received = machine.blobs.received(offer, 0, content.length);
  return machine.standing(offer) === 'done' && received !== undefined && equalBytes(received, content);
};

function offered(crowd: Crowd, described: Parameters<Machine['offer']>[2]): OfferId {
  const [ann] = crowd.all;
  const offer = ann.offer(crowd.idOf(ann), [content], described);
  if (offer === undefined) throw new Error('not running');
  return offer;
}

test('what is spoken comes to all who are there, and from them to whoever comes later', async () => {
  const { world, crowd, ann, bob, cid } = await three();
  const code = await crowd.invite();
  const offer = offered(crowd, { ...audio, voice });
  expect(await world.run(30_000, () => [bob, cid].every((one) => has(one, offer)))).toBe(true);
  await ann.close();
  const dan = await crowd.join(code);
  expect(await world.run(60_000, () => has(dan, offer))).toBe(true);
  expect(crowd.all.flatMap(({ reports }) => reports)).toEqual([]);
});

test('a file of sound waits for a yes, and what is spoken in a group that was put away', async () => {
  const { world, crowd, bob, cid } = await three();
  cid.act((engine) =>
    engine.choose({ kind: 'own-chat', about: crowd.idOf(cid), pinned: false, muted: true, archived: true }),
  );
  await world.run(2_000);
  const file = offered(crowd, audio);
  const spoken = offered(crowd, { ...audio, voice });
  expect(await world.run(30_000, () => bob.standing(spoken) === 'accepted')).toBe(true);
  // The other one, who does not take part, is not waited for.
  expect(await world.run(5_000, () => has(bob, spoken))).toBe(true);
  expect([bob.standing(file), cid.standing(file), cid.standing(spoken)]).toEqual(['waiting', 'waiting', 'waiting']);
});

test('what was spoken long ago waits for a yes', async () => {
  const { world, crowd, ann } = await three();
  const offer = offered(crowd, { ...audio, voice });
  await world.run(30_000);
  const code = await crowd.invite();
  const dan = await world.person();
  dan.clockAheadMs = 31 * 24 * 3600_000;
  await dan.start();
  await world.run(1_000);
  dan.act((engine) => engine.groups.join(code));
  expect(await world.run(60_000, () => dan.engine.transfers.get(offer)?.offered !== undefined)).toBe(true);
  await world.run(20_000);
  expect(dan.standing(offer)).toBe('waiting');
  expect(ann.lies).toEqual([]);
});

test('one member fills only so much of the disk of others without asking, whatever files are said to be', async () => {
  const world = new World();
  const crowd = await Crowd.gather(world, 2);
  await world.run(60_000, () => crowd.complete);
  const [ann, bob] = crowd.all;
  if (!bob) throw new Error('nobody there');
  const unasked = () => bob.engine.transfers.all().filter(({ unaskedAt }) => unaskedAt !== undefined).length;
  const say = async (times: number) => {
    const known = bob.engine.transfers.all().length;
    for (let said = 0; said < times; said++)
      ann.offer(crowd.idOf(ann), [Uint8Array.of(said)], { ...audio, voice, size: limits.voiceBytes });
    await world.run(30_000, () => bob.engine.transfers.all().length === known + times);
    await world.run(1_000);
    return unasked();
  };
  expect(await say(24)).toBe(21); // 64 MiB
  await bob.close();
  await bob.start();
  expect(await say(1)).toBe(21);
});

/** Cid, who has one more voice message to fetch, and nobody a key: somebody who had it left. */
async function threeLessOne() {
  const { world, crowd, ann, bob, cid } = await three();
  await cid.close();
  const offer = offered(crowd, { ...audio, voice });
  expect(await world.run(30_000, () => has(bob, offer))).toBe(true);
  bob.act((engine) => engine.groups.leave(groupOf(crowd, bob)));
  expect(await world.run(10_000, () => groupOf(crowd, ann).membership?.members.size === 2)).toBe(true);
  return { world, crowd, ann, cid, offer };
}

function groupOf(crowd: Crowd, machine: Machine): Group {
  const group = crowd.groupOf(machine);
  if (!group) throw new Error('in no group');
  return group;
}

test('what was spoken comes to whoever was away while somebody left, and everything else goes on', async () => {
  const { world, crowd, ann, cid, offer } = await threeLessOne();
  const keysMade = () =>
    groupOf(crowd, ann).membership?.keys.filter(({ payload }) => payload.kind === 'group-key').length ?? 0;
  const before = keysMade();
  await cid.start();
  expect(await world.run(30_000, () => has(cid, offer))).toBe(true);
  crowd.say(cid, 'still here');
  expect(await world.run(10_000, () => ann.engine.conversations.summary(groupOf(crowd, ann).chat).unread === 1)).toBe(
    true,
  );
  expect(keysMade()).toBe(before + 1);
  expect(crowd.all.flatMap(({ reports }) => reports)).toEqual([]);
});

test.each([0, 1, 2, 3])('it comes though the device went off %i steps into answering it', async (steps) => {
  const { world, cid, offer } = await threeLessOne();
  const isDecided = () =>
    cid.durableOffer(offer)?.unaskedAt !== undefined && cid.durableOffer(offer)?.answer.kind === 'waiting';
  const startAndCrash = async (effects: number) => {
    cid.crashAt = { effects, when: 'after' };
    await cid.start();
    await world.run(5_000, () => !cid.running);
    cid.crash();
  };
  for (let effects = 1; effects < 20 && !isDecided(); effects++) await startAndCrash(effects);
  expect(isDecided()).toBe(true);
  if (steps > 0) await startAndCrash(steps);
  await cid.start();
  expect(await world.run(30_000, () => has(cid, offer))).toBe(true);
});
