import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import { befriend, onlinePerson, randomId, startTestServer, type Person, type TestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    TURN_URLS: 'turn:turn.example:3478',
    TURN_SECRET: 'a secret of the relay',
    STUN_URLS: 'stun:turn.example',
  });
});
afterAll(() => server.close());

const pair = () => Promise.all([onlinePerson(server), onlinePerson(server)]);
const knock = (from: Person, to: Person, box = 'AAAA', id = randomId()) =>
  from.socket.ask('knock', { to: to.device.device.id, id, box });
const signal = (from: Person, to: Person, box = 'AAAA') => from.socket.ask('signal', { to: to.device.device.id, box });
const done = { ok: true, value: null };

describe('signal', () => {
  it('reaches a device of an accepted contact, in order, and is counted', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    const before = server.counters.relayedEnvelopes;
    const boxes = Array.from({ length: 200 }, (_, index) => `box-${index}`);
    expect(await Promise.all(boxes.map((box) => signal(anna, bob, box)))).toEqual(boxes.map(() => done));
    for (const box of boxes)
      expect(await bob.socket.next('signal')).toEqual({ account: anna.account.id, device: anna.device.device.id, box });
    expect(server.counters.relayedEnvelopes - before).toBe(200);
    bob.socket.close();
    await anna.socket.next('presence', (presence) => presence.online.length === 0);
    expect(await signal(anna, bob)).toMatchObject({ error: { code: 'offline' } });
  });

  it('is refused towards everybody else, without a difference between online and offline', async () => {
    const [anna, bob] = await pair();
    expect(await signal(anna, bob)).toMatchObject({ error: { code: 'not-allowed' } });
    await anna.socket.get('contact:request', { account: bob.account.id });
    expect(await signal(anna, bob)).toMatchObject({ error: { code: 'not-allowed' } });
    await bob.socket.get('contact:answer', { account: anna.account.id, verdict: 'block' });
    bob.socket.close();
    expect(await signal(anna, bob)).toMatchObject({ error: { code: 'not-allowed' } });
    expect(await anna.socket.ask('signal', { to: randomId(), box: 'AAAA' })).toMatchObject({
      error: { code: 'unknown-device' },
    });
  });

  it('takes a box of the largest size and none that is larger', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    const largest = Math.ceil((limits.envelopeBytes * 4) / 3);
    expect(await signal(anna, bob, 'A'.repeat(largest))).toEqual(done);
    expect(await signal(anna, bob, 'A'.repeat(largest + 1))).toMatchObject({ error: { code: 'too-large' } });
  });
});

describe('knock', () => {
  it('is delivered at once, and once', async () => {
    const [anna, bob] = await pair();
    await anna.socket.get('contact:request', { account: bob.account.id });
    const id = randomId();
    expect(await knock(anna, bob, 'AAAA', id)).toEqual(done);
    expect(await bob.socket.next('knock')).toEqual({
      account: anna.account.id,
      device: anna.device.device.id,
      id,
      box: 'AAAA',
    });
    // The answer comes after the acknowledgement of the knock: both are on this socket.
    await bob.socket.get('ice:servers', {});
    bob.socket.close();
    await bob.connect();
    await bob.socket.get('ice:servers', {});
    expect(bob.socket.pending('knock')).toEqual([]);
  });

  it('waits for who is offline, or does not acknowledge, within limits; the same id replaces', async () => {
    const [anna, bob] = await pair();
    await anna.socket.get('contact:request', { account: bob.account.id });
    bob.socket.takesKnocks = false;
    const id = randomId();
    await knock(anna, bob, 'old', id);
    await bob.socket.next('knock');
    bob.socket.close();
    await knock(anna, bob, 'new', id);
    for (let i = 1; i <= limits.knocksPerSender; i++) expect(await knock(anna, bob, `box-${i}`)).toEqual(done);
    await bob.connect();
    for (let i = 1; i <= limits.knocksPerSender; i++) expect((await bob.socket.next('knock')).box).toBe(`box-${i}`);
    await bob.socket.get('ice:servers', {});
    expect(bob.socket.pending('knock')).toEqual([]);
  });

  it('is answered alike when the recipient declined or blocked, and goes nowhere', async () => {
    for (const verdict of ['decline', 'block']) {
      const [anna, bob] = await pair();
      await anna.socket.get('contact:request', { account: bob.account.id });
      await knock(anna, bob);
      await bob.socket.next('knock');
      await bob.socket.get('contact:answer', { account: anna.account.id, verdict });
      expect(await knock(anna, bob)).toEqual(done);
      bob.socket.close();
      expect(await knock(anna, bob)).toEqual(done);
      await bob.connect();
      await bob.socket.get('ice:servers', {});
      expect(bob.socket.pending('knock')).toEqual([]);
      // The other way it is allowed to nobody who parted.
      expect(await knock(bob, anna)).toMatchObject({ error: { code: 'not-allowed' } });
    }
  });

  it('waiting ones go when people part', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    bob.socket.close();
    await knock(anna, bob);
    await anna.socket.get('contact:answer', { account: bob.account.id, verdict: 'remove' });
    await bob.connect();
    await bob.socket.get('ice:servers', {});
    expect(bob.socket.pending('knock')).toEqual([]);
  });

  it('may answer who asked, and is refused among strangers', async () => {
    const [anna, bob] = await pair();
    expect(await knock(anna, bob)).toMatchObject({ error: { code: 'not-allowed' } });
    await anna.socket.get('contact:request', { account: bob.account.id });
    expect(await knock(bob, anna)).toEqual(done);
    expect((await anna.socket.next('knock')).account).toBe(bob.account.id);
    expect(await knock(anna, anna)).toMatchObject({ error: { code: 'not-allowed' } });
  });
});

describe('ice:servers', () => {
  it('gives TURN credentials, good for coturn, to people with a contact alone', async () => {
    const [anna, bob] = await pair();
    expect(await anna.socket.get('ice:servers', {})).toEqual({ iceServers: [{ urls: ['stun:turn.example'] }] });
    await befriend(anna, bob);
    const { iceServers } = await anna.socket.get('ice:servers', {});
    const turn = iceServers[1];
    expect(turn?.urls).toEqual(['turn:turn.example:3478']);
    const [expiry] = (turn?.username ?? '').split(':');
    expect(Number(expiry) * 1000 - Date.now()).toBeGreaterThan(3600_000);
    expect(turn?.username).not.toContain(anna.account.id);
    expect(turn?.credential).toBe(
      createHmac('sha1', 'a secret of the relay')
        .update(turn?.username ?? '')
        .digest('base64'),
    );
  });
});
