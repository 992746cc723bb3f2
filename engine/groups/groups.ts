/**
 * Owns the groups of this account on this device: founding, inviting, what is served over which link, what the server says of them. What one
 * group is and does is `group.ts`; being let in is `joining.ts`, letting in `admission.ts`.
 */
import { fromBase64, toBase64 } from '../../protocol/bytes.ts';
import type { ServerEvent } from '../../protocol/events.ts';
import type { GroupFace } from '../../protocol/group.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { AccountId, ConversationId, DeviceId, GroupId, InvitationId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import type { PayloadCipher } from '../feed/entry.ts';
import { Serial } from '../feed/serial.ts';
import type { StoredEntry } from '../ports.ts';
import { Admission } from './admission.ts';
import { chatCipher } from './chat-cipher.ts';
import { Delays } from './delays.ts';
import { Group } from './group.ts';
import { codeOf, invitationOf, secretBytes } from './invitation-code.ts';
import { Joining } from './joining.ts';
import { groupIdOf, logIdOf } from './log-entry.ts';
import { neighbours } from './neighbours.ts';
import type { GroupOutcome, GroupPorts } from './ports.ts';
import { Tending } from './tending.ts';
import { rowKey, type JoiningRow, type KnownRow } from './rows.ts';

export interface GroupsEvents {
  /** What is shown of a group, or which links it wants, may be different now. */
  changed(group: Group | undefined): void;
  /** Its log or chat may be served over links where it was not, or has more authors. */
  serves(group: Group): void;
  /** A key came: what could not be read can be now. */
  readable(group: Group): void;
}

/** To whom something is handed on; `size` without this account's own devices. */
export interface HandsOnTo {
  size: number;
  has(device: DeviceId): boolean;
}

export class Groups {
  readonly #groups = new Map<ConversationId, Group>();
  readonly #byChat = new Map<ConversationId, Group>();
  readonly #rows = new Map<ConversationId, KnownRow>();
  /** Groups that the server says this account is in. */
  readonly #entered = new Map<GroupId, Roster>();
  readonly #line = new Serial();
  readonly #delays: Delays;
  readonly #joining: Joining;
  readonly #admission: Admission;
  readonly #tending: Tending;
  /** Found once for all who are online at a time. */
  readonly #near = new WeakMap<Group, { version: number; near: Set<DeviceId> }>();

  constructor(
    private readonly ports: GroupPorts,
    private readonly events: GroupsEvents,
  ) {
    const known = { byId: (id: GroupId) => this.byId(id), roster: (id: GroupId) => this.#entered.get(id) };
    this.#delays = new Delays(ports);
    this.#joining = new Joining(ports, known, this.#delays, () => events.changed(undefined));
    this.#admission = new Admission(ports, this.#line, this.#delays, (group) => events.changed(group));
    this.#tending = new Tending(ports, this.#line, this.#delays, (group) => this.#online(group));
  }

  readonly cipher: PayloadCipher = chatCipher((conversation) => this.byChat(conversation));

  async load(): Promise<void> {
    for (const row of await this.ports.rows.all()) {
      if (row.kind === 'joining') this.#joining.restore(row);
      else {
        this.#rows.set(row.log, row);
        await this.#restore(row.log);
      }
    }
  }

  stop(): void {
    this.#delays.stop();
  }

  all(): Group[] {
    return [...this.#groups.values()];
  }

  joining(): JoiningRow[] {
    return this.#joining.all();
  }

  byLog(conversation: ConversationId): Group | undefined {
    return this.#groups.get(conversation);
  }

  byChat(conversation: ConversationId): Group | undefined {
    return this.#byChat.get(conversation);
  }

  of(conversation: ConversationId): Group | undefined {
    return this.byLog(conversation) ?? this.byChat(conversation);
  }

  byId(id: GroupId): Group | undefined {
    return this.all().find((group) => group.id === id);
  }

  /** How many entries of a feed count in a chat: see `Membership.chatLength`. */
  limitOf(conversation: ConversationId, device: DeviceId): number {
    const membership = this.byChat(conversation)?.membership;
    return membership ? membership.chatLength(device) : Infinity;
  }

  // Links

  /** A member's device that this one may be linked with. */
  allowed(device: DeviceId): { account: AccountId; device: Device } | undefined {
    for (const group of this.#groups.values()) {
      const found = group.me ? group.device(device) : undefined;
      const account = found && group.accountOf(device);
      if (found && account !== undefined) return { account, device: found };
    }
    return this.#joining.host(device);
  }

  /** Whether the server says that an account shares a group with this one, whatever the log says yet. */
  isFellow(account: AccountId): boolean {
    return [...this.#entered.values()].some(({ members }) => members.some((member) => member.account === account));
  }

  isOnline(device: DeviceId): boolean {
    if (this.#joining.host(device)?.online) return true;
    return this.all().some((group) => {
      const account = group.accountOf(device);
      return account !== undefined && group.online(account).includes(device);
    });
  }

  /** What a link to a device serves. Nobody gets the chat who is no member, nor asks for it who cannot read it. */
  conversationsWith(device: DeviceId): ConversationId[] {
    return this.all().flatMap((group) => {
      if (this.ports.isMine(device)) return this.conversationsOf(group);
      if (!group.me) return this.#joining.host(device)?.group === group.id ? [group.log] : [];
      return group.device(device) ? this.conversationsOf(group) : [];
    });
  }

  conversationsOf(group: Group): ConversationId[] {
    return group.keys.some ? [group.log, group.chat] : [group.log];
  }

  /** Devices of members that this one hands on to, of all that are online. */
  neighbours(group: Group): Set<DeviceId> {
    const known = this.#near.get(group);
    if (known?.version === group.version) return known.near;
    const near = neighbours(this.ports.keys.id, this.#online(group), group.id);
    this.#near.set(group, { version: group.version, near });
    return near;
  }

  /** To whom what is new in a log or a chat is told: neighbours, and this account's own. */
  handsOnTo(conversation: ConversationId): HandsOnTo | undefined {
    const group = this.of(conversation);
    if (!group?.me) return undefined;
    const near = this.neighbours(group);
    return { size: near.size, has: (device) => near.has(device) || this.ports.isMine(device) };
  }

  /** Devices of the other members that are online. */
  #online(group: Group): DeviceId[] {
    const { account } = this.ports.own();
    return [...(group.membership?.members.keys() ?? [])].flatMap((other) =>
      other === account ? [] : group.online(other),
    );
  }

  /** Devices to ring while this account is about to join. */
  hosts(): DeviceId[] {
    return this.#joining.hosts();
  }

  /** A peer names a conversation that is not known here. If it is the log of a group that this account is joining, it is from now on. */
  async named(conversation: ConversationId): Promise<void> {
    const id = await groupIdOf(conversation, this.ports.hashes);
    if (this.#groups.has(conversation) || !this.#joining.of(id)) return;
    await this.#line.run(() => this.#keepGroup(conversation, []));
  }

  // What comes in

  /** Takes committed entries of a log. */
  async take(group: Group, entries: readonly StoredEntry[]): Promise<void> {
    const wasIn = group.me !== undefined;
    const { keys, authors } = await group.take(entries);
    await this.#joining.joined(group);
    // Its links to members may go with it: these are to have heard why.
    if (wasIn && group.me === undefined) await this.ports.handedOn(group.log);
    if (authors || keys || wasIn !== (group.me !== undefined)) this.events.serves(group);
    if (keys) this.events.readable(group);
    this.#tending.look(group);
    this.events.changed(group);
  }

  /** After each connection: the server's whole truth of groups. */
  async connected(): Promise<void> {
    const answer = await this.ports.request('groups:mine', {});
    if (!answer.ok) return;
    this.#entered.clear();
    for (const group of this.all()) {
      const roster = answer.value.groups.find((one) => one.group === group.id);
      group.setRoster(roster);
      // The server may not have heard of a group that was founded here, or have lost what it knew.
      if (!roster && group.me?.role === 'owner') await this.ports.change(group.id, { kind: 'create' });
      await this.#reconcile(group);
      await this.#askDeparted(group);
    }
    for (const roster of answer.value.groups) await this.entered(roster);
    this.#joining.askAll();
    for (const group of this.all()) {
      this.#tending.look(group);
      this.events.changed(group);
    }
  }

  disconnected(): void {
    for (const group of this.all())
      for (const row of [...group.roster.values()]) group.setMember({ ...row, online: [] });
    this.#joining.presence(undefined, []);
  }

  async entered(roster: Roster): Promise<void> {
    const group = this.byId(roster.group);
    this.#entered.set(roster.group, roster);
    group?.setRoster(roster);
    if (this.#joining.of(roster.group) && !group?.me) await this.#joining.findHosts(roster);
    this.events.changed(group);
  }

  memberChanged({ group: id, member }: ServerEvent<'group:member'>): void {
    const others = this.#entered.get(id)?.members.filter(({ account }) => account !== member.account);
    if (others) this.#entered.set(id, { group: id, members: [...others, member] });
    const group = this.byId(id);
    if (!group) return;
    group.setMember(member);
    this.#tending.look(group);
    this.events.changed(group);
  }

  memberLeft({ group: id, account }: ServerEvent<'group:left'>): void {
    const group = this.byId(id);
    if (account === this.ports.own().account) {
      this.#entered.delete(id);
      group?.setRoster(undefined);
    } else group?.dropMember(account);
    this.events.changed(group);
    if (group) this.#askDeparted(group).catch((problem: unknown) => this.ports.report(problem));
  }

  presence({ account, online }: ServerEvent<'presence'>): DeviceId[] {
    const came: DeviceId[] = [];
    for (const group of this.all()) {
      const row = group.roster.get(account);
      if (!row) continue;
      came.push(...online.filter((device) => !row.online.includes(device)));
      group.setMember({ ...row, online });
      this.events.changed(group);
    }
    this.#joining.presence(account, online);
    return came;
  }

  /** Somebody asks to be let in. */
  asked(request: ServerEvent<'group:asked'>): void {
    const group = this.byId(request.group);
    if (group) this.#admission.asked(group, request);
  }

  replied({ invitation, verdict }: ServerEvent<'group:replied'>): Promise<void> {
    return this.#joining.replied(invitation, verdict);
  }

  // What the person does

  async found(face: GroupFace): Promise<Group> {
    const { account, root, handle, displayName, lists } = this.ports.own();
    const nonce = this.ports.random.bytes(32);
    const log = await logIdOf({ account, root, nonce }, this.ports.hashes);
    const group = await this.#line.run(() => this.#keepGroup(log, []));
    const [...all] = lists;
    const first = all.slice(0, limits.listsPerGroupEntry);
    await group.write({ kind: 'group-create', account, root, handle, displayName, lists: first, nonce });
    await group.rename(face);
    await this.ports.change(group.id, { kind: 'create' });
    this.events.changed(group);
    return group;
  }

  /** @returns the code, or undefined when this person may not invite. */
  async invite(
    group: Group,
    bounds: { expiresAt?: number; uses?: number; approval: boolean },
  ): Promise<{ invitation: InvitationId; code: string } | undefined> {
    if (!group.me || group.me.role === 'member') return undefined;
    const secret = this.ports.random.bytes(secretBytes);
    const { invitation, publicKey: key } = await invitationOf(secret, this.ports);
    if (!(await group.write({ kind: 'group-invite', invitation, key, ...bounds }))) return undefined;
    const row = this.#rows.get(group.log);
    const secrets = row?.secrets ?? [];
    const told = row?.told === true ? { told: true } : {};
    await this.#put({ kind: 'group', log: group.log, secrets: [...secrets, [invitation, toBase64(secret)]], ...told });
    const { expiresAt } = bounds;
    await this.ports.change(group.id, { kind: 'open', invitation, ...(expiresAt === undefined ? {} : { expiresAt }) });
    this.events.changed(group);
    return { invitation, code: await codeOf(secret, this.ports.hashes) };
  }

  /** The code of an open invitation, where this device has its secret. */
  async codeOf(group: Group, invitation: InvitationId): Promise<string | undefined> {
    const row = this.#rows.get(group.log);
    const secret = row && new Map(row.secrets).get(invitation);
    return secret === undefined ? undefined : codeOf(fromBase64(secret), this.ports.hashes);
  }

  async uninvite(group: Group, invitation: InvitationId): Promise<boolean> {
    if (!(await group.write({ kind: 'group-uninvite', invitation }))) return false;
    return this.ports.change(group.id, { kind: 'close', invitation });
  }

  /** By a code or a link. Resolves once it was asked; being let in comes later. */
  join(typed: string): Promise<GroupOutcome & { group?: GroupId }> {
    return this.#joining.join(typed);
  }

  stopJoining(invitation: InvitationId): Promise<void> {
    return this.#joining.stop(invitation);
  }

  /** An admin's word about somebody who waits. */
  decide(group: Group, account: AccountId, verdict: 'admit' | 'refuse'): Promise<boolean> {
    return this.#admission.decide(group, account, verdict);
  }

  /** Another device of this account is in a group. */
  async learn(log: ConversationId): Promise<void> {
    if (!this.#groups.has(log)) await this.#line.run(() => this.#keepGroup(log, []));
    await this.told(log);
  }

  /** Groups of which the other devices of this account were not told. */
  untold(): ConversationId[] {
    return [...this.#rows.values()].flatMap((row) => (row.told ? [] : [row.log]));
  }

  async told(log: ConversationId): Promise<void> {
    const row = this.#rows.get(log);
    if (row) await this.#put({ ...row, told: true });
  }

  // Within

  /** Members whom the server does not name: their account may be gone, so that their devices never come back. */
  async #askDeparted(group: Group): Promise<void> {
    const { account: own } = this.ports.own();
    const members = [...(group.membership?.members.keys() ?? [])];
    const missing = members.filter((account) => account !== own && !group.roster.has(account));
    if (!group.me || group.roster.size === 0 || missing.length === 0) return;
    const answer = await this.ports.request('people:departed', { accounts: missing });
    if (!answer.ok) return;
    for (const account of answer.value.departed) if (missing.includes(account)) group.departed.add(account);
    this.events.changed(group);
  }

  /** The server keeps in the list whom the log removed, when an admin was cut off in between: the next admin who is there says it again. */
  async #reconcile(group: Group): Promise<void> {
    const { me, membership } = group;
    if (!me || me.role === 'member' || !membership) return;
    for (const { account } of [...group.roster.values()])
      if (!membership.members.has(account)) await this.ports.change(group.id, { kind: 'remove', account });
  }

  async #keepGroup(log: ConversationId, secrets: [InvitationId, string][]): Promise<Group> {
    const known = this.#groups.get(log);
    if (known) return known;
    await this.#put({ kind: 'group', log, secrets });
    const group = await this.#restore(log);
    this.events.serves(group);
    return group;
  }

  async #restore(log: ConversationId): Promise<Group> {
    const group = await Group.open(log, this.ports);
    group.setRoster(this.#entered.get(group.id));
    this.#groups.set(log, group);
    this.#byChat.set(group.chat, group);
    const entries: StoredEntry[] = [];
    for (const [device, length] of await this.ports.feeds.frontier(log))
      entries.push(...(await this.ports.feeds.range(log, device, 0, length)));
    if (entries.length > 0) await group.take(entries);
    return group;
  }

  async #put(row: KnownRow): Promise<void> {
    this.#rows.set(row.log, row);
    await this.ports.rows.put(rowKey(row), row);
  }
}
