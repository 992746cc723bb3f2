import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import { newDevice, onlinePerson, Person, startTestServer, TestSocket, type TestServer } from '../testing.ts';

let server: TestServer;
let anna: Person;
beforeAll(async () => {
  server = await startTestServer();
  anna = await onlinePerson(server, 'anna');
});
afterAll(() => server.close());

/** Status line of a raw WebSocket upgrade, and of a polling handshake. */
function handshake(headers: Record<string, string>, upgrade: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(server.port, '127.0.0.1');
    const lines = [
      `GET /socket.io/?EIO=4&transport=${upgrade ? 'websocket' : 'polling'} HTTP/1.1`,
      `Host: localhost:${server.port}`,
      ...(upgrade
        ? [
            'Connection: Upgrade',
            'Upgrade: websocket',
            'Sec-WebSocket-Version: 13',
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
          ]
        : ['Connection: close']),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    socket.once('data', (data) => {
      resolve(data.toString().split('\r\n', 1)[0] ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}

describe('handshake', () => {
  it('refuses every Origin but its own', async () => {
    const own = `http://localhost:${server.port}`;
    for (const upgrade of [true, false]) {
      for (const origin of [
        'https://evil.example',
        'null',
        `${own}.evil.example`,
        `http://localhost:${server.port + 1}`,
      ])
        expect(await handshake({ Origin: origin, Cookie: anna.browser.cookieHeader }, upgrade)).toMatch(
          /^HTTP\/1.1 (?:400|403)/,
        );
      expect(await handshake({ Cookie: anna.browser.cookieHeader }, upgrade)).toMatch(/^HTTP\/1.1 (?:400|403)/);
      expect(await handshake({ 'Sec-Fetch-Site': 'cross-site' }, upgrade)).toMatch(/^HTTP\/1.1 (?:400|403)/);
      expect(await handshake({ Origin: own }, upgrade)).toMatch(upgrade ? /101/ : /200/);
    }
    expect(await handshake({ 'Sec-Fetch-Site': 'same-origin' }, false)).toMatch(/200/);
  });

  it('refuses a connection without a session, with the code', async () => {
    for (const cookie of ['', 'causeway-session=', `causeway-session=${'A'.repeat(43)}`, 'causeway-session=%00']) {
      const socket = new TestSocket(server.origin, cookie);
      expect(await socket.next('#error')).toBe('not-allowed');
      socket.close();
    }
  });

  it('works over polling too', async () => {
    const socket = new TestSocket(server.origin, anna.browser.cookieHeader, { transports: ['polling'] });
    expect((await socket.next('welcome')).account).toBe(anna.account.id);
    socket.close();
  });

  it('limits the connections of an account and of an address', async () => {
    const strict = await startTestServer({ CONNECTIONS_PER_ACCOUNT: '2', CONNECTIONS_PER_MINUTE: '4' });
    const bob = await new Person(strict.origin, 'bob').register();
    const sockets = [await bob.open(), await bob.open()];
    const third = new TestSocket(strict.origin, bob.browser.cookieHeader);
    expect(await third.next('#error')).toBe('rate-limited');
    await expect(new TestSocket(strict.origin, bob.browser.cookieHeader).next('#error')).resolves.toBe('rate-limited');
    await expect(new TestSocket(strict.origin, bob.browser.cookieHeader).next('#error')).resolves.toBe(
      'websocket error',
    );
    for (const { socket } of sockets) socket.close();
    await strict.close();
  });
});

describe('device:prove', () => {
  it('takes no proof of another connection, challenge, account or device', async () => {
    const bob = await onlinePerson(server, 'bob');
    const first = await bob.open();
    const second = await bob.open();
    expect(first.welcome.challenge).not.toBe(second.welcome.challenge);
    const refused = { ok: false, error: { code: 'not-allowed' } };
    expect(await second.socket.prove(first.welcome, bob.device)).toEqual(refused);
    expect(await second.socket.prove({ ...second.welcome, account: anna.account.id }, bob.device)).toEqual(refused);
    expect(await second.socket.prove(second.welcome, { ...bob.device, sign: newDevice().sign })).toEqual(refused);
    expect(await second.socket.prove(second.welcome, anna.device)).toMatchObject({ error: { code: 'unknown-device' } });
    expect(
      await second.socket.ask('device:prove', { device: bob.device.device.id, signature: `${'A'.repeat(85)}B` }),
    ).toEqual(refused);
    expect((await second.socket.prove(second.welcome, bob.device)).ok).toBe(true);
    await bob.socket.next('replaced');
    await bob.socket.next('#disconnect');
    // Replayed on a connection after it was good once.
    const third = await bob.open();
    expect(await third.socket.prove(second.welcome, bob.device)).toEqual(refused);
    for (const { socket } of [first, second, third]) socket.close();
  });

  it('is refused when the session ended meanwhile', async () => {
    const carl = await new Person(server.origin, 'carl').register();
    const { socket, welcome } = await carl.open();
    // The answer to the proof may be lost with the connection; what must not happen is that the connection lives on.
    const proof = socket.prove(welcome, carl.device).catch(() => undefined);
    await carl.browser.call('POST', '/api/logout');
    const answer = await proof;
    if (answer && !answer.ok) expect(answer.error.code).toBe('not-allowed');
    await socket.next('ended');
    await socket.next('#disconnect');
  });
});

describe('size and silence', () => {
  it('closes a connection that sends more than a message may have', async () => {
    const { socket } = await anna.open();
    socket.socket.emit('signal', { to: 'x', box: 'A'.repeat(limits.signalingMessageBytes + 1) }, () => undefined);
    expect(await socket.next('#disconnect')).toBeDefined();
    expect(await anna.socket.ask('ice:servers', {})).toMatchObject({ ok: true });
  });

  it('ignores events without an acknowledgement, then cuts the connection off', async () => {
    const { socket } = await anna.open();
    const before = server.counters.refusedEvents;
    for (let i = 0; i < 50; i++) socket.socket.emit('devices:append', { list: i });
    expect(await socket.ask('ice:servers', {})).toMatchObject({ error: { code: 'not-allowed' } });
    expect(server.counters.refusedEvents - before).toBe(50);
    socket.socket.emit('signal');
    expect(await socket.next('#disconnect')).toBe('io server disconnect');
  });

  it('answers too many events with how long to wait', async () => {
    const strict = await startTestServer({ EVENTS_PER_MINUTE: '3', LOOKUPS_PER_MINUTE: '1' });
    const dora = await onlinePerson(strict, 'dora');
    expect((await dora.socket.ask('people:lookup', { handle: 'dora' })).ok).toBe(true);
    expect(await dora.socket.ask('people:lookup', { handle: 'dora' })).toMatchObject({
      error: { code: 'rate-limited' },
    });
    for (let i = 0; i < 2; i++) expect((await dora.socket.ask('ice:servers', {})).ok).toBe(true);
    const refused = await dora.socket.ask('ice:servers', {});
    expect(refused).toMatchObject({ error: { code: 'rate-limited' } });
    expect(!refused.ok && refused.error.retryAfterMs).toBeGreaterThan(0);
    await strict.close();
  });
});
