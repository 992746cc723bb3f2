/** Deleting an account: who may, what goes, who is told what. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  befriend,
  newDevice,
  onlinePerson,
  Person,
  randomId,
  signList,
  startTestServer,
  testPassword,
  TestSocket,
  value,
  type Browser,
  type TestServer,
} from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const remove = (browser: Browser, password = testPassword) => browser.call<null>('POST', '/api/delete', { password });
const code = ({ result }: { result: { ok: boolean; error?: { code: string } } }) =>
  result.ok ? 'ok' : result.error?.code;

describe('deleting an account', () => {
  it('needs a session and the password, and is limited like a login', async () => {
    const strict = await startTestServer({ LOGIN_FAILURES: '2' });
    const anna = await new Person(strict.origin, 'anna').register();
    const stranger = new Person(strict.origin, 'nobody');
    expect(code(await remove(stranger.browser))).toBe('not-allowed');
    expect(code(await remove(anna.browser, 'not the password'))).toBe('wrong-credentials');
    expect(code(await remove(anna.browser, 'not the password'))).toBe('wrong-credentials');
    expect(code(await remove(anna.browser))).toBe('rate-limited');
    expect(value((await anna.browser.call('GET', '/api/session')).result)).toMatchObject({ handle: 'anna' });
    await strict.close();
  });

  it('cuts off every connection of the account, clears its cookies, and lets nobody in any more', async () => {
    const anna = await onlinePerson(server);
    const first = anna.socket;
    const second = newDevice();
    const list = signList(anna.identity, [anna.device, second], {
      after: anna.account.lists[0] as never,
      number: 1,
    });
    await first.get('devices:append', { list });
    const elsewhere = await anna.logIn();
    await anna.connect(second, elsewhere);
    const { socket: unproven } = await anna.open(await anna.logIn());
    expect(code(await remove(anna.browser))).toBe('ok');
    for (const socket of [first, anna.socket, unproven]) {
      await socket.next('deleted');
      await socket.next('#disconnect');
    }
    expect([...anna.browser.cookies.keys()]).toEqual([]);
    const refused = new TestSocket(server.origin, elsewhere.cookieHeader);
    expect(await refused.next('#error')).toBe('not-allowed');
    refused.close();
    expect(code(await elsewhere.call('GET', '/api/session'))).toBe('not-allowed');
    const login = { handle: anna.handle, password: testPassword };
    expect(code(await anna.browser.call('POST', '/api/login', login))).toBe('wrong-credentials');
    const { challenge } = value((await elsewhere.call<{ challenge: string }>('POST', '/api/challenge')).result);
    expect(code(await elsewhere.call('POST', '/api/resume', anna.resumption(challenge, second)))).toBe(
      'account-deleted',
    );
  });

  it('gives the handle, and what looks like it, to nobody again', async () => {
    const anna = await new Person(server.origin, 'tomb.stone').register();
    await remove(anna.browser);
    for (const handle of ['tomb.stone', 'tomb_st0ne']) {
      const other = new Person(server.origin, handle);
      expect(code(await other.browser.call('POST', '/api/register', other.registration()))).toBe('handle-taken');
    }
  });

  it('takes the person out of the lists of others at once, and says to those who ask that they are gone', async () => {
    const [anna, friend, asked, stranger] = [
      await onlinePerson(server),
      await onlinePerson(server),
      await onlinePerson(server),
      await onlinePerson(server),
    ];
    await befriend(anna, friend);
    await anna.socket.get('contact:request', { account: asked.account.id });
    await anna.socket.get('knock', { to: asked.device.device.id, id: randomId(), box: 'AAAA' });
    asked.socket.close();
    await anna.socket.get('knock', { to: asked.device.device.id, id: randomId(), box: 'BBBB' });
    await remove(anna.browser);
    const told = await friend.socket.next(
      'contact',
      ({ account, relation }) => account.id === anna.account.id && relation === 'none',
    );
    expect(told.online).toEqual([]);
    expect(stranger.socket.pending('contact')).toEqual([]);
    expect((await asked.connect()).contacts).toEqual([]);
    const ask = { accounts: [anna.account.id, friend.account.id, randomId()] };
    expect(await asked.socket.get('people:departed', ask)).toEqual({ departed: [anna.account.id] });
    // What waited for this device came before the answer, had there been anything left.
    expect(asked.socket.pending('knock')).toEqual([]);
    expect(await friend.socket.ask('people:lookup', { handle: anna.handle })).toMatchObject({
      error: { code: 'unknown-handle' },
    });
    expect(await friend.socket.ask('signal', { to: anna.device.device.id, box: 'AAAA' })).toMatchObject({
      error: { code: 'unknown-device' },
    });
    expect(await friend.socket.ask('contact:request', { account: anna.account.id })).toMatchObject({
      error: { code: 'unknown-handle' },
    });
  });
});

describe('logging out', () => {
  it('forgets on request that this browser was here', async () => {
    const anna = await new Person(server.origin, 'forgetful').register();
    const kept = await anna.logIn();
    await kept.call('POST', '/api/logout');
    expect([...kept.cookies.keys()]).toEqual(['causeway-browser']);
    await anna.browser.call('POST', '/api/logout', { forget: true });
    expect([...anna.browser.cookies.keys()]).toEqual([]);
  });
});
