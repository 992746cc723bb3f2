/**
 * Owns the groups of this account on this device: founding, inviting, what is served over which link, what the server says of them. What one
 * group is and does is `group.ts`; being let in is `joining.ts`, letting in `admission.ts`.
 */
import type { ServerEvent } from '../../protocol/events.ts';
import type { GroupFace } from '../../protocol/group.ts';
import type { Roster, RosterMember } from '../../protocol/group-roster.ts';
import type { AccountId, ConversationId, DeviceId, GroupId, InvitationId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { PayloadCipher } from '../feed/entry.ts';
import { Serial } from '../feed/serial.ts';
import type { StoredEntry } from '../ports.ts';
import { Admission } from './admission.ts';
import { chatCipher } from './chat-cipher.ts';
import { Delays } from './delays.ts';
import { Group } from './group.ts';
import { GroupLinks } from './group-links.ts';
import { Invitations, type InvitationBounds, type Invited } from './invitations.ts';
import { Joining } from './joining.ts';
import { Leaving, type LeavingMarks } from './leaving.ts';
import { groupIdOf, logIdOf } from './log-entry.ts';
import { Parted } from './parted.ts';
import type { GroupOutcome, GroupPorts } from './ports.ts';
import { Reconciliation } from './reconciliation.ts';
import { Tending } from './tending.ts';
import { rowKey, type JoiningRow, type KnownRow } from './rows.ts';

export interface GroupsEvents {
  /** What is shown of a group, or which links it wants, may be different now. */
  changed(group: Group | undefined): void;
  /** Its log or chat may be served over other links than before, as members came or went, or has more authors. */
  serves(group: Group): void;
  /** More devices may let this account into a group: those of contacts are linked already, and may have named its log. */
  hosts(): void;
  /** A key came: what could not be read can be now. */
  readable(group: Group): void;
}

export class Groups {
  readonly #groups = new Map<ConversationId, Group>();
  readonly #byChat = new Map<ConversationId, Group>();
  readonly #rows = new Map<ConversationId, KnownRow>();
  /** Groups that the server says this account is in. */
  readonly #entered = new Map<GroupId, Roster>();
  /** Where groups are changed, one thing after the other. Each waits for entries to be taken in: whoever takes them in must not wait here. */
  readonly #changing = new Serial();
  /** Where groups come to be known. */
  readonly #keeping = new Serial();
  readonly #delays: Delays;
  readonly #joining: Joining;
  readonly #admission: Admission;
  readonly #tending: Tending;
  readonly #invitations: Invitations;
  readonly #reconciliation: Reconciliation;
  readonly #leaving: Leaving;
  readonly #parted: Parted;
  readonly links: GroupLinks;

  constructor(
    private readonly ports: GroupPorts,
    private readonly events: GroupsEvents,
  ) {
    const known = { byId: (id: GroupId) => this.byId(id), roster: (id: GroupId) => this.#entered.get(id) };
    this.#delays = new Delays(ports);
    this.#joining = new Joining(
      ports,
      known,
      this.#delays,
      () => events.changed(undefined),
      () => events.hosts(),
    );
    this.#admission = new Admission(ports, this.#changing, this.#delays, (group) => events.changed(group));
    this.#tending = new Tending(ports, this.#changing, this.#delays, (group) => this.links.online(group));
    const rows = { get: (log: ConversationId) => this.#rows.get(log), keep: this.#keepRow };
    this.#invitations = new Invitations(ports, rows);
    this.#reconciliation = new Reconciliation(ports);
    const marks: LeavingMarks = {
      has: ({ log }) => this.#rows.get(log)?.leaving === true,
      put: ({ log }, leaving) => this.#keepRow(log, { leaving }),
    };
    this.#leaving = new Leaving(ports, marks, (group) => this.#left(group));
    this.#parted = new Parted(this.#delays, (group) => events.serves(group));
    this.links = new GroupLinks(ports, {
      all: () => this.all(),
      of: (conversation) => this.of(conversation),
      joining: this.#joining,
      leaving: this.#leaving,
      parted: this.#parted,
    });
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

  /** Whether this device has left and nobody is known to have heard of it. */
  isLeaving(group: Group): boolean {
    return this.#leaving.has(group);
  }

  /** Whether the server says that an account shares a group with this one, whatever the log says yet. */
  isFellow(account: AccountId): boolean {
    return [...this.#entered.values()].some(({ members }) => members.some((member) => member.account === account));
  }

  /** A peer names a conversation that is not known here. If it is the log of a group that this account is joining, it is from now on. */
  async named(conversation: ConversationId): Promise<void> {
    const id = await groupIdOf(conversation, this.ports.hashes);
    if (this.#groups.has(conversation) || !this.#joining.of(id)) return;
    await this.#keeping.run(() => this.#keepGroup(conversation, []));
  }

  /** What a device has of this account's in a log is known better. */
  acknowledged(log: ConversationId): void {
    const group = this.byLog(log);
    if (group) this.#leaving.look(group);
  }

  // What comes in

  /** Takes committed entries of a log. */
  async take(group: Group, entries: readonly StoredEntry[]): Promise<void> {
    const { state: before, me } = group;
    const { keys, authors } = await group.take(entries);
    await this.#joining.joined(group);
    const news = before !== group.state;
    if (me && before && news) {
      this.#parted.look(group, before, this.ports.own().account);
      this.#inBackground(this.#reconciliation.look(group, before.membership));
    }
    if (authors || keys || news) this.events.serves(group);
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
      const creating = !roster && group.me?.role === 'owner';
      const answered = creating ? await this.ports.request('groups:change', creationOf(group)) : undefined;
      const created = answered?.ok === true;
      // Of an answer that was lost, or that is none, nothing follows.
      if (!answered || answered.ok || isRefusal(answered.error.code)) group.excluded = !roster && !created;
      await this.#reconciliation.run(group, created ? [] : roster?.invitations);
      if (roster) this.#leaving.look(group);
      else this.#leaving.unlisted(group);
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
    if (group) group.excluded = false;
    await this.#findHosts(roster);
    this.events.changed(group);
  }

  memberChanged({ group: id, member }: ServerEvent<'group:member'>): void {
    const others = this.#entered.get(id)?.members.filter(({ account }) => account !== member.account);
    if (others) this.#noteRoster({ group: id, members: [...others, member] });
    const group = this.byId(id);
    if (!group) return;
    const before = group.roster.get(member.account)?.role;
    group.setMember(member);
    // What it did not take of this account before, it does now.
    if (member.account === this.ports.own().account && before !== member.role)
      this.#inBackground(this.#reconciliation.run(group, []));
    this.#tending.look(group);
    this.events.changed(group);
  }

  memberLeft({ group: id, account }: ServerEvent<'group:left'>): void {
    const group = this.byId(id);
    if (account === this.ports.own().account) {
      this.#entered.delete(id);
      group?.setRoster(undefined);
      if (group) {
        group.excluded = true;
        this.#leaving.unlisted(group);
      }
    } else group?.dropMember(account);
    this.events.changed(group);
    if (group) this.#inBackground(this.#askDeparted(group));
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
    for (const roster of this.#entered.values()) {
      const isIt = (member: RosterMember) => member.account === account;
      if (!roster.members.some(isIt)) continue;
      this.#noteRoster({ ...roster, members: roster.members.map((one) => (isIt(one) ? { ...one, online } : one)) });
    }
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
    const group = await this.#keeping.run(() => this.#keepGroup(log, []));
    const [...all] = lists;
    const first = all.slice(0, limits.listsPerGroupEntry);
    await group.write({ kind: 'group-create', account, root, handle, displayName, lists: first, nonce });
    await group.rename(face);
    await this.ports.change(group.id, { kind: 'create' });
    this.events.changed(group);
    return group;
  }

  async invite(group: Group, bounds: InvitationBounds): Promise<Invited> {
    const made = await this.#invitations.make(group, bounds);
    this.events.changed(group);
    return made;
  }

  codeOf(group: Group, invitation: InvitationId): Promise<string | undefined> {
    return this.#invitations.codeOf(group, invitation);
  }

  uninvite(group: Group, invitation: InvitationId): Promise<boolean> {
    return this.#invitations.end(group, invitation);
  }

  /** Resolves once it is in force here; the others are told as they can be reached. */
  leave(group: Group): Promise<boolean> {
    return this.#leaving.begin(group, () => group.leave());
  }

  /** Ends it for everybody, as `leave` does for one. */
  end(group: Group): Promise<boolean> {
    return this.#leaving.begin(group, () => group.end());
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
    if (!this.#groups.has(log)) await this.#keeping.run(() => this.#keepGroup(log, []));
    await this.told(log);
  }

  /** Groups of which the other devices of this account were not told. */
  untold(): ConversationId[] {
    return [...this.#rows.values()].flatMap((row) => (row.told ? [] : [row.log]));
  }

  async told(log: ConversationId): Promise<void> {
    if (this.#rows.has(log)) await this.#keepRow(log, { told: true });
  }

  // Within

  #noteRoster(roster: Roster): void {
    this.#entered.set(roster.group, roster);
    // Nobody may have been there when this account was let in.
    if (!this.#joining.hasHost(roster.group)) this.#inBackground(this.#findHosts(roster));
  }

  async #findHosts(roster: Roster): Promise<void> {
    if (this.#joining.of(roster.group) && !this.byId(roster.group)?.me) await this.#joining.findHosts(roster);
  }

  #left(group: Group): void {
    group.setRoster(undefined);
    this.#entered.delete(group.id);
    this.events.serves(group);
    this.events.changed(group);
  }

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

  #inBackground(work: Promise<void>): void {
    work.catch((problem: unknown) => this.ports.report(problem));
  }

  async #keepGroup(log: ConversationId, secrets: [InvitationId, string][]): Promise<Group> {
    const known = this.#groups.get(log);
    if (known) return known;
    await this.#keepRow(log, { secrets });
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

  readonly #keepRow = async (log: ConversationId, change: Partial<KnownRow>): Promise<void> => {
    const row: KnownRow = { kind: 'group', log, secrets: [], ...this.#rows.get(log), ...change };
    this.#rows.set(log, row);
    await this.ports.rows.put(rowKey(row), row);
  };
}

const creationOf = ({ id }: Group) => ({ group: id, change: { kind: 'create' } }) as const;

/** Whether the server says by it that this account is not in the group, and does not get into it. */
const isRefusal = (code: string): boolean => code === 'not-allowed' || code === 'too-large';
