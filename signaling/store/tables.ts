/**
 * The records of the embedded store in memory, with their indexes. Two of these exist: the durable one that readers see, and the staged
 * one that changes are made on. Records are immutable and shared by both.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { uint } from '../../protocol/codec.ts';
import { GroupRole } from '../../protocol/group-roster.ts';
import { AccountId, AdmissionId, DeviceId, GroupId, InvitationId } from '../../protocol/ids.ts';
import { foldHandle, Handle } from '../../protocol/names.ts';
import { SignedDeviceList } from '../../protocol/people.ts';
import type { AccountRecord, GroupRecord, PairRecord, SessionRecord, TombstoneRecord } from './store.ts';

const Stance = v.picklist(['none', 'wants', 'declined', 'blocked']);

/** What a line of the file must be; what does not fit is a damaged file. */
export const schemas = {
  account: v.strictObject({
    id: AccountId,
    handle: Handle,
    displayName: v.string(),
    email: v.optional(v.string()),
    passwordHash: v.string(),
    wrapped: v.string(),
    lists: v.pipe(v.array(SignedDeviceList), v.minLength(1)),
    devices: v.pipe(v.array(DeviceId), v.minLength(1)),
    known: v.array(v.string()),
    createdAt: uint(),
    lastSeenAt: v.optional(uint()),
    devicesSeenAt: v.optional(v.array(v.tuple([DeviceId, uint()]))),
  }),
  session: v.strictObject({
    hash: v.string(),
    account: AccountId,
    createdAt: uint(),
    expiresAt: uint(),
    device: v.optional(DeviceId),
  }),
  pair: v.strictObject({
    low: AccountId,
    high: AccountId,
    lowStance: Stance,
    highStance: Stance,
    lowSince: uint(),
    highSince: uint(),
  }),
  tombstone: v.strictObject({ id: AccountId, fold: v.pipe(v.string(), v.length(43)), deletedAt: uint() }),
  group: v.strictObject({
    id: GroupId,
    members: v.pipe(
      v.array(v.strictObject({ account: AccountId, role: GroupRole, admission: v.optional(AdmissionId) })),
      v.minLength(1),
    ),
    invitations: v.array(v.strictObject({ id: InvitationId, expiresAt: v.optional(uint()) })),
    createdAt: uint(),
  }),
};

export interface Records {
  account: AccountRecord;
  session: SessionRecord;
  pair: PairRecord;
  tombstone: TombstoneRecord;
  group: GroupRecord;
}
export type TableName = keyof Records;
export type AnyRecord = Records[TableName];
export const tableNames: readonly TableName[] = ['account', 'session', 'pair', 'tombstone', 'group'];

/** One record set or removed. */
export type Change = {
  [Name in TableName]: { table: Name; key: string; record: Records[Name] | undefined };
}[TableName];

export const pairKey = (one: AccountId, other: AccountId): string =>
  one < other ? `${one}/${other}` : `${other}/${one}`;

/** Of a handle that nobody may have again. */
export const foldHash = (handle: Handle): string => createHash('sha256').update(foldHandle(handle)).digest('base64url');

export class Tables {
  readonly account = new Map<string, AccountRecord>();
  readonly session = new Map<string, SessionRecord>();
  readonly pair = new Map<string, PairRecord>();
  readonly tombstone = new Map<string, TombstoneRecord>();
  readonly group = new Map<string, GroupRecord>();
  readonly byInvitation = new Map<InvitationId, GroupId>();
  readonly #groupsOf = new Map<AccountId, Set<GroupId>>();
  /** Folded handle to account, so that no two lookalikes exist. */
  readonly byFold = new Map<string, AccountId>();
  readonly byDevice = new Map<DeviceId, AccountId>();
  /** Hashes of folded handles that are never given out again. */
  readonly buried = new Set<string>();
  readonly sessionsOf = new Map<AccountId, Set<string>>();
  readonly #pairsOf = new Map<AccountId, Map<string, PairRecord>>();

  pairsOf(id: AccountId): Iterable<PairRecord> {
    return this.#pairsOf.get(id)?.values() ?? [];
  }

  groupsOf(id: AccountId): GroupRecord[] {
    return [...(this.#groupsOf.get(id) ?? [])].flatMap((group) => this.group.get(group) ?? []);
  }

  get(table: TableName, key: string): AnyRecord | undefined {
    return this[table].get(key);
  }

  apply(change: Change): void {
    switch (change.table) {
      case 'account': {
        this.#applyAccount(change.key, change.record);
        return;
      }
      case 'session': {
        this.#applySession(change.key, change.record);
        return;
      }
      case 'pair': {
        this.#applyPair(change.key, change.record);
        return;
      }
      case 'tombstone': {
        this.#applyTombstone(change.key, change.record);
        return;
      }
      case 'group': {
        this.#applyGroup(change.key, change.record);
        return;
      }
    }
  }

  #applyAccount(key: string, record: AccountRecord | undefined): void {
    const old = this.account.get(key);
    if (old) {
      const fold = foldHandle(old.handle);
      // Only what is still its own: while changes are taken back, another account may own it already.
      if (this.byFold.get(fold) === old.id) this.byFold.delete(fold);
      for (const device of old.devices) if (this.byDevice.get(device) === old.id) this.byDevice.delete(device);
    }
    if (!record) {
      this.account.delete(key);
      return;
    }
    this.account.set(key, record);
    this.byFold.set(foldHandle(record.handle), record.id);
    for (const device of record.devices) this.byDevice.set(device, record.id);
  }

  #applySession(key: string, record: SessionRecord | undefined): void {
    const old = this.session.get(key);
    if (old) {
      const left = this.sessionsOf.get(old.account);
      left?.delete(key);
      if (left?.size === 0) this.sessionsOf.delete(old.account);
    }
    if (!record) {
      this.session.delete(key);
      return;
    }
    this.session.set(key, record);
    within(this.sessionsOf, record.account, () => new Set<string>()).add(key);
  }

  #applyGroup(key: string, record: GroupRecord | undefined): void {
    const old = this.group.get(key);
    for (const { id } of old?.invitations ?? [])
      if (this.byInvitation.get(id) === old?.id) this.byInvitation.delete(id);
    for (const { account } of old?.members ?? []) this.#groupsOf.get(account)?.delete(key as GroupId);
    if (!record) {
      this.group.delete(key);
      return;
    }
    this.group.set(key, record);
    for (const { id } of record.invitations) this.byInvitation.set(id, record.id);
    for (const { account } of record.members) within(this.#groupsOf, account, () => new Set<GroupId>()).add(record.id);
  }

  #applyPair(key: string, record: PairRecord | undefined): void {
    const sides = record ?? this.pair.get(key);
    if (!sides) return;
    for (const side of [sides.low, sides.high]) {
      const pairs = within(this.#pairsOf, side, () => new Map<string, PairRecord>());
      if (record) pairs.set(key, record);
      else pairs.delete(key);
      if (pairs.size === 0) this.#pairsOf.delete(side);
    }
    if (record) this.pair.set(key, record);
    else this.pair.delete(key);
  }

  #applyTombstone(key: string, record: TombstoneRecord | undefined): void {
    const old = this.tombstone.get(key);
    if (old) this.buried.delete(old.fold);
    if (!record) {
      this.tombstone.delete(key);
      return;
    }
    this.tombstone.set(key, record);
    this.buried.add(record.fold);
  }
}

function within<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = create()));
  return value;
}
