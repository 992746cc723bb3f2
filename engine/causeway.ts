/**
 * The engine: people, links, conversations and transfers of one account on one device, put together over the ports. Shells (the app, later a
 * headless peer) build the ports, call the actions and read the state; nothing in here knows a screen.
 */
import type { EntryRef, Payload, OfferedFile } from '../protocol/entry.ts';
import type { OwnAccount } from '../protocol/http.ts';
import { fromBase64, toBase64 } from '../protocol/bytes.ts';
import type { AccountId, ConversationId, DeviceId, GroupId, OfferId } from '../protocol/ids.ts';
import type { Handle } from '../protocol/names.ts';
import type { Device } from '../protocol/people.ts';
import type { CausewayEvents, CausewayPorts, ChatId } from './causeway-ports.ts';
import { ApprovalHost } from './devices/approval-host.ts';
import { LocalAccount } from './devices/local-account.ts';
import { OwnDevices } from './devices/own-devices.ts';
import { Authors } from './exchange/authors.ts';
import { AutoAccept } from './exchange/auto-accept.ts';
import { Conversations } from './exchange/conversations.ts';
import { Knocks } from './exchange/knocks.ts';
import { validChoice, type Choice } from './exchange/choice.ts';
import { needsAnswer, standingOf } from './exchange/offer.ts';
import { Projector } from './exchange/projector.ts';
import { Transfers } from './exchange/transfers.ts';
import type { DeliveryState } from './feed/delivery.ts';
import { placeOfWire } from './feed/entry.ts';
import { Feeds } from './feed/log.ts';
import { readPayload } from './feed/payload.ts';
import type { Group } from './groups/group.ts';
import { Groups } from './groups/groups.ts';
import { Envelopes } from './identity/envelope.ts';
import { verifyChain, type VerifiedChain } from './identity/device-list.ts';
import { safetyNumber } from './identity/safety-number.ts';
import type { LinkStats } from './links/link-measures.ts';
import { IceServers } from './links/ice-servers.ts';
import { LinkPolicy } from './links/link-policy.ts';
import { LinkRouter } from './links/link-router.ts';
import { Links } from './links/links.ts';
import { Messages, type PersonOf } from './messages/messages.ts';
import { Typing } from './messages/typing.ts';
import { Nearby } from './people/nearby.ts';
import { done, type Outcome } from './outcome.ts';
import { People, type Person } from './people/people.ts';
import { SealedRelay } from './sealed-relay.ts';
import { ServerSession } from './server-session.ts';
import type { Signaling } from './signaling.ts';

export type { CausewayEvents, CausewayPorts, ChatId, Outcome };

/** Of a batch of imported entries. */
export interface Imported {
  /** Messages, offers among them, that were not here before. */
  messages: number;
  /** Entries that were not taken: nobody certified wrote them, they were changed, or some before them are lacking. */
  leftOut: number;
}

export class Causeway {
  readonly people: People;
  readonly links: Links;
  readonly feeds: Feeds;
  readonly conversations: Conversations;
  readonly transfers: Transfers;
  readonly nearby: Nearby;
  readonly approvals: ApprovalHost;
  readonly ownDevices: OwnDevices;
  readonly messages: Messages;
  readonly groups: Groups;
  /** What this person lets others know. */
  readonly discretion = { read: true, typing: true };
  readonly #typing: Typing;
  readonly #knocks: Knocks;
  readonly #account: LocalAccount;
  readonly #authors: Authors;
  readonly #projector: Projector;
  readonly #policy: LinkPolicy;
  readonly #server: ServerSession;
  #stopped = false;

  static async start(ports: CausewayPorts, account: OwnAccount, events: CausewayEvents): Promise<Causeway> {
    const chain = await verifyChain(account.lists, ports);
    const engine = new Causeway(ports, { account, chain }, events);
    await engine.people.load();
    await engine.#account.keepSelf();
    await engine.people.rekey();
    await engine.conversations.load();
    await engine.groups.load();
    await engine.transfers.load();
    await engine.messages.load();
    await engine.#projector.catchUp();
    engine.transfers.begin();
    engine.messages.begin();
    // Nothing may come in before all that is durable is in memory: it would be taken for new.
    engine.#server.connect();
    return engine;
  }

  private constructor(
    private readonly ports: CausewayPorts,
    known: { account: OwnAccount; chain: VerifiedChain },
    events: CausewayEvents,
  ) {
    const report = (problem: unknown) => ports.report(problem);
    const request: Signaling['request'] = (name, body) => this.#server.request(name, body);
    this.#account = new LocalAccount(known, {
      ...ports,
      request,
      self: () => this.#self,
      keepSelf: (...args) => this.people.keepSelf(...args),
      changed: (account) => {
        this.links.dropForbidden();
        this.conversations.authorsChanged();
        events.account(account);
        events.changed();
      },
    });
    const envelopes = new Envelopes({ ...ports, sealing: ports.keys });
    this.people = new People(
      { ...ports, records: ports.people, now: () => ports.clock.now() },
      () => this.#account.root,
      {
        changed: (account) => {
          this.#policy.personChanged(account);
          this.ownDevices.personChanged(account);
        },
        cameOnline: (_, devices) => {
          for (const device of devices) this.links.nudge(device);
        },
        refused: (_, problem) => report(problem),
      },
    );
    this.nearby = new Nearby(request, () => events.changed());
    this.feeds = new Feeds({
      ...ports,
      store: ports.feeds,
      device: ports.keys,
      cipher: {
        seal: (...args) => this.groups.cipher.seal(...args),
        open: (...args) => this.groups.cipher.open(...args),
      },
      limitOf: (...args) => this.groups.limitOf(...args),
    });
    this.groups = new Groups(
      {
        ...ports,
        feeds: this.feeds,
        rows: ports.groups,
        own: () => {
          const { id, handle, displayName, lists } = this.account;
          return { account: id, root: this.#account.root, handle, displayName, lists };
        },
        append: async (log, payload) => (await this.feeds.append(log, payload)).kind === 'committed',
        settled: () => this.#projector.idle(),
        isMine: (device) => this.isMine(device),
        request,
        change: async (group, change) => (await request('groups:change', { group, change })).ok,
      },
      {
        changed: (group) => this.#policy.groupChanged(group),
        serves: () => this.#policy.align(),
        readable: (group) => {
          this.#policy.align();
          this.conversations.again(group.chat);
        },
      },
    );
    this.#authors = new Authors({ account: this.#account, people: this.people, groups: this.groups });
    this.links = new Links(
      {
        ...ports,
        iceServers: () => iceServers.ask(),
        sendSignal: (to, body) => relay.sendSignal(to, body),
        allowed: (device) => this.#policy.allowed(device),
        online: (device) => this.#policy.online(device),
      },
      {
        opened: (link) => router.opened(link),
        frame: (link, frame) => router.route(link, frame),
        closed: (link) => router.closed(link),
        changed: (device) => events.changed(this.people.byDevice(device)?.person.account),
        report,
      },
    );
    this.conversations = new Conversations(
      {
        feeds: this.feeds,
        signatures: ports.signatures,
        keys: ports.keys,
        summaries: ports.summaries,
        deliveries: ports.deliveries,
        authorsOf: (conversation) => this.#authors.of(conversation),
        isMine: (device) => this.isMine(device),
        mayName: (link) => this.groups.joining().length > 0 || this.groups.allowed(link.device) !== undefined,
        introduce: (conversation, wires) => this.groups.byLog(conversation)?.introduce(wires),
        report,
      },
      {
        named: (conversation) => {
          this.groups.named(conversation).catch(report);
        },
        changed: (conversation) => {
          const group = this.groups.of(conversation);
          if (group) this.#policy.groupChanged(group);
          const person = this.people.byConversation(conversation);
          if (person) this.#policy.personChanged(person.account);
          this.ownDevices.soon();
        },
        forked: (_, fork) => report(new Error(`feed of ${fork.device} is forked`)),
        broken: (link, problem) => router.broken(link, problem),
      },
    );
    this.transfers = new Transfers(
      {
        ...ports,
        records: ports.offers,
        signKeyOf: (account, device) => this.people.get(account)?.everyDevice.find(({ id }) => id === device)?.sign,
        append: async (conversation, payload) => {
          await this.#append(conversation, payload);
          await this.#projector.idle();
        },
      },
      {
        changed: (account) => this.#policy.personChanged(account),
        broken: (link, problem) => router.broken(link, problem),
      },
    );
    this.ownDevices = new OwnDevices({
      ...ports,
      people: this.people,
      groups: this.groups,
      conversations: this.conversations,
      transfers: this.transfers,
      links: this.links,
      self: () => this.#self,
      isLookedAt: () => this.#policy.lookedAt === this.#account.id,
      append: async (payload) => {
        if (this.#self) await this.#append(this.#self.conversation, payload);
        await this.#projector.idle();
      },
      accept: (offer) => this.answerOffer(offer, 'accepted'),
    });
    this.approvals = new ApprovalHost(
      {
        ...ports,
        envelopes,
        own: () => ({
          account: this.#account.id,
          root: this.#account.root,
          device: this.#account.here,
          isMine: (device) => this.isMine(device),
        }),
        send: async (to, box) => {
          const from = this.#account.here;
          return from !== undefined && (await request('approval', { from, to: to.id, box })).ok;
        },
      },
      () => events.changed(),
    );
    this.#typing = new Typing(ports.clock, (account) => events.changed(account));
    this.messages = new Messages({
      ...ports,
      feeds: this.feeds,
      altered: (conversation, messages) => this.#projector.altered(conversation, messages),
      later: (work) => {
        this.#projector.run(work).catch(report);
      },
    });
    this.#projector = new Projector(
      {
        ...ports,
        store: ports.feeds,
        feeds: this.feeds,
        account: this.#account,
        people: this.people,
        groups: this.groups,
        conversations: this.conversations,
        transfers: this.transfers,
        messages: this.messages,
        typing: this.#typing,
        authors: this.#authors,
        autoAccept: new AutoAccept({
          people: this.people,
          transfers: this.transfers,
          blobs: ports.blobs,
          append: (conversation, payload) => this.#append(conversation, payload),
        }),
      },
      {
        changed: (chat) => events.changed(chat),
        committed: (entries) => events.committed(entries),
        altered: (conversation, messages) => events.altered(conversation, messages),
        taken: (person) => {
          this.#policy.personChanged(person.account);
          this.ownDevices.soon();
        },
      },
    );
    this.#policy = new LinkPolicy(
      {
        ...ports,
        account: this.#account,
        people: this.people,
        groups: this.groups,
        links: this.links,
        conversations: this.conversations,
        transfers: this.transfers,
        ownDevices: this.ownDevices,
      },
      (chat) => events.changed(chat),
    );
    const router = new LinkRouter({
      ...ports,
      people: this.people,
      groups: this.groups,
      links: this.links,
      conversations: this.conversations,
      transfers: this.transfers,
      ownDevices: this.ownDevices,
      typing: this.#typing,
    });
    this.#knocks = new Knocks({
      transfers: this.transfers,
      person: (account) => this.people.get(account),
      send: (to, id, body) => relay.sendKnock(to, id, body),
      now: () => ports.clock.now(),
      report,
    });
    const iceServers = new IceServers({ ...ports, request });
    const relay = new SealedRelay({
      ...ports,
      account: this.#account,
      people: this.people,
      groups: this.groups,
      links: this.links,
      policy: this.#policy,
      projector: this.#projector,
      knocks: this.#knocks,
      envelopes,
      request,
      heard: () => this.#server.heard(),
    });
    this.#server = new ServerSession(
      {
        ...ports,
        account: this.#account,
        people: this.people,
        groups: this.groups,
        links: this.links,
        nearby: this.nearby,
        approvals: this.approvals,
        ownDevices: this.ownDevices,
        knocks: this.#knocks,
        relay,
        iceServers,
      },
      events,
    );
    this.feeds.listen((entries) => {
      this.conversations.spread(entries);
      this.#projector.take(entries);
    });
  }

  get connected(): boolean {
    return this.#server.connected;
  }

  get account(): OwnAccount {
    return this.#account.account;
  }

  get device(): DeviceId {
    return this.ports.keys.id;
  }

  get root(): string {
    return this.#account.root;
  }

  /** The devices of this account, this one among them. */
  get devices(): readonly Device[] {
    return this.#account.devices;
  }

  isMine(device: DeviceId): boolean {
    return this.#account.isMine(device);
  }

  get #self(): Person | undefined {
    return this.people.get(this.#account.id);
  }

  /** The person said that both codes are the same: `guest` becomes a device of this account. */
  async approve(guest: DeviceId): Promise<Outcome> {
    const device = this.approvals.approved(guest);
    if (!device) return { ok: false, error: { code: 'not-allowed' } };
    const outcome = await this.#account.add(device);
    if (outcome.ok) await this.approvals.done(device);
    return outcome;
  }

  renameDevice(device: DeviceId, name: string): Promise<Outcome> {
    return this.#account.rename(device, name);
  }

  revokeDevice(device: DeviceId): Promise<Outcome> {
    return this.#account.revoke(device);
  }

  removeThisDevice(): Promise<Outcome> {
    return this.#account.removeThisDevice();
  }

  /**
   * Takes entries that somebody kept in a file, as if a peer had sent them: only those that devices of this conversation signed and that
   * continue their feeds, each once. What was deleted here stays deleted.
   */
  async importEntries(conversation: ConversationId, wires: readonly Uint8Array[]): Promise<Imported> {
    const before = await this.feeds.frontier(conversation);
    const places = wires.map(placeOfWire);
    const { committed } = await this.feeds.receive(conversation, wires, (device) => {
      const key = this.#authors.of(conversation).get(device);
      return key === undefined ? undefined : fromBase64(key);
    });
    await this.#projector.idle();
    const known = places.filter((place) => place && place.sequence < (before.get(place.device) ?? 0)).length;
    const messages = committed.filter((entry) => ['text', 'offer'].includes(readPayload(entry).kind)).length;
    return { messages, leftOut: wires.length - known - committed.length };
  }

  /** The browser woke up, or the network is back. */
  wake(): void {
    this.#server.wake();
    for (const person of this.people.all()) for (const { id } of person.devices) this.links.nudge(id);
  }

  /**
   * How each device of a person that is linked now is reached, as it was measured last. Whoever asks has it measured anew, at most once a
   * second, for the next time.
   */
  pathsOf(account: AccountId): LinkStats[] {
    const links = this.links.all().filter((link) => link.account === account);
    for (const { measures } of links) measures.measure().catch((problem: unknown) => this.ports.report(problem));
    return links.map(({ stats }) => stats);
  }

  /** The conversation on the screen. */
  lookAt(chat: ChatId | undefined): void {
    const before = this.#policy.lookedAt;
    this.#policy.lookAt(chat);
    this.conversations.lookAt(chat === undefined ? undefined : this.#chat(chat)?.conversation);
    this.ownDevices.soon();
    for (const id of [before, chat]) {
      if (id === undefined) continue;
      const group = this.groups.byId(id as GroupId);
      if (group) this.#policy.groupChanged(group);
      else this.#policy.personChanged(id as AccountId);
    }
  }

  /** Finds a person by exact handle and asks them to become a contact, unless they are one or were asked. */
  async shareWith(handle: Handle): Promise<Outcome & { account?: AccountId }> {
    if (handle === this.account.handle) return { ok: false, error: { code: 'yourself' } };
    let person = this.people.byHandle(handle);
    if (!person || person.relation === 'none') {
      const found = await this.#server.request('people:lookup', { handle });
      if (!found.ok) return person && found.error.code === 'no-server' ? { ok: true, account: person.account } : found;
      if (found.value.handle !== handle) return { ok: false, error: { code: 'unknown' } }; // not whom the person asked for
      person = await this.people.meet(found.value);
      if (!person) return { ok: false, error: { code: 'unknown' } };
    }
    if (person.relation === 'none' || person.relation === 'incoming') {
      const asked = await this.#server.request('contact:request', { account: person.account });
      if (!asked.ok) return asked;
      await this.people.apply(asked.value);
    }
    return { ok: true, account: person.account };
  }

  async answerRequest(
    account: AccountId,
    verdict: 'accept' | 'decline' | 'block' | 'unblock' | 'remove',
  ): Promise<Outcome> {
    const answer = await this.#server.request('contact:answer', { account, verdict });
    if (!answer.ok) return answer;
    await this.people.apply(answer.value);
    return done;
  }

  async updateProfile(profile: { displayName?: string; email?: string }): Promise<Outcome> {
    const answer = await this.#server.request('account:update', profile);
    if (!answer.ok) return answer;
    await this.#account.take(answer.value);
    return done;
  }

  /** Where one talks with a person or a group, and who wrote what there. */
  #chat(id: ChatId): { conversation: ConversationId; personOf: PersonOf; person?: Person; group?: Group } | undefined {
    const group = this.groups.byId(id as GroupId);
    if (group) return { conversation: group.chat, personOf: this.memberOf(group), group };
    const person = this.people.get(id as AccountId);
    return person && { conversation: person.conversation, personOf: this.personOf(person), person };
  }

  async sendText(to: ChatId, text: string, reply?: EntryRef): Promise<Outcome> {
    const person = this.#chat(to);
    if (!person) return { ok: false, error: { code: 'unknown-handle' } };
    this.#typing.sent(person.conversation);
    const expiresAfterMs = this.messages.timerMs(person.conversation);
    return this.#append(person.conversation, {
      kind: 'text',
      text,
      ...(reply ? { reply } : {}),
      ...(expiresAfterMs > 0 ? { expiresAfterMs } : {}),
    });
  }

  /** Edits, deletes or reacts to a message of the conversation with this person, or sets after what time messages disappear there. */
  async say(to: ChatId, payload: Extract<Payload, { kind: 'edit' | 'delete' | 'react' | 'timer' }>): Promise<Outcome> {
    const person = this.#chat(to);
    if (!person) return { ok: false, error: { code: 'unknown-handle' } };
    if ('of' in payload && person.personOf(payload.of.device) !== this.#account.id)
      return { ok: false, error: { code: 'not-allowed' } };
    return this.#append(person.conversation, payload);
  }

  /** The newest of the conversation with this person was on the screen. */
  async seen(chat: ChatId): Promise<void> {
    const found = this.#chat(chat);
    if (!found || this.#stopped) return;
    await this.#projector.run(async () => {
      const { conversation, personOf, person } = found;
      // In a group nobody is told: a receipt of each member for each message would be more than the messages.
      const tell = this.discretion.read && person?.relation === 'accepted';
      const own = this.#account.id;
      const receipt = await this.messages.seen(conversation, personOf, { own, tell });
      if (receipt) await this.#append(conversation, receipt);
    });
  }

  /** The person is writing to this one. */
  typing(account: AccountId): void {
    const person = this.people.get(account);
    if (!person || !this.discretion.typing || this.people.isSelf(account)) return;
    const links = this.links.all().filter((link) => link.account === account);
    this.#typing.say(person.conversation, links);
  }

  isTyping(account: AccountId): boolean {
    return this.discretion.typing && this.#typing.by(account);
  }

  /** How far an entry of this person's own got; that it was read is only shown to those who say so themselves. */
  deliveryOf(
    person: Person,
    { conversation, device, sequence }: EntryRef & { conversation: ConversationId },
  ): DeliveryState | 'read' {
    const read = this.discretion.read ? this.messages.readBy(conversation, person.account).get(device) : undefined;
    if ((read ?? 0) > sequence) return 'read';
    const recipients = person.everyDevice.map(({ id }) => id);
    return this.conversations.deliveryOf(conversation, sequence, recipients, device);
  }

  /** Who wrote what in the direct conversation with a person. */
  personOf(person: Person): PersonOf {
    return this.#authors.personOf(person);
  }

  /** Who wrote what in a group. */
  memberOf(group: Group): PersonOf {
    return this.#authors.memberOf(group);
  }

  /** How far an entry of this account's own got in a group: delivered once another member's device holds it. */
  deliveryIn(group: Group, { device, sequence }: EntryRef): DeliveryState {
    const recipients = group.devices.flatMap(({ id }) => (this.isMine(id) ? [] : [id]));
    return this.conversations.deliveryOf(group.chat, sequence, recipients, device);
  }

  newOfferId(): OfferId {
    return toBase64(this.ports.random.bytes(16)) as OfferId;
  }

  /** Offers files whose bytes the shell has made available to `Blobs` under this id. */
  async offer(account: AccountId, offer: OfferId, files: OfferedFile[]): Promise<Outcome> {
    const person = this.people.get(account);
    if (!person) return { ok: false, error: { code: 'unknown-handle' } };
    const outcome = await this.#append(person.conversation, { kind: 'offer', offer, files });
    await this.#projector.idle();
    const record = this.transfers.get(offer);
    if (outcome.ok && record) this.#knocks.repeat(record).catch((problem: unknown) => this.ports.report(problem));
    return outcome;
  }

  /**
   * Accepting the offer of a stranger accepts the person. With `chosen` only these files are accepted, ascending, and of a bundle only these
   * blocks, those of its manifest among them.
   */
  async answerOffer(offer: OfferId, verdict: 'accepted' | 'declined', chosen?: Choice): Promise<Outcome> {
    const record = this.transfers.get(offer);
    if (!record || !needsAnswer(record)) return done;
    if (chosen && !validChoice(record.offered?.files ?? [], chosen)) return { ok: false, error: { code: 'malformed' } };
    const person = this.people.get(record.account);
    if (verdict === 'accepted' && person && person.relation !== 'accepted' && person.relation !== 'outgoing') {
      const accepted = await this.answerRequest(record.account, 'accept');
      if (!accepted.ok) return accepted;
    }
    const answer = { kind: 'answer', offer, verdict, ...(chosen ? { chosen } : {}) } as const;
    const outcome = await this.#append(record.conversation, answer);
    await this.#projector.idle();
    if (outcome.ok && verdict === 'declined') await this.#knocks.decline(record);
    return outcome;
  }

  /** The number to compare with somebody: twelve groups of five digits, the same on both sides. */
  async safetyNumber(account: AccountId): Promise<string[] | undefined> {
    const person = this.people.get(account);
    return person && safetyNumber(this.#account.root, person.pin.root, this.ports.hashes);
  }

  async cancelFile(offer: OfferId, file: number): Promise<Outcome> {
    const record = this.transfers.get(offer);
    if (!record || ['done', 'cancelled', 'declined'].includes(standingOf(record, file))) return done;
    const outcome = await this.#append(record.conversation, { kind: 'cancel', offer, file });
    await this.#projector.idle();
    const after = this.transfers.get(offer);
    if (after) this.#knocks.repeat(after).catch((problem: unknown) => this.ports.report(problem));
    return outcome;
  }

  /** Resolves when nothing is open any more and nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#projector.stop();
    this.#policy.stop();
    this.ownDevices.stop();
    this.approvals.stop();
    this.messages.stop();
    this.groups.stop();
    this.links.stop();
    this.#server.stop();
    await this.transfers.stop();
    await this.#projector.idle();
  }

  /** To a conversation under earlier keys nothing is added: nobody would hear of it. */
  async #append(conversation: ConversationId, payload: Payload): Promise<Outcome> {
    const group = this.groups.byChat(conversation);
    if (group && !(await group.ready())) return { ok: false, error: { code: 'not-allowed' } };
    const inForce = this.people.byConversation(conversation)?.conversation ?? conversation;
    const appended = await this.feeds.append(inForce, payload);
    switch (appended.kind) {
      case 'committed':
        return done;
      case 'too-large':
        return { ok: false, error: { code: 'too-large' } };
      case 'forked':
        return { ok: false, error: { code: 'not-allowed' } };
    }
  }
}
