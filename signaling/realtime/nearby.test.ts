/** Who is shown to whom behind one address, and for how long. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import {
  befriend,
  newDevice,
  onlinePerson,
  signList,
  startTestServer,
  TestSocket,
  type Person,
  type TestServer,
} from '../testing.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const join = (person: Person, place?: string) => person.socket.get('nearby:join', place === undefined ? {} : { place });
const handles = ({ people }: { people: readonly { handle: string }[] }) => people.map(({ handle }) => handle).sort();
/** The next list that is this one. */
const sees = (person: Person, ...expected: Person[]) =>
  person.socket.next(
    'nearby',
    (event) =>
      handles(event).join() ===
      expected
        .map(({ handle }) => handle)
        .sort()
        .join(),
  );

/** Somebody whose connection came past a proxy, as from this address. */
async function from(address: string, to = server): Promise<Person> {
  const person = await onlinePerson(to);
  person.socket.close();
  const socket = new TestSocket(to.origin, person.browser.cookieHeader, { forwardedFor: address });
  await socket.prove(await socket.next('welcome'), person.device);
  person.socket = socket;
  return person;
}

describe('people nearby', () => {
  it('see each other only while each of them wants it, under the names that they have now', async () => {
    const [anna, bob, cat] = [await onlinePerson(server), await onlinePerson(server), await onlinePerson(server)];
    expect((await join(anna)).people).toEqual([]);
    const { people } = await join(bob);
    expect(people).toEqual([
      {
        account: anna.account.id,
        handle: anna.handle,
        displayName: anna.handle,
        root: anna.identity.root.public,
      },
    ]);
    await sees(anna, bob);
    await bob.socket.get('account:update', { displayName: 'Bob \u202eB.' });
    const renamed = await anna.socket.next('nearby', (event) => event.people[0]?.displayName === 'Bob B.');
    expect(handles(renamed)).toEqual([bob.handle]);
    await bob.socket.get('nearby:leave', {});
    await sees(anna);
    expect(cat.socket.pending('nearby')).toEqual([]);
    // A connection that ends leaves too.
    await join(bob);
    await sees(anna, bob);
    bob.socket.close();
    await sees(anna);
  });

  it('are one person with two devices, gone with the last', async () => {
    const [anna, bob] = [await onlinePerson(server), await onlinePerson(server)];
    await join(anna);
    await join(bob);
    await sees(anna, bob);
    const first = bob.socket;
    const second = newDevice();
    const list = signList(bob.identity, [bob.device, second], { after: bob.account.lists[0] as never, number: 1 });
    await first.get('devices:append', { list });
    await bob.connect(second, await bob.logIn());
    expect(handles(await join(bob))).toEqual([anna.handle]);
    first.close();
    // Told because of the list and the device; told once more, and empty, only when the second one goes.
    expect(handles(await anna.socket.next('nearby'))).toEqual([bob.handle]);
    await bob.socket.get('nearby:leave', {});
    await sees(anna);
  });

  it('are not shown whom they declined or blocked, nor to them', async () => {
    const [anna, bob, cat] = [await onlinePerson(server), await onlinePerson(server), await onlinePerson(server)];
    for (const person of [anna, bob, cat]) await join(person);
    await sees(anna, bob, cat);
    await befriend(anna, bob);
    await anna.socket.get('contact:answer', { account: bob.account.id, verdict: 'block' });
    await Promise.all([sees(anna, cat), sees(bob, cat), sees(cat, anna, bob)]);
  });

  it('are of one place: not another network, not another time, not more than can be seen at once', async () => {
    await server.close();
    server = await startTestServer({ TRUST_PROXY: '1', REGISTRATIONS_PER_MINUTE: '100000' });
    const [home, alsoHome, cafe] = [
      await from('2001:db8:1:2::5'),
      await from('2001:db8:1:2:ffff::6'),
      await from('203.0.113.9'),
    ];
    const { place } = await join(home);
    await join(cafe);
    expect(handles(await join(alsoHome))).toEqual([home.handle]);
    expect(await cafe.socket.ask('nearby:join', { place })).toMatchObject({ error: { code: 'elsewhere' } });
    expect((await alsoHome.socket.get('nearby:join', { place })).place).toBe(place);
    const unseen = await onlinePerson(server); // not past the proxy
    expect(await unseen.socket.ask('nearby:join', {})).toMatchObject({ error: { code: 'nearby-unavailable' } });
  });

  it('are at most so many in one place', async () => {
    const many = await Promise.all(Array.from({ length: limits.nearbyPeople + 1 }, () => onlinePerson(server)));
    const last = many.pop() as Person;
    for (const person of many) await join(person);
    expect(await last.socket.ask('nearby:join', {})).toMatchObject({ error: { code: 'nearby-full' } });
    await many[0]?.socket.get('nearby:leave', {});
    expect((await join(last)).people).toHaveLength(limits.nearbyPeople - 1);
  });

  it('cannot come and go too often, and can always go', async () => {
    await server.close();
    server = await startTestServer({ NEARBY_PER_MINUTE: '2' });
    const anna = await onlinePerson(server);
    for (let i = 0; i < 2; i++) await join(anna);
    expect(await anna.socket.ask('nearby:join', {})).toMatchObject({ error: { code: 'rate-limited' } });
    for (let i = 0; i < 5; i++) expect(await anna.socket.get('nearby:leave', {})).toBeNull();
  });
});
