/** What a browser that is logged in without being a device may do: ask the devices of its own account, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDevice, onlinePerson, signList, startTestServer, type Person, type TestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function withGuest() {
  const anna = await onlinePerson(server);
  const guest = newDevice();
  const { socket } = await anna.open(await anna.logIn());
  const ask = (to: string, from = guest) => socket.ask('approval', { from: from.device, to: to as never, box: 'AAAA' });
  return { anna, guest, socket, ask };
}
const code = (answer: { ok: boolean; error?: { code: string } }) => (answer.ok ? 'ok' : answer.error?.code);
const reply = (person: Person, to: string, from = person.device) =>
  person.socket.ask('approval', { from: from.device, to: to as never, box: 'BBBB' });

describe('approval', () => {
  it('passes between a guest and the device that it asks, both ways, and is counted', async () => {
    const { anna, guest, socket, ask } = await withGuest();
    const before = server.counters.relayedEnvelopes;
    expect(code(await ask(anna.device.device.id))).toBe('ok');
    expect(await anna.socket.next('approval')).toEqual({ from: guest.device, box: 'AAAA' });
    expect(code(await reply(anna, guest.device.id))).toBe('ok');
    expect(await socket.next('approval')).toEqual({ from: anna.device.device, box: 'BBBB' });
    expect(server.counters.relayedEnvelopes - before).toBe(2);
    socket.close();
  });

  it('never reaches a device of another account, nor comes from a device that anybody has', async () => {
    const { anna, socket, ask } = await withGuest();
    const bob = await onlinePerson(server);
    expect(code(await ask(bob.device.device.id))).toBe('not-allowed');
    expect(code(await ask(newDevice().device.id))).toBe('not-allowed');
    expect(code(await ask(anna.device.device.id, anna.device))).toBe('not-allowed');
    expect(code(await ask(anna.device.device.id, bob.device))).toBe('not-allowed');
    expect(anna.socket.pending('approval')).toEqual([]);
    expect(bob.socket.pending('approval')).toEqual([]);
    socket.close();
  });

  it('keeps the id that a guest took first, for it alone', async () => {
    const { anna, guest, socket, ask } = await withGuest();
    expect(code(await ask(anna.device.device.id))).toBe('ok');
    expect(code(await ask(anna.device.device.id, newDevice()))).toBe('not-allowed');
    const other = await anna.open(await anna.logIn());
    const same = { from: guest.device, to: anna.device.device.id, box: 'AAAA' };
    expect(code(await other.socket.ask('approval', same))).toBe('not-allowed');
    socket.close();
    other.socket.close();
  });

  it('a device answers as itself, and only guests of its account', async () => {
    const { anna, guest, socket, ask } = await withGuest();
    const bob = await onlinePerson(server);
    expect(code(await reply(anna, guest.device.id))).toBe('offline');
    await ask(anna.device.device.id);
    expect(code(await reply(anna, guest.device.id, newDevice()))).toBe('not-allowed');
    expect(code(await reply(bob, guest.device.id))).toBe('offline');
    expect(code(await reply(anna, bob.device.device.id))).toBe('offline');
    expect(socket.pending('approval')).toEqual([]);
    socket.close();
    await anna.socket.get('ice:servers', {});
    anna.socket.close();
    const late = await anna.open(await anna.logIn());
    const asked = { from: guest.device, to: anna.device.device.id, box: 'AAAA' };
    expect(code(await late.socket.ask('approval', asked))).toBe('offline');
    late.socket.close();
  });
});

describe('a device list', () => {
  it('that names a device of another account is refused, whoever signs it', async () => {
    const [anna, bob] = [await onlinePerson(server), await onlinePerson(server)];
    for (const signer of ['root', anna.device] as const) {
      const list = signList(anna.identity, [anna.device, bob.device], {
        after: anna.account.lists[0] as never,
        number: 1,
        signer,
      });
      expect(code(await anna.socket.ask('devices:append', { list }))).toBe('not-allowed');
    }
    expect((await anna.browser.call('GET', '/api/session')).result).toMatchObject({
      value: { lists: anna.account.lists },
    });
    // The device goes on being that of its own account.
    bob.socket.close();
    await bob.connect();
  });
});

describe('own devices', () => {
  it('hear which of them are online, and when the others went', async () => {
    const anna = await onlinePerson(server);
    const first = anna.socket;
    const second = newDevice();
    const list = signList(anna.identity, [anna.device, second], {
      after: anna.account.lists[0] as never,
      number: 1,
      signer: anna.device,
    });
    await first.get('devices:append', { list });
    await anna.connect(second, await anna.logIn());
    const both = [anna.device.device.id, second.device.id].sort();
    for (const socket of [first, anna.socket])
      expect((await socket.next('devices', ({ online }) => online.length === 2)).online.sort()).toEqual(both);
    const before = Date.now();
    anna.socket.close();
    const { online, seenAt } = await first.next(
      'devices',
      (event) => event.online.length === 1 && event.seenAt.length > 0,
    );
    expect(online).toEqual([anna.device.device.id]);
    expect(seenAt.map(([id]) => id)).toEqual([second.device.id]);
    expect(seenAt[0]?.[1]).toBeGreaterThanOrEqual(before);
    first.close();
  });

  it('a revoked one is told so', async () => {
    const anna = await onlinePerson(server);
    const other = newDevice();
    const list = signList(anna.identity, [other], { after: anna.account.lists[0] as never, number: 1 });
    await anna.socket.get('devices:append', { list });
    expect(await anna.socket.next('ended')).toEqual({ revoked: true });
  });
});
