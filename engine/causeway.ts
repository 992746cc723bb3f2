/**
 * The engine of one account on one device, as shells (the app, later a headless peer) see it: what a person can do, and the state of people, links,
 * conversations and transfers. Shells build the ports; nothing in here knows a screen. The parts are put together in `parts.ts`.
 */
import { toBase64 } from '../protocol/bytes.ts';
import type { EntryRef, OfferedFile, Payload } from '../protocol/entry.ts';
import type { OwnAccount } from '../protocol/http.ts';
import type { AccountId, ChatId, ConversationId, DeviceId, GroupId, OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import type { Handle } from '../protocol/names.ts';
import type { Device } from '../protocol/people.ts';
import type { CausewayEvents, CausewayPorts } from './causeway-ports.ts';
import type { ApprovalHost } from './devices/approval-host.ts';
import type { OwnChoice, OwnChoices } from './devices/own-choices.ts';
import type { OwnDevices } from './devices/own-devices.ts';
import type { Conversations } from './exchange/conversations.ts';
import type { Choice } from './exchange/choice.ts';
import { importEntries, type Imported } from './exchange/imports.ts';
import { Offering } from './exchange/offering.ts';
import type { Transfers } from './exchange/transfers.ts';
import type { DeliveryState } from './feed/delivery.ts';
import type { Feeds } from './feed/log.ts';
import type { Group } from './groups/group.ts';
import type { Groups } from './groups/groups.ts';
import { verifyChain, type VerifiedChain } from './identity/device-list.ts';
import { safetyNumber } from './identity/safety-number.ts';
import type { Link } from './links/link.ts';
import type { LinkStats } from './links/link-measures.ts';
import type { Links } from './links/links.ts';
import type { Messages, PersonOf } from './messages/messages.ts';
import { done, type Outcome } from './outcome.ts';
import { build, type Parts } from './parts.ts';
import type { Nearby } from './people/nearby.ts';
import type { People, Person } from './people/people.ts';
import { ContactRequests, type RequestVerdict } from './people/requests.ts';

export type { CausewayEvents, CausewayPorts, Imported, Outcome };

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
  readonly choices: OwnChoices;
  readonly #parts: Parts;
  readonly #requests: ContactRequests;
  readonly #offering: Offering;
  #stopped = false;

  static async start(ports: CausewayPorts, account: OwnAccount, events: CausewayEvents): Promise<Causeway> {
    const chain = await verifyChain(account.lists, ports);
    const engine = new Causeway(ports, { account, chain }, events);
    await engine.feeds.load();
    await engine.people.load();
    await engine.#parts.account.keepSelf();
    await engine.people.rekey();
    await engine.choices.load();
    await engine.conversations.load();
    await engine.groups.load();
    await engine.transfers.load();
    await engine.messages.load();
    await engine.#parts.projector.catchUp();
    engine.transfers.begin();
    engine.#parts.autoAccept.begin();
    engine.messages.begin();
    // Nothing may come in before all that is durable is in memory: it would be taken for new.
    engine.#parts.server.connect();
    return engine;
  }

  private constructor(
    private readonly ports: CausewayPorts,
    known: { account: OwnAccount; chain: VerifiedChain },
    events: CausewayEvents,
  ) {
    const parts = build(ports, known, events, (offer) => this.answerOffer(offer, 'accepted'));
    this.people = parts.people;
    this.links = parts.links;
    this.feeds = parts.feeds;
    this.conversations = parts.conversations;
    this.transfers = parts.transfers;
    this.nearby = parts.nearby;
    this.approvals = parts.approvals;
    this.ownDevices = parts.ownDevices;
    this.choices = parts.choices;
    this.messages = parts.messages;
    this.groups = parts.groups;
    this.#parts = parts;
    this.#requests = new ContactRequests({
      own: () => this.account.handle,
      people: parts.people,
      request: parts.server.request,
    });
    this.#offering = new Offering({
      ...parts,
      keys: ports.keys,
      accept: (account) => this.answerRequest(account, 'accept'),
      report: (problem) => ports.report(problem),
    });
  }

  /** What the person wants for themselves: counts at once, and on their other devices soon. */
  async choose(choice: OwnChoice): Promise<void> {
    await this.choices.choose(choice);
    this.ownDevices.soon();
  }

  get connected(): boolean {
    return this.#parts.server.connected;
  }

  /** Whether the server says so of a device that a link may lead to. */
  isOnline(device: DeviceId): boolean {
    return this.#parts.policy.online(device);
  }

  get account(): OwnAccount {
    return this.#parts.account.account;
  }

  get device(): DeviceId {
    return this.ports.keys.id;
  }

  get root(): string {
    return this.#parts.account.root;
  }

  /** The devices of this account, this one among them. */
  get devices(): readonly Device[] {
    return this.#parts.account.devices;
  }

  isMine(device: DeviceId): boolean {
    return this.#parts.account.isMine(device);
  }

  /** The person said that both codes are the same: `guest` becomes a device of this account. */
  async approve(guest: DeviceId): Promise<Outcome> {
    const device = this.approvals.approved(guest);
    if (!device) return { ok: false, error: { code: 'not-allowed' } };
    const outcome = await this.#parts.account.add(device);
    if (outcome.ok) await this.approvals.done(device);
    return outcome;
  }

  renameDevice(device: DeviceId, name: string): Promise<Outcome> {
    return this.#parts.account.rename(device, name);
  }

  revokeDevice(device: DeviceId): Promise<Outcome> {
    return this.#parts.account.revoke(device);
  }

  removeThisDevice(): Promise<Outcome> {
    return this.#parts.account.removeThisDevice();
  }

  /** Another device takes the place of this one, as the last thing that this one does. */
  replaceThisDevice(device: Device): Promise<Outcome> {
    return this.#parts.account.replaceThisDevice(device);
  }

  /**
   * Takes entries that somebody kept in a file, as if a peer had sent them: only those that devices of this conversation signed and that
   * continue their feeds, each once. What was deleted here stays deleted.
   */
  importEntries(conversation: ConversationId, wires: readonly Uint8Array[]): Promise<Imported> {
    return importEntries(this.#parts, conversation, wires);
  }

  /** The browser woke up, or the network is back. */
  wake(): void {
    this.#parts.server.wake();
    for (const person of this.people.all()) for (const { id } of person.devices) this.links.nudge(id);
  }

  /**
   * How each device of a person that is linked now is reached, as it was measured last. Whoever asks has it measured anew, at most once a
   * second, for the next time.
   */
  pathsOf(account: AccountId): LinkStats[] {
    return this.#pathsOver(this.links.all().filter((link) => link.account === account));
  }

  /** The same of the devices that a file comes from or goes to now. */
  pathsOfFile(offer: OfferId, file: number): LinkStats[] {
    return this.#pathsOver(this.transfers.linksOf(offer, file));
  }

  #pathsOver(links: readonly Link[]): LinkStats[] {
    for (const { measures } of links) measures.measure().catch((problem: unknown) => this.ports.report(problem));
    return links.map(({ stats }) => stats);
  }

  /**
   * The conversation that is open: worth a link.
   * @param seen whether what comes in there is read: not in a tab behind others.
   */
  lookAt(chat: ChatId | undefined, seen = true): void {
    const before = this.#parts.policy.lookedAt;
    this.#parts.policy.lookAt(chat);
    this.conversations.summaries.lookAt(chat === undefined || !seen ? undefined : this.#chat(chat)?.conversation);
    this.ownDevices.soon();
    for (const id of [before, chat]) {
      if (id === undefined) continue;
      const group = this.groups.byId(id as GroupId);
      if (group) this.#parts.policy.groupChanged(group);
      else this.#parts.policy.personChanged(id as AccountId);
    }
  }

  /** Finds a person by exact handle and asks them to become a contact, unless they are one or were asked. */
  shareWith(handle: Handle): Promise<Outcome & { account?: AccountId }> {
    return this.#requests.ask(handle);
  }

  answerRequest(account: AccountId, verdict: RequestVerdict): Promise<Outcome> {
    return this.#requests.answer(account, verdict);
  }

  async updateProfile(profile: { displayName?: string; email?: string }): Promise<Outcome> {
    const answer = await this.#parts.server.request('account:update', profile);
    if (!answer.ok) return answer;
    await this.#parts.account.take(answer.value);
    return done;
  }

  /** Where one talks with a person or a group, and who wrote what there. */
  #chat(id: ChatId): { conversation: ConversationId; personOf: PersonOf; person?: Person; group?: Group } | undefined {
    const group = this.groups.byId(id as GroupId);
    if (group) return { conversation: group.chat, personOf: this.memberOf(group), group };
    const person = this.people.get(id as AccountId);
    return person && { conversation: person.conversation, personOf: this.personOf(person), person };
  }

  /** @param reply the message that it answers. @param mentions whom its words name. */
  async sendText(to: ChatId, text: string, reply?: EntryRef, mentions: readonly AccountId[] = []): Promise<Outcome> {
    const person = this.#chat(to);
    if (!person) return { ok: false, error: { code: 'unknown-handle' } };
    this.#parts.typing.sent(person.conversation);
    this.#parts.notes.sent(person.conversation);
    const expiresAfterMs = this.messages.timerMs(person.conversation);
    return this.#parts.outbox.append(person.conversation, {
      kind: 'text',
      text,
      ...(reply ? { reply } : {}),
      ...(mentions.length > 0 ? { mentions: [...new Set(mentions)].slice(0, limits.mentionsPerText) } : {}),
      ...(expiresAfterMs > 0 ? { expiresAfterMs } : {}),
    });
  }

  /** Edits, deletes or reacts to a message of the conversation with this person, or sets after what time messages disappear there. */
  async say(to: ChatId, payload: Extract<Payload, { kind: 'edit' | 'delete' | 'react' | 'timer' }>): Promise<Outcome> {
    const person = this.#chat(to);
    if (!person) return { ok: false, error: { code: 'unknown-handle' } };
    if ('of' in payload && person.personOf(payload.of.device) !== this.#parts.account.id)
      return { ok: false, error: { code: 'not-allowed' } };
    const before = payload.kind === 'delete' && !person.group ? this.transfers.all() : [];
    const outcome = await this.#parts.outbox.append(person.conversation, payload);
    if (before.length > 0) await this.#offering.withdrawDeleted(before.filter(({ account }) => account === to));
    return outcome;
  }

  /** The newest of the conversation with this person was on the screen. */
  async seen(chat: ChatId): Promise<void> {
    const found = this.#chat(chat);
    if (!found || this.#stopped) return;
    await this.#parts.projector.run(async () => {
      const { conversation, personOf, person, group } = found;
      const tell = this.choices.discretion.read && (person?.relation === 'accepted' || group?.me !== undefined);
      const own = this.#parts.account.id;
      const receipt = await this.messages.seen(conversation, personOf, { own, tell });
      if (receipt && group) {
        await this.messages.learnRead(conversation, own, receipt.upTo);
        this.#parts.notes.tellRead(group);
      } else if (receipt) await this.#parts.outbox.append(conversation, receipt);
    });
  }

  /** The person is writing to this one, or in this group. */
  typing(chat: ChatId): void {
    const group = this.groups.byId(chat as GroupId);
    if (group && this.choices.discretion.typing) this.#parts.notes.tellWriting(group);
    const account = chat as AccountId;
    const person = this.people.get(account);
    if (!person || !this.choices.discretion.typing || this.people.isSelf(account)) return;
    const links = this.links.all().filter((link) => link.account === account);
    this.#parts.typing.say(person.conversation, links);
  }

  isTyping(account: AccountId): boolean {
    return this.choices.discretion.typing && this.#parts.typing.by(account);
  }

  /** Members of a group who are writing now. */
  writingIn(group: Group): AccountId[] {
    return this.choices.discretion.typing ? this.#parts.notes.writing(group) : [];
  }

  /** Other members of a group who have read an entry of this account; nobody to those who do not say so themselves. */
  readersOf(group: Group, entry: EntryRef): AccountId[] {
    const isOther = (account: AccountId) => account !== this.account.id && group.membership?.members.has(account);
    return this.choices.discretion.read ? this.messages.readersOf(group.chat, entry).filter(isOther) : [];
  }

  /** How far an entry of this person's own got; that it was read is only shown to those who say so themselves. */
  deliveryOf(
    person: Person,
    { conversation, device, sequence }: EntryRef & { conversation: ConversationId },
  ): DeliveryState | 'read' {
    const read = this.choices.discretion.read
      ? this.messages.readBy(conversation, person.account).get(device)
      : undefined;
    if ((read ?? 0) > sequence) return 'read';
    const recipients = person.everyDevice.map(({ id }) => id);
    return this.conversations.deliveryOf(conversation, sequence, recipients, device);
  }

  /** Who wrote what in the direct conversation with a person. */
  personOf(person: Person): PersonOf {
    return this.#parts.authors.personOf(person);
  }

  /** Who wrote what in a group. */
  memberOf(group: Group): PersonOf {
    return this.#parts.authors.memberOf(group);
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
  offer(to: ChatId, offer: OfferId, files: OfferedFile[]): Promise<Outcome> {
    return this.#offering.offer(this.#chat(to)?.conversation, offer, files);
  }

  /** Fetches a file that anybody of a group offered, or one that was here, for this device: from whoever has it. */
  download(offer: OfferId, file: number): Promise<Outcome> {
    return this.#offering.download(offer, file);
  }

  /**
   * Accepting the offer of a stranger accepts the person. With `chosen` only these files are accepted, ascending, and of a bundle only these
   * blocks, those of its manifest among them. In a group each answer is about this device alone.
   */
  answerOffer(offer: OfferId, verdict: 'accepted' | 'declined', chosen?: Choice): Promise<Outcome> {
    return this.#offering.answer(offer, verdict, chosen);
  }

  /** The number to compare with somebody: twelve groups of five digits, the same on both sides. */
  async safetyNumber(account: AccountId): Promise<string[] | undefined> {
    const person = this.people.get(account);
    return person && safetyNumber(this.#parts.account.root, person.pin.root, this.ports.hashes);
  }

  cancelFile(offer: OfferId, file: number): Promise<Outcome> {
    return this.#offering.cancel(offer, file);
  }

  /** Resolves when nothing is open any more and nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#parts.projector.stop();
    this.#parts.policy.stop();
    this.ownDevices.stop();
    this.approvals.stop();
    this.messages.stop();
    this.groups.stop();
    this.#parts.notes.stop();
    this.links.stop();
    this.#parts.server.stop();
    await this.transfers.stop();
    await this.#parts.autoAccept.stop();
    await this.#parts.projector.idle();
  }
}
