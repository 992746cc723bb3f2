/** What a person chooses for themselves is the same on all their devices, whatever crashes on the way, and is nobody else's to say. */
import { describe, expect, test } from 'vitest';
import type { DeviceId } from '../../protocol/ids.ts';
import type { OwnChat } from '../../protocol/own-facts.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import { friends, type Machine } from '../testing/world.ts';
import { OwnChoices, type KeptChoice } from './own-choices.ts';

const marks = { pinned: false, muted: false, archived: false };

describe('choices over two devices', () => {
  async function two(seed = 1) {
    const { world, ann, bob } = await friends({ seed });
    const about = bob.account.id;
    const choose = (machine: Machine, chosen: Partial<typeof marks>) =>
      machine.act((engine) => engine.choose({ kind: 'own-chat', about, ...marks, ...chosen }));
    return { world, ann, bob, about, choose };
  }

  test('what was chosen before there was a second device reaches it, and its answer comes back', async () => {
    const { world, ann, about, choose } = await two();
    choose(ann, { muted: true });
    choose(ann, { pinned: true });
    ann.act((engine) => engine.choose({ kind: 'own-discretion', read: false, typing: true }));
    await world.run(3_000);
    expect(ann.engine.choices.untold()).toHaveLength(2); // one device writes no entries for itself
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(20_000);
    expect(second.engine.choices.chat(about)).toMatchObject({ pinned: true, muted: false });
    expect(second.engine.choices.discretion).toMatchObject({ read: false, typing: true });
    choose(second, { archived: true });
    await world.run(5_000);
    expect(ann.engine.choices.chat(about)).toMatchObject({ pinned: false, archived: true });
    expect([...ann.engine.choices.untold(), ...second.engine.choices.untold()]).toEqual([]);
    // It is as durable as it looks.
    ann.crash();
    await ann.start();
    expect(ann.engine.choices.chat(about)).toMatchObject({ archived: true });
  });

  test('both choose at once, apart and under crashes: they end with one and the same', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const { world, ann, about, choose } = await two(seed);
      const second = await world.secondDevice(ann);
      await second.start();
      await world.run(10_000);
      second.crash();
      choose(ann, { pinned: true });
      await world.run(1_000);
      ann.crashAt = { effects: 1 + (seed % 5), when: seed % 2 === 0 ? 'before' : 'after' };
      await second.start();
      choose(second, { muted: true });
      await world.run(3_000);
      ann.crashAt = undefined;
      await ann.start();
      await world.run(20_000);
      const ends = [ann, second].map(({ engine }) => engine.choices.chat(about));
      expect(ends[0], `seed ${seed}`).toEqual(ends[1]);
      expect(ends[0]?.pinned !== ends[0]?.muted, `seed ${seed}`).toBe(true);
    }
  });

  test('nobody else can tell this account what it wants', async () => {
    const { world, ann, bob, about } = await two();
    const { conversation } = bob.person(ann);
    await bob.engine.feeds.append(conversation, { kind: 'own-chat', about, ...marks, muted: true });
    await bob.engine.feeds.append(conversation, { kind: 'own-discretion', read: false, typing: false });
    await world.run(3_000);
    expect(await ann.history(bob)).toHaveLength(2);
    expect(ann.engine.choices.chat(about)).toMatchObject(marks);
    expect(ann.engine.choices.discretion).toMatchObject({ read: true, typing: true });
  });
});

describe('of several entries', () => {
  const chat = (chosen: Partial<typeof marks>): OwnChat => ({
    kind: 'own-chat',
    about: 'bob' as OwnChat['about'],
    ...marks,
    ...chosen,
  });
  const at = (lamport: number, device = 'a') => ({ lamport, device: device as DeviceId });
  async function heard(...said: [OwnChat, ReturnType<typeof at>][]) {
    const changes: unknown[] = [];
    const choices = new OwnChoices(new MemoryRecords<KeptChoice>(), (about) => changes.push(about));
    for (const one of said) await choices.heard(...one);
    const { pinned, muted } = choices.chat('bob' as OwnChat['about']);
    return { pinned, muted, changes: changes.length };
  }

  test('the last in the order counts, in whatever order they come', async () => {
    const [pin, mute] = [chat({ pinned: true }), chat({ muted: true })];
    expect(await heard([pin, at(3)], [mute, at(2)])).toEqual({ pinned: true, muted: false, changes: 1 });
    expect(await heard([mute, at(2)], [pin, at(3)])).toEqual({ pinned: true, muted: false, changes: 2 });
    expect(await heard([pin, at(2, 'b')], [mute, at(2, 'a')])).toMatchObject({ pinned: true });
    expect(await heard([mute, at(2, 'a')], [pin, at(2, 'b')])).toMatchObject({ pinned: true });
  });

  test('one that was chosen here and not told yet is later than all that come', async () => {
    const choices = new OwnChoices(new MemoryRecords<KeptChoice>(), () => undefined);
    await choices.choose(chat({ archived: true }));
    await choices.heard(chat({ pinned: true }), at(99));
    expect(choices.untold()).toEqual([chat({ archived: true })]);
    await choices.heard(chat({ archived: true }), at(100));
    expect(choices.untold()).toEqual([]);
  });

  test('one that could not be stored does not count, and counts when it is taken again', async () => {
    const records = new MemoryRecords<KeptChoice>();
    const choices = new OwnChoices(records, () => undefined);
    const [pin, about] = [chat({ pinned: true }), 'bob' as OwnChat['about']];
    records.beforeWrite = () => {
      throw new Error('full');
    };
    await expect(choices.heard(pin, at(1))).rejects.toThrow('full');
    expect(choices.chat(about)).toMatchObject(marks);
    records.beforeWrite = () => undefined;
    await choices.heard(pin, at(1));
    expect(choices.chat(about)).toMatchObject({ pinned: true });
    expect(records.at(about)).toEqual({ choice: pin, at: at(1) });
  });
});
