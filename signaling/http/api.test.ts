import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { OwnAccount } from '../../protocol/http.ts';
import {
  Browser,
  newDevice,
  newIdentity,
  Person,
  signList,
  startTestServer,
  testPassword,
  value,
  type TestServer,
} from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const person = (handle: string) => new Person(server.origin, handle);
const code = ({ result }: { result: { ok: boolean; error?: { code: string } } }) =>
  result.ok ? 'ok' : result.error?.code;

describe('register', () => {
  it('answers with the own account and a session', async () => {
    const anna = person('Anna.B');
    const { result, headers, status } = await anna.browser.call(
      'POST',
      '/api/register',
      anna.registration({ displayName: ' Än\u202ena ', email: 'anna@example.org' }),
    );
    expect(status).toBe(200);
    const account = v.parse(OwnAccount, value(result));
    expect(account).toMatchObject({
      handle: 'anna.b',
      displayName: 'Änna',
      email: 'anna@example.org',
      wrapped: 'AAAA',
    });
    const [session = ''] = headers.getSetCookie();
    expect(session).toMatch(/^causeway-session=[\w-]{43}; Max-Age=7776000; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(value((await anna.browser.call('GET', '/api/session')).result)).toEqual(account);
  });

  it('refuses taken and lookalike handles', async () => {
    await person('bob_loi').register();
    for (const handle of ['bob_loi', 'BOB_LOI', 'b0b.1oi', 'bobloi'])
      expect(code(await person(handle).browser.call('POST', '/api/register', person(handle).registration()))).toBe(
        'handle-taken',
      );
  });

  it('answers a repeated registration like the first', async () => {
    const carl = await person('carl').register();
    const body = carl.registration({ list: carl.account.lists[0] });
    const again = new Browser(server.origin);
    expect(value((await again.call('POST', '/api/register', body)).result)).toEqual(carl.account);
    expect(code(await again.call('POST', '/api/register', { ...body, password: 'something else 77' }))).toBe(
      'handle-taken',
    );
  });

  it.each(['password', 'Password1', 'aaaaaaaaaaaa', 'dora2024', 'causeway', 'short', ''])(
    'refuses the weak password %j',
    async (password) => {
      const dora = person('dora');
      expect(code(await dora.browser.call('POST', '/api/register', dora.registration({ password })))).toBe(
        'weak-password',
      );
    },
  );

  it('refuses a device of another account', async () => {
    const eve = await person('eve.one').register();
    const other = person('eve.two');
    const list = signList(other.identity, [eve.device]);
    expect(code(await other.browser.call('POST', '/api/register', other.registration({ list })))).toBe('not-allowed');
  });

  const identity = newIdentity();
  const device = newDevice();
  const good = signList(identity, [device]);
  const lists: Record<string, unknown> = {
    'not CBOR': { ...good, body: 'AAAA' },
    'stray bits': { ...good, body: `${good.body.slice(0, -1)}_` },
    'another root': signList({ ...newIdentity(), vault: identity.vault }, [device], {
      change: { root: identity.root.public },
    }),
    'signed by the device': signList(identity, [device], { signer: device }),
    'number 1': signList(identity, [device], { number: 1 }),
    'a previous list': signList(identity, [device], { previous: new Uint8Array(32).fill(1) }),
    'no device': signList(identity, []),
    'two devices': signList(identity, [device, newDevice()]),
    'a foreign device id': signList(identity, [{ ...device, device: { ...device.device, id: newDevice().device.id } }]),
    'more in the body': signList(identity, [device], { change: { more: 1 } }),
    'a flipped signature': { ...good, signature: `${good.signature[0] === 'A' ? 'B' : 'A'}${good.signature.slice(1)}` },
  };
  it.each(Object.entries(lists))('refuses a first list with %s', async (_name, list) => {
    const someone = person('fritz');
    expect(code(await someone.browser.call('POST', '/api/register', someone.registration({ list })))).toBe('malformed');
  });

  it.each([
    [{ handle: 'ab' }, 'malformed'],
    [{ handle: 'grüße' }, 'malformed'],
    [{ handle: 'a'.repeat(33) }, 'too-large'],
    [{ email: 'no address' }, 'malformed'],
    [{ wrapped: 'A'.repeat(5000) }, 'too-large'],
    [{ password: 'p'.repeat(129) }, 'too-large'],
    [{ password: 12345678 }, 'malformed'],
    [{ more: true }, 'malformed'],
    [{ list: undefined }, 'malformed'],
  ])('refuses %j', async (change, expected) => {
    const someone = person('gustav');
    expect(code(await someone.browser.call('POST', '/api/register', someone.registration(change)))).toBe(expected);
  });
});

describe('log in and out', () => {
  it('rotates the session and ends the old one', async () => {
    const hans = await person('hans').register();
    const before = hans.browser.cookieHeader;
    const socket = (await hans.open()).socket;
    expect(
      value((await hans.browser.call('POST', '/api/login', { handle: 'HANS', password: testPassword })).result),
    ).toEqual(hans.account);
    await socket.next('ended');
    const old = await new Browser(server.origin).call('GET', '/api/session', undefined, { cookie: before });
    expect(code(old)).toBe('not-allowed');
    expect(code(await hans.browser.call('GET', '/api/session'))).toBe('ok');
  });

  it('logs out, drops the sockets of that session alone and clears the cookie', async () => {
    const ida = await person('ida').register();
    const other = await ida.logIn();
    const [mine, theirs] = [(await ida.open()).socket, (await ida.open(other)).socket];
    expect(await ida.browser.call('POST', '/api/logout')).toMatchObject({ result: { ok: true, value: null } });
    await mine.next('ended');
    await mine.next('#disconnect');
    expect(theirs.socket.connected).toBe(true);
    expect(ida.browser.cookies.has('causeway-session')).toBe(false);
    expect(code(await ida.browser.call('GET', '/api/session'))).toBe('not-allowed');
    expect(code(await ida.browser.call('POST', '/api/logout'))).toBe('ok');
    theirs.close();
  });

  it('says the same for a wrong password, an unknown and an impossible handle', async () => {
    await person('jana').register();
    for (const handle of ['jana', 'nobody-here', 'ü', ''])
      expect(
        await new Browser(server.origin).call('POST', '/api/login', { handle, password: 'wrong password' }),
      ).toMatchObject({ status: 401, result: { ok: false, error: { code: 'wrong-credentials' } } });
  });
});

describe('the edge', () => {
  it('refuses POSTs without an allowed Origin', async () => {
    for (const path of ['register', 'login', 'logout'])
      for (const origin of [
        'https://evil.example',
        'null',
        `${server.origin}.evil.example`,
        'ftp://localhost',
        `http://localhost:${server.port + 1}`,
      ])
        expect(await new Browser(server.origin).call('POST', `/api/${path}`, {}, { origin })).toMatchObject({
          status: 403,
          result: { error: { code: 'not-allowed' } },
        });
    const bare = await fetch(`${server.origin}/api/logout`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(bare.status).toBe(403);
  });

  it('refuses other types, broken and oversize bodies, unknown paths and methods', async () => {
    const browser = new Browser(server.origin);
    expect(code(await browser.call('POST', '/api/login', '{}', { 'content-type': 'text/plain' }))).toBe('malformed');
    expect(code(await browser.call('POST', '/api/login', '{"handle":'))).toBe('malformed');
    expect(code(await browser.call('POST', '/api/login', JSON.stringify({ handle: 'x'.repeat(40_000) })))).toBe(
      'too-large',
    );
    expect(code(await browser.call('POST', '/api/login', '[]'))).toBe('malformed');
    expect(code(await browser.call('POST', '/api/login', '{"__proto__":{"handle":"a"},"password":"b"}'))).toBe(
      'malformed',
    );
    expect(code(await browser.call('GET', '/api/login'))).toBe('malformed');
    expect(code(await browser.call('POST', '/api/nothing'))).toBe('malformed');
  });

  it('sends the security headers on every answer', async () => {
    for (const path of [
      '/',
      '/healthz',
      '/readyz',
      '/api/session',
      '/api/x',
      '/nothing.js',
      '/socket.io/?EIO=4&transport=polling',
    ]) {
      const { headers } = await fetch(`${server.origin}${path}`);
      expect(headers.get('content-security-policy'), path).toContain(
        "default-src 'none'; script-src 'self'; style-src 'self';",
      );
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      // Players get blobs alone, and of all sensors there is only the microphone, for this page itself.
      expect(headers.get('content-security-policy')).toContain('media-src blob:;');
      const allowed = (headers.get('permissions-policy') ?? '').split(', ').filter((one) => !one.endsWith('=()'));
      expect(allowed, path).toEqual(['microphone=(self)']);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('strict-transport-security')).toBeNull();
    }
    expect(await (await fetch(`${server.origin}/healthz`)).json()).toEqual({ ok: true });
    expect((await fetch(`${server.origin}/readyz`)).status).toBe(200);
  });
});

describe('with PUBLIC_URL on https', () => {
  it('uses __Host- cookies, HSTS and that Origin alone', async () => {
    const https = await startTestServer({ PUBLIC_URL: 'https://causeway.example/' });
    const anna = new Person(https.origin, 'anna');
    const call = (origin: string) => anna.browser.call('POST', '/api/register', anna.registration(), { origin });
    expect(code(await call(https.origin))).toBe('not-allowed');
    const { result, headers } = await call('https://causeway.example');
    expect(result.ok).toBe(true);
    for (const cookie of headers.getSetCookie())
      expect(cookie).toMatch(/^__Host-.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    expect(headers.get('strict-transport-security')).toContain('max-age=');
    expect(headers.get('content-security-policy')).toMatch(
      /connect-src 'self' wss:\/\/causeway\.example;.*upgrade-insecure-requests/,
    );
    await https.close();
  });
});

describe('rates', () => {
  it('lets four registrations and thirty logins a minute pass by default', async () => {
    const usual = await startTestServer({
      REGISTRATIONS_PER_MINUTE: '',
      LOGINS_PER_MINUTE: '',
      REQUESTS_PER_MINUTE: '',
    });
    for (let i = 0; i < 4; i++) await new Person(usual.origin, `person${i}x`).register();
    const first = new Person(usual.origin, 'person0x');
    for (let i = 0; i < 30; i++) await first.logIn();
    await usual.close();
  });

  it('limits wrong passwords per address, but not browsers that logged in before', async () => {
    const strict = await startTestServer({ ACCOUNT_FAILURES: '2', REGISTRATIONS_PER_MINUTE: '2' });
    const anna = await new Person(strict.origin, 'anna').register();
    await anna.browser.call('POST', '/api/logout');
    const stranger = new Browser(strict.origin);
    const attempt = (browser: Browser, password: string) =>
      browser.call('POST', '/api/login', { handle: 'anna', password });
    for (let i = 0; i < 2; i++) expect(code(await attempt(stranger, 'wrong password'))).toBe('wrong-credentials');
    const refused = await attempt(stranger, testPassword);
    expect(refused).toMatchObject({ status: 429, result: { error: { code: 'rate-limited' } } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(code(await attempt(anna.browser, testPassword))).toBe('ok');
    await new Person(strict.origin, 'berta').register();
    expect(
      code(
        await new Person(strict.origin, 'carla').browser.call(
          'POST',
          '/api/register',
          new Person(strict.origin, 'carla').registration(),
        ),
      ),
    ).toBe('rate-limited');
    await strict.close();
  });
});

describe('resume', () => {
  const challengeFor = async (browser: Browser) =>
    value(
      (await browser.call('POST', '/api/challenge', {})).result as never as { ok: true; value: { challenge: string } },
    ).challenge;

  it('gives a device that lost its cookie a session for its key, once per challenge', async () => {
    const anna = await person('resume.anna').register();
    const bare = new Browser(server.origin);
    const asked = anna.resumption(await challengeFor(bare));
    const { result } = await bare.call('POST', '/api/resume', asked);
    expect(value(result)).toMatchObject({ id: anna.account.id });
    await anna.connect(anna.device, bare);
    expect(code(await new Browser(server.origin).call('POST', '/api/resume', asked))).toBe('not-allowed');
  });

  it('refuses a device that is not in the list, another key, and a challenge that was not issued', async () => {
    const anna = await person('resume.bertha').register();
    const bare = new Browser(server.origin);
    const other = newDevice();
    expect(code(await bare.call('POST', '/api/resume', anna.resumption(await challengeFor(bare), other)))).toBe(
      'unknown-device',
    );
    const forged = { ...anna.resumption(await challengeFor(bare), other), device: anna.device.device.id };
    expect(code(await bare.call('POST', '/api/resume', forged))).toBe('not-allowed');
    expect(code(await bare.call('POST', '/api/resume', anna.resumption('A'.repeat(43))))).toBe('not-allowed');
  });
});
