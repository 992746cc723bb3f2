import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { toBase64 } from '../../protocol/bytes.ts';
import type { ConversationId } from '../../protocol/ids.ts';
import { MemorySignaling } from '../testing/memory-signaling.ts';
import { readPayload } from '../feed/payload.ts';
import { groupOf, isIn, smallGroup } from '../testing/small-group.ts';
import type { World } from '../testing/world.ts';
import { type Machine } from '../testing/world.ts';

const sizes = (machines: readonly Machine[]): number[] =>
  machines.map((machine) => machine.engine.groups.all()[0]?.membership?.members.size ?? 0);

async function texts(machine: Machine): Promise<string[]> {
  const history = await machine.engine.feeds.history(groupOf(machine).chat, 10_000);
  return history.map((entry) => {
    const payload = readPayload(entry);
    return payload.kind === 'text' ? payload.text : payload.kind;
  });
}
const say = (machine: Machine, text: string) => machine.act((engine) => engine.sendText(groupOf(machine).id, text));

const settled = (world: World, machines: readonly Machine[], expected: readonly string[]) =>
  expect
    .poll(
      async () => {
        await world.run(1_000);
        return Promise.all(machines.map(texts));
      },
      { timeout: 20_000, interval: 0 },
    )
    .toEqual(machines.map(() => expected));

/** All text in a value, that in bytes and in base64url among it. */
const textsIn = (value: unknown): string => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value === 'string')
    return /^[\w-]+$/.test(value) ? `${value} ${Buffer.from(value, 'base64url').toString('latin1')}` : value;
  return typeof value === 'object' && value !== null ? Object.values(value).map(textsIn).join(' ') : String(value);
};

describe('a group', () => {
  test('is joined by a code, and its name and messages are those of its members alone', async () => {
    const { world, all } = await smallGroup(3);
    expect(sizes(all)).toEqual([3, 3, 3]);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    say(ann, 'first');
    await settled(world, all, ['first']);
    say(bob, 'second');
    await settled(world, all, ['first', 'second']);
    say(cid, 'third');
    await settled(world, all, ['first', 'second', 'third']);
    expect(all.map((machine) => groupOf(machine).face?.name)).toEqual(['Choir', 'Choir', 'Choir']);
    // Encrypted, wherever it lies beside the plain text.
    for (const entry of await ann.feeds.history(groupOf(ann).chat, 10))
      expect(new TextDecoder().decode(entry.wire)).not.toMatch(/first|second|third/);
    expect(all.flatMap(({ reports }) => reports)).toEqual([]);
  });

  test('has a name that neither the server nor whoever reads its log without a key learns', async () => {
    const asked = vi.spyOn(MemorySignaling.prototype, 'answer');
    onTestFinished(() => asked.mockRestore());
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    ann.act(() => groupOf(ann).rename({ name: 'Orchestra' }));
    say(bob, 'to the Orchestra');
    await settled(world, all, ['to the Orchestra']);
    expect(await world.run(5_000, () => groupOf(bob).face?.name === 'Orchestra')).toBe(true);
    const log = await ann.engine.feeds.history(groupOf(ann).log, 100);
    const chat = await ann.engine.feeds.history(groupOf(ann).chat, 100);
    const wires = textsIn([...log, ...chat].map(({ wire }) => wire));
    const server = textsIn([
      asked.mock.calls.map(([, name, body]) => ({ name, body })),
      world.server.relayed,
      world.server.knocks,
      [...world.server.groups.records.values()],
    ]);
    // Both are found where they are.
    expect(wires).toContain(bob.account.handle);
    expect(server).toContain(groupOf(ann).id);
    for (const secret of ['Choir', 'Orchestra']) {
      expect(wires).not.toContain(secret);
      expect(server).not.toContain(secret);
    }
  });

  test('hands on what somebody said who is gone', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    await cid.close();
    say(ann, 'before I go');
    await settled(world, [bob], ['before I go']);
    await ann.close();
    await cid.start();
    await settled(world, [cid], ['before I go']);
  });

  test('gives its history to those who come later', async () => {
    const { world, all, code } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    for (let at = 0; at < 20; at++) say(at % 2 ? ann : bob, `message ${at}`);
    await world.run(3_000);
    const late = await world.person();
    await late.start();
    await ann.close();
    late.act((engine) => engine.groups.join(`https://example.org/#join/${code}`));
    expect(await world.run(30_000, () => isIn(late))).toBe(true);
    const all20 = await texts(bob);
    expect(all20).toHaveLength(20);
    await settled(world, [late], all20);
  });

  test('is not read on by who was removed, and not written in', async () => {
    const { world, all, code } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    say(cid, 'I was here');
    await settled(world, all, ['I was here']);
    ann.act(() => groupOf(ann).remove(cid.account.id));
    await world.run(10_000, () => !groupOf(bob).membership?.members.has(cid.account.id));
    say(ann, 'among us');
    await settled(world, [ann, bob], ['I was here', 'among us']);
    say(cid, 'let me in');
    cid.act((engine) => engine.groups.join(code));
    await world.run(10_000);
    expect(await texts(ann)).toEqual(['I was here', 'among us']);
    expect(await texts(cid)).not.toContain('among us');
    expect(sizes([ann, bob])).toEqual([2, 2]);
  });

  test('asks an admin where the invitation says so', async () => {
    const { world, all } = await smallGroup(2, { approval: true });
    const [ann, bob] = all as [Machine, Machine];
    await world.run(5_000, () => bob.engine.groups.joining()[0]?.verdict === 'waiting');
    expect(groupOf(ann).asking.size).toBe(1);
    expect(isIn(bob)).toBe(false);
    expect(bob.engine.groups.joining().map(({ verdict }) => verdict)).toEqual(['waiting']);
    ann.act((engine) => engine.groups.decide(groupOf(ann), bob.account.id, 'admit'));
    expect(await world.run(20_000, () => isIn(bob))).toBe(true);
    expect(bob.engine.groups.joining()).toEqual([]);
  });

  test('says who is online', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, , cid] = all as [Machine, Machine, Machine];
    await world.run(2_000);
    expect(groupOf(ann).online(cid.account.id)).toEqual([cid.device]);
    cid.crash();
    await world.run(25_000, () => groupOf(ann).online(cid.account.id).length === 0);
    expect(groupOf(ann).online(cid.account.id)).toEqual([]);
  });

  test('is on the other devices of its members', async () => {
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    say(ann, 'from the first device');
    await settled(world, all, ['from the first device']);
    const second = await world.secondDevice(ann);
    await second.start();
    await world.run(40_000, () => second.engine.groups.all().length > 0 && isIn(second));
    await settled(world, [second], ['from the first device']);
    say(second, 'from the second');
    await settled(world, [ann, bob, second], ['from the first device', 'from the second']);
  });

  test('lets somebody in while another device of the account says that there is one more group', async () => {
    const { world, all, code } = await smallGroup(1);
    const [ann] = all as [Machine];
    const bob = await world.person();
    await bob.start();
    await world.run(500);
    const own = ann.engine.people.get(ann.account.id)?.conversation;
    if (own === undefined) throw new Error('no conversation among own devices');
    const { log } = groupOf(ann);
    const other = toBase64(new Uint8Array(32).fill(7)) as ConversationId;
    const append = ann.feeds.append.bind(ann.feeds);
    let told = false;
    ann.feeds.append = async (entries) => {
      await append(entries);
      if (told || !entries.some(({ conversation }) => conversation === log)) return;
      told = true; // in the middle of letting somebody in
      ann.act((engine) => engine.feeds.append(own, { kind: 'own-group', log: other }));
    };
    bob.act((engine) => engine.groups.join(code));
    expect(await world.run(20_000, () => told && isIn(bob))).toBe(true);
    say(bob, 'hello');
    await settled(world, [ann], ['hello']);
    expect(ann.engine.groups.byLog(other)).toBeDefined();
  });

  test('outlives a restart of everybody', async () => {
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    say(ann, 'kept');
    await settled(world, all, ['kept']);
    for (const machine of all) machine.crash();
    await world.run(5_000);
    for (const machine of all) await machine.start();
    expect(groupOf(bob).face?.name).toBe('Choir');
    say(bob, 'and on');
    await settled(world, all, ['kept', 'and on']);
  });

  test('is left, handed over, and ended', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    ann.act((engine) => engine.groups.leave(groupOf(ann)));
    await world.run(
      10_000,
      () => groupOf(bob).membership?.members.size === 2 && groupOf(cid).membership?.members.size === 2,
    );
    expect(isIn(ann)).toBe(false);
    const roles = [bob, cid].map((machine) => groupOf(machine).me?.role);
    expect(roles.toSorted()).toEqual(['member', 'owner']);
    const owner = roles[0] === 'owner' ? bob : cid;
    owner.act((engine) => engine.groups.end(groupOf(owner)));
    await world.run(10_000);
    expect(groupOf(owner).membership?.deleted).toBe(true);
    expect(world.server.groups.records.size).toBe(0);
  });
});
