/**
 * Owns one group on this device: its log folded, its keys, what the server says of its members, and what this person does in it. Everything
 * that is done is written into the log first; the server is told afterwards, and again when it turns out not to know.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { decodeAs, encodeCbor } from '../../protocol/codec.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { GroupFace, type FeedLengths, type GroupPayload } from '../../protocol/group.ts';
import type { GroupRole, Roster, RosterMember } from '../../protocol/group-roster.ts';
import type { AccountId, AdmissionId, ConversationId, DeviceId, GroupId, PublicKey } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device, PublicAccount, SignedDeviceList } from '../../protocol/people.ts';
import { Serial } from '../feed/serial.ts';
import { admissionIdOf, chatIdOf, groupIdOf, readLogEntry, readWire } from './log-entry.ts';
import { authorsOf } from './group-authors.ts';
import { GroupKeys, sealedOverheadBytes } from './group-keys.ts';
import { GroupLog, type GroupState } from './group-log.ts';
import type { GroupPorts } from './ports.ts';
import type { Member, Membership } from './membership.ts';

/** Somebody who waits for an admin's word. */
export interface Asking {
  account: PublicAccount;
  payload: Extract<GroupPayload, { kind: 'group-admit' }>;
  at: number;
}

export class Group {
  readonly keys: GroupKeys;
  /** Another one whenever who is in, or online, may have changed. */
  version = 0;
  /** The server said that this account is not in it, which the log may not say yet. */
  excluded = false;
  readonly asking = new Map<AccountId, Asking>();
  /** Members whose account was deleted, as the server says. They stay in the log until an admin removes them. */
  readonly departed = new Set<AccountId>();
  readonly #roster = new Map<AccountId, RosterMember>();
  readonly #log: GroupLog;
  readonly #line = new Serial();
  #state: GroupState | undefined;
  #face: GroupFace | undefined;
  #faceRead: Membership['face'];
  #authors: ReadonlyMap<DeviceId, string> = new Map();
  /** Those whom `take` has told of. */
  #authorsTold = this.#authors;
  /** Devices that committed entries name, with their signing keys, and those that entries named before they were verified. */
  readonly #named = new Map<DeviceId, string>();
  readonly #introduced = new Map<DeviceId, string>();

  static async open(log: ConversationId, ports: GroupPorts): Promise<Group> {
    const { hashes } = ports;
    return new Group(log, await chatIdOf(log, hashes), await groupIdOf(log, hashes), ports);
  }

  private constructor(
    readonly log: ConversationId,
    readonly chat: ConversationId,
    readonly id: GroupId,
    private readonly ports: GroupPorts,
  ) {
    this.#log = new GroupLog(log, ports);
    this.keys = new GroupKeys(log, ports);
  }

  get state(): GroupState | undefined {
    return this.#state;
  }

  get membership(): Membership | undefined {
    return this.#state?.membership;
  }

  get face(): GroupFace | undefined {
    return this.#face;
  }

  /** Of this account; undefined when it is not in the group, or the log is not here yet. */
  get me(): Member | undefined {
    const me = this.membership?.members.get(this.ports.own().account);
    return me?.root === this.ports.own().root && !this.membership?.deleted ? me : undefined;
  }

  /** Devices whose entries are taken, of the log and of the chat, with their signing keys. */
  get authors(): ReadonlyMap<DeviceId, string> {
    return this.#authors;
  }

  /** Devices of the members' newest lists. */
  get devices(): readonly Device[] {
    return [...(this.#state?.current.values() ?? [])];
  }

  /** A device of a member's newest list. */
  device(id: DeviceId): Device | undefined {
    return this.#state?.current.get(id);
  }

  accountOf(device: DeviceId): AccountId | undefined {
    const { membership, devices } = this.#state ?? {};
    const roots = devices?.claimants(device) ?? [];
    return roots.flatMap((root) => membership?.everyone.get(root)?.account ?? [])[0];
  }

  memberBy(account: AccountId): Member | undefined {
    return (
      this.membership?.members.get(account) ??
      [...(this.membership?.everyone.values() ?? [])].find((member) => member.account === account)
    );
  }

  /** Who can be online: devices that the server names, and that the log knows as those of members. */
  online(account: AccountId): DeviceId[] {
    const member = this.membership?.members.get(account);
    const online = this.roster.get(account)?.online ?? [];
    if (!member || online.length === 0) return [];
    const current = this.#state?.devices.current(member.root) ?? [];
    return online.filter((device) => current.some(({ id }) => id === device));
  }

  /** By account, as the server says: who is online, and what they are called now. */
  get roster(): ReadonlyMap<AccountId, RosterMember> {
    return this.#roster;
  }

  setRoster(roster: Roster | undefined): void {
    this.version++;
    this.#roster.clear();
    for (const member of roster?.members ?? []) this.#roster.set(member.account, member);
  }

  setMember(member: RosterMember): void {
    this.version++;
    this.#roster.set(member.account, member);
  }

  dropMember(account: AccountId): void {
    this.version++;
    this.#roster.delete(account);
  }

  /**
   * Takes committed entries of the log; resolves once what follows from them is in force.
   * @returns whether keys came, and whether there are more authors than the last time, those introduced since among them.
   */
  take(entries: readonly Parameters<typeof readLogEntry>[0][]): Promise<{ keys: boolean; authors: boolean }> {
    return this.#line.run(async () => {
      for (const { id, sign } of await this.#log.add(entries.flatMap((entry) => readLogEntry(entry) ?? [])))
        this.#named.set(id, sign);
      const before = this.#state;
      this.#state = this.#log.state();
      if (this.#state !== before) this.version++;
      this.#nameAuthors();
      const authors = this.#authors !== this.#authorsTold;
      this.#authorsTold = this.#authors;
      const keys = this.#state ? await this.keys.learn(this.#state) : false;
      await this.#readFace();
      for (const account of this.asking.keys()) if (this.membership?.members.has(account)) this.asking.delete(account);
      return { keys, authors };
    });
  }

  /** Takes note of devices that entries name before these are verified: their authors may be among them. Says whether there are more now. */
  introduce(wires: readonly Uint8Array[]): Promise<boolean> {
    return this.#line.run(async () => {
      const named = await this.#log.named(wires.flatMap((wire) => readWire(wire) ?? []));
      const room = limits.feedsPerConversation - this.#introduced.size;
      // Whoever is in learns all that count from what was committed. Who is being let in knows nobody yet, and may be told of too many.
      if (named.length > room && !this.me) this.#introduced.clear();
      for (const { id, sign } of named)
        if (this.#introduced.size < limits.feedsPerConversation) this.#introduced.set(id, sign);
      return this.#nameAuthors();
    });
  }

  #nameAuthors(): boolean {
    const authors = authorsOf(this.#state, [...this.#introduced, ...this.#named]);
    if ([...authors.keys()].every((id) => this.#authors.has(id))) return false;
    this.#authors = authors;
    return true;
  }

  idle(): Promise<void> {
    return this.#line.idle();
  }

  /** The longest payload that still fits once it is encrypted. */
  static readonly payloadBytes = limits.payloadBytes - sealedOverheadBytes;

  /** Makes sure that there is a key that may be used: a new one when there is none, or when somebody left who has the one there was. */
  async ready(): Promise<boolean> {
    const state = this.#state;
    if (!state || !this.me) return false;
    if (this.keys.inForce(state) !== undefined) return true;
    const made = await this.keys.make(state);
    for (const payload of made.payloads) await this.write(payload);
    return true;
  }

  /** Devices of members that the key in force is not sealed to. */
  lacking(): Device[] {
    return this.#state && this.me ? this.keys.lacking(this.#state) : [];
  }

  /** Seals the key in force to devices of members that lack it. */
  async provide(lacking: readonly Device[] = this.lacking()): Promise<void> {
    const number = this.#state && this.keys.inForce(this.#state);
    if (number === undefined || lacking.length === 0) return;
    for (const payload of await this.keys.sealFor(number, lacking)) await this.write(payload);
  }

  /** Writes into the log; resolves once it is in force here. */
  async write(payload: GroupPayload): Promise<boolean> {
    const written = await this.ports.append(this.log, payload);
    await this.ports.settled();
    return written;
  }

  async rename(face: GroupFace): Promise<boolean> {
    if (!(await this.ready())) return false;
    const key = this.#state && this.keys.inForce(this.#state);
    if (key === undefined) return false;
    return this.write({ kind: 'group-face', key, box: await this.keys.sealUnder(key, encodeCbor(face), [this.log]) });
  }

  /** @returns false when this person may not. */
  async remove(account: AccountId): Promise<boolean> {
    const member = this.membership?.members.get(account);
    if (!member || !this.mayRemove(member)) return false;
    const [log, chat] = [await this.#lengths(this.log, member.root), await this.#lengths(this.chat, member.root)];
    if (!(await this.write({ kind: 'group-remove', root: member.root, log, chat }))) return false;
    await this.ready();
    await this.ports.change(this.id, { kind: 'remove', account });
    return true;
  }

  /** By which the log let an account in: the newest, and those before it, at most as many as the server is told. */
  admissionsOf(account: AccountId): AdmissionId[] {
    return (this.membership?.admissions.get(account) ?? []).slice(-limits.admissionsPerRemoval).map(admissionIdOf);
  }

  /** Tells the server that an account is in, by its newest admission. */
  async tellAdmitted(account: AccountId): Promise<void> {
    const admission = this.admissionsOf(account).at(-1);
    await this.ports.change(this.id, { kind: 'admit', account, ...(admission === undefined ? {} : { admission }) });
  }

  mayRemove(member: Member): boolean {
    const { role, root } = this.me ?? {};
    if (role === undefined || root === member.root || member.role === 'owner') return false;
    return role === 'owner' || (role === 'admin' && member.role === 'member');
  }

  async setRole(account: AccountId, role: GroupRole): Promise<boolean> {
    const member = this.membership?.members.get(account);
    if (!member || this.me?.role !== 'owner' || member.role === 'owner') return false;
    const { root } = member;
    const log = await this.#lengths(this.log, role === 'owner' ? this.me.root : root);
    const payload: GroupPayload =
      role === 'owner'
        ? { kind: 'group-owner', root, log }
        : { kind: 'group-role', root, admin: role === 'admin', log };
    if (!(await this.write(payload))) return false;
    await this.ports.change(this.id, { kind: 'role', account, role });
    return true;
  }

  /** The owner hands the group over first: to the admin, or else the member, who is in it longest. The last one ends it. Only writes: see `Leaving`. */
  async leave(): Promise<boolean> {
    if (!this.me) return false;
    if (this.me.role === 'owner') {
      const others = [...(this.membership?.members.values() ?? [])].filter(({ root }) => root !== this.me?.root);
      const [heir] = others.sort(
        (a, b) => Number(a.role === 'member') - Number(b.role === 'member') || a.since - b.since,
      );
      if (!heir) return this.end();
      await this.setRole(heir.account, 'owner');
    }
    return this.write({ kind: 'group-leave' });
  }

  /** Only writes: see `Leaving`. */
  end(): Promise<boolean> {
    return this.me?.role === 'owner' ? this.write({ kind: 'group-delete' }) : Promise.resolve(false);
  }

  /** Whether this device's own account, or a fellow, has device lists that the log lacks: they are written into it. */
  async addLists(lists: readonly SignedDeviceList[], root: PublicKey): Promise<void> {
    const known = this.#state?.devices.chain(root)?.lists.length;
    if (known === undefined || !this.me || lists.length <= known) return;
    const more = lists.slice(known, known + limits.listsPerGroupEntry);
    await this.write({ kind: 'group-devices', lists: more });
  }

  /** Lists in the chain of a member that the log has. */
  listsOf(account: AccountId): number | undefined {
    const member = this.membership?.members.get(account);
    return member && this.#state?.devices.chain(member.root)?.lists.length;
  }

  async #lengths(conversation: ConversationId, root: PublicKey): Promise<FeedLengths> {
    const lengths = await this.ports.feeds.frontier(conversation);
    const devices = this.#state?.devices.chain(root)?.chain.everyDevice ?? [];
    return devices.slice(-limits.feedsPerMember).map(({ id }) => [id, lengths.get(id) ?? 0]);
  }

  async #readFace(): Promise<void> {
    const entry = this.membership?.face;
    if (!entry || entry === this.#faceRead) return;
    const { key, box } = entry.payload;
    const plain: Bytes | undefined = await this.keys.openUnder(key, box, [this.log]);
    if (!plain) return;
    this.#faceRead = entry;
    try {
      this.#face = decodeAs(GroupFace, plain);
    } catch (problem) {
      if (!(problem instanceof ProtocolError)) throw problem;
      this.ports.report(problem); // an admin wrote nonsense: the name before it stays
    }
  }
}
