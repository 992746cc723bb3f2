/** Who may send what, and what becomes of everything that nobody should send. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { clientEvents, type ClientEventName } from '../../protocol/events.ts';
import { errorCodes, WireError } from '../../protocol/errors.ts';
import {
  befriend,
  newDevice,
  newIdentity,
  onlinePerson,
  Person,
  randomId,
  signList,
  startTestServer,
  testPassword,
  TestSocket,
  type TestServer,
} from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const names = Object.keys(clientEvents) as ClientEventName[];
const code = (result: { ok: boolean; error?: { code: string } }) => (result.ok ? 'ok' : result.error?.code);

describe('session x event', () => {
  /** A well-formed request of `from` about `about`, for each event. */
  const requests = (from: Person, about: Person): Record<ClientEventName, unknown> => ({
    'device:prove': { device: from.device.device.id, signature: 'A'.repeat(86) },
    'devices:append': {
      list: signList(from.identity, [newDevice()], { after: from.account.lists[0] as never, number: 7 }),
    },
    'identity:reset': { password: 'not this one', wrapped: 'AAAA', list: signList(newIdentity(), [newDevice()]) },
    'account:update': {},
    'people:lookup': { handle: about.handle },
    'people:departed': { accounts: [about.account.id] },
    'nearby:join': {},
    'nearby:leave': {},
    'contact:request': { account: about.account.id },
    'contact:answer': { account: about.account.id, verdict: 'decline' },
    signal: { to: about.device.device.id, box: 'AAAA' },
    knock: { to: about.device.device.id, id: randomId(), box: 'AAAA' },
    approval: { from: newDevice().device, to: about.device.device.id, box: 'AAAA' },
    'groups:mine': {},
    'groups:change': { group: randomId(), change: { kind: 'delete' } },
    'groups:people': { group: randomId(), accounts: [about.account.id] },
    'groups:ask': { invitation: randomId(), proof: 'A'.repeat(86) },
    'groups:reply': { group: randomId(), account: about.account.id, invitation: randomId(), verdict: 'waiting' },
    'ice:servers': {},
  });
  const unproven: Record<ClientEventName, string> = {
    'device:prove': 'not-allowed',
    'devices:append': 'stale-list',
    'identity:reset': 'wrong-credentials',
    'account:update': 'not-allowed',
    'people:lookup': 'not-allowed',
    'people:departed': 'not-allowed',
    'nearby:join': 'not-allowed',
    'nearby:leave': 'not-allowed',
    'contact:request': 'not-allowed',
    'contact:answer': 'not-allowed',
    signal: 'not-allowed',
    knock: 'not-allowed',
    approval: 'not-allowed',
    'groups:mine': 'not-allowed',
    'groups:change': 'not-allowed',
    'groups:people': 'not-allowed',
    'groups:ask': 'not-allowed',
    'groups:reply': 'not-allowed',
    'ice:servers': 'not-allowed',
  };
  const proven = {
    ...unproven,
    'account:update': 'ok',
    'people:lookup': 'ok',
    'people:departed': 'ok',
    'nearby:join': 'ok',
    'nearby:leave': 'ok',
    'contact:request': 'ok',
    'contact:answer': 'ok',
    'groups:mine': 'ok',
    'groups:ask': 'unknown-invitation',
    'ice:servers': 'ok',
  };

  async function matrix(socket: TestSocket, from: Person, about: Person): Promise<Record<string, string | undefined>> {
    const answers: Record<string, string | undefined> = {};
    for (const [name, request] of Object.entries(requests(from, about)))
      answers[name] = code(await socket.ask(name as ClientEventName, request));
    return answers;
  }

  it('no session: no connection', async () => {
    const socket = new TestSocket(server.origin, '');
    expect(await socket.next('#error')).toBe('not-allowed');
    socket.close();
  });

  it('session without proof', async () => {
    const about = await onlinePerson(server);
    const anna = await new Person(server.origin, 'matrix-anna').register();
    const { socket } = await anna.open();
    expect(await matrix(socket, anna, about)).toEqual(unproven);
  });

  it('stranger', async () => {
    const [anna, about] = [await onlinePerson(server), await onlinePerson(server)];
    // Asked by `contact:request` above them in the table, `knock` is allowed: before that it is not.
    expect(code(await anna.socket.ask('knock', requests(anna, about).knock))).toBe('not-allowed');
    expect(await matrix(anna.socket, anna, about)).toEqual({ ...proven, knock: 'ok' });
  });

  it('contact', async () => {
    const [anna, about] = [await onlinePerson(server), await onlinePerson(server)];
    await befriend(anna, about);
    expect(await matrix(anna.socket, anna, about)).toEqual({ ...proven, signal: 'ok', knock: 'ok' });
  });

  it('blocked: as if the other had not answered', async () => {
    const [anna, about] = [await onlinePerson(server), await onlinePerson(server)];
    await befriend(anna, about);
    await about.socket.get('contact:answer', { account: anna.account.id, verdict: 'block' });
    expect(await matrix(anna.socket, anna, about)).toEqual({ ...proven, knock: 'ok' });
    expect(about.socket.pending('knock')).toEqual([]);
  });

  it('revoked device: its session is gone, and another session does not prove it', async () => {
    const [anna, about] = [await onlinePerson(server), await onlinePerson(server)];
    await befriend(anna, about);
    const list = signList(anna.identity, [newDevice()], { after: anna.account.lists[0] as never, number: 1 });
    expect(await anna.socket.ask('devices:append', { list })).toEqual({ ok: true, value: null });
    await anna.socket.next('ended');
    const refused = new TestSocket(server.origin, anna.browser.cookieHeader);
    expect(await refused.next('#error')).toBe('not-allowed');
    const { socket, welcome } = await anna.open(await anna.logIn());
    expect(await socket.prove(welcome, anna.device)).toMatchObject({ error: { code: 'unknown-device' } });
    expect(await matrix(socket, anna, about)).toEqual({ ...unproven, 'device:prove': 'unknown-device' });
    expect(code(await about.socket.ask('signal', { to: anna.device.device.id, box: 'AAAA' }))).toBe('unknown-device');
    socket.close();
  });
});

describe('hostile events', () => {
  const deep = (levels: number): unknown => (levels === 0 ? 'x' : { deeper: deep(levels - 1) });
  const id = 'A'.repeat(22);
  /** Forty shapes that fit no event. */
  const shapes: unknown[] = [
    null,
    true,
    false,
    0,
    -1,
    1e308,
    '',
    'text',
    'A'.repeat(20_000),
    [],
    [{}],
    [[[[]]]],
    [null, null],
    { unknown: 1 },
    deep(200),
    { to: null, box: null, account: null, handle: null, list: null, device: null },
    { to: id, box: '', extra: 1 },
    { to: id, box: 'not base64!' },
    { to: id, box: { length: 4 } },
    { to: [id], box: 'AAAA' },
    { to: id, id, box: 'A'.repeat(30_000) },
    { to: `${id}A`, id, box: 'AAAA' },
    { to: id, id: 7, box: 'AAAA' },
    { account: `${id}=` },
    { account: {} },
    { account: id, verdict: 'accept', also: 1 },
    { account: id, verdict: 'toString' },
    { account: id, verdict: ['accept'] },
    { handle: '..' },
    { handle: 'a'.repeat(10_000) },
    { handle: { toString: 'x' } },
    { handle: '\u0000\u202e\ud800' },
    { displayName: 'x'.repeat(65) },
    { displayName: 7 },
    { email: 'x' },
    { email: `${'a'.repeat(300)}@example.org` },
    JSON.parse('{"__proto__":{"admin":true}}'),
    JSON.parse('{"constructor":{"prototype":{}}}'),
    { list: { body: 'AAAA', signer: 'root', signature: 'x' } },
    { device: id, signature: 'A'.repeat(85), password: testPassword, wrapped: '', list: { body: '' } },
  ];

  it('has forty shapes', () => expect(shapes).toHaveLength(40));

  it('answers each shape of each event with a code, proven or not, and stays up', async () => {
    const anna = await onlinePerson(server);
    const open = await (await new Person(server.origin, 'hostile').register()).open();
    for (const socket of [anna.socket, open.socket])
      for (const name of names) {
        const answers = await Promise.all(shapes.map((shape) => socket.ask(name, shape)));
        for (const [index, answer] of answers.entries()) {
          expect(answer.ok, `${name} ${index}`).toBe(false);
          if (!answer.ok) expect(v.parse(WireError, answer.error).code).not.toMatch(/unknown|internal/);
        }
      }
    expect(anna.socket.socket.connected && open.socket.socket.connected).toBe(true);
    expect(code(await anna.socket.ask('ice:servers', {}))).toBe('ok');
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    open.socket.close();
  });

  it('answers unknown events, missing and surplus arguments, and bytes', async () => {
    const anna = await onlinePerson(server);
    const send = (name: string, ...args: unknown[]) =>
      anna.socket.socket.timeout(5000).emitWithAck(name, ...args) as Promise<{ ok: boolean; error?: { code: string } }>;
    for (const name of [
      '',
      'nothing',
      'toString',
      '__proto__',
      'constructor',
      'hasOwnProperty',
      'welcome',
      'x'.repeat(50_000),
    ])
      expect(code(await send(name, {})), name).toBe('malformed');
    for (const name of names) {
      expect(code(await send(name)), name).toBe('malformed');
      expect(code(await send(name, {}, {})), name).toBe('malformed');
      expect(code(await send(name, Buffer.alloc(1000))), name).toBe('malformed');
      expect(
        code(await send(name, { to: Buffer.alloc(16), box: Buffer.alloc(16), account: Buffer.alloc(16) })),
        name,
      ).toBe('malformed');
    }
  });

  it('survives packets that are not Socket.IO', async () => {
    const anna = await onlinePerson(server);
    for (const packet of [
      'garbage',
      '42',
      '42[',
      '42["signal"',
      '451-["x",{"_placeholder":true,"num":9}]',
      '42[{}]',
      '49999999999[]',
      '5',
      '\u0000'.repeat(100),
      '42["disconnect"]',
      '2["connect"]',
    ]) {
      const socket = new TestSocket(server.origin, anna.browser.cookieHeader);
      await socket.next('welcome');
      const { transport } = (
        socket.socket.io as unknown as { engine: { transport: { ws: { send(data: string): void } } } }
      ).engine;
      transport.ws.send(packet);
      transport.ws.send(`4${packet}`);
      socket.socket.emit('nothing', {}, () => undefined);
      socket.close();
    }
    expect(code(await anna.socket.ask('ice:servers', {}))).toBe('ok');
  });

  it('knows its own codes', () => expect(errorCodes).toContain('malformed'));
});
