/**
 * The embedded store: everything in memory, one file (`durable-file.ts`) behind lowdb, one process (`lock-file.ts`).
 *
 * Changes run one after the other on the staged tables and wait there; all that come within `commitDelayMs`, or while a write is under
 * way, are one write. When it is durable they are applied to the durable tables, which alone readers see, and acknowledged. When it
 * fails, everything staged is taken back and every waiting change is refused: a later one may rest on an earlier one.
 */
import { join } from 'node:path';
import { Low } from 'lowdb';
import type { RosterChange } from '../../protocol/group-roster.ts';
import type { AccountId, DeviceId, GroupId, InvitationId } from '../../protocol/ids.ts';
import { foldHandle, type Handle } from '../../protocol/names.ts';
import type { SignedDeviceList } from '../../protocol/people.ts';
import { DurableFile, makeFolder, type Row, type WriteStep } from './durable-file.ts';
import { changeGroup, withoutMember } from './groups.ts';
import { acquireLock } from './lock-file.ts';
import { decide, type Verdict } from './relations.ts';
import {
  knownBrowsers,
  StoreWriteError,
  type AccountRecord,
  type GroupOutcome,
  type GroupRecord,
  type NewSession,
  type PairRecord,
  type RelationChange,
  type RemovedAccount,
  type SessionRecord,
  type Store,
  type TombstoneRecord,
} from './store.ts';
import { foldHash, pairKey, tableNames, Tables, type AnyRecord, type Change, type TableName } from './tables.ts';

/** Short beside the fsync, long enough that a burst is one write. */
const commitDelayMs = 10;

/** Beyond this a write takes too long for an embedded store (measured by `npx vitest run signaling/store/size`): move to a database. */
export const embeddedStoreLimits = { accounts: 20_000, bytes: 64 * 1024 * 1024 };

interface Waiting {
  resolve(): void;
  reject(error: StoreWriteError): void;
}

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
    const store = new LowdbStore(low, file, release, low.data);
    // Shows at once whether the folder can be written to.
    if (file.bytes === 0) await low.write();
    return store;
  } catch (error) {
    await release();
    throw error;
  }
}

class LowdbStore implements Store {
  readonly #low: Low<Iterable<Row>>;
  readonly #file: DurableFile;
  readonly #release: () => Promise<void>;
  readonly #durable = new Tables();
  readonly #staged = new Tables();
  #changes = new Map<string, Change>();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #healthy = true;
  #closed = false;

  constructor(low: Low<Iterable<Row>>, file: DurableFile, release: () => Promise<void>, rows: Iterable<Row>) {
    this.#low = low;
    this.#file = file;
    this.#release = release;
    for (const [table, record] of rows) {
      const change = { table, key: keyOf(table, record), record } as Change;
      this.#durable.apply(change);
      this.#staged.apply(change);
    }
  }

  register(
    account: Omit<AccountRecord, 'known' | 'lastSeenAt'>,
    session: NewSession,
  ): Promise<'ok' | 'handle-taken' | 'device-taken'> {
    return this.#change(() => {
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
    return this.#change(() => {
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
    return this.#change(() => {
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
    return this.#change(() => {
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
        this.#put({ table: 'session', key: kept.hash, record: { ...kept, device: undefined } });
      return 'ok';
    });
  }

  deleteAccount(id: AccountId, now: number): Promise<RemovedAccount | undefined> {
    return this.#change(() => {
      const account = this.#staged.account.get(id);
      if (!account) return undefined;
      const pairs = [...this.#staged.pairsOf(id)];
      this.#endSessions(id, () => true);
      for (const { low, high } of pairs) this.#put({ table: 'pair', key: pairKey(low, high), record: undefined });
      const groups = this.#staged.groupsOf(id).map((before) => ({ before, after: withoutMember(before, id) }));
      for (const { before, after } of groups) this.#put({ table: 'group', key: before.id, record: after });
      this.#put({ table: 'account', key: id, record: undefined });
      const tombstone = { id, fold: foldHash(account.handle), deletedAt: now };
      this.#put({ table: 'tombstone', key: id, record: tombstone });
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
    return this.#change(() => {
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
    return this.#change(() => {
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
    return this.#change(() => {
      const session = this.#staged.session.get(hash);
      if (session && session.expiresAt < expiresAt)
        this.#put({ table: 'session', key: hash, record: { ...session, expiresAt } });
    });
  }

  bindSession(hash: string, device: DeviceId): Promise<void> {
    return this.#change(() => {
      const session = this.#staged.session.get(hash);
      if (session && session.device !== device)
        this.#put({ table: 'session', key: hash, record: { ...session, device } });
    });
  }

  closeSession(hash: string): Promise<void> {
    return this.#change(() => {
      if (this.#staged.session.has(hash)) this.#put({ table: 'session', key: hash, record: undefined });
    });
  }

  closeExpired(now: number): Promise<number> {
    return this.#change(() => {
      const expired = [...this.#staged.session.values()].filter((session) => session.expiresAt <= now);
      for (const session of expired) this.#put({ table: 'session', key: session.hash, record: undefined });
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
    return this.#change(() => {
      // One of them may have been deleted since the caller looked.
      if (!this.#staged.account.has(actor) || !this.#staged.account.has(other))
        return { kind: 'refused', code: 'not-allowed' };
      const key = pairKey(actor, other);
      const change = decide(this.#staged.pair.get(key), actor, other, verdict, now, (id) => this.#staged.pairsOf(id));
      if (change.kind === 'changed') this.#put({ table: 'pair', key, record: change.after });
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
    return this.#change(() => {
      const outcome = changeGroup(this.#staged.group.get(id), id, actor, change, now, {
        groupsOf: (account) => this.#staged.groupsOf(account).length,
        taken: (invitation) => this.#staged.byInvitation.has(invitation),
      });
      if (outcome.kind === 'changed') this.#put({ table: 'group', key: id, record: outcome.after });
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
    return this.#healthy;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#startWrite();
    }
    while (this.#writing) await this.#writing;
    await this.#release();
  }

  /** Runs `make` on the staged tables now; resolves with its result once that, and all it may have seen, is durable. */
  #change<T>(make: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreWriteError('the store is closed'));
    const result = make();
    const idle = this.#changes.size === 0 && !this.#writing;
    if (idle) return Promise.resolve(result);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: () => resolve(result), reject });
      this.#schedule();
    });
  }

  #put(change: Change): void {
    this.#staged.apply(change);
    this.#changes.set(`${change.table} ${change.key}`, change);
  }

  #schedule(): void {
    if (this.#writing || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#startWrite();
    }, commitDelayMs);
  }

  #startWrite(): void {
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) {
        if (this.#closed) this.#startWrite();
        else this.#schedule();
      }
    });
  }

  /** Never rejects: who waits is told. */
  async #write(): Promise<void> {
    const changes = this.#changes;
    const waiting = this.#waiting;
    this.#changes = new Map();
    this.#waiting = [];
    try {
      if (changes.size > 0) {
        this.#low.data = snapshot(this.#durable, changes);
        await this.#low.write();
        this.#healthy = true;
        for (const change of changes.values()) this.#durable.apply(change);
      }
      for (const one of waiting) one.resolve();
    } catch (error) {
      this.#healthy = false;
      const failure = new StoreWriteError('the store could not be written', { cause: error });
      const alsoLost = [...changes.values(), ...this.#changes.values()];
      this.#changes = new Map();
      for (const { table, key } of alsoLost)
        this.#staged.apply({ table, key, record: this.#durable.get(table, key) } as Change);
      for (const one of [...waiting, ...this.#waiting.splice(0)]) one.reject(failure);
    } finally {
      this.#low.data = [];
    }
  }

  #putAccount(record: AccountRecord): void {
    this.#put({ table: 'account', key: record.id, record });
  }

  #putSession(account: AccountId, { hash, createdAt, expiresAt, device, replaces }: NewSession): void {
    this.#put({ table: 'session', key: hash, record: { hash, account, createdAt, expiresAt, device } });
    if (replaces !== undefined && this.#staged.session.has(replaces))
      this.#put({ table: 'session', key: replaces, record: undefined });
  }

  #endSessions(id: AccountId, ends: (session: SessionRecord) => boolean): void {
    for (const hash of [...(this.#staged.sessionsOf.get(id) ?? [])]) {
      const session = this.#staged.session.get(hash);
      if (session && ends(session)) this.#put({ table: 'session', key: hash, record: undefined });
    }
  }

  #ownedByOther(id: AccountId, devices: readonly DeviceId[]): boolean {
    return devices.some((device) => (this.#staged.byDevice.get(device) ?? id) !== id);
  }
}

/** The durable records with the changes laid over them; durable tables do not change while a write runs. */
function* snapshot(durable: Tables, changes: ReadonlyMap<string, Change>): Generator<Row> {
  for (const table of tableNames)
    for (const [key, record] of durable[table] as Map<string, AnyRecord>)
      if (!changes.has(`${table} ${key}`)) yield [table, record];
  for (const change of changes.values()) if (change.record) yield [change.table, change.record];
}

function keyOf(table: TableName, record: AnyRecord): string {
  if (table === 'session') return (record as SessionRecord).hash;
  if (table === 'pair') return pairKey((record as PairRecord).low, (record as PairRecord).high);
  return (record as AccountRecord | TombstoneRecord).id;
}

const sameList = (one: SignedDeviceList | undefined, other: SignedDeviceList): boolean =>
  one !== undefined && one.body === other.body && one.signer === other.signer && one.signature === other.signature;
