/**
 * Who is in a group, and what of its log counts: a pure function of the set of entries, so that all who hold the same entries see the same
 * group, in whatever order they came.
 *
 * Three powers, each decided only by what is above it, so that nobody who lost one can undo that with entries dated back:
 * 1. The owner: who founded the group, or was handed it. Only the owner makes and unmakes admins, and nobody removes the owner.
 * 2. Admins invite, end invitations, remove members who are no admins, and name the group.
 * 3. Members admit whom an admin invited, carry device lists, make and seal keys, and leave.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import type { AccountId, DeviceId, InvitationId, PublicKey } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { compareEntries, type Position } from '../feed/order.ts';
import type { GroupDevices } from './group-devices.ts';
import { isOf, type LogEntry, type LogEntryOf } from './log-entry.ts';
import { Tenure } from './tenure.ts';

export type Role = 'owner' | 'admin' | 'member';

export interface Member {
  account: AccountId;
  root: PublicKey;
  handle: string;
  displayName: string;
  role: Role;
  /** When they joined, by the clock of who admitted them. */
  since: number;
  /** Who admitted them; absent for the founder. */
  by?: PublicKey;
}

export interface Invitation {
  invitation: InvitationId;
  key: Bytes;
  by: PublicKey;
  approval: boolean;
  expiresAt?: number;
  uses?: number;
  used: number;
  /** Not ended by an admin. */
  open: boolean;
}

/** What happened, for those who read the conversation. */
export interface GroupEvent extends Position {
  at: number;
  what: 'created' | 'joined' | 'removed' | 'left' | 'made-admin' | 'made-member' | 'made-owner' | 'named' | 'deleted';
  who: PublicKey;
  /** Who did it, if that is not the person themselves. */
  by?: PublicKey;
}

export interface Membership {
  owner: PublicKey;
  members: ReadonlyMap<AccountId, Member>;
  /** Everybody who ever was a member, by root, as they were admitted last. */
  everyone: ReadonlyMap<PublicKey, Member>;
  invitations: ReadonlyMap<InvitationId, Invitation>;
  /** By which members let an account in, in the order of the log: also those that came to nothing, as the account was in already. */
  admissions: ReadonlyMap<AccountId, readonly LogEntryOf<'group-admit'>[]>;
  events: readonly GroupEvent[];
  face: LogEntryOf<'group-face'> | undefined;
  deleted: boolean;
  /** Entries that make or seal keys and whose author was a member. */
  keys: readonly (LogEntryOf<'group-key'> | LogEntryOf<'group-sealed'>)[];
  /** How many chat entries of a device count: 0 for devices of nobody, Infinity for those of members. */
  chatLength(device: DeviceId): number;
}

export interface Evidence {
  /** The entry that founds the log (`founds`). */
  founding: LogEntryOf<'group-create'>;
  /** In the order of the log. */
  entries: readonly LogEntry[];
  devices: GroupDevices;
  /** Whether the proof of an admission is a signature of this key. */
  proven(admission: LogEntryOf<'group-admit'>, key: Bytes): boolean;
}

export function foldMembership(evidence: Evidence): Membership {
  return new Fold(evidence).run();
}

class Fold {
  readonly #entries: readonly LogEntry[];
  readonly #owners = new Map<PublicKey, Tenure>();
  readonly #admins = new Map<PublicKey, Tenure>();
  readonly #memberships = new Map<PublicKey, Tenure>();
  readonly #everyone = new Map<PublicKey, Member>();
  /** Under which roots an account was ever admitted. */
  readonly #roots = new Map<AccountId, Set<PublicKey>>();
  readonly #chatLengths = new Map<DeviceId, number>();
  /** The last admission of each that counts. */
  readonly #admissions = new Map<PublicKey, Position>();
  readonly #admits = new Map<AccountId, LogEntryOf<'group-admit'>[]>();
  readonly #invitations = new Map<InvitationId, Invitation & { place: Position; ended?: Position }>();
  /** Removals that count, by whom they concern. */
  readonly #removals = new Map<PublicKey, LogEntryOf<'group-remove'>[]>();
  readonly #events: GroupEvent[] = [];
  readonly #keys: (LogEntryOf<'group-key'> | LogEntryOf<'group-sealed'>)[] = [];
  #owner: PublicKey;
  #face: LogEntryOf<'group-face'> | undefined;
  #deleted = false;

  constructor(private readonly evidence: Evidence) {
    this.#entries = evidence.entries;
    this.#owner = evidence.founding.payload.root;
  }

  run(): Membership {
    const { founding } = this.evidence;
    this.#admit(founding, undefined);
    this.#events.push(eventOf(founding, 'created', founding.payload.root));
    this.#ownersWord();
    this.#adminsWord();
    this.#membersWord();
    for (const member of this.#everyone.values())
      member.role = member.root === this.#owner ? 'owner' : this.#admins.get(member.root)?.now ? 'admin' : 'member';
    const present = [...this.#everyone.values()].filter(({ root }) => this.#memberships.get(root)?.now);
    const members = new Map(present.map((member): [AccountId, Member] => [member.account, member]));
    return {
      owner: this.#owner,
      members,
      everyone: this.#everyone,
      invitations: this.#invitations,
      admissions: this.#admits,
      events: this.#events,
      face: this.#face,
      deleted: this.#deleted,
      keys: this.#keys,
      chatLength: (device) => this.#chatLength(device),
    };
  }

  /** What the owner says counts until the group is handed over. */
  #ownersWord(): void {
    const { founding } = this.evidence;
    this.#tenure(this.#owners, this.#owner).grant(founding);
    this.#tenure(this.#admins, this.#owner).grant(founding);
    for (const entry of this.#entries) {
      if (!this.#authors(entry).includes(this.#owner)) continue;
      if (!this.#owners.get(this.#owner)?.holds(entry) || this.#deleted) continue;
      if (isOf(entry, 'group-role') && entry.payload.root !== this.#owner) {
        const { root, admin, log } = entry.payload;
        if (admin) this.#tenure(this.#admins, root).grant(entry);
        else this.#tenure(this.#admins, root).revoke(entry, log);
        this.#events.push(eventOf(entry, admin ? 'made-admin' : 'made-member', root, this.#owner));
      } else if (isOf(entry, 'group-remove') && entry.payload.root !== this.#owner) {
        this.#tenure(this.#admins, entry.payload.root).revoke(entry, entry.payload.log);
        this.#remove(entry);
      } else if (isOf(entry, 'group-owner') && entry.payload.root !== this.#owner) {
        const { root, log } = entry.payload;
        this.#tenure(this.#owners, this.#owner).revoke(entry, log);
        this.#events.push(eventOf(entry, 'made-owner', root, this.#owner));
        this.#owner = root;
        this.#tenure(this.#owners, root).grant(entry);
        this.#tenure(this.#admins, root).grant(entry);
      } else if (isOf(entry, 'group-delete')) {
        this.#deleted = true;
        this.#events.push(eventOf(entry, 'deleted', this.#owner));
      }
    }
  }

  #adminsWord(): void {
    for (const entry of this.#entries) {
      const admin = this.#authors(entry).find((root) => this.#admins.get(root)?.holds(entry));
      if (admin === undefined) continue;
      if (isOf(entry, 'group-invite')) {
        const { invitation, key, approval, expiresAt, uses } = entry.payload;
        if (this.#invitations.has(invitation)) continue;
        const bounds = { ...(expiresAt === undefined ? {} : { expiresAt }), ...(uses === undefined ? {} : { uses }) };
        const fresh = { invitation, key, by: admin, approval, ...bounds, used: 0, open: true, place: entry };
        this.#invitations.set(invitation, fresh);
      } else if (isOf(entry, 'group-uninvite')) {
        const found = this.#invitations.get(entry.payload.invitation);
        if (found?.open) Object.assign(found, { open: false, ended: entry });
      } else if (isOf(entry, 'group-remove')) {
        if (!this.#admins.get(entry.payload.root)?.heldAt(entry)) this.#remove(entry);
      } else if (isOf(entry, 'group-leave')) {
        if (admin !== this.#owner) this.#admins.get(admin)?.revoke(entry);
      } else if (isOf(entry, 'group-face')) {
        this.#face = entry;
        this.#events.push(eventOf(entry, 'named', admin));
      }
    }
  }

  #membersWord(): void {
    for (const [root, removals] of this.#removals)
      for (const entry of removals) this.#tenure(this.#memberships, root).revoke(entry, entry.payload.log);
    for (const entry of this.#entries) {
      if (isOf(entry, 'group-remove') && this.#removals.get(entry.payload.root)?.includes(entry)) {
        const { root } = entry.payload;
        const by = this.#authors(entry).find((author) => this.#admins.get(author)?.heldAt(entry));
        if (this.#memberships.get(root)?.heldAt(entry)) this.#events.push(eventOf(entry, 'removed', root, by));
      }
      const member = this.#authors(entry).find((root) => this.#memberships.get(root)?.holds(entry));
      if (member === undefined) continue;
      if (isOf(entry, 'group-admit')) {
        const { account } = entry.payload;
        this.#admits.set(account, [...(this.#admits.get(account) ?? []), entry]);
        if (this.#mayAdmit(entry, member)) this.#admit(entry, member);
      } else if (isOf(entry, 'group-leave') && member !== this.#owner) {
        this.#tenure(this.#memberships, member).revoke(entry);
        this.#events.push(eventOf(entry, 'left', member));
      } else if (isOf(entry, 'group-key') || isOf(entry, 'group-sealed')) this.#keys.push(entry);
    }
    this.#events.sort(compareEntries);
  }

  #mayAdmit(entry: LogEntryOf<'group-admit'>, by: PublicKey): boolean {
    const { account, root, invitation } = entry.payload;
    const found = this.#invitations.get(invitation);
    if (!found || this.#isIn(account, entry) || !this.evidence.devices.current(root)) return false;
    if (compareEntries(found.place, entry) > 0 || (found.ended && compareEntries(found.ended, entry) < 0)) return false;
    if (found.expiresAt !== undefined && entry.at > found.expiresAt) return false;
    if (found.uses !== undefined && found.used >= found.uses) return false;
    if (found.approval && !this.#admins.get(by)?.holds(entry)) return false;
    if (this.#memberships.size >= limits.membersPerGroup) {
      const count = [...this.#memberships.values()].filter((tenure) => tenure.heldAt(entry)).length;
      if (count >= limits.membersPerGroup) return false;
    }
    // Who was removed needs a new invitation: the old one, or a repetition of the old request, is no way back.
    const removals = this.#rootsOf(account).flatMap((one) => this.#removals.get(one) ?? []);
    if (removals.some((removal) => compareEntries(found.place, removal) < 0 && compareEntries(removal, entry) < 0))
      return false;
    if (!this.evidence.proven(entry, found.key)) return false;
    found.used++;
    return true;
  }

  #admit(entry: LogEntryOf<'group-admit'> | LogEntryOf<'group-create'>, by: PublicKey | undefined): void {
    const { account, root, handle, displayName } = entry.payload;
    this.#tenure(this.#memberships, root).grant(entry);
    this.#admissions.set(root, entry);
    const known = { account, root, handle, displayName, role: 'member' as const, since: entry.at };
    this.#roots.set(account, (this.#roots.get(account) ?? new Set()).add(root));
    this.#everyone.set(root, { ...known, ...(by === undefined ? {} : { by }) });
    if (by !== undefined) this.#events.push(eventOf(entry, 'joined', root, by));
  }

  #remove(entry: LogEntryOf<'group-remove'>): void {
    const removals = this.#removals.get(entry.payload.root) ?? [];
    if (!removals.includes(entry)) this.#removals.set(entry.payload.root, [...removals, entry]);
  }

  /** Whether an account is a member at a place, under whatever root. */
  #isIn(account: AccountId, at: Position): boolean {
    return this.#rootsOf(account).some((root) => this.#memberships.get(root)?.heldAt(at));
  }

  #rootsOf(account: AccountId): PublicKey[] {
    return [...(this.#roots.get(account) ?? [])].filter((root) => this.#everyone.get(root)?.account === account);
  }

  #chatLength(device: DeviceId): number {
    const known = this.#chatLengths.get(device);
    if (known !== undefined) return known;
    let most = 0;
    for (const root of this.evidence.devices.claimants(device)) {
      const admitted = this.#admissions.get(root);
      if (!admitted) continue;
      const since = (this.#removals.get(root) ?? []).filter((removal) => compareEntries(admitted, removal) < 0);
      const lengths = since.map(({ payload }) => new Map(payload.chat).get(device) ?? 0);
      most = Math.max(most, Math.min(Infinity, ...lengths));
    }
    this.#chatLengths.set(device, most);
    return most;
  }

  /** Roots that certify this entry's device. Anybody can name the public keys of somebody else; whose entry it is shows in what it may do. */
  #authors(entry: Position): readonly PublicKey[] {
    return this.evidence.devices.claimants(entry.device);
  }

  #tenure(of: Map<PublicKey, Tenure>, root: PublicKey): Tenure {
    const tenure = of.get(root) ?? new Tenure();
    of.set(root, tenure);
    return tenure;
  }
}

function eventOf(entry: LogEntry, what: GroupEvent['what'], who: PublicKey, by?: PublicKey): GroupEvent {
  const { lamport, device, sequence, at } = entry;
  return { lamport, device, sequence, at, what, who, ...(by === undefined || by === who ? {} : { by }) };
}
