/**
 * The embedded store: everything in memory, one file (`durable-file.ts`) behind lowdb, one process (`lock-file.ts`). Each change is made on the
 * staged tables and acknowledged once it is durable (`commit-queue.ts`); readers see the durable tables alone.
 */
import { join } from 'node:path';
import { Low } from 'lowdb';
import type { RosterChange } from '../../protocol/group-roster.ts';
import type { AccountId, DeviceId, GroupId, InvitationId } from '../../protocol/ids.ts';
import { foldHandle, type Handle } from '../../protocol/names.ts';
import type { SignedDeviceList } from '../../protocol/people.ts';
import { CommitQueue } from './commit-queue.ts';
import { DurableFile, makeFolder, type Row, type WriteStep } from './durable-file.ts';
import { changeGroup, withoutMember } from './groups.ts';
import { acquireLock } from './lock-file.ts';
import { decide, type Verdict } from './relations.ts';
import {
  knownBrowsers,
  type AccountRecord,
  type GroupOutcome,
  type GroupRecord,
  type NewSession,
  type PairRecord,
  type RelationChange,
  type RemovedAccount,
  type SessionRecord,
  type Store,
} from './store.ts';
import { foldHash, pairKey, type Tables } from './tables.ts';

/** Beyond this a write takes too long for an embedded store (measured by `npx vitest run signaling/store/size`): move to a database. */
export const embeddedStoreLimits = { accounts: 20_000, bytes: 64 * 1024 * 1024 };

export interface LowdbStoreOptions {
  folder: string;
  /** For tests: called at each step of a write; may throw or kill. */
  onStep?: (step: WriteStep) => void;
}

/** @throws StoreOpenError when the file is damaged or another process uses it. */
export async function openLowdbStore(options: LowdbStoreOptions): Promise<Store> {
  await makeFolder(options.folder);
  const release = await acquireLock(join(options.folder, 'causeway.lock'));
  try {
    const file = new DurableFile(join(options.folder, 'causeway.store'), options.onStep);
    const low = new Low<Iterable<Row>>(file, []);
    await low.read();
    const store = new LowdbStore(new CommitQueue(low, low.data), file, release);
    // Shows at once whether the folder can be written to.
    if (file.bytes === 0) await low.write();
    return store;
  } catch (error) {
    await release();
    throw error;
  }
}

class LowdbStore implements Store {
  readonly #commits: CommitQueue;
  readonly #durable: Tables;
  readonly #staged: Tables;
  readonly #file: DurableFile;
  readonly #release: () => Promise<void>;
  #closed = false;

  constructor(commits: CommitQueue, file: DurableFile, release: () => Promise<void>) {
    this.#commits = commits;
    this.#durable = commits.durable;
    this.#staged = commits.staged;
    this.#file = file;
    this.#release = release;
  }

  register(
    account: Omit<AccountRecord, 'known' | 'lastSeenAt'>,
    session: NewSession,
  ): Promise<'ok' | 'handle-taken' | 'device-taken'> {
    return this.#commits.change(() => {
      if (this.#staged.byFold.has(foldHandle(account.handle))) return 'handle-taken';
      if (this.#staged.buried.has(foldHash(account.handle))) return 'handle-taken';
      if (this.#ownedByOther(account.id, account.devices)) return 'device-taken';
      this.#putAccount({ ...account, known: [session.known] });
      this.#putSession(account.id, session);
      return 'ok';
    });
  }

  account(id: AccountId): Promise<AccountRecord | undefined> {
    return Promise.resolve(this.#durable.account.get(id));
  }

  accountByHandle(handle: Handle): Promise<AccountRecord | undefined> {
    const id = this.#durable.byFold.get(foldHandle(handle));
    const account = id && this.#durable.account.get(id);
    return Promise.resolve(account && account.handle === handle ? account : undefined);
  }

  accountOfDevice(device: DeviceId): Promise<AccountRecord | undefined> {
    const id = this.#durable.byDevice.get(device);
    return Promise.resolve(id && this.#durable.account.get(id));
  }

  updateProfile(
    id: AccountId,
    change: { displayName?: string | undefined; email?: string | undefined },
  ): Promise<AccountRecord | undefined> {
    return this.#commits.change(() => {
      const account = this.#staged.account.get(id);
      if (!account) return undefined;
      const next: AccountRecord = {
        ...account,
        ...(change.displayName === undefined ? {} : { displayName: change.displayName }),
        ...(change.email === undefined ? {} : { email: change.email === '' ? undefined : change.email }),
      };
      if (next.displayName !== account.displayName || next.email !== account.email) this.#putAccount(next);
      return next;
    });
  }

  appendList(
    id: AccountId,
    number: number,
    list: SignedDeviceList,
    devices: readonly DeviceId[],
  ): Promise<'ok' | 'stale-list' | 'device-taken'> {
    return this.#commits.change(() => {
      const account = this.#staged.account.get(id);
      if (!account) return 'stale-list';
      if (number === account.lists.length - 1 && sameList(account.lists[number], list)) return 'ok';
      if (number !== account.lists.length) return 'stale-list';
      if (this.#ownedByOther(id, devices)) return 'device-taken';
      this.#putAccount({ ...account, lists: [...account.lists, list], devices });
      const left = new Set(account.devices.filter((device) => !devices.includes(device)));
      this.#endSessions(id, (session) => session.device !== undefined && left.has(session.device));
      return 'ok';
    });
  }

  resetIdentity(
    id: AccountId,
    identity: { wrapped: string; list: SignedDeviceList; devices: readonly DeviceId[]; keepSession: string },
  ): Promise<'ok' | 'device-taken'> {
    return this.#commits.change(() => {
      const account = this.#staged.account.get(id);
      if (!account || this.#ownedByOther(id, identity.devices)) return 'device-taken';
      if (
        account.lists.length === 1 &&
        sameList(account.lists[0], identity.list) &&
        account.wrapped === identity.wrapped
      )
        return 'ok';
      this.#putAccount({ ...account, wrapped: identity.wrapped, lists: [identity.list], devices: identity.devices });
      this.#endSessions(id, (session) => session.hash !== identity.keepSession);
      const kept = this.#staged.session.get(identity.keepSession);
      if (kept?.device !== undefined)
        this.#commits.put({ table: 'session', key: kept.hash, record: { ...kept, device: undefined } });
      return 'ok';
    });
  }

  deleteAccount(id: AccountId, now: number): Promise<RemovedAccount | undefined> {
    return this.#commits.change(() => {
      const account = this.#staged.account.get(id);
      if (!account) return undefined;
      const pairs = [...this.#staged.pairsOf(id)];
      this.#endSessions(id, () => true);
      for (const { low, high } of pairs)
        this.#commits.put({ table: 'pair', key: pairKey(low, high), record: undefined });
      const groups = this.#staged.groupsOf(id).map((before) => ({ before, after: withoutMember(before, id) }));
      for (const { before, after } of groups) this.#commits.put({ table: 'group', key: before.id, record: after });
      this.#commits.put({ table: 'account', key: id, record: undefined });
      const tombstone = { id, fold: foldHash(account.handle), deletedAt: now };
      this.#commits.put({ table: 'tombstone', key: id, record: tombstone });
      return { account, pairs, groups };
    });
  }

  wasDeleted(id: AccountId): Promise<boolean> {
    return Promise.resolve(this.#durable.tombstone.has(id));
  }

  noteLastSeen(
    times: ReadonlyMap<AccountId, number>,
    devices: ReadonlyMap<DeviceId, number> = new Map<DeviceId, number>(),
  ): Promise<void> {
    return this.#commits.change(() => {
      for (const [device, at] of devices) {
        const owner = this.#staged.byDevice.get(device);
        const account = owner && this.#staged.account.get(owner);
        if (!account) continue;
        const seen = new Map(account.devicesSeenAt?.filter(([id]) => account.devices.includes(id)));
        if (at <= (seen.get(device) ?? 0)) continue;
        this.#putAccount({ ...account, devicesSeenAt: [...seen.set(device, at)] });
      }
      for (const [id, lastSeenAt] of times) {
        const account = this.#staged.account.get(id);
        if (account && lastSeenAt > (account.lastSeenAt ?? 0)) this.#putAccount({ ...account, lastSeenAt });
      }
    });
  }

  openSession(id: AccountId, session: NewSession): Promise<void> {
    return this.#commits.change(() => {
      const account = this.#staged.account.get(id);
      if (!account) return;
      if (account.known.at(-1) !== session.known)
        this.#putAccount({
          ...account,
          known: [...account.known.filter((hash) => hash !== session.known), session.known].slice(-knownBrowsers),
        });
      this.#putSession(id, session);
    });
  }

  session(hash: string): Promise<SessionRecord | undefined> {
    return Promise.resolve(this.#durable.session.get(hash));
  }

  extendSession(hash: string, expiresAt: number): Promise<void> {
    return this.#commits.change(() => {
      const session = this.#staged.session.get(hash);
      if (session && session.expiresAt < expiresAt)
        this.#commits.put({ table: 'session', key: hash, record: { ...session, expiresAt } });
    });
  }

  bindSession(hash: string, device: DeviceId): Promise<void> {
    return this.#commits.change(() => {
      const session = this.#staged.session.get(hash);
      if (session && session.device !== device)
        this.#commits.put({ table: 'session', key: hash, record: { ...session, device } });
    });
  }

  closeSession(hash: string): Promise<void> {
    return this.#commits.change(() => {
      if (this.#staged.session.has(hash)) this.#commits.put({ table: 'session', key: hash, record: undefined });
    });
  }

  closeExpired(now: number): Promise<number> {
    return this.#commits.change(() => {
      const expired = [...this.#staged.session.values()].filter((session) => session.expiresAt <= now);
      for (const session of expired) this.#commits.put({ table: 'session', key: session.hash, record: undefined });
      return expired.length;
    });
  }

  pair(one: AccountId, other: AccountId): Promise<PairRecord | undefined> {
    return Promise.resolve(this.#durable.pair.get(pairKey(one, other)));
  }

  pairsOf(id: AccountId): Promise<readonly PairRecord[]> {
    return Promise.resolve([...this.#durable.pairsOf(id)]);
  }

  decide(actor: AccountId, other: AccountId, verdict: Verdict, now: number): Promise<RelationChange> {
    return this.#commits.change(() => {
      // One of them may have been deleted since the caller looked.
      if (!this.#staged.account.has(actor) || !this.#staged.account.has(other))
        return { kind: 'refused', code: 'not-allowed' };
      const key = pairKey(actor, other);
      const change = decide(this.#staged.pair.get(key), actor, other, verdict, now, (id) => this.#staged.pairsOf(id));
      if (change.kind === 'changed') this.#commits.put({ table: 'pair', key, record: change.after });
      return change;
    });
  }

  group(id: GroupId): Promise<GroupRecord | undefined> {
    return Promise.resolve(this.#durable.group.get(id));
  }

  groupsOf(id: AccountId): Promise<readonly GroupRecord[]> {
    return Promise.resolve(this.#durable.groupsOf(id));
  }

  groupOfInvitation(invitation: InvitationId): Promise<GroupRecord | undefined> {
    const id = this.#durable.byInvitation.get(invitation);
    return Promise.resolve(id && this.#durable.group.get(id));
  }

  changeGroup(id: GroupId, actor: AccountId, change: RosterChange, now: number): Promise<GroupOutcome> {
    return this.#commits.change(() => {
      const outcome = changeGroup(this.#staged.group.get(id), id, actor, change, now, {
        groupsOf: (account) => this.#staged.groupsOf(account).length,
        taken: (invitation) => this.#staged.byInvitation.has(invitation),
      });
      if (outcome.kind === 'changed') this.#commits.put({ table: 'group', key: id, record: outcome.after });
      return outcome;
    });
  }

  size(): { accounts: number; sessions: number; pairs: number; groups: number; tombstones: number; bytes: number } {
    const { account, session, pair, group, tombstone } = this.#durable;
    return {
      accounts: account.size,
      sessions: session.size,
      pairs: pair.size,
      groups: group.size,
      tombstones: tombstone.size,
      bytes: this.#file.bytes,
    };
  }

  healthy(): boolean {
    return this.#commits.healthy;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#commits.close();
    await this.#release();
  }

  #putAccount(record: AccountRecord): void {
    this.#commits.put({ table: 'account', key: record.id, record });
  }

  #putSession(account: AccountId, { hash, createdAt, expiresAt, device, replaces }: NewSession): void {
    this.#commits.put({ table: 'session', key: hash, record: { hash, account, createdAt, expiresAt, device } });
    if (replaces !== undefined && this.#staged.session.has(replaces))
      this.#commits.put({ table: 'session', key: replaces, record: undefined });
  }

  #endSessions(id: AccountId, ends: (session: SessionRecord) => boolean): void {
    for (const hash of [...(this.#staged.sessionsOf.get(id) ?? [])]) {
      const session = this.#staged.session.get(hash);
      if (session && ends(session)) this.#commits.put({ table: 'session', key: hash, record: undefined });
    }
  }

  #ownedByOther(id: AccountId, devices: readonly DeviceId[]): boolean {
    return devices.some((device) => (this.#staged.byDevice.get(device) ?? id) !== id);
  }
}

const sameList = (one: SignedDeviceList | undefined, other: SignedDeviceList): boolean =>
  one !== undefined && one.body === other.body && one.signer === other.signer && one.signature === other.signature;
