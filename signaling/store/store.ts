/**
 * What the server keeps for good: accounts, sessions, how people stand to each other, who is in a group, and of a deleted account that it was.
 * Nothing else is ever written: no presence, no envelope, no address. The one interface that an adapter implements; `conformance.ts` says in
 * tests what it must do.
 *
 * - A promise of a change resolves only after the change is durable (invariant 4). A change that fails leaves no trace.
 * - Reads see durable state only, so nothing that a reader told anybody can be taken back by a failed write.
 * - Changes are atomic and run one after the other. Repeating one is harmless.
 */
import type { GroupRole, RosterChange } from '../../protocol/group-roster.ts';
import type { AccountId, AdmissionId, DeviceId, GroupId, InvitationId } from '../../protocol/ids.ts';
import type { Handle } from '../../protocol/names.ts';
import type { SignedDeviceList } from '../../protocol/people.ts';
import type { Verdict } from './relations.ts';

/** Records are immutable: a change replaces the record. */
export interface AccountRecord {
  readonly id: AccountId;
  readonly handle: Handle;
  readonly displayName: string;
  readonly email?: string | undefined;
  /** PHC string of argon2id. */
  readonly passwordHash: string;
  readonly wrapped: string;
  /** The whole chain since the last reset, list 0 first. */
  readonly lists: readonly SignedDeviceList[];
  /** Devices of the newest list. A device belongs to one account. */
  readonly devices: readonly DeviceId[];
  /** Browsers that logged in before: SHA-256 over account id and token, newest last. */
  readonly known: readonly string[];
  readonly createdAt: number;
  readonly lastSeenAt?: number | undefined;
  /** When devices of the newest list last went offline. */
  readonly devicesSeenAt?: readonly (readonly [DeviceId, number])[] | undefined;
}

/** What stays of a deleted account, for ever: nobody may get its handle, or one that looks like it, and take its place (decision 26). */
export interface TombstoneRecord {
  readonly id: AccountId;
  /** SHA-256 of the folded handle, base64url: enough to refuse it, without a list of who was here. */
  readonly fold: string;
  readonly deletedAt: number;
}

export interface SessionRecord {
  /** SHA-256 of the token, base64url. */
  readonly hash: string;
  readonly account: AccountId;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The device that proved itself in this session; the session ends with it. */
  readonly device?: DeviceId | undefined;
}

/** How two accounts stand: the stance of each and when what each sees last changed. `low` is the smaller id. */
export interface PairRecord {
  readonly low: AccountId;
  readonly high: AccountId;
  readonly lowStance: Stance;
  readonly highStance: Stance;
  readonly lowSince: number;
  readonly highSince: number;
}

export interface GroupMemberRecord {
  readonly account: AccountId;
  readonly role: GroupRole;
  /** The one by which they are in, as whoever admitted them said; absent for who founded the group, and where nothing was said. */
  readonly admission?: AdmissionId | undefined;
}

export interface GroupRecord {
  readonly id: GroupId;
  readonly members: readonly GroupMemberRecord[];
  readonly invitations: readonly { readonly id: InvitationId; readonly expiresAt?: number | undefined }[];
  readonly createdAt: number;
}

/** `wants`: asked, or accepted. `declined` and `blocked` are never shown to the other. */
export type Stance = 'none' | 'wants' | 'declined' | 'blocked';

export interface NewSession extends Omit<SessionRecord, 'account'> {
  /** The browser's token hash, remembered with the account. */
  readonly known: string;
  /** Session that this one replaces (rotation at login). */
  readonly replaces?: string | undefined;
}

export type RelationChange =
  | { kind: 'changed' | 'same'; before: PairRecord | undefined; after: PairRecord | undefined }
  | { kind: 'refused'; code: 'too-many-requests' | 'not-allowed' };

export type GroupOutcome =
  | { kind: 'changed' | 'same'; before: GroupRecord | undefined; after: GroupRecord | undefined }
  | { kind: 'refused'; code: 'not-allowed' | 'too-large' };

/** What went with an account: its pairs, and its groups as they were before and are now. */
export interface RemovedAccount {
  account: AccountRecord;
  pairs: readonly PairRecord[];
  groups: readonly { before: GroupRecord; after: GroupRecord | undefined }[];
}

export interface Store {
  /** Creates an account with its first session, in one change. */
  register(
    account: Omit<AccountRecord, 'known' | 'lastSeenAt'>,
    session: NewSession,
  ): Promise<'ok' | 'handle-taken' | 'device-taken'>;
  account(id: AccountId): Promise<AccountRecord | undefined>;
  accountByHandle(handle: Handle): Promise<AccountRecord | undefined>;
  /** The account whose newest list has this device. */
  accountOfDevice(device: DeviceId): Promise<AccountRecord | undefined>;

  /** An `email` of `''` forgets the address. */
  updateProfile(
    id: AccountId,
    change: { displayName?: string | undefined; email?: string | undefined },
  ): Promise<AccountRecord | undefined>;
  /** Appends list number `number`, which must be the next; ends the sessions of devices that left. The newest list again is `ok`. */
  appendList(
    id: AccountId,
    number: number,
    list: SignedDeviceList,
    devices: readonly DeviceId[],
  ): Promise<'ok' | 'stale-list' | 'device-taken'>;
  /** Begins a new chain and ends every session but `keepSession`, which no device owns any more. */
  resetIdentity(
    id: AccountId,
    identity: { wrapped: string; list: SignedDeviceList; devices: readonly DeviceId[]; keepSession: string },
  ): Promise<'ok' | 'device-taken'>;
  /**
   * Removes the account, its sessions and all that stands between it and others, and leaves a tombstone.
   * @returns what was removed, for who is to be told; undefined when there is no such account.
   */
  deleteAccount(id: AccountId, now: number): Promise<RemovedAccount | undefined>;
  /** Whether there was such an account once, and it was deleted. */
  wasDeleted(id: AccountId): Promise<boolean>;
  /** Coalesced times of going offline, milliseconds since 1970; never moves back. Devices that left their account's list are forgotten. */
  noteLastSeen(times: ReadonlyMap<AccountId, number>, devices?: ReadonlyMap<DeviceId, number>): Promise<void>;

  openSession(id: AccountId, session: NewSession): Promise<void>;
  /** Expired ones too: the caller looks at the clock. */
  session(hash: string): Promise<SessionRecord | undefined>;
  extendSession(hash: string, expiresAt: number): Promise<void>;
  bindSession(hash: string, device: DeviceId): Promise<void>;
  closeSession(hash: string): Promise<void>;
  /** Forgets sessions that ended before `now`. @returns how many. */
  closeExpired(now: number): Promise<number>;

  pair(one: AccountId, other: AccountId): Promise<PairRecord | undefined>;
  pairsOf(id: AccountId): Promise<readonly PairRecord[]>;
  /** Applies what `actor` decides about `other`; the rules are in `relations.ts`. */
  decide(actor: AccountId, other: AccountId, verdict: Verdict, now: number): Promise<RelationChange>;

  group(id: GroupId): Promise<GroupRecord | undefined>;
  groupsOf(id: AccountId): Promise<readonly GroupRecord[]>;
  groupOfInvitation(invitation: InvitationId): Promise<GroupRecord | undefined>;
  /** Applies what `actor` changes; the rules are in `groups.ts`. A group without members is gone. */
  changeGroup(id: GroupId, actor: AccountId, change: RosterChange, now: number): Promise<GroupOutcome>;

  /** How much there is, for the log and for the size at which to move on. */
  size(): { accounts: number; sessions: number; pairs: number; groups: number; tombstones: number; bytes: number };
  /** False after a write failed, until one succeeds. */
  healthy(): boolean;
  /** Writes what is pending and lets go of the files. */
  close(): Promise<void>;
}

/** Browsers remembered per account. */
export const knownBrowsers = 8;

/** A change could not be made durable (disk full, I/O error) and was taken back. */
export class StoreWriteError extends Error {
  override readonly name = 'StoreWriteError';
}

/** The store cannot be opened; the message is a sentence for the operator that says what to do. */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
}
