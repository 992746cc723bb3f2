/**
 * The engine: people, links, conversations and transfers of one account on one device, put together over the ports. Shells (the app, later a
 * headless peer) build the ports, call the actions and read the state; nothing in here knows a screen.
 */
import type { EntryRef, Payload, OfferedFile } from '../protocol/entry.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { ClientEventName, ClientRequest, ClientResponse } from '../protocol/events.ts';
import type { Frame } from '../protocol/frame.ts';
import type { OwnAccount } from '../protocol/http.ts';
import { fromBase64, toBase64 } from '../protocol/bytes.ts';
import type {
  AccountId,
  ChatId,
  ConversationId,
  DeviceId,
  GroupId,
  OfferId,
  PublicKey,
  RequestId,
} from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { shownName, type Handle } from '../protocol/names.ts';
import type { Device, DeviceListBody } from '../protocol/people.ts';
import type { SignalBody, KnockBody } from '../protocol/envelope.ts';
import type { Blobs } from './blobs.ts';
import { ApprovalHost } from './devices/approval-host.ts';
import { OwnDevices } from './devices/own-devices.ts';
import { Conversations, type DeliveryRow, type Summary } from './exchange/conversations.ts';
import { Knocks } from './exchange/knocks.ts';
import { validChoice, type Choice } from './exchange/choice.ts';
import { isShared } from './exchange/copies.ts';
import { needsAnswer, standingOf, type OfferPayload, type OfferRecord } from './exchange/offer.ts';
import { allows, isVerified, totalBytes } from './exchange/rules.ts';
import type { QueueOrder } from './exchange/transfer-queue.ts';
import { Transfers } from './exchange/transfers.ts';
import type { DeliveryState } from './feed/delivery.ts';
import { placeOfWire } from './feed/entry.ts';
import { Feeds } from './feed/log.ts';
import { readPayload } from './feed/payload.ts';
import { Serial } from './feed/serial.ts';
import type { Group } from './groups/group.ts';
import { Groups, type GroupRow } from './groups/groups.ts';
import type { GroupCrypto } from './groups/ports.ts';
import { Envelopes, type Sealing } from './identity/envelope.ts';
import {
  compareToPin,
  listAfter,
  listWith,
  pinOf,
  signList,
  verifyChain,
  type VerifiedChain,
} from './identity/device-list.ts';
import { safetyNumber } from './identity/safety-number.ts';
import type { Link } from './links/link.ts';
import type { LinkStats } from './links/link-measures.ts';
import { Links } from './links/links.ts';
import type { Annotation } from './messages/annotation.ts';
import type { Expiry } from './messages/expiries.ts';
import { Messages, type ConversationMarks, type PersonOf } from './messages/messages.ts';
import { Typing } from './messages/typing.ts';
import { Nearby } from './people/nearby.ts';
import { People, type Person } from './people/people.ts';
import type { Clock, DeviceKeys, FeedStore, Hashes, Random, Signatures, StoredEntry } from './ports.ts';
import type { Lookup, Records } from './records.ts';
import type { OpenWire, WireOptions } from './session/wire.ts';
import type { Answer, Signaling, SignalingEvents } from './signaling.ts';

export interface CausewayPorts {
  clock: Clock;
  random: Random;
  hashes: Hashes;
  signatures: Signatures;
  keys: DeviceKeys & Sealing;
  openWire: OpenWire;
  connect(events: SignalingEvents): Signaling;
  feeds: FeedStore;
  blobs: Blobs;
  people: Records<Person>;
  offers: Records<OfferRecord>;
  summaries: Records<Summary>;
  deliveries: Records<DeliveryRow>;
  queue: Records<QueueOrder>;
  annotations: Lookup<Annotation>;
  marks: Records<ConversationMarks>;
  expiries: Records<Expiry>;
  groups: Records<GroupRow>;
  crypto: GroupCrypto;
  /** Somebody's fault, or an expected failure that costs nothing but an attempt; for the log. */
  report(problem: unknown): void;
}

export interface CausewayEvents {
  /** Something that is shown changed; of one person, or of all. */
  changed(chat?: ChatId): void;
  /** Entries of one conversation were committed. */
  committed(entries: readonly StoredEntry[]): void;
  /** Messages were edited, deleted, reacted to, or disappeared. */
  altered(conversation: ConversationId, messages: readonly EntryRef[]): void;
  /** The server's word on this account: to be kept for the next start. */
  account(account: OwnAccount): void;
  /** The connection will not come back by itself. */
  stopped(reason: Parameters<SignalingEvents['stopped']>[0]): void;
}

export type Outcome =
  | { ok: true }
  | { ok: false; error: { code: ErrorCode | 'no-server' | 'yourself'; retryAfterMs?: number | undefined } };
const done: Outcome = { ok: true };

/** Of a batch of imported entries. */
export interface Imported {
  /** Messages, offers among them, that were not here before. */
  messages: number;
  /** Entries that were not taken: nobody certified wrote them, they were changed, or some before them are lacking. */
  leftOut: number;
}

/** STUN and TURN servers are asked for anew after this; TURN credentials live longer. */
const iceServersMs = 10 * 60_000;
/** What a rule leaves free on this device, so that there is room for messages and for what is accepted by hand. */
const spareBytes = 512 * 1024 * 1024;
/** Entries in memory at a time while what was missed is taken up. */
const catchUpEntries = 1000;
/** After the storage failed. */
const retakeMs = 1000;

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
  readonly #envelopes: Envelopes;
  #signaling: Signaling | undefined;
  /** Signals are opened in the order in which they came. */
  readonly #inbox = new Serial();
  readonly #facts = new Serial();
  /** What the server says of this account is verified in the order in which it came. */
  readonly #accounts = new Serial();
  #cancelRetake: (() => void) | undefined;
  /** Resolves when what the server said at the last connection is taken in. */
  #greeted: Promise<void> = Promise.resolve();
  #own: { account: OwnAccount; chain: VerifiedChain };
  #connected = false;
  /** Counts connections: what is still being taken in of an earlier one is of no use. */
  #connection = 0;
  #iceServers: { at: number; value: WireOptions['iceServers'] } | undefined;
  #looking: ChatId | undefined;
  /** Devices that a link was wanted to for files of groups, when that was last looked at. */
  #partners = '';
  #stopped = false;

  static async start(ports: CausewayPorts, account: OwnAccount, events: CausewayEvents): Promise<Causeway> {
    const chain = await verifyChain(account.lists, ports);
    const engine = new Causeway(ports, { account, chain }, events);
    await engine.people.load();
    await engine.#keepSelf();
    await engine.people.rekey();
    await engine.conversations.load();
    await engine.groups.load();
    await engine.transfers.load();
    await engine.messages.load();
    await engine.#facts.run(() => engine.#catchUp());
    engine.transfers.begin();
    engine.messages.begin();
    // Nothing may come in before all that is durable is in memory: it would be taken for new.
    engine.#connect();
    return engine;
  }

  private constructor(
    private readonly ports: CausewayPorts,
    own: { account: OwnAccount; chain: VerifiedChain },
    private readonly events: CausewayEvents,
  ) {
    this.#own = own;
    const report = (problem: unknown) => ports.report(problem);
    this.#envelopes = new Envelopes({ ...ports, sealing: ports.keys });
    this.people = new People(
      { ...ports, records: ports.people, now: () => ports.clock.now() },
      () => this.#own.chain.newest.root,
      {
        changed: (account) => {
          this.#personChanged(account);
          this.ownDevices.personChanged(account);
        },
        cameOnline: (_, devices) => {
          for (const device of devices) this.links.nudge(device);
        },
        refused: (_, problem) => report(problem),
      },
    );
    this.nearby = new Nearby(
      (name, body) => this.#request(name, body),
      () => events.changed(),
    );
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
          const { id, handle, displayName, lists } = this.#own.account;
          return { account: id, root: this.#own.chain.newest.root, handle, displayName, lists };
        },
        append: async (log, payload) => (await this.feeds.append(log, payload)).kind === 'committed',
        settled: () => this.#facts.idle(),
        isMine: (device) => this.isMine(device),
        request: (name, body) => this.#request(name, body),
        change: async (group, change) => (await this.#request('groups:change', { group, change })).ok,
      },
      {
        changed: (group) => this.#groupChanged(group),
        serves: () => this.#alignLinks(),
        readable: (group) => {
          this.#alignLinks();
          this.conversations.again(group.chat);
        },
      },
    );
    this.links = new Links(
      {
        ...ports,
        iceServers: () => this.#askIceServers(),
        sendSignal: (to, body) => this.#sendSignal(to, body),
        allowed: (device) => this.#allowed(device),
        online: (device) => this.isOnline(device),
      },
      {
        opened: (link) => this.#linkOpened(link),
        frame: (link, frame) => this.#onFrame(link, frame),
        closed: (link) => this.#linkClosed(link),
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
        authorsOf: (conversation) => this.#authorsOf(conversation),
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
          if (group) this.#groupChanged(group);
          const person = this.people.byConversation(conversation);
          if (person) this.#personChanged(person.account);
          this.ownDevices.soon();
        },
        forked: (_, fork) => report(new Error(`feed of ${fork.device} is forked`)),
        broken: (link, problem) => this.#broken(link, problem),
      },
    );
    this.transfers = new Transfers(
      {
        ...ports,
        records: ports.offers,
        signKeyOf: (chat, device) => {
          const known = this.#chat(chat);
          return known && (this.#authorsOf(known.conversation).get(device) as PublicKey | undefined);
        },
        mayHave: (chat, device) => this.#mayRead(chat, device),
        online: (device) => this.isOnline(device),
        append: async (conversation, payload) => {
          await this.#append(conversation, payload);
          await this.#facts.idle();
        },
      },
      { changed: (chat) => this.#transfersChanged(chat), broken: (link, problem) => this.#broken(link, problem) },
    );
    this.ownDevices = new OwnDevices({
      ...ports,
      people: this.people,
      groups: this.groups,
      conversations: this.conversations,
      transfers: this.transfers,
      links: this.links,
      self: () => this.#self,
      isLookedAt: () => this.#looking === this.#own.account.id,
      append: async (payload) => {
        if (this.#self) await this.#append(this.#self.conversation, payload);
        await this.#facts.idle();
      },
      accept: (offer) => this.answerOffer(offer, 'accepted'),
    });
    this.approvals = new ApprovalHost(
      {
        ...ports,
        envelopes: this.#envelopes,
        own: () => ({
          account: this.#own.account.id,
          root: this.#own.chain.newest.root,
          device: this.devices.find(({ id }) => id === ports.keys.id),
          isMine: (device) => this.isMine(device),
        }),
        send: async (to, box) => {
          const from = this.devices.find(({ id }) => id === ports.keys.id);
          return from !== undefined && (await this.#request('approval', { from, to: to.id, box })).ok;
        },
      },
      () => events.changed(),
    );
    this.#typing = new Typing(ports.clock, (account) => events.changed(account));
    this.messages = new Messages({
      ...ports,
      feeds: this.feeds,
      altered: (conversation, messages) => this.#altered(conversation, messages),
      later: (work) => {
        this.#facts.run(work).catch(report);
      },
    });
    this.#knocks = new Knocks({
      transfers: this.transfers,
      person: (account) => this.people.get(account),
      send: (to, id, body) => this.#sendKnock(to, id, body),
      now: () => ports.clock.now(),
      report,
    });
    this.feeds.listen((entries) => {
      this.conversations.spread(entries);
      this.#facts.run(() => this.#onCommitted(entries)).catch((problem: unknown) => this.#notTaken(problem));
    });
  }

  #connect(): void {
    const { events } = this;
    const report = (problem: unknown) => this.ports.report(problem);
    this.#signaling = this.ports.connect({
      ready: ({ account, contacts }) => {
        if (this.#stopped) return;
        this.#connected = true;
        this.#iceServers = undefined;
        const connection = ++this.#connection;
        this.#greeted = this.#ownAccount(account)
          .catch(report)
          .then(async () => {
            if (connection !== this.#connection) return;
            await this.people.snapshot(contacts);
            this.#knocks.repeatAll();
            this.nearby.connected().catch(report);
            this.#askDeparted(this.people.mayHaveDeparted()).catch(report);
            await this.groups.connected();
            events.changed();
          })
          .catch(report);
      },
      lost: () => {
        this.#disconnected();
        events.changed();
      },
      stopped: (reason) => {
        this.#disconnected();
        events.stopped(reason);
      },
      contact: (contact) => {
        this.#afterGreeting(async () => {
          await this.people.apply(contact);
          if (contact.relation === 'none') await this.#askDeparted([contact.account.id]);
        });
      },
      presence: ({ account, online, lastSeenAt }) => {
        this.#afterGreeting(async () => {
          await this.people.presence(account, online, lastSeenAt);
          for (const device of this.groups.presence({ account, online })) this.links.nudge(device);
        });
      },
      nearby: (people) => this.nearby.take(people),
      signal: ({ account, device, box }) => {
        this.#inbox.run(() => this.#onSignal(account, device, box)).catch(report);
      },
      knock: (knock) => this.#onKnock(knock.account, knock.device, knock.box),
      account: (account) => {
        this.#ownAccount(account).catch(report);
      },
      devices: (devices) => {
        this.#afterGreeting(() => this.ownDevices.heard(devices));
      },
      group: (roster) => {
        this.#afterGreeting(() => this.groups.entered(roster));
      },
      groupMember: (changed) => {
        this.#afterGreeting(() => {
          this.groups.memberChanged(changed);
          return Promise.resolve();
        });
      },
      groupLeft: (left) => {
        this.#afterGreeting(() => {
          this.groups.memberLeft(left);
          return Promise.resolve();
        });
      },
      groupAsked: (asked) => {
        this.#afterGreeting(() => {
          this.groups.asked(asked);
          return Promise.resolve();
        });
      },
      groupReplied: (replied) => {
        this.#afterGreeting(() => this.groups.replied(replied));
      },
      approval: (approval) => {
        this.approvals.take(approval).catch(report);
      },
    });
  }

  #disconnected(): void {
    this.nearby.lost();
    this.#connected = false;
    this.#connection++;
    this.groups.disconnected();
    this.people.nobodyOnline().catch((problem: unknown) => this.ports.report(problem));
  }

  /** What the server said first is older, though verifying it takes longer. */
  #afterGreeting(work: () => Promise<void>): void {
    const connection = this.#connection;
    this.#greeted
      .then(() => (connection === this.#connection ? work() : undefined))
      .catch((problem: unknown) => this.ports.report(problem));
  }

  #authorsOf(conversation: ConversationId): ReadonlyMap<DeviceId, string> {
    const group = this.groups.of(conversation);
    if (group) return group.authors;
    const theirs = this.people.byConversation(conversation)?.everyDevice ?? [];
    return new Map(
      [...theirs, ...this.#own.chain.everyDevice].map((device): [DeviceId, string] => [device.id, device.sign]),
    );
  }

  #request<Name extends ClientEventName>(name: Name, body: ClientRequest<Name>): Promise<Answer<ClientResponse<Name>>> {
    return this.#signaling?.request(name, body) ?? Promise.resolve({ ok: false, error: { code: 'no-server' } });
  }

  get connected(): boolean {
    return this.#connected;
  }

  get account(): OwnAccount {
    return this.#own.account;
  }

  get device(): DeviceId {
    return this.ports.keys.id;
  }

  get root(): string {
    return this.#own.chain.newest.root;
  }

  /** The devices of this account, this one among them. */
  get devices(): readonly Device[] {
    return this.#own.chain.newest.devices;
  }

  isMine(device: DeviceId): boolean {
    return (
      device === this.ports.keys.id ||
      this.#own.chain.everyDevice.some((own) => own.id === device) ||
      // Of an earlier root, as this device or another one remembers it.
      this.#self?.everyDevice.some((own) => own.id === device) === true
    );
  }

  get #self(): Person | undefined {
    return this.people.get(this.#own.account.id);
  }

  #keepSelf(): Promise<void> {
    return this.people.keepSelf(this.#own.account, this.#own.chain, this.ports.keys.id);
  }

  /** The person said that both codes are the same: `guest` becomes a device of this account. */
  async approve(guest: DeviceId): Promise<Outcome> {
    const device = this.approvals.approved(guest);
    if (!device) return { ok: false, error: { code: 'not-allowed' } };
    const outcome = await this.#appendList((chain) => listWith(chain, device));
    if (outcome.ok) await this.approvals.done(device);
    return outcome;
  }

  async renameDevice(device: DeviceId, name: string): Promise<Outcome> {
    const clean = shownName(name, limits.deviceNameMaxLength);
    if (!clean) return { ok: false, error: { code: 'malformed' } };
    if (this.devices.every((own) => own.id !== device || own.name === clean)) return done;
    return this.#changeDevices((devices) => devices.map((own) => (own.id === device ? { ...own, name: clean } : own)));
  }

  /** Contacts and the server stop accepting the device; what it has it keeps. */
  async revokeDevice(device: DeviceId): Promise<Outcome> {
    if (device === this.ports.keys.id) return { ok: false, error: { code: 'not-allowed' } };
    return this.#changeDevices((devices) => devices.filter((own) => own.id !== device));
  }

  /**
   * Takes entries that somebody kept in a file, as if a peer had sent them: only those that devices of this conversation signed and that
   * continue their feeds, each once. What was deleted here stays deleted.
   */
  async importEntries(conversation: ConversationId, wires: readonly Uint8Array[]): Promise<Imported> {
    const before = await this.feeds.frontier(conversation);
    const places = wires.map(placeOfWire);
    const { committed } = await this.feeds.receive(conversation, wires, (device) => {
      const key = this.#authorsOf(conversation).get(device);
      return key === undefined ? undefined : fromBase64(key);
    });
    await this.#facts.idle();
    const known = places.filter((place) => place && place.sequence < (before.get(place.device) ?? 0)).length;
    const messages = committed.filter((entry) => ['text', 'offer'].includes(readPayload(entry).kind)).length;
    return { messages, leftOut: wires.length - known - committed.length };
  }

  /** Takes this device out of the list of its account, as the last thing it does. The only device stays: a list cannot be empty. */
  async removeThisDevice(): Promise<Outcome> {
    if (this.#own.chain.newest.devices.length < 2) return done;
    return this.#changeDevices((devices) => devices.filter((own) => own.id !== this.ports.keys.id));
  }

  #changeDevices(change: (devices: Device[]) => Device[]): Promise<Outcome> {
    return this.#appendList((chain) => listAfter(chain, change([...chain.newest.devices])));
  }

  async #appendList(make: (chain: VerifiedChain) => DeviceListBody): Promise<Outcome> {
    const { account, chain } = this.#own;
    const { id: signer } = this.ports.keys;
    const body = make(chain);
    if (body.devices.length > limits.devicesPerAccount || body.number >= limits.deviceListsPerAccount)
      return { ok: false, error: { code: 'too-large' } };
    const list = await signList(body, { signer, sign: (message) => this.ports.keys.sign(message) });
    const answer = await this.#request('devices:append', { list });
    if (!answer.ok) return answer;
    await this.#ownAccount({ ...account, lists: [...account.lists, list] });
    return done;
  }

  /** The browser woke up, or the network is back. */
  wake(): void {
    this.#signaling?.wake();
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
    const before = this.#looking;
    this.#looking = chat;
    this.conversations.lookAt(chat === undefined ? undefined : this.#chat(chat)?.conversation);
    this.ownDevices.soon();
    for (const id of [before, chat]) {
      if (id === undefined) continue;
      const group = this.groups.byId(id as GroupId);
      if (group) this.#groupChanged(group);
      else this.#personChanged(id as AccountId);
    }
  }

  /** Finds a person by exact handle and asks them to become a contact, unless they are one or were asked. */
  async shareWith(handle: Handle): Promise<Outcome & { account?: AccountId }> {
    if (handle === this.#own.account.handle) return { ok: false, error: { code: 'yourself' } };
    let person = this.people.byHandle(handle);
    if (!person || person.relation === 'none') {
      const found = await this.#request('people:lookup', { handle });
      if (!found.ok) return person && found.error.code === 'no-server' ? { ok: true, account: person.account } : found;
      if (found.value.handle !== handle) return { ok: false, error: { code: 'unknown' } }; // not whom the person asked for
      person = await this.people.meet(found.value);
      if (!person) return { ok: false, error: { code: 'unknown' } };
    }
    if (person.relation === 'none' || person.relation === 'incoming') {
      const asked = await this.#request('contact:request', { account: person.account });
      if (!asked.ok) return asked;
      await this.people.apply(asked.value);
    }
    return { ok: true, account: person.account };
  }

  async answerRequest(
    account: AccountId,
    verdict: 'accept' | 'decline' | 'block' | 'unblock' | 'remove',
  ): Promise<Outcome> {
    const answer = await this.#request('contact:answer', { account, verdict });
    if (!answer.ok) return answer;
    await this.people.apply(answer.value);
    return done;
  }

  async updateProfile(profile: { displayName?: string; email?: string }): Promise<Outcome> {
    const answer = await this.#request('account:update', profile);
    if (!answer.ok) return answer;
    await this.#ownAccount(answer.value);
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
    if ('of' in payload && person.personOf(payload.of.device) !== this.#own.account.id)
      return { ok: false, error: { code: 'not-allowed' } };
    return this.#append(person.conversation, payload);
  }

  /** The newest of the conversation with this person was on the screen. */
  async seen(chat: ChatId): Promise<void> {
    const found = this.#chat(chat);
    if (!found || this.#stopped) return;
    await this.#facts.run(async () => {
      const { conversation, personOf, person } = found;
      // In a group nobody is told: a receipt of each member for each message would be more than the messages.
      const tell = this.discretion.read && person?.relation === 'accepted';
      const own = this.#own.account.id;
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

  /** Two people write in a direct conversation: a device of neither chain is one of this account from before its keys were replaced. */
  personOf(person: Person): PersonOf {
    const theirs = new Set(person.everyDevice.map(({ id }) => id));
    return (device) => (!this.isMine(device) && theirs.has(device) ? person.account : this.#own.account.id);
  }

  /** Whose device it is in a group; of nobody when the log does not know it. */
  memberOf(group: Group): PersonOf {
    return (device) => (this.isMine(device) ? this.#own.account.id : (group.accountOf(device) ?? ('' as AccountId)));
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
  async offer(to: ChatId, offer: OfferId, files: OfferedFile[]): Promise<Outcome> {
    const chat = this.#chat(to);
    if (!chat) return { ok: false, error: { code: 'unknown-handle' } };
    const outcome = await this.#append(chat.conversation, { kind: 'offer', offer, files });
    await this.#facts.idle();
    const record = this.transfers.get(offer);
    if (outcome.ok && record) this.#knocks.repeat(record).catch((problem: unknown) => this.ports.report(problem));
    return outcome;
  }

  /** Fetches a file that anybody of a group offered, or one that was here, for this device: from whoever has it. */
  async download(offer: OfferId, file: number): Promise<Outcome> {
    const record = this.transfers.get(offer);
    if (!record?.offered) return done;
    if (record.group) {
      if (standingOf(record, file) !== 'waiting') return done;
      return this.answerOffer(offer, 'accepted', record.offered.files.length > 1 ? [{ file }] : undefined);
    }
    await this.transfers.fetchAgain(offer, file);
    return done;
  }

  /**
   * Accepting the offer of a stranger accepts the person. With `chosen` only these files are accepted, ascending, and of a bundle only these
   * blocks, those of its manifest among them. In a group each answer is about this device alone.
   */
  async answerOffer(offer: OfferId, verdict: 'accepted' | 'declined', chosen?: Choice): Promise<Outcome> {
    const record = this.transfers.get(offer);
    if (!record || !(needsAnswer(record) || record.group)) return done;
    if (chosen && !validChoice(record.offered?.files ?? [], chosen)) return { ok: false, error: { code: 'malformed' } };
    const person = record.group ? undefined : this.people.get(record.account as AccountId);
    if (verdict === 'accepted' && person && person.relation !== 'accepted' && person.relation !== 'outgoing') {
      const accepted = await this.answerRequest(person.account, 'accept');
      if (!accepted.ok) return accepted;
    }
    const answer = { kind: 'answer', offer, verdict, ...(chosen ? { chosen } : {}) } as const;
    const outcome = await this.#append(record.conversation, answer);
    await this.#facts.idle();
    if (outcome.ok && verdict === 'declined') await this.#knocks.decline(record);
    return outcome;
  }

  /** The number to compare with somebody: twelve groups of five digits, the same on both sides. */
  async safetyNumber(account: AccountId): Promise<string[] | undefined> {
    const person = this.people.get(account);
    return person && safetyNumber(this.#own.chain.newest.root, person.pin.root, this.ports.hashes);
  }

  async cancelFile(offer: OfferId, file: number): Promise<Outcome> {
    const record = this.transfers.get(offer);
    if (!record || ['done', 'cancelled', 'declined'].includes(standingOf(record, file))) return done;
    if (record.offered?.device !== this.device && isShared(record, file)) {
      await this.transfers.letGo(offer, file);
      return done;
    }
    const outcome = await this.#append(record.conversation, { kind: 'cancel', offer, file });
    await this.#facts.idle();
    const after = this.transfers.get(offer);
    if (after) this.#knocks.repeat(after).catch((problem: unknown) => this.ports.report(problem));
    return outcome;
  }

  /** Resolves when nothing is open any more and nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetake?.();
    this.ownDevices.stop();
    this.approvals.stop();
    this.messages.stop();
    this.groups.stop();
    this.links.stop();
    this.#signaling?.close();
    await this.transfers.stop();
    await this.#facts.idle();
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

  /** Facts first, then the summary with how far they were taken: after a crash in between they are taken again, and change nothing. */
  async #onCommitted(entries: readonly StoredEntry[]): Promise<void> {
    const [first] = entries;
    if (!first) return;
    const group = this.groups.of(first.conversation);
    if (group) {
      await (group.log === first.conversation ? this.groups.take(group, entries) : this.#takeChat(group, entries));
      return;
    }
    const person = this.people.byConversation(first.conversation);
    if (!person) return;
    try {
      const all = await this.#withMissed(entries);
      for (const entry of all) {
        const payload = readPayload(entry);
        if (isOfferPayload(payload)) await this.#takeFact(person, entry, payload);
        else if (payload.kind === 'own-person' || payload.kind === 'own-read' || payload.kind === 'own-group')
          await this.#takeOwnFact(person, entry, payload);
        else if (payload.kind === 'text' && !this.isMine(entry.device)) this.#typing.over(person.account);
      }
      if (person.acceptRule) for (const entry of all) await this.#applyRule(person.account, entry);
      const altered = await this.messages.take(all, this.personOf(person), this.#own.account.id);
      const summarised = this.conversations.onCommitted(all);
      this.events.committed(all);
      await summarised;
      if (altered.length > 0) await this.#altered(first.conversation, altered);
    } finally {
      // Whatever the storage says: there may be something to send now.
      this.#personChanged(person.account);
      this.ownDevices.soon();
    }
  }

  async #takeChat(group: Group, entries: readonly StoredEntry[]): Promise<void> {
    const all = await this.#withMissed(entries);
    for (const entry of all) {
      const payload = readPayload(entry);
      if (isOfferPayload(payload)) await this.#takeGroupFact(group, entry, payload);
    }
    const altered = await this.messages.take(all, this.memberOf(group), this.#own.account.id);
    const summarised = this.conversations.onCommitted(all);
    this.events.committed(all);
    await summarised;
    if (altered.length > 0) await this.#altered(group.chat, altered);
  }

  /** Nobody but this account's devices tells it anything, and nowhere but among themselves. */
  async #takeOwnFact(person: Person, { device }: StoredEntry, payload: OwnPayload): Promise<void> {
    if (!this.people.isSelf(person.account) || !this.isMine(device)) return;
    if (payload.kind === 'own-group') await this.groups.learn(payload.log);
    else if (payload.kind === 'own-person') await this.people.learn(payload);
    else await this.conversations.learnRead(payload.conversation, payload.upTo);
  }

  async #altered(conversation: ConversationId, messages: readonly EntryRef[]): Promise<void> {
    await this.conversations.refresh(conversation, messages, (...some) => this.messages.words(...some));
    this.events.altered(conversation, messages);
    this.events.changed(this.people.byConversation(conversation)?.account ?? this.groups.byChat(conversation)?.id);
  }

  /** The entries, and before them those of the same feeds that could not be taken when their turn was. */
  async #withMissed(entries: readonly StoredEntry[]): Promise<readonly StoredEntry[]> {
    const missed: StoredEntry[] = [];
    const seen = new Set<DeviceId>();
    for (const { conversation, device, sequence } of entries) {
      if (seen.has(device)) continue;
      seen.add(device);
      const from = this.conversations.taken(conversation, device);
      if (from < sequence) missed.push(...(await this.ports.feeds.range(conversation, device, from, sequence - from)));
    }
    return missed.length > 0 ? [...missed, ...entries] : entries;
  }

  /** The storage failed between an entry and what follows from it: taken up again soon, or with the next entry, or at the next start. */
  #notTaken(problem: unknown): void {
    this.ports.report(problem);
    if (this.#stopped) return;
    this.#cancelRetake ??= this.ports.clock.after(retakeMs, () => {
      this.#cancelRetake = undefined;
      this.#facts.run(() => this.#catchUp()).catch((again: unknown) => this.#notTaken(again));
    });
  }

  async #takeFact(person: Person, entry: StoredEntry, payload: OfferPayload): Promise<void> {
    const mine = this.people.isSelf(person.account) ? this.#isMySide(entry, payload) : this.isMine(entry.device);
    const source = { device: entry.device, mine, at: entry.wall, lamport: entry.lamport };
    try {
      await this.transfers.addFact(person.account, entry.conversation, payload, source);
    } catch (problem) {
      if (!(problem instanceof ProtocolError)) throw problem;
      this.ports.report(problem); // a fact that its author may not state is no fact; the entry stays in the feed
    }
  }

  async #takeGroupFact(group: Group, { device, wall, lamport }: StoredEntry, payload: OfferPayload): Promise<void> {
    const source = { device, mine: device === this.device, at: wall, lamport };
    try {
      await this.transfers.addFact(group.id, group.chat, payload, source, { inGroup: true });
    } catch (problem) {
      if (!(problem instanceof ProtocolError)) throw problem;
      this.ports.report(problem); // as between two people
    }
  }

  /**
   * Accepts an offer that a rule allows. Comes before the summary says that the entry is taken in: after a crash it is done again, and a second
   * answer changes nothing.
   */
  async #applyRule(account: AccountId, entry: StoredEntry): Promise<void> {
    const payload = readPayload(entry);
    const record = payload.kind === 'offer' ? this.transfers.get(payload.offer) : undefined;
    const person = this.people.get(account);
    const rule = person?.acceptRule;
    if (!rule || !isVerified(person) || !record?.offered || !needsAnswer(record)) return;
    // Under earlier keys somebody else may have offered it.
    if (record.conversation !== person.conversation || !allows(rule, record.offered.files)) return;
    const neededBytes = totalBytes(record.offered.files) + this.transfers.bytesToCome() + spareBytes;
    if ((await this.ports.blobs.freeBytes()) < neededBytes) return;
    await this.transfers.markByRule(record.offer);
    await this.#append(record.conversation, { kind: 'answer', offer: record.offer, verdict: 'accepted' });
  }

  /** Among own devices the one that offers is one side, and all the others are the other. */
  #isMySide({ device }: StoredEntry, { kind, offer }: OfferPayload): boolean {
    const here = device === this.ports.keys.id;
    if (kind === 'offer') return here;
    const offered = this.transfers.get(offer)?.offered;
    if (!offered) return true; // said of an offer that another device made
    return device === offered.device ? offered.mine : !offered.mine;
  }

  /** Entries that were committed before a crash, or a failure, and not taken up yet. */
  async #catchUp(): Promise<void> {
    const chats = this.groups.all().map(({ chat }) => chat);
    for (const conversations of [...this.people.all().map((one) => [one.conversation, ...one.earlier]), chats]) {
      for (const conversation of conversations) {
        for (const [device, length] of await this.feeds.frontier(conversation)) {
          const from = this.conversations.taken(conversation, device);
          for (let at = from; at < length; at += catchUpEntries)
            await this.#onCommitted(await this.ports.feeds.range(conversation, device, at, catchUpEntries));
        }
      }
    }
  }

  #allowed(device: DeviceId): { account: AccountId; device: Device } | undefined {
    const own = this.#self?.devices.find(({ id }) => id === device);
    if (own) return { account: this.#own.account.id, device: own };
    const found = this.people.byDevice(device);
    if (this.isMine(device)) return undefined;
    if (found?.person.relation === 'accepted') return { account: found.person.account, device: found.device };
    return this.groups.allowed(device);
  }

  /** Whether the server says so of a device that a link may lead to. */
  isOnline(device: DeviceId): boolean {
    const found = this.#allowed(device);
    return found !== undefined && (this.people.online(found.account).has(device) || this.groups.isOnline(device));
  }

  /** Whether a device is certified, now, for somebody who may read a conversation; of one's own devices those may that are linked at all. */
  #mayRead(chat: ChatId, device: DeviceId): boolean {
    const group = this.groups.byId(chat as GroupId);
    if (group) return group.me !== undefined && group.devices.some(({ id }) => id === device);
    const account = this.#allowed(device)?.account;
    return account !== undefined && (account === chat || account === this.#own.account.id);
  }

  #linkOpened(link: Link): void {
    const person = this.people.get(link.account);
    const own = this.people.isSelf(link.account);
    const direct = person?.relation === 'accepted' && !own ? [person.conversation] : [];
    const shared = this.groups.conversationsWith(link.device);
    this.conversations.linkOpened(link, [...(own ? this.ownDevices.conversations() : direct), ...shared], own);
    this.transfers.linkOpened(link);
  }

  #linkClosed(link: Link): void {
    this.conversations.linkClosed(link);
    this.transfers.linkClosed(link);
    this.#typing.over(link.account);
  }

  #onFrame(link: Link, frame: Frame): void {
    if (this.transfers.onFrame(link, frame)) return;
    if (frame.type !== 'control') throw new ProtocolError('malformed', `${frame.type} out of place`);
    const { control } = frame;
    switch (control.kind) {
      case 'frontier':
      case 'entries':
      case 'committed':
        this.conversations.onFrame(link, control);
        return;
      case 'typing':
        if (this.people.get(link.account)?.conversation === control.conversation) this.#typing.heard(link.account);
        return;
      default:
        throw new ProtocolError('not-allowed', `${control.kind} out of place`);
    }
  }

  #broken(link: Link, problem: unknown): void {
    this.ports.report(problem);
    if (this.links.open(link.device) !== link) return;
    if (problem instanceof ProtocolError) link.control({ kind: 'bye', reason: 'protocol' });
    this.links.drop(link.device, problem instanceof Error ? problem.message : 'broken');
  }

  /** What is shared with whom follows from the logs of groups. */
  #alignLinks(): void {
    this.links.dropForbidden();
    const isNoGroup = (conversation: ConversationId) => this.groups.of(conversation) === undefined;
    for (const link of this.links.all())
      this.conversations.align(link, this.groups.conversationsWith(link.device), isNoGroup);
    this.conversations.authorsChanged();
  }

  /** Which members' devices are worth a link: those to hand on to, as long as there is something they have not got. */
  #groupChanged(group: Group | undefined): void {
    this.events.changed(group?.id);
    if (this.#stopped) return;
    this.transfers.accessChanged();
    this.ownDevices.soon();
    for (const device of this.groups.hosts()) this.links.want(device);
    if (!group?.me) return;
    const near = this.groups.neighbours(group);
    const partners = this.transfers.partners();
    for (const { id } of group.devices) {
      if (this.isMine(id) || (!near.has(id) && !partners.has(id) && this.links.stateOf(id) === 'none')) continue;
      this.#reconsider(id);
    }
  }

  /** Links are looked at anew when others are wanted: of what moves in a group it is told several times a second. */
  #transfersChanged(chat: ChatId): void {
    const group = this.groups.byId(chat as GroupId);
    if (!group) {
      this.#personChanged(chat as AccountId);
      return;
    }
    this.events.changed(chat);
    const partners = [...this.transfers.partners()].join(' ');
    if (partners === this.#partners) return;
    this.#partners = partners;
    this.#groupChanged(group);
  }

  #reconsider(device: DeviceId): void {
    const person = this.people.byDevice(device)?.person;
    const direct = person?.relation === 'accepted' ? this.#wanted(person, device) : Promise.resolve(false);
    const shared = this.groups.all().length + this.groups.joining().length > 0;
    (shared ? direct.then((wanted) => wanted || this.#wantedByGroups(device)) : direct).then(
      (wanted) => {
        if (this.#stopped || !this.#allowed(device)) return;
        if (wanted) this.links.want(device);
        else this.links.unwant(device);
      },
      (problem: unknown) => this.ports.report(problem),
    );
  }

  async #wantedByGroups(device: DeviceId): Promise<boolean> {
    if (this.transfers.partners().has(device)) return true;
    for (const group of this.groups.all()) {
      if (!group.me || !this.groups.neighbours(group).has(device)) continue;
      if (this.#looking === group.id || !group.keys.some) return true;
      for (const conversation of this.groups.conversationsOf(group))
        if (await this.conversations.owes(conversation, device, true)) return true;
    }
    return this.groups.hosts().includes(device);
  }

  /** Whether a link to each device of a person is wanted follows from what there is to do. */
  #personChanged(account: AccountId): void {
    this.events.changed(account);
    const person = this.people.get(account);
    if (!person || this.#stopped) return;
    this.links.dropForbidden();
    if (person.relation !== 'accepted') {
      for (const conversation of [person.conversation, ...person.earlier]) this.conversations.known(conversation);
      return;
    }
    for (const link of this.links.all())
      if (link.account === account && !this.conversations.serves(link, person.conversation))
        this.links.drop(link.device, 'other keys');
    this.conversations.authorsChanged();
    for (const conversation of [person.conversation, ...person.earlier]) this.conversations.known(conversation);
    if (this.people.isSelf(account)) return; // see `OwnDevices`
    for (const { id } of person.devices) {
      if (!this.people.online(account).has(id) && this.links.stateOf(id) === 'none') continue;
      this.#reconsider(id);
    }
  }

  async #wanted(person: Person, device: DeviceId): Promise<boolean> {
    if (this.#looking === person.account || this.transfers.busyWith(person.account, device)) return true;
    return this.conversations.owes(person.conversation, device);
  }

  /** @throws ProtocolError when the server names other keys than those with which this device works: then nothing of it is believed. */
  #ownAccount(account: OwnAccount): Promise<void> {
    return this.#accounts.run(async () => {
      const chain = await verifyChain(account.lists, this.ports);
      const standing = compareToPin(pinOf(this.#own.chain), chain);
      if (account.id !== this.#own.account.id || standing === 'changed')
        throw new ProtocolError('not-allowed', 'another account than this device is of');
      if (standing === 'older') return;
      this.#own = { account, chain };
      await this.#keepSelf();
      this.links.dropForbidden();
      this.conversations.authorsChanged();
      this.events.account(account);
      this.events.changed();
    });
  }

  /** Not heard now is asked again at the next connection. */
  async #askDeparted(accounts: readonly AccountId[]): Promise<void> {
    if (accounts.length === 0) return;
    const answer = await this.#request('people:departed', { accounts: accounts.slice(0, limits.contactsPerAccount) });
    if (answer.ok) await this.people.departed(answer.value.departed.filter((account) => accounts.includes(account)));
  }

  async #askIceServers(): Promise<WireOptions['iceServers']> {
    const now = this.ports.clock.now();
    if (this.#iceServers && now - this.#iceServers.at < iceServersMs) return this.#iceServers.value;
    const answer = await this.#request('ice:servers', {});
    if (!answer.ok) return this.#iceServers?.value ?? [];
    this.#iceServers = { at: now, value: answer.value.iceServers };
    return answer.value.iceServers;
  }

  async #sendSignal(to: Device, body: SignalBody): Promise<boolean> {
    const answer = await this.#request('signal', { to: to.id, box: await this.#envelopes.seal(to, body) });
    return answer.ok;
  }

  async #sendKnock(to: Device, id: RequestId, body: KnockBody): Promise<boolean> {
    const answer = await this.#request('knock', {
      to: to.id,
      id,
      box: await this.#envelopes.seal(to, body, limits.knockTtlMs),
    });
    return answer.ok;
  }

  /** Who knocks or signals may have been named by the server a moment ago: what it said before comes first. */
  async #serverHeard(): Promise<void> {
    await this.#greeted;
    await this.people.settled();
  }

  async #onSignal(account: AccountId, from: DeviceId, box: string): Promise<void> {
    await this.#serverHeard();
    const found = this.#allowed(from);
    // Who let this account in a moment ago may be faster than the log that says so. They ring again.
    if (!found && this.groups.isFellow(account)) return;
    if (found?.account !== account) throw new ProtocolError('not-allowed', 'a signal of somebody who is no contact');
    const body = await this.#envelopes.open(found.device, box);
    if (body.kind !== 'sdp' && body.kind !== 'ice') throw new ProtocolError('malformed', `${body.kind} as a signal`);
    this.links.onSignal(found.device, body);
  }

  /** A knock that cannot be used is reported and taken all the same: it would come again and again. */
  async #onKnock(account: AccountId, from: DeviceId, box: string): Promise<void> {
    await this.#serverHeard();
    const found = this.people.byDevice(from);
    if (found?.person.account !== account || found.person.relation === 'blocked' || this.isMine(from)) return;
    try {
      const body = await this.#envelopes.open(found.device, box);
      await this.#facts.run(() => this.#knocks.take(found.person, from, body));
    } catch (problem) {
      if (!(problem instanceof ProtocolError)) throw problem;
      this.ports.report(problem);
    }
  }
}

type OwnPayload = Extract<Payload, { kind: 'own-person' | 'own-read' | 'own-group' }>;

function isOfferPayload(payload: ReturnType<typeof readPayload>): payload is OfferPayload {
  return 'offer' in payload;
}
