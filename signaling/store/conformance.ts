/** What every adapter of the store must do; each runs this same suite. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { AccountId, AdmissionId, DeviceId, GroupId, InvitationId, Signature } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Handle } from '../../protocol/names.ts';
import type { SignedDeviceList } from '../../protocol/people.ts';
import { relationOf } from './relations.ts';
import { knownBrowsers, type AccountRecord, type NewSession, type Store } from './store.ts';

const id = () => randomBytes(16).toString('base64url');
const accountId = () => id() as AccountId;
const deviceId = () => id() as DeviceId;
const hash = (): string => randomBytes(32).toString('base64url');
let handles = 0;

export const someList = (): SignedDeviceList => ({
  body: hash(),
  signer: 'root',
  signature: randomBytes(64).toString('base64url') as Signature,
});

export function someAccount(change: Partial<AccountRecord> = {}): Omit<AccountRecord, 'known' | 'lastSeenAt'> {
  return {
    id: accountId(),
    handle: `conformant${(++handles).toString().replaceAll('0', 'x').replaceAll('1', 'y')}` as Handle,
    displayName: 'Someone',
    passwordHash: '$argon2id$…',
    wrapped: 'AAAA',
    lists: [someList()],
    devices: [deviceId()],
    createdAt: 1000,
    ...change,
  };
}

export const someSession = (change: Partial<NewSession> = {}): NewSession => ({
  hash: hash(),
  createdAt: 1000,
  expiresAt: 2000,
  known: hash(),
  ...change,
});

/** @param open opens an empty store; the second time of a test, the same one again after a restart. */
export function storeConformance(name: string, open: (test: { first: boolean }) => Promise<Store>): void {
  describe(`store conformance: ${name}`, () => {
    let store: Store;
    const begin = async () => (store = await open({ first: true }));
    const restart = async () => {
      await store.close();
      store = await open({ first: false });
    };
    afterEach(() => store.close());

    async function registered(
      change: Partial<AccountRecord> = {},
    ): Promise<{ account: Omit<AccountRecord, 'known' | 'lastSeenAt'>; session: NewSession }> {
      const account = someAccount(change);
      const session = someSession();
      expect(await store.register(account, session)).toBe('ok');
      return { account, session };
    }

    it('keeps everything over a restart', async () => {
      await begin();
      const { account, session } = await registered({ email: 'a@example.org', displayName: 'Änne "\n\u2028😀' });
      const { account: other } = await registered();
      await store.decide(account.id, other.id, 'request', 5);
      await store.noteLastSeen(new Map([[account.id, 77]]));
      await restart();
      expect(await store.account(account.id)).toEqual({ ...account, known: [session.known], lastSeenAt: 77 });
      expect(await store.accountByHandle(account.handle)).toMatchObject({ id: account.id });
      expect(await store.accountOfDevice(account.devices[0] as DeviceId)).toMatchObject({ id: account.id });
      expect(await store.session(session.hash)).toMatchObject({ account: account.id, expiresAt: 2000 });
      expect(relationOf(await store.pair(other.id, account.id), other.id)).toBe('incoming');
      expect(store.size()).toMatchObject({ accounts: 2, sessions: 2, pairs: 1 });
    });

    it('keeps groups over a restart, and finds them by member and by invitation', async () => {
      await begin();
      const [{ account: owner }, { account: other }] = [await registered(), await registered()];
      const [group, invitation, admission] = [id() as GroupId, id() as InvitationId, id() as AdmissionId];
      for (const change of [
        { kind: 'create' },
        { kind: 'open', invitation },
        { kind: 'admit', account: other.id, admission },
      ] as const)
        expect(await store.changeGroup(group, owner.id, change, 5)).toMatchObject({ kind: 'changed' });
      await restart();
      expect(await store.groupOfInvitation(invitation)).toMatchObject({ id: group });
      expect((await store.groupsOf(other.id)).map((one) => one.id)).toEqual([group]);
      expect((await store.group(group))?.members[1]).toEqual({ account: other.id, role: 'member', admission });
      await store.changeGroup(group, owner.id, { kind: 'delete' }, 6);
      expect(await store.groupsOf(other.id)).toEqual([]);
      expect(await store.groupOfInvitation(invitation)).toBeUndefined();
      await restart();
      expect(await store.group(group)).toBeUndefined();
    });

    it('takes each handle and its lookalikes once, each device for one account', async () => {
      await begin();
      const { account } = await registered({ handle: 'hello.0' as Handle });
      for (const handle of ['hello.0', 'hello_o', 'he1l0o', 'helloo'])
        expect(await store.register(someAccount({ handle: handle as Handle }), someSession())).toBe('handle-taken');
      expect(await store.accountByHandle('hello_o' as Handle)).toBeUndefined();
      expect(await store.register(someAccount({ devices: account.devices }), someSession())).toBe('device-taken');
      const raced = await Promise.all(
        [1, 2, 3].map(() => store.register(someAccount({ handle: 'raced' as Handle }), someSession())),
      );
      expect(raced.sort()).toEqual(['handle-taken', 'handle-taken', 'ok']);
    });

    it('changes a profile, and forgets an e-mail address', async () => {
      await begin();
      const { account } = await registered({ email: 'a@example.org' });
      expect(await store.updateProfile(account.id, { displayName: 'New' })).toMatchObject({
        displayName: 'New',
        email: 'a@example.org',
      });
      const cleared = await store.updateProfile(account.id, { email: '' });
      expect(cleared?.email).toBeUndefined();
      expect(await store.account(account.id)).toEqual(cleared);
      expect(await store.updateProfile(accountId(), {})).toBeUndefined();
    });

    it('appends lists in order, the newest again without harm, and ends sessions of devices that left', async () => {
      await begin();
      const { account, session } = await registered();
      const old = account.devices[0] as DeviceId;
      const fresh = deviceId();
      const list = someList();
      await store.bindSession(session.hash, old);
      expect(await store.appendList(account.id, 2, list, [fresh])).toBe('stale-list');
      expect(await store.appendList(account.id, 0, list, [fresh])).toBe('stale-list');
      expect(await Promise.all([1, 2, 3].map(() => store.appendList(account.id, 1, list, [fresh])))).toEqual([
        'ok',
        'ok',
        'ok',
      ]);
      expect(await store.appendList(account.id, 1, someList(), [fresh])).toBe('stale-list');
      expect(await store.account(account.id)).toMatchObject({ lists: [account.lists[0], list], devices: [fresh] });
      expect(await store.session(session.hash)).toBeUndefined();
      expect(await store.accountOfDevice(old)).toBeUndefined();
      expect(await store.accountOfDevice(fresh)).toMatchObject({ id: account.id });
      const { account: other } = await registered({ devices: [old] });
      expect(await store.appendList(account.id, 2, someList(), [fresh, old])).toBe('device-taken');
      expect(await store.accountOfDevice(old)).toMatchObject({ id: other.id });
    });

    it('resets an identity and keeps one session, unbound', async () => {
      await begin();
      const { account, session } = await registered();
      const second = someSession();
      await store.openSession(account.id, second);
      await store.bindSession(session.hash, account.devices[0] as DeviceId);
      const identity = { wrapped: 'BBBB', list: someList(), devices: [deviceId()], keepSession: session.hash };
      expect(await store.resetIdentity(account.id, identity)).toBe('ok');
      expect(await store.resetIdentity(account.id, identity)).toBe('ok');
      expect(await store.account(account.id)).toMatchObject({
        wrapped: 'BBBB',
        lists: [identity.list],
        devices: identity.devices,
      });
      expect((await store.session(session.hash))?.device).toBeUndefined();
      expect(await store.session(second.hash)).toBeUndefined();
    });

    it('opens, rotates, extends, closes and expires sessions; remembers a few browsers', async () => {
      await begin();
      const { account, session } = await registered();
      const next = someSession({ replaces: session.hash });
      await store.openSession(account.id, next);
      expect(await store.session(session.hash)).toBeUndefined();
      await store.extendSession(next.hash, 9000);
      await store.extendSession(next.hash, 8000);
      expect((await store.session(next.hash))?.expiresAt).toBe(9000);
      const brief = someSession({ expiresAt: 3000 });
      await store.openSession(account.id, brief);
      expect(await store.closeExpired(3000)).toBe(1);
      expect(await store.session(brief.hash)).toBeUndefined();
      await store.closeSession(next.hash);
      await store.closeSession(next.hash);
      expect(await store.session(next.hash)).toBeUndefined();
      for (let i = 0; i < knownBrowsers + 2; i++)
        await store.openSession(account.id, someSession({ known: `browser ${i}` }));
      await store.openSession(account.id, someSession({ known: 'browser 5' }));
      const known = (await store.account(account.id))?.known;
      expect(known).toHaveLength(knownBrowsers);
      expect(known?.at(-1)).toBe('browser 5');
    });

    it('decides between two people, in order and within limits', async () => {
      await begin();
      const [{ account: one }, { account: two }] = [await registered(), await registered()];
      const results = await Promise.all([
        store.decide(one.id, two.id, 'request', 1),
        store.decide(two.id, one.id, 'request', 2),
      ]);
      expect(results.map((result) => result.kind)).toEqual(['changed', 'changed']);
      expect(relationOf(await store.pair(one.id, two.id), one.id)).toBe('accepted');
      expect(await store.decide(two.id, one.id, 'request', 3)).toMatchObject({ kind: 'same' });
      await store.decide(one.id, two.id, 'remove', 4);
      expect(await store.pair(one.id, two.id)).toBeUndefined();
      expect(await store.pairsOf(two.id)).toEqual([]);
      const many = await Promise.all(Array.from({ length: limits.pendingRequests + 1 }, () => registered()));
      const asked = await Promise.all(many.map(({ account }) => store.decide(one.id, account.id, 'request', 5)));
      expect(asked.map((result) => result.kind)).toEqual([
        ...Array<string>(limits.pendingRequests).fill('changed'),
        'refused',
      ]);
      expect(await store.pairsOf(one.id)).toHaveLength(limits.pendingRequests);
    });

    it('deletes an account with all that hangs on it, and gives its handle to nobody again', async () => {
      await begin();
      const { account, session } = await registered({ handle: 'gone.soon' as Handle, email: 'g@example.org' });
      const [{ account: friend }, { account: stranger, session: kept }] = [await registered(), await registered()];
      await store.decide(account.id, friend.id, 'request', 1);
      await store.decide(friend.id, account.id, 'accept', 2);
      await store.decide(friend.id, stranger.id, 'request', 3);
      const [shared, alone] = [id() as GroupId, id() as GroupId];
      await store.changeGroup(shared, friend.id, { kind: 'create' }, 4);
      await store.changeGroup(shared, friend.id, { kind: 'admit', account: account.id }, 5);
      await store.changeGroup(alone, account.id, { kind: 'create' }, 6);
      const removed = await store.deleteAccount(account.id, 9);
      expect(removed?.groups.map(({ before, after }) => [before.id, after?.members.length]).sort()).toEqual(
        [
          [shared, 1],
          [alone, undefined],
        ].sort(),
      );
      expect(removed?.account).toMatchObject({ id: account.id, handle: account.handle });
      expect(removed?.pairs.map(({ low, high }) => [low, high].sort())).toEqual([[account.id, friend.id].sort()]);
      expect(await store.deleteAccount(account.id, 10)).toBeUndefined();
      await restart();
      expect(await store.account(account.id)).toBeUndefined();
      expect((await store.group(shared))?.members).toEqual([{ account: friend.id, role: 'owner' }]);
      expect(await store.group(alone)).toBeUndefined();
      expect(await store.accountByHandle(account.handle)).toBeUndefined();
      expect(await store.accountOfDevice(account.devices[0] as DeviceId)).toBeUndefined();
      expect(await store.session(session.hash)).toBeUndefined();
      expect(await store.session(kept.hash)).toBeDefined();
      expect((await store.pairsOf(friend.id)).map(({ low, high }) => [low, high].includes(stranger.id))).toEqual([
        true,
      ]);
      expect([await store.wasDeleted(account.id), await store.wasDeleted(friend.id)]).toEqual([true, false]);
      expect(store.size()).toMatchObject({ accounts: 2, sessions: 2, pairs: 1, tombstones: 1 });
      for (const handle of ['gone.soon', 'g0nes00n'])
        expect(await store.register(someAccount({ handle: handle as Handle }), someSession())).toBe('handle-taken');
      // The device is free: the same browser may begin anew.
      expect(await store.register(someAccount({ devices: account.devices }), someSession())).toBe('ok');
      expect(await store.decide(friend.id, account.id, 'request', 11)).toMatchObject({ kind: 'refused' });
    });

    it('never moves the time of going offline back, and skips people who are gone', async () => {
      await begin();
      const { account } = await registered();
      await store.noteLastSeen(
        new Map([
          [account.id, 50],
          [accountId(), 60],
        ]),
      );
      await store.noteLastSeen(new Map([[account.id, 40]]));
      expect((await store.account(account.id))?.lastSeenAt).toBe(50);
    });

    it('keeps when each device went, and forgets it with the device', async () => {
      await begin();
      const { account } = await registered();
      const [device] = account.devices as [DeviceId];
      for (const at of [50, 40]) await store.noteLastSeen(new Map(), new Map([[device, at]]));
      await restart();
      expect((await store.account(account.id))?.devicesSeenAt).toEqual([[device, 50]]);
      await store.noteLastSeen(new Map(), new Map([[accountId() as string as DeviceId, 60]]));
      expect((await store.account(account.id))?.devicesSeenAt).toEqual([[device, 50]]);
    });

    it('writes what is pending when it closes, and refuses changes then', async () => {
      await begin();
      const account = someAccount();
      const registering = store.register(account, someSession());
      await store.close();
      expect(await registering).toBe('ok');
      await expect(store.closeSession('x')).rejects.toThrow();
      await restart();
      expect(await store.account(account.id)).toBeDefined();
      expect(store.healthy()).toBe(true);
    });
  });
}
