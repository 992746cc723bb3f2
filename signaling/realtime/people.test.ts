import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { clientEvents, serverEvents } from '../../protocol/events.ts';
import { limits } from '../../protocol/limits.ts';
import type { Person } from '../testing.ts';
import {
  befriend,
  newDevice,
  newIdentity,
  onlinePerson,
  randomId,
  signList,
  startTestServer,
  testPassword,
  type TestServer,
} from '../testing.ts';

let server: TestServer;
let people: Person[] = [];
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
afterEach(() => {
  for (const person of people) person.socket.close();
  people = [];
});

async function some(count: number): Promise<Person[]> {
  const fresh = await Promise.all(Array.from({ length: count }, () => onlinePerson(server)));
  people.push(...fresh);
  return fresh;
}
const pair = async () => (await some(2)) as [Person, Person];
const ask = (from: Person, to: Person) => from.socket.ask('contact:request', { account: to.account.id });
const answer = (from: Person, to: Person, verdict: string) =>
  from.socket.get('contact:answer', { account: to.account.id, verdict });
const contactOf = (viewer: Person, other: Person) =>
  viewer.socket.next('contact', (contact) => contact.account.id === other.account.id);
const relationAfterReconnect = async (viewer: Person, other: Person) => {
  viewer.socket.close();
  const { contacts } = await viewer.connect();
  return contacts.find((contact) => contact.account.id === other.account.id)?.relation ?? 'none';
};

describe('contacts', () => {
  it('asks and accepts, both see the other online', async () => {
    const [anna, bob] = await pair();
    expect(await anna.socket.get('contact:request', { account: bob.account.id })).toMatchObject({
      relation: 'outgoing',
      online: [],
    });
    const incoming = await contactOf(bob, anna);
    expect(v.parse(serverEvents.contact, incoming)).toMatchObject({
      relation: 'incoming',
      online: [],
      account: { handle: anna.handle },
    });
    expect(await answer(bob, anna, 'accept')).toMatchObject({ relation: 'accepted', online: [anna.device.device.id] });
    expect(await contactOf(anna, bob)).toMatchObject({ relation: 'accepted', online: [bob.device.device.id] });
    expect(await answer(bob, anna, 'accept')).toMatchObject({ relation: 'accepted' });
  });

  it('accepts crossing requests on both sides', async () => {
    const [anna, bob] = await pair();
    const relations = await Promise.all([
      anna.socket.get('contact:request', { account: bob.account.id }),
      bob.socket.get('contact:request', { account: anna.account.id }),
    ]);
    expect(relations.map((contact) => contact.relation)).toEqual(['outgoing', 'accepted']);
    expect(await anna.socket.next('contact', (contact) => contact.relation === 'accepted')).toBeDefined();
  });

  it.each(['decline', 'block'] as const)(
    '%s is not seen by who asked, nor by repeating or asking anew',
    async (verdict) => {
      const [anna, bob] = await pair();
      const first = await anna.socket.get('contact:request', { account: bob.account.id });
      await contactOf(bob, anna);
      expect(await answer(bob, anna, verdict)).toMatchObject({ relation: verdict === 'block' ? 'blocked' : 'none' });
      expect(await ask(anna, bob)).toEqual({ ok: true, value: first });
      expect(await answer(anna, bob, 'remove')).toMatchObject({ relation: 'none' });
      expect(await ask(anna, bob)).toMatchObject({ value: { relation: 'outgoing' } });
      expect(bob.socket.pending('contact')).toEqual([]);
      expect(anna.socket.pending('contact')).toEqual([]);
      expect(await relationAfterReconnect(anna, bob)).toBe('outgoing');
    },
  );

  it('accepts when the one who declined asks later', async () => {
    const [anna, bob] = await pair();
    await ask(anna, bob);
    await answer(bob, anna, 'decline');
    expect(await ask(bob, anna)).toMatchObject({ value: { relation: 'accepted' } });
    expect(await contactOf(anna, bob)).toMatchObject({ relation: 'accepted' });
  });

  it('a block takes presence away, an unblock leaves nothing', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    expect(await answer(bob, anna, 'block')).toMatchObject({ relation: 'blocked', online: [] });
    expect(await contactOf(anna, bob)).toMatchObject({ relation: 'outgoing', online: [] });
    bob.socket.close();
    await bob.connect();
    expect(anna.socket.pending('presence')).toEqual([]);
    expect(await answer(bob, anna, 'unblock')).toMatchObject({ relation: 'none' });
    expect(await relationAfterReconnect(anna, bob)).toBe('outgoing');
  });

  it('remove forgets on both sides', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    expect(await answer(anna, bob, 'remove')).toMatchObject({ relation: 'none' });
    expect(await bob.socket.next('contact', (contact) => contact.relation === 'none')).toMatchObject({ online: [] });
    expect(await relationAfterReconnect(bob, anna)).toBe('none');
  });

  it('refuses to accept what was not asked, oneself, and nobody', async () => {
    const [anna, bob] = await pair();
    expect(await anna.socket.ask('contact:answer', { account: bob.account.id, verdict: 'accept' })).toMatchObject({
      error: { code: 'not-allowed' },
    });
    expect(await ask(anna, anna)).toMatchObject({ error: { code: 'not-allowed' } });
    expect(await anna.socket.ask('contact:request', { account: randomId() })).toMatchObject({
      error: { code: 'unknown-handle' },
    });
  });

  it('limits requests that are out and that wait', async () => {
    const [anna, ...others] = (await some(limits.pendingRequests + 2)) as [Person, ...Person[]];
    const answers = [];
    for (const other of others) answers.push(await ask(anna, other));
    expect(answers.map((one) => one.ok)).toEqual([...Array<boolean>(limits.pendingRequests).fill(true), false]);
    expect(answers.at(-1)).toMatchObject({ error: { code: 'too-many-requests' } });

    const [wanted] = (await some(1)) as [Person];
    const crowd = await some(limits.waitingRequests + 1);
    const results = [];
    for (const one of crowd) results.push(await ask(one, wanted));
    expect(results.filter((one) => one.ok)).toHaveLength(limits.waitingRequests);
    expect(results.at(-1)).toMatchObject({ error: { code: 'too-many-requests' } });
    const last = crowd.at(-1) as Person;
    await contactOf(wanted, crowd[0] as Person);
    expect(await ask(wanted, last)).toMatchObject({ value: { relation: 'outgoing' } });
  });

  it('finds by exact handle alone and shows no more than is public', async () => {
    const [anna, bob] = await pair();
    const found = await anna.socket.get('people:lookup', { handle: bob.handle.toUpperCase() });
    expect(found).toEqual({
      id: bob.account.id,
      handle: bob.handle,
      displayName: bob.account.displayName,
      lists: bob.account.lists,
    });
    expect(await anna.socket.ask('people:lookup', { handle: bob.handle.slice(0, -1) })).toMatchObject({
      error: { code: 'unknown-handle' },
    });
    expect(await anna.socket.ask('people:lookup', { handle: bob.handle.replaceAll('-', '_') })).toMatchObject({
      error: { code: 'unknown-handle' },
    });
  });
});

describe('presence', () => {
  it('reaches contacts within two seconds of coming and going, strangers never', async () => {
    const [anna, bob, stranger] = (await some(3)) as [Person, Person, Person];
    await befriend(anna, bob);
    await stranger.socket.get('contact:request', { account: anna.account.id });
    const left = performance.now();
    anna.socket.close();
    const gone = await bob.socket.next('presence', (presence) => presence.online.length === 0);
    expect(gone.account).toBe(anna.account.id);
    expect(gone.lastSeenAt).toBeGreaterThan(Date.now() - 5000);
    await anna.connect();
    await bob.socket.next('presence', (presence) => presence.online.includes(anna.device.device.id));
    expect(performance.now() - left).toBeLessThan(2000);
    expect(stranger.socket.pending('presence')).toEqual([]);
  });

  it('names each device, and a device once', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    const second = newDevice();
    const list = signList(anna.identity, [anna.device, second], {
      after: anna.account.lists[0] as never,
      number: 1,
      signer: anna.device,
    });
    await anna.socket.get('devices:append', { list });
    expect((await contactOf(bob, anna)).account.lists).toHaveLength(2);
    const first = anna.socket;
    await anna.connect(second, await anna.logIn());
    await bob.socket.next('presence', (presence) => presence.online.length === 2);
    const again = anna.socket;
    await anna.connect(second);
    await again.next('replaced');
    expect(first.socket.connected).toBe(true);
    anna.socket.close();
    await bob.socket.next('presence', (presence) => presence.online.length === 1);
    first.close();
  });

  it('remembers when somebody left over a restart', async () => {
    const own = await startTestServer();
    const [anna, bob] = [await onlinePerson(own), await onlinePerson(own)];
    await befriend(anna, bob);
    const before = Date.now();
    anna.socket.close();
    await bob.socket.next('presence');
    bob.socket.close();
    await own.stop();
    const again = await startTestServer({}, { folder: own.folder });
    bob.browser.origin = again.origin;
    const { contacts } = await bob.connect();
    expect(contacts[0]?.lastSeenAt).toBeGreaterThanOrEqual(before);
    expect(contacts[0]?.online).toEqual([]);
    await again.close();
    await own.close();
  });
});

describe('devices', () => {
  it('a revoked device is dropped with its session', async () => {
    const [anna] = (await some(1)) as [Person];
    const second = newDevice();
    const one = signList(anna.identity, [anna.device, second], { after: anna.account.lists[0] as never, number: 1 });
    await anna.socket.get('devices:append', { list: one });
    expect(await anna.socket.ask('devices:append', { list: one })).toEqual({ ok: true, value: null });
    const first = anna.socket;
    const browser = await anna.logIn();
    await anna.connect(second, browser);
    const revoked = anna.socket;
    const two = signList(anna.identity, [anna.device], { after: one, number: 2, signer: anna.device });
    expect(await first.ask('devices:append', { list: two })).toEqual({ ok: true, value: null });
    await revoked.next('ended');
    await revoked.next('#disconnect');
    expect((await browser.call('GET', '/api/session')).result.ok).toBe(false);
    expect((await anna.browser.call('GET', '/api/session')).result.ok).toBe(true);
    anna.socket = first;
  });

  it('refuses lists that do not follow', async () => {
    const [anna] = (await some(1)) as [Person];
    const newest = anna.account.lists[0] as never;
    const second = newDevice();
    const both = [anna.device, second];
    const cases = {
      'stale-list': [
        signList(anna.identity, both, { after: newest, number: 2 }),
        signList(anna.identity, both, { number: 1 }),
        signList(anna.identity, both),
      ],
      'not-allowed': [
        signList(anna.identity, both, { after: newest, number: 1, signer: second }),
        signList({ ...newIdentity(), vault: anna.identity.vault }, both, {
          after: newest,
          number: 1,
          change: { root: anna.identity.root.public },
        }),
        signList(newIdentity(), both, { after: newest, number: 1 }),
        signList({ ...anna.identity, vault: newIdentity().vault }, both, { after: newest, number: 1 }),
      ],
      malformed: [
        signList(anna.identity, [anna.device, anna.device], { after: newest, number: 1 }),
        signList(anna.identity, [], { after: newest, number: 1 }),
      ],
    };
    for (const [code, lists] of Object.entries(cases))
      for (const list of lists)
        expect(await anna.socket.ask('devices:append', { list })).toMatchObject({ error: { code } });
  });

  it('refuses lists that name a device of another account', async () => {
    const [anna, ben] = (await some(2)) as [Person, Person];
    const after = anna.account.lists[0] as never;
    const list = signList(anna.identity, [anna.device, ben.device], { after, number: 1 });
    expect(await anna.socket.ask('devices:append', { list })).toMatchObject({ error: { code: 'not-allowed' } });
    const mine = signList(anna.identity, [anna.device, newDevice()], { after, number: 1 });
    expect((await anna.socket.ask('devices:append', { list: mine })).ok).toBe(true);
  });

  it('an unproven device may append itself and prove then', async () => {
    const [anna] = (await some(1)) as [Person];
    const second = newDevice();
    const { socket, welcome } = await anna.open(await anna.logIn());
    expect(await socket.prove(welcome, second)).toMatchObject({ error: { code: 'unknown-device' } });
    await socket.get('devices:append', {
      list: signList(anna.identity, [anna.device, second], { after: anna.account.lists[0] as never, number: 1 }),
    });
    expect((await anna.socket.next('account')).lists).toHaveLength(2);
    expect((await socket.prove(welcome, second)).ok).toBe(true);
    socket.close();
  });

  it('a new root needs the password, ends all else and is told to contacts', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    const old = anna.socket;
    const fresh = newDevice();
    const identity = newIdentity();
    const reset = (password: string, list = signList(identity, [fresh])) =>
      socket.ask('identity:reset', { password, wrapped: 'BBBB', list });
    const browser = await anna.logIn();
    const { socket, welcome } = await anna.open(browser);
    expect(await reset('wrong password')).toMatchObject({ error: { code: 'wrong-credentials' } });
    expect(await reset(testPassword, signList(identity, [fresh], { number: 1 }))).toMatchObject({
      error: { code: 'malformed' },
    });
    expect(await reset(testPassword)).toEqual({ ok: true, value: null });
    await old.next('ended');
    expect(
      (
        await bob.socket.next(
          'contact',
          (contact) => contact.account.lists[0]?.body === signList(identity, [fresh]).body,
        )
      ).relation,
    ).toBe('accepted');
    expect((await anna.browser.call('GET', '/api/session')).result.ok).toBe(false);
    expect(await socket.prove(welcome, anna.device)).toMatchObject({ error: { code: 'unknown-device' } });
    const proven = await socket.prove(welcome, fresh);
    expect(v.parse(clientEvents['device:prove'].response, proven.ok && proven.value).account.wrapped).toBe('BBBB');
    socket.close();
  });

  it('a proven device that resets to another is welcomed anew', async () => {
    const [anna] = (await some(1)) as [Person];
    const fresh = newDevice();
    await anna.socket.get('identity:reset', {
      password: testPassword,
      wrapped: 'BBBB',
      list: signList(newIdentity(), [fresh]),
    });
    const welcome = await anna.socket.next('welcome');
    expect(await anna.socket.ask('ice:servers', {})).toMatchObject({ error: { code: 'not-allowed' } });
    expect((await anna.socket.prove(welcome, fresh)).ok).toBe(true);
  });
});

describe('account:update', () => {
  it('changes what is there, tells contacts and own devices', async () => {
    const [anna, bob] = await pair();
    await befriend(anna, bob);
    expect(
      await anna.socket.get('account:update', { displayName: 'A\u202enna', email: 'a@example.org' }),
    ).toMatchObject({ displayName: 'Anna', email: 'a@example.org' });
    expect(await contactOf(bob, anna)).toMatchObject({ account: { displayName: 'Anna' } });
    const cleared = await anna.socket.get('account:update', { email: '' });
    expect(cleared.displayName).toBe('Anna');
    expect(cleared.email).toBeUndefined();
    expect(await anna.socket.get('account:update', { displayName: '\u200b ' })).toMatchObject({
      displayName: anna.handle,
    });
  });
});
