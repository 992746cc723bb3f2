/** Devices of one account: history, contacts and what was read come across, under crashes and cuts; both write; one is revoked. */
import { describe, expect, test } from 'vitest';
import { equalBytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { isVerified } from '../exchange/rules.ts';
import { directConversation } from '../identity/conversation-id.ts';
import { contentOf } from '../testing/content.ts';
import { hashes } from '../testing/keys.ts';
import type { Person } from '../people/people.ts';
import { friends, World, type Machine } from '../testing/world.ts';

const say = (from: Machine, to: Machine, ...texts: string[]) => {
  for (const text of texts) from.act((engine) => engine.sendText(to.account.id, text));
};
const unread = (machine: Machine, other: Machine) =>
  machine.engine.conversations.summary(machine.person(other).conversation).unread;
const sorted = async (machine: Machine, other: Machine) => (await machine.texts(other)).sort();

/** Ann and Bob have talked, Bob is gone for good, and Ann has a second device. */
async function withSecond(count: number, seed = 1) {
  const { world, ann, bob } = await friends({ seed });
  const texts = Array.from({ length: count }, (_, index) => `text ${String(index).padStart(4, '0')}`);
  for (const [index, text] of texts.entries()) say(index % 2 === 0 ? ann : bob, index % 2 === 0 ? bob : ann, text);
  await world.run(5_000);
  expect(await sorted(ann, bob)).toEqual(texts);
  await bob.close();
  await world.run(5_000);
  const second = await world.secondDevice(ann);
  return { world, ann, bob, second, texts };
}

describe('a second device', () => {
  test('gets history and people from the first, the author being away', async () => {
    const { world, ann, bob, second, texts } = await withSecond(300);
    await second.start();
    let most = 0;
    const here = () => {
      const history = second.running ? second.engine.ownDevices.history() : undefined;
      if (history) {
        expect(history.device).toBe(ann.device);
        expect(history.share).toBeGreaterThanOrEqual(0);
        expect(history.share).toBeLessThan(1);
        most = Math.max(most, history.entries);
      }
      return second.engine.conversations.taken(ann.person(bob).conversation, ann.device) === 150;
    };
    expect(await world.run(20_000, here)).toBe(true);
    await world.run(3_000);
    expect(await sorted(second, bob)).toEqual(texts);
    expect(most).toBeGreaterThanOrEqual(300);
    expect(second.engine.ownDevices.history()).toBeUndefined();
    expect(second.person(bob).pin).toEqual(ann.person(bob).pin);
    // Nothing is owed any more: the link closes by itself.
    await world.run(200_000);
    expect(world.wires.all.size).toBe(0);
  });

  test('gets it whatever crashes and breaks on the way', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { world, ann, bob, second, texts } = await withSecond(60, seed);
      await second.start();
      for (let round = 0; round < 4; round++) {
        const victim = (seed + round) % 2 === 0 ? second : ann;
        victim.crashAt = { effects: 2 + ((seed * 7 + round * 5) % 20), when: round % 2 === 0 ? 'before' : 'after' };
        await world.run(400 + 100 * round);
        world.wires.cut(ann.device, second.device);
        await world.run(300);
        await ann.start();
        await second.start();
      }
      for (const machine of [ann, second]) machine.crashAt = undefined;
      await ann.start();
      await second.start();
      await world.run(30_000);
      expect(await sorted(second, bob), `seed ${seed}`).toEqual(texts);
      expect([...ann.lies, ...second.lies]).toEqual([]);
    }
  });

  test('learns from a contact that what the first device wrote is delivered, though the contact brought it', async () => {
    const { world, ann, bob } = await friends();
    say(ann, bob, 'one');
    await world.run(2_000);
    await ann.close();
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(500);
    second.engine.lookAt(bob.account.id);
    await world.run(3_000);
    second.engine.lookAt(undefined);
    expect(await second.texts(bob)).toEqual(['one']);
    const { conversation } = second.person(bob);
    expect(second.engine.conversations.deliveryOf(conversation, 0, [bob.device], ann.device)).toBe('delivered');
    await world.run(200_000);
    expect(world.wires.all.size).toBe(0);
  });

  test('both write at once, and every device ends with the same in the same order', async () => {
    const { world, ann, bob } = await friends();
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(1_000);
    for (let index = 0; index < 20; index++) {
      say(ann, bob, `first ${index}`);
      say(second, bob, `second ${index}`);
      say(bob, ann, `bob ${index}`);
      await world.run(40);
    }
    await world.run(5_000);
    const [mine, other, theirs] = [await ann.texts(bob), await second.texts(bob), await bob.texts(ann)];
    expect(mine).toHaveLength(60);
    expect(other).toEqual(mine);
    expect(theirs).toEqual(mine);
  });

  test('brings what the first wrote, when the first is gone', async () => {
    const { world, ann, bob, second } = await withSecond(2);
    await second.start();
    await world.run(3_000);
    say(ann, bob, 'written while you were away');
    await world.run(3_000);
    await ann.close();
    await bob.start();
    await world.run(5_000);
    expect(await bob.texts(ann)).toContain('written while you were away');
    const sequence = (await second.history(bob)).filter(({ device }) => device === ann.device).length - 1;
    const { conversation } = second.person(bob);
    expect(second.engine.conversations.deliveryOf(conversation, sequence, [bob.device], ann.device)).toBe('delivered');
  });

  test('what is read on one is read on the other, both ways, and survives a restart', async () => {
    const { world, ann, bob } = await friends();
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(1_000);
    say(bob, ann, 'one', 'two');
    await world.run(3_000);
    expect([unread(ann, bob), unread(second, bob)]).toEqual([2, 2]);
    ann.engine.lookAt(bob.account.id);
    await world.run(10_000);
    expect([unread(ann, bob), unread(second, bob)]).toEqual([0, 0]);
    ann.engine.lookAt(undefined);
    say(bob, ann, 'three');
    await world.run(3_000);
    expect([unread(ann, bob), unread(second, bob)]).toEqual([1, 1]);
    await ann.close();
    second.engine.lookAt(bob.account.id);
    await world.run(7_000);
    await ann.start();
    await world.run(10_000);
    expect(unread(ann, bob)).toBe(0);
  });

  test('finds read what was read before it was there, and unread what was not', async () => {
    const { world, ann, bob } = await friends();
    say(bob, ann, 'one', 'two', 'three');
    await world.run(2_000);
    ann.engine.lookAt(bob.account.id);
    await world.run(1_000);
    ann.engine.lookAt(undefined);
    say(bob, ann, 'four', 'five');
    await world.run(2_000);
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(10_000);
    expect([unread(ann, bob), unread(second, bob)]).toEqual([2, 2]);
  });

  test('knows people whom the server no longer names, and conversations under earlier keys', async () => {
    const { world, ann, bob } = await friends();
    say(ann, bob, 'under the old keys');
    await world.run(2_000);
    const before = ann.person(bob).conversation;
    const fresh = await world.resetRoot(bob);
    await fresh.start();
    await world.run(2_000);
    ann.act((engine) => engine.answerRequest(bob.account.id, 'remove'));
    await world.run(1_000);
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(10_000);
    expect(second.person(bob)).toMatchObject({ relation: 'none', earlier: [before], keysAcknowledged: false });
    expect(await second.feeds.history(before, 10)).toHaveLength(1);
  });

  test('hears loudly that the server names other keys to it than the first device has pinned', async () => {
    const { world, ann, bob } = await friends();
    const { pin } = ann.person(bob);
    const second = await world.secondDevice(ann);
    const lying = await world.resetRoot(bob);
    // The first device is not told.
    ann.crash();
    await ann.people.put(bob.account.id, { ...(ann.people.at(bob.account.id) as Person), pin });
    await second.start();
    await world.run(1_000);
    expect(second.person(lying).keysChangedAt).toBeUndefined();
    world.server.found = () => undefined;
    await ann.start();
    await world.run(10_000);
    expect(second.person(bob)).toMatchObject({ keysAcknowledged: false });
  });

  test('knows whose safety number was compared, and that it was taken back; rules stay with the device that has them', async () => {
    const { world, ann, bob } = await friends();
    const rule = { upToBytes: 1000, kinds: 'everything' } as const;
    ann.act((engine) => engine.people.setAcceptRule(bob.account.id, rule));
    ann.act((engine) => engine.people.setVerified(bob.account.id, true));
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(5_000);
    expect(isVerified(second.person(bob))).toBe(true);
    expect(second.person(bob).acceptRule).toBeUndefined();
    second.act((engine) => engine.people.setVerified(bob.account.id, false));
    await world.run(5_000);
    expect(isVerified(ann.person(bob))).toBe(false);
    expect(ann.person(bob).acceptRule).toEqual(rule);
    // Both at once, each the other way: the later word counts on both.
    ann.act((engine) => engine.people.setVerified(bob.account.id, true));
    second.act((engine) => engine.people.setVerified(bob.account.id, false));
    second.act((engine) => engine.people.setVerified(bob.account.id, true));
    await world.run(5_000);
    expect([ann, second].map((machine) => isVerified(machine.person(bob)))).toEqual([true, true]);
    // Other keys are not those that were compared, on no device.
    await (await world.resetRoot(bob)).start();
    await world.run(5_000);
    expect([ann, second].map((machine) => isVerified(machine.person(bob)))).toEqual([false, false]);
    for (const machine of [ann, second]) expect(machine.lies).toEqual([]);
  });

  test('nobody else can tell what was read, or who people are', async () => {
    const { world, ann, bob } = await friends();
    say(bob, ann, 'one');
    await world.run(2_000);
    const { conversation } = ann.person(bob);
    const device = bob.device;
    bob.act((engine) => engine.feeds.append(conversation, { kind: 'own-read', conversation, upTo: [[device, 99]] }));
    await world.run(2_000);
    expect(unread(ann, bob)).toBe(1);
    expect(ann.engine.conversations.summary(conversation).read).toBeUndefined();
  });
});

describe('revoking', () => {
  test('a device that is revoked loses its links, is told, and is accepted by nobody', async () => {
    const { world, ann, bob } = await friends();
    const second = await world.secondDevice(ann);
    await second.start();
    ann.engine.lookAt(ann.account.id);
    await world.run(2_000);
    expect(ann.engine.links.open(second.device)).toBeDefined();
    expect((await ann.engine.revokeDevice(ann.device)).ok).toBe(false);
    ann.act((engine) => engine.revokeDevice(second.device));
    await world.run(2_000);
    expect(second.stopped).toEqual(['unknown-device']);
    expect(ann.engine.devices.map(({ id }) => id)).toEqual([ann.device]);
    expect(ann.engine.links.open(second.device)).toBeUndefined();
    expect(bob.person(ann).devices.map(({ id }) => id)).toEqual([ann.device]);
    say(bob, ann, 'still here');
    await world.run(2_000);
    expect(await ann.texts(bob)).toContain('still here');
    expect(await second.feeds.history(ann.person(bob).conversation, 10)).toEqual([]);
  });

  test('a device whose data is deleted takes itself out of the list, unless it is the only one', async () => {
    const { world, ann, bob } = await friends();
    expect(await ann.engine.removeThisDevice()).toEqual({ ok: true });
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(2_000);
    second.act((engine) => engine.removeThisDevice());
    await world.run(2_000);
    expect(second.stopped).toEqual(['unknown-device']);
    expect(ann.engine.devices.map(({ id }) => id)).toEqual([ann.device]);
    expect(bob.person(ann).devices.map(({ id }) => id)).toEqual([ann.device]);
  });

  test('a device gets another name, on every device and with contacts; an added one is a notice there', async () => {
    const { world, ann, bob } = await friends();
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(1_000);
    expect(bob.person(ann).added?.map(({ name }) => name)).toEqual([second.keys.device.name]);
    ann.act((engine) => engine.renameDevice(second.device, ' Kitchen\u202e tablet '));
    await world.run(1_000);
    for (const devices of [second.engine.devices, bob.person(ann).devices])
      expect(devices.find(({ id }) => id === second.device)?.name).toBe('Kitchen tablet');
    expect(bob.person(ann).added).toHaveLength(1);
    expect(ann.person(bob).added).toBeUndefined();
  });
});

describe('a conversation with oneself', () => {
  test('notes and files go to the other device without asking', async () => {
    const { world, ann } = await friends();
    const second = await world.secondDevice(ann);
    const third = await world.secondDevice(ann);
    await second.start();
    await third.start();
    await world.run(1_000);
    say(ann, ann, 'note to self');
    const content = contentOf(900_000, 3);
    const offer = ann.offer(ann.account.id, [content]) as OfferId;
    const standings = () => [ann, second, third].map((machine) => machine.standing(offer));
    await world.run(30_000, () => standings().every((standing) => standing === 'done'));
    expect(standings()).toEqual(['done', 'done', 'done']);
    const getter = [second, third].find(({ device }) => ann.record(offer).files[0]?.receivedBy === device);
    const received = getter?.blobs.received(offer, 0, content.length);
    expect(received && equalBytes(received, content)).toBe(true);
    expect(await second.texts(second)).toEqual(['note to self']);
    expect(unread(second, second)).toBe(0);
    for (const machine of [ann, second, third]) expect(machine.lies).toEqual([]);
  });

  test('waits for a device that is not there', async () => {
    const { world, ann } = await friends();
    const second = await world.secondDevice(ann);
    await world.run(1_000);
    const offer = ann.offer(ann.account.id, [contentOf(100_000, 4)]) as OfferId;
    await world.run(2_000);
    expect(ann.standing(offer)).toBe('waiting');
    await second.start();
    await world.run(10_000, () => ann.standing(offer) === 'done');
    expect(ann.standing(offer)).toBe('done');
  });

  test('is nobody else’s: a contact is refused there', async () => {
    const { world, ann, bob } = await friends();
    const { root } = ann.engine;
    const conversation = await directConversation(root as never, root as never, hashes);
    ann.engine.lookAt(bob.account.id);
    await world.run(1_000);
    bob.engine.links.open(ann.device)?.control({ kind: 'frontier', conversation, have: [] });
    await world.run(100);
    expect(ann.reports.map(String).join()).toContain('another conversation');
  });

  test('who has one device writes nothing of this kind', async () => {
    const world = new World();
    const alone = await world.person();
    const friend = await world.person();
    world.befriend(alone, friend);
    await alone.start();
    await friend.start();
    say(friend, alone, 'hello');
    await world.run(2_000);
    alone.engine.lookAt(friend.account.id);
    await world.run(10_000);
    expect(await alone.history(alone)).toEqual([]);
  });
});
