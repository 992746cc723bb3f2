/**
 * Owns the groups of this account on this device: founding, joining, what is served over which link, what the server says of them. What one
 * group is and does is `group.ts`.
 */
import { fromBase64, toBase64, type Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ClientEventName, ClientRequest, ClientResponse, ServerEvent } from '../../protocol/events.ts';
import type { GroupFace, GroupPayload } from '../../protocol/group.ts';
import type { Roster, RosterChange } from '../../protocol/group-roster.ts';
import type {
  AccountId,
  ConversationId,
  DeviceId,
  GroupId,
  InvitationId,
  PublicKey,
  Signature,
} from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device, PublicAccount, SignedDeviceList } from '../../protocol/people.ts';
import type { CipherPlace, PayloadCipher } from '../feed/entry.ts';
import type { Feeds } from '../feed/log.ts';
import { Serial } from '../feed/serial.ts';
import type { Sealing } from '../identity/envelope.ts';
import { verifyChain } from '../identity/device-list.ts';
import type { Clock, Hashes, Random, Signatures, StoredEntry } from '../ports.ts';
import type { Records } from '../records.ts';
import type { Answer } from '../signaling.ts';
import { Group } from './group.ts';
import { codeOf, invitationOf, secretBytes, secretOf } from './invitation-code.ts';
import { groupIdOf, joinMessage, logIdOf } from './log-entry.ts';
import { neighbours, turnOf } from './neighbours.ts';
import type { GroupCrypto } from './ports.ts';

export type GroupRow =
  | {
      kind: 'group';
      log: ConversationId;
      /** Secrets of invitations that this device made or came in by, base64url: to show the code again. */
      secrets: [InvitationId, string][];
      /** The other devices of this account were told. */
      told?: boolean;
    }
  /** Asked to join, and not in it yet. */
  | {
      kind: 'joining';
      invitation: InvitationId;
      secret: string;
      group?: GroupId;
      since: number;
      verdict?: JoinStanding;
    };

/** `asking`: nobody has answered yet. `waiting`: for an admin. */
export type JoinStanding = 'asking' | 'waiting' | 'refused' | 'gone';

export interface GroupPorts {
  clock: Clock;
  random: Random;
  hashes: Hashes;
  signatures: Signatures;
  crypto: GroupCrypto;
  keys: Sealing & { readonly id: DeviceId };
  feeds: Feeds;
  rows: Records<GroupRow>;
  own(): {
    account: AccountId;
    root: PublicKey;
    handle: string;
    displayName: string;
    lists: readonly SignedDeviceList[];
  };
  /** Writes into a log or a chat; whether it was committed. */
  append(conversation: ConversationId, payload: GroupPayload): Promise<boolean>;
  /** Resolves once what was committed until now is taken in. */
  settled(): Promise<void>;
  isMine(device: DeviceId): boolean;
  request<Name extends ClientEventName>(name: Name, body: ClientRequest<Name>): Promise<Answer<ClientResponse<Name>>>;
  change(group: GroupId, change: RosterChange): Promise<boolean>;
  report(problem: unknown): void;
}

export interface GroupsEvents {
  /** What is shown of a group, or which links it wants, may be different now. */
  changed(group: Group | undefined): void;
  /** Its log or chat may be served over links where it was not, or has more authors. */
  serves(group: Group): void;
  /** A key came: what could not be read can be now. */
  readable(group: Group): void;
}

export type GroupOutcome =
  { ok: true } | { ok: false; code: 'unknown-invitation' | 'not-allowed' | 'malformed' | 'offline' | 'no-server' };

type Joining = Extract<GroupRow, { kind: 'joining' }>;

/** A member lets this much time pass for each turn before it answers in another's place. */
const turnMs = 2_000;
/** So long a member leaves it to who should, before the first of the others does it; then the next after each turn. */
const tendFirstMs = 4_000;
const tendTurnMs = 1_000;
/** Whoever waits to be let in asks again this often. */
const askAgainMs = 60_000;

export class Groups {
  readonly #groups = new Map<ConversationId, Group>();
  readonly #byChat = new Map<ConversationId, Group>();
  readonly #rows = new Map<string, GroupRow>();
  /** Members' devices of groups that this account is about to join, as the server names them. */
  readonly #hosts = new Map<DeviceId, { account: AccountId; device: Device; group: GroupId; online: boolean }>();
  /** Found once for all who are online at a time. */
  readonly #near = new WeakMap<Group, { version: number; near: Set<DeviceId> }>();
  /** Groups in which this device waits for its turn to do what another member should have done. */
  readonly #turns = new Set<Group>();
  /** Groups that the server says this account is in. */
  readonly #entered = new Map<GroupId, Roster>();
  readonly #line = new Serial();
  readonly #cancels = new Set<() => void>();
  #stopped = false;

  constructor(
    private readonly ports: GroupPorts,
    private readonly events: GroupsEvents,
  ) {}

  readonly cipher: PayloadCipher = {
    seal: (place, payload) => {
      const group = this.byChat(place.conversation);
      return group && this.#seal(group, place, payload);
    },
    open: async (place, key, payload) => this.#open(place, key, payload),
  };

  async load(): Promise<void> {
    for (const row of await this.ports.rows.all()) {
      this.#rows.set(keyOf(row), row);
      if (row.kind === 'group') await this.#restore(row.log);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#cancels) cancel();
  }

  all(): Group[] {
    return [...this.#groups.values()];
  }

  joining(): Joining[] {
    return [...this.#rows.values()].filter((row): row is Joining => row.kind === 'joining');
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
    return this.#hosts.get(device);
  }

  /** Whether the server says that an account shares a group with this one, whatever the log says yet. */
  isFellow(account: AccountId): boolean {
    return [...this.#entered.values()].some(({ members }) => members.some((member) => member.account === account));
  }

  isOnline(device: DeviceId): boolean {
    if (this.#hosts.get(device)?.online) return true;
    return this.all().some((group) => {
      const account = group.accountOf(device);
      return account !== undefined && group.online(account).includes(device);
    });
  }

  /** What a link to a device serves. Nobody gets the chat who is no member, nor asks for it who cannot read it. */
  conversationsWith(device: DeviceId): ConversationId[] {
    return this.all().flatMap((group) => {
      if (this.ports.isMine(device)) return this.conversationsOf(group);
      if (!group.me) return this.#hosts.get(device)?.group === group.id ? [group.log] : [];
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
  handsOnTo(conversation: ConversationId): ((device: DeviceId) => boolean) | undefined {
    const group = this.of(conversation);
    if (!group?.me) return undefined;
    const near = this.neighbours(group);
    return (device) => near.has(device) || this.ports.isMine(device);
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
    return [...this.#hosts].filter(([, { online }]) => online).map(([device]) => device);
  }

  /** A peer names a conversation that is not known here. If it is the log of a group that this account is joining, it is from now on. */
  async named(conversation: ConversationId): Promise<void> {
    const id = await groupIdOf(conversation, this.ports.hashes);
    if (this.#groups.has(conversation) || !this.joining().some(({ group }) => group === id)) return;
    await this.#line.run(() => this.#keepGroup(conversation, []));
  }

  // What comes in

  /** Takes committed entries of a log. */
  async take(group: Group, entries: readonly StoredEntry[]): Promise<void> {
    const wasIn = group.me !== undefined;
    const { keys, authors } = await group.take(entries);
    await this.#joined(group);
    if (authors || keys || wasIn !== (group.me !== undefined)) this.events.serves(group);
    if (keys) this.events.readable(group);
    this.#tend(group);
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
    }
    for (const roster of answer.value.groups) await this.entered(roster);
    for (const row of this.joining()) this.#ask(row);
    for (const group of this.all()) {
      this.#tend(group);
      this.events.changed(group);
    }
  }

  disconnected(): void {
    for (const group of this.all())
      for (const row of [...group.roster.values()]) group.setMember({ ...row, online: [] });
    for (const [device, host] of this.#hosts) this.#hosts.set(device, { ...host, online: false });
  }

  async entered(roster: Roster): Promise<void> {
    const group = this.byId(roster.group);
    this.#entered.set(roster.group, roster);
    group?.setRoster(roster);
    const joining = this.joining().find((row) => row.group === roster.group);
    if (joining && !group?.me) await this.#findHosts(roster);
    this.events.changed(group);
  }

  memberChanged({ group: id, member }: ServerEvent<'group:member'>): void {
    const others = this.#entered.get(id)?.members.filter(({ account }) => account !== member.account);
    if (others) this.#entered.set(id, { group: id, members: [...others, member] });
    const group = this.byId(id);
    if (!group) return;
    group.setMember(member);
    this.#tend(group);
    this.events.changed(group);
  }

  memberLeft({ group: id, account }: ServerEvent<'group:left'>): void {
    const group = this.byId(id);
    if (account === this.ports.own().account) {
      this.#entered.delete(id);
      group?.setRoster(undefined);
    } else group?.dropMember(account);
    this.events.changed(group);
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
    for (const [device, host] of this.#hosts)
      if (host.account === account) this.#hosts.set(device, { ...host, online: online.includes(device) });
    return came;
  }

  /** Somebody asks to be let in. */
  asked({ group: id, invitation, asker, proof, turn }: ServerEvent<'group:asked'>): void {
    const group = this.byId(id);
    if (!group) return;
    const answer = () => this.#line.run(() => this.#answer(group, invitation, asker, proof));
    if (turn === 0) answer().catch((problem: unknown) => this.ports.report(problem));
    else this.#later(turn * turnMs, answer);
  }

  async replied({ invitation, verdict }: ServerEvent<'group:replied'>): Promise<void> {
    const row = this.joining().find((one) => one.invitation === invitation);
    if (row) await this.#put({ ...row, verdict });
    this.events.changed(undefined);
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
    const secrets = row?.kind === 'group' ? row.secrets : [];
    const told = row?.kind === 'group' && row.told === true ? { told: true } : {};
    await this.#put({ kind: 'group', log: group.log, secrets: [...secrets, [invitation, toBase64(secret)]], ...told });
    const { expiresAt } = bounds;
    await this.ports.change(group.id, { kind: 'open', invitation, ...(expiresAt === undefined ? {} : { expiresAt }) });
    this.events.changed(group);
    return { invitation, code: await codeOf(secret, this.ports.hashes) };
  }

  /** The code of an open invitation, where this device has its secret. */
  async codeOf(group: Group, invitation: InvitationId): Promise<string | undefined> {
    const row = this.#rows.get(group.log);
    const secret = row?.kind === 'group' ? new Map(row.secrets).get(invitation) : undefined;
    return secret === undefined ? undefined : codeOf(fromBase64(secret), this.ports.hashes);
  }

  async uninvite(group: Group, invitation: InvitationId): Promise<boolean> {
    if (!(await group.write({ kind: 'group-uninvite', invitation }))) return false;
    return this.ports.change(group.id, { kind: 'close', invitation });
  }

  /** By a code or a link. Resolves once it was asked; being let in comes later. */
  async join(typed: string): Promise<GroupOutcome & { group?: GroupId }> {
    const secret = await secretOf(typed, this.ports.hashes);
    if (!secret) return { ok: false, code: 'malformed' };
    const { invitation } = await invitationOf(secret, this.ports);
    const known = this.joining().find((row) => row.invitation === invitation);
    const row: Joining = known ?? {
      kind: 'joining',
      invitation,
      secret: toBase64(secret),
      since: this.ports.clock.now(),
      verdict: 'asking',
    };
    // Kept before it is asked: the answer of a member may be here before that of the server.
    await this.#put(row);
    const outcome = await this.#askNow(row);
    const later = !outcome.ok && (outcome.code === 'offline' || outcome.code === 'no-server');
    if (outcome.ok || later) this.#askLater(row);
    else if (!known) await this.#forget(row);
    // Nobody is there to let this account in: it is asked again.
    return later ? { ok: true } : outcome;
  }

  async stopJoining(invitation: InvitationId): Promise<void> {
    const row = this.joining().find((one) => one.invitation === invitation);
    if (!row) return;
    await this.#forget(row);
    this.events.changed(undefined);
  }

  /** An admin's word about somebody who waits. */
  async decide(group: Group, account: AccountId, verdict: 'admit' | 'refuse'): Promise<boolean> {
    const asking = group.asking.get(account);
    if (!asking) return false;
    group.asking.delete(account);
    this.events.changed(group);
    if (verdict === 'admit') return this.#admit(group, asking.payload);
    const { invitation } = asking.payload;
    await this.ports.request('groups:reply', { group: group.id, account, invitation, verdict: 'refused' });
    return true;
  }

  /** Another device of this account is in a group. */
  async learn(log: ConversationId): Promise<void> {
    if (!this.#groups.has(log)) await this.#line.run(() => this.#keepGroup(log, []));
    await this.told(log);
  }

  /** Groups of which the other devices of this account were not told. */
  untold(): ConversationId[] {
    return [...this.#rows.values()].flatMap((row) => (row.kind === 'group' && !row.told ? [row.log] : []));
  }

  async told(log: ConversationId): Promise<void> {
    const row = this.#rows.get(log);
    if (row?.kind === 'group') await this.#put({ ...row, told: true });
  }

  // Within

  async #answer(group: Group, invitation: InvitationId, asker: PublicAccount, proof: Signature): Promise<void> {
    const { membership, me } = group;
    const found = membership?.invitations.get(invitation);
    const { id: account } = asker;
    if (!me || !membership) return;
    if (membership.members.has(account)) {
      if (!group.roster.has(account)) await this.ports.change(group.id, { kind: 'admit', account });
      return;
    }
    const over = found?.expiresAt !== undefined && found.expiresAt < this.ports.clock.now();
    const used = found?.uses !== undefined && found.used >= found.uses;
    const reply = (verdict: 'waiting' | 'refused') =>
      this.ports.request('groups:reply', { group: group.id, account, invitation, verdict });
    if (!found?.open || over || used) {
      await reply('refused');
      return;
    }
    const { newest } = await verifyChain(asker.lists, this.ports);
    const signature = fromBase64(proof);
    const message = joinMessage(invitation, account, newest.root);
    if (!(await this.ports.signatures.verify(found.key, message, signature)))
      throw new ProtocolError('not-allowed', 'asked to join without the secret of the invitation');
    const payload = {
      kind: 'group-admit' as const,
      account,
      root: newest.root,
      handle: asker.handle,
      displayName: asker.displayName,
      lists: asker.lists.slice(0, limits.listsPerGroupEntry),
      invitation,
      proof: signature,
    };
    if (!found.approval) {
      await this.#admit(group, payload);
      return;
    }
    if (me.role !== 'member') {
      group.asking.set(account, { account: asker, payload, at: this.ports.clock.now() });
      this.events.changed(group);
    }
    await reply('waiting');
  }

  async #admit(group: Group, payload: Extract<GroupPayload, { kind: 'group-admit' }>): Promise<boolean> {
    await group.write(payload);
    // Whether it counts is the log's word: the invitation may have been used up a moment ago.
    if (!group.membership?.members.has(payload.account)) return false;
    await group.provide(group.lacking().filter(({ id }) => group.accountOf(id) === payload.account));
    return this.ports.change(group.id, { kind: 'admit', account: payload.account });
  }

  #ask(row: Joining): void {
    if (row.verdict === 'refused' || row.verdict === 'gone') return;
    this.#askNow(row).catch((problem: unknown) => this.ports.report(problem));
    this.#askLater(row);
  }

  #askLater(row: Joining): void {
    this.#later(askAgainMs, async () => {
      const still = this.joining().find((one) => one.invitation === row.invitation);
      if (still) this.#ask(still);
      await Promise.resolve();
    });
  }

  async #askNow(row: Joining): Promise<GroupOutcome & { group?: GroupId }> {
    const { sign } = await invitationOf(fromBase64(row.secret), this.ports);
    const { account, root } = this.ports.own();
    const proof = toBase64(await sign(joinMessage(row.invitation, account, root))) as Signature;
    const answer = await this.ports.request('groups:ask', { invitation: row.invitation, proof });
    if (!answer.ok) {
      const { code } = answer.error;
      if (code === 'unknown-invitation') await this.#put({ ...row, verdict: 'gone' });
      this.events.changed(undefined);
      const told = code === 'unknown-invitation' || code === 'offline' || code === 'no-server' ? code : 'not-allowed';
      return { ok: false, code: told };
    }
    const { group } = answer.value;
    const known = this.byId(group);
    if (known?.me) {
      await this.#forget(row);
      return { ok: true, group };
    }
    const now = this.joining().find((one) => one.invitation === row.invitation);
    if (now) await this.#put({ ...now, group });
    const roster = this.#entered.get(group);
    if (roster) await this.#findHosts(roster);
    this.events.changed(undefined);
    return { ok: true, group };
  }

  /** This account is in: the log says so, and it holds the invitation by which it came. */
  async #joined(group: Group): Promise<void> {
    const row = this.joining().find((one) => one.group === group.id);
    if (!row || !group.me || !group.membership) return;
    const { publicKey } = await invitationOf(fromBase64(row.secret), this.ports);
    const key = group.membership.invitations.get(row.invitation)?.key;
    // A server that makes up a group cannot make up this: it knows nothing but the id of the invitation.
    if (!key || toBase64(key) !== toBase64(publicKey)) return;
    await this.#forget(row);
    for (const [device, host] of this.#hosts) if (host.group === group.id) this.#hosts.delete(device);
  }

  async #findHosts({ group, members }: Roster): Promise<void> {
    const { account: own } = this.ports.own();
    const there = members.filter(({ account, online }) => account !== own && online.length > 0);
    const accounts = there.slice(0, limits.membersPerAnswer).map(({ account }) => account);
    if (accounts.length === 0) return;
    const answer = await this.ports.request('groups:people', { group, accounts });
    if (!answer.ok) return;
    for (const { id: account, lists } of answer.value.people) {
      const { newest } = await verifyChain(lists, this.ports);
      const online = new Set(there.find((member) => member.account === account)?.online);
      for (const device of newest.devices)
        this.#hosts.set(device.id, { account, device, group, online: online.has(device.id) });
    }
  }

  /**
   * What a member does without being asked: keys for devices that lack them, device lists that the log lacks. Whoever admits somebody, or has
   * a new device, does it at once; the others each wait for a turn of their own, and most of them find it done.
   */
  #tend(group: Group): void {
    if (!group.me) return;
    this.#line
      .run(async () => {
        if (this.#stopped || !group.me) return;
        const { root, lists } = this.ports.own();
        await group.addLists(lists, root);
        const lacking = group.lacking();
        const mine = lacking.filter(({ id }) => this.ports.isMine(id) && id !== this.ports.keys.id);
        if (mine.length > 0) await group.provide(mine);
        const done = lacking.length === mine.length && this.#behind(group).length === 0;
        if (done || this.#turns.has(group)) return;
        this.#turns.add(group);
        this.#later(turnOf(this.ports.keys.id, this.#online(group), group.id) * tendTurnMs + tendFirstMs, async () => {
          this.#turns.delete(group);
          await this.#line.run(() => this.#tendOthers(group));
        });
      })
      .catch((problem: unknown) => this.ports.report(problem));
  }

  async #tendOthers(group: Group): Promise<void> {
    if (!group.me) return;
    for (const account of this.#behind(group)) await this.#fetchLists(group, account);
    if (group.lacking().length > 0) await group.provide();
  }

  /** Members of whose device lists the server has more than the log. */
  #behind(group: Group): AccountId[] {
    const { account: own } = this.ports.own();
    return [...group.roster.values()].flatMap(({ account, lists }) => {
      const known = account === own ? undefined : group.listsOf(account);
      return known !== undefined && lists > known ? [account] : [];
    });
  }

  async #fetchLists(group: Group, account: AccountId): Promise<void> {
    const answer = await this.ports.request('groups:people', { group: group.id, accounts: [account] });
    const person = answer.ok ? answer.value.people.find(({ id }) => id === account) : undefined;
    const member = group.membership?.members.get(account);
    if (!person || !member) return;
    const { newest } = await verifyChain(person.lists, this.ports);
    if (newest.root === member.root) await group.addLists(person.lists, member.root);
  }

  /** The server keeps in the list whom the log removed, when an admin was cut off in between: the next admin who is there says it again. */
  async #reconcile(group: Group): Promise<void> {
    const { me, membership } = group;
    if (!me || me.role === 'member' || !membership) return;
    for (const { account } of [...group.roster.values()])
      if (!membership.members.has(account)) await this.ports.change(group.id, { kind: 'remove', account });
  }

  async #seal(group: Group, place: CipherPlace, payload: Bytes): Promise<{ key: number; bytes: Bytes }> {
    const key = group.state && group.keys.inForce(group.state);
    if (key === undefined) throw new Error('nothing is written into a chat before it has a key');
    return { key, bytes: await group.keys.sealUnder(key, payload, contextOf(place)) };
  }

  async #open(place: CipherPlace, key: number, payload: Bytes): Promise<Bytes | 'unknown' | 'wrong'> {
    const group = this.byChat(place.conversation);
    if (!group) return 'wrong';
    if (!group.keys.has(key)) return 'unknown';
    return (await group.keys.openUnder(key, payload, contextOf(place))) ?? 'wrong';
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

  #later(delayMs: number, work: () => Promise<void>): void {
    const cancel = this.ports.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      if (!this.#stopped) work().catch((problem: unknown) => this.ports.report(problem));
    });
    this.#cancels.add(cancel);
  }

  async #put(row: GroupRow): Promise<void> {
    this.#rows.set(keyOf(row), row);
    await this.ports.rows.put(keyOf(row), row);
  }

  async #forget(row: GroupRow): Promise<void> {
    this.#rows.delete(keyOf(row));
    await this.ports.rows.delete(keyOf(row));
  }
}

const keyOf = (row: GroupRow): string => (row.kind === 'group' ? row.log : `joining ${row.invitation}`);
const contextOf = ({ conversation, device, sequence }: CipherPlace) => [conversation, device, sequence];
