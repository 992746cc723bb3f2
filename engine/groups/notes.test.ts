/** Who is writing and who has read, in a group in which not everybody is linked with everybody. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { GroupId } from '../../protocol/ids.ts';
import { Crowd } from '../testing/crowd.ts';
import { World, type Machine } from '../testing/world.ts';

const members = 12;

let world: World;
let crowd: Crowd;
const id = (): GroupId => crowd.groupOf(crowd.all[0])?.id as GroupId;
const member = (number: number): Machine => crowd.all[number] as Machine;
const others = (of: Machine): Machine[] => crowd.all.filter((machine) => machine !== of);
const readers = async (of: Machine, author: Machine): Promise<number> => {
  const group = crowd.groupOf(of);
  const [last] = group ? (await of.feeds.history(group.chat, 1)).slice(-1) : [];
  return group && last?.device === author.device ? of.engine.readersOf(group, last).length : -1;
};

beforeEach(async () => {
  world = new World();
  crowd = await Crowd.gather(world, members);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  // Links of the time in which all came are gone.
  await world.run(150_000);
  for (const machine of crowd.all) machine.engine.lookAt(id());
  await world.run(5_000);
}, 60_000);

describe('a note', () => {
  it('says to everybody who is writing, and that ends by itself or with what was written', async () => {
    const [, writer] = crowd.all as [Machine, Machine];
    const near = writer.engine.links.all().length;
    expect(near).toBeLessThan(members - 1);
    const seeing = () =>
      others(writer).filter((machine) => {
        const group = crowd.groupOf(machine);
        return group && machine.engine.writingIn(group).includes(writer.account.id);
      }).length;
    writer.engine.typing(id());
    expect(await world.run(1_000, () => seeing() === members - 1)).toBe(true);
    crowd.say(writer, 'that is it');
    expect(await world.run(1_000, () => seeing() === 0)).toBe(true);
    await world.run(1_000);
    writer.engine.typing(id());
    expect(await world.run(1_000, () => seeing() === members - 1)).toBe(true);
    await world.run(7_000);
    expect(seeing()).toBe(0);
  });

  it('says who has read, of those who let others know, to who comes later too', async () => {
    const author = member(2);
    const secretive = member(3);
    const lets = (machine: Machine, read: boolean) =>
      machine.engine.choose({ kind: 'own-discretion', read, typing: true });
    await lets(secretive, false);
    crowd.say(author, 'hello');
    await world.run(2_000);
    expect(await readers(author, author)).toBe(0);
    for (const machine of crowd.all) machine.act((engine) => engine.seen(id() as never));
    await world.run(5_000);
    expect(await readers(author, author)).toBe(members - 2);
    const group = crowd.groupOf(author);
    const [last] = group ? await author.feeds.history(group.chat, 1) : [];
    expect(group && last && author.engine.readersOf(group, last)).not.toContain(secretive.account.id);
    // Whoever does not let others know is not told.
    await lets(author, false);
    expect(await readers(author, author)).toBe(0);
    await lets(author, true);

    // It is known after a new start, and what was read meanwhile is heard of whoever is there.
    await author.close();
    await world.run(5_000);
    await author.start();
    await world.run(5_000);
    expect(await readers(author, author)).toBe(members - 2);
  });

  it('is not believed without the signature of its device, nor a second time', async () => {
    const [forger, victim, reader] = [member(4), member(5), member(6)];
    const group = crowd.groupOf(reader);
    const at = reader.world.clock.now();
    const note = { kind: 'note', conversation: group?.chat, device: victim.device, at, read: [] } as const;
    const signature = await forger.keys.sign(new Uint8Array(3));
    for (const link of forger.engine.links.all()) link.control({ ...note, signature } as never);
    await world.run(2_000);
    for (const machine of others(victim)) {
      const seen = crowd.groupOf(machine);
      expect(seen && machine.engine.writingIn(seen)).toEqual([]);
    }
    expect(crowd.all.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it('is of nobody whose account is deleted; the others are told so', async () => {
    const [gone, reader] = [member(10), member(1)];
    world.server.delete(gone.account.id);
    const group = crowd.groupOf(reader);
    const departed = () => group?.departed.has(gone.account.id) === true;
    expect(await world.run(2_000, departed)).toBe(true);
    expect(group?.online(gone.account.id)).toEqual([]);
    expect(group?.membership?.members.has(gone.account.id)).toBe(true);
    crowd.all[0].act(async (engine) => engine.groups.byId(id())?.remove(gone.account.id));
    expect(await world.run(2_000, () => group?.membership?.members.has(gone.account.id) === false)).toBe(true);
  });

  it('names a person in a text: it stands in the summary until it was read', async () => {
    const [author, named] = [member(7), member(8)];
    named.engine.lookAt(undefined);
    author.act((engine) => engine.sendText(id() as never, 'come, @you', undefined, [named.account.id]));
    await world.run(2_000);
    const summary = (machine: Machine) => machine.engine.conversations.summary(crowd.groupOf(machine)?.chat as never);
    expect(summary(named)).toMatchObject({ unread: 1, mentioned: true });
    expect(summary(member(9)).mentioned).not.toBe(true);
    named.engine.lookAt(id());
    await world.run(100);
    named.engine.lookAt(undefined);
    crowd.say(author, 'nobody');
    await world.run(2_000);
    expect(summary(named)).toMatchObject({ unread: 1, mentioned: false });
  });
});
