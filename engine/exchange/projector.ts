/**
 * Owns what follows from committed entries: facts of offers, of groups and of own devices, marks of messages, summaries. One batch at a time, in
 * the order of commits. Facts come first, then the summary with how far they were taken: after a crash, or a failure of the storage, they are taken
 * again, and change nothing.
 */
import type { EntryRef, Payload } from '../../protocol/entry.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ChatId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { CausewayEvents } from '../causeway-ports.ts';
import type { LocalAccount } from '../devices/local-account.ts';
import type { OwnChoices } from '../devices/own-choices.ts';
import type { Feeds } from '../feed/log.ts';
import { readPayload } from '../feed/payload.ts';
import { Serial } from '../feed/serial.ts';
import type { Group } from '../groups/group.ts';
import type { Groups } from '../groups/groups.ts';
import type { GroupNotes } from '../groups/notes.ts';
import type { Messages, PersonOf } from '../messages/messages.ts';
import type { Typing } from '../messages/typing.ts';
import type { People, Person } from '../people/people.ts';
import type { Clock, DeviceKeys, FeedStore, StoredEntry } from '../ports.ts';
import type { Authors } from './authors.ts';
import type { AutoAccept } from './auto-accept.ts';
import type { Conversations } from './conversations.ts';
import type { OfferPayload } from './offer.ts';
import type { Transfers } from './transfers.ts';

/** Entries in memory at a time while what was missed is taken up. */
const catchUpEntries = 1000;
/** After the storage failed. */
const retakeMs = 1000;

export interface ProjectorPorts {
  clock: Clock;
  keys: DeviceKeys;
  store: FeedStore;
  feeds: Feeds;
  account: LocalAccount;
  people: People;
  groups: Groups;
  conversations: Conversations;
  choices: OwnChoices;
  transfers: Transfers;
  messages: Messages;
  typing: Typing;
  notes: GroupNotes;
  authors: Authors;
  autoAccept: AutoAccept;
  report(problem: unknown): void;
}

export interface ProjectorEvents extends Pick<CausewayEvents, 'changed' | 'committed' | 'altered'> {
  /** Entries of a direct conversation were taken in, or could not be: there may be something to send now. */
  taken(person: Person): void;
}

export class Projector {
  readonly #line = new Serial();
  #cancelRetake: (() => void) | undefined;
  #stopped = false;

  constructor(
    private readonly ports: ProjectorPorts,
    private readonly events: ProjectorEvents,
  ) {}

  /** Takes entries of one conversation that were committed now. */
  take(entries: readonly StoredEntry[]): void {
    this.#line.run(() => this.#project(entries)).catch((problem: unknown) => this.#notTaken(problem));
  }

  /** Takes entries that were committed before a crash, or a failure, and not taken up yet. */
  catchUp(): Promise<void> {
    return this.#line.run(() => this.#catchUp());
  }

  /** Runs `work` between batches; rejects as it does. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#line.run(work);
  }

  /** Resolves once what was committed until now is taken in. */
  idle(): Promise<void> {
    return this.#line.idle();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetake?.();
  }

  /** Messages read otherwise than before. */
  async altered(conversation: ConversationId, messages: readonly EntryRef[]): Promise<void> {
    const { conversations, people, groups } = this.ports;
    await conversations.summaries.refresh(conversation, messages, (...some) => this.ports.messages.words(...some));
    this.events.altered(conversation, messages);
    this.events.changed(people.byConversation(conversation)?.account ?? groups.byChat(conversation)?.id);
  }

  async #project(entries: readonly StoredEntry[]): Promise<void> {
    const { people, groups } = this.ports;
    const [first] = entries;
    if (!first) return;
    const group = groups.of(first.conversation);
    if (group) {
      await (group.log === first.conversation ? groups.take(group, entries) : this.#takeChat(group, entries));
      return;
    }
    const person = people.byConversation(first.conversation);
    if (person) await this.#takeDirect(person, entries);
  }

  async #takeDirect(person: Person, entries: readonly StoredEntry[]): Promise<void> {
    const { account, authors, autoAccept, typing } = this.ports;
    try {
      const all = await this.#withMissed(entries);
      const offers: StoredEntry[] = [];
      for (const entry of all) {
        const payload = readPayload(entry);
        if (payload.kind === 'offer') offers.push(entry);
        if (isOfferPayload(payload)) await this.#takeFact(person, entry, payload);
        else if (isOwnPayload(payload)) await this.#takeOwnFact(person, entry, payload);
        else if (payload.kind === 'text' && !account.isMine(entry.device)) typing.over(person.account);
      }
      const altered = await this.#takeSaid(all, authors.personOf(person));
      for (const entry of offers) await autoAccept.apply(person.account, entry);
      await this.#summarise(all, altered);
    } finally {
      // Whatever the storage says.
      this.events.taken(person);
    }
  }

  async #takeChat(group: Group, entries: readonly StoredEntry[]): Promise<void> {
    const { authors, autoAccept, notes } = this.ports;
    const all = await this.#withMissed(entries);
    const memberOf = authors.memberOf(group);
    for (const entry of all) {
      const payload = readPayload(entry);
      if (payload.kind === 'text') notes.over(group.chat, memberOf(entry.device));
      if (isOfferPayload(payload)) await this.#takeGroupFact(group, entry, payload);
    }
    const altered = await this.#takeSaid(all, memberOf);
    for (const entry of all) await autoAccept.applyInGroup(group, entry);
    await this.#summarise(all, altered);
  }

  /** What entries of one conversation say of messages: known before anything is accepted, of which some may be deleted. */
  #takeSaid(all: readonly StoredEntry[], personOf: PersonOf): Promise<readonly EntryRef[]> {
    return this.ports.messages.take(all, personOf, this.ports.account.id);
  }

  /** Counts entries of one conversation as taken. */
  async #summarise(all: readonly StoredEntry[], altered: readonly EntryRef[]): Promise<void> {
    const { conversations } = this.ports;
    const [first] = all;
    const summarised = conversations.summaries.onCommitted(all);
    this.events.committed(all);
    await summarised;
    if (first && altered.length > 0) await this.altered(first.conversation, altered);
  }

  /** Nobody but this account's devices tells it anything, and nowhere but among themselves. */
  async #takeOwnFact(person: Person, { device, lamport }: StoredEntry, payload: OwnPayload): Promise<void> {
    const { account, people, groups, conversations, choices } = this.ports;
    if (!people.isSelf(person.account) || !account.isMine(device)) return;
    if (payload.kind === 'own-group') await groups.learn(payload.log);
    else if (payload.kind === 'own-person') await people.learn(payload);
    else if (payload.kind === 'own-read') await conversations.summaries.learnRead(payload.conversation, payload.upTo);
    else await choices.heard(payload, { lamport, device });
  }

  async #takeFact(person: Person, entry: StoredEntry, payload: OfferPayload): Promise<void> {
    const { account, people } = this.ports;
    const mine = people.isSelf(person.account) ? this.#isMySide(entry, payload) : account.isMine(entry.device);
    await this.#addFact(person.account, entry, payload, mine);
  }

  /** Each device of a group speaks for itself. */
  #takeGroupFact(group: Group, entry: StoredEntry, payload: OfferPayload): Promise<void> {
    return this.#addFact(group.id, entry, payload, entry.device === this.ports.keys.id, { inGroup: true });
  }

  async #addFact(
    chat: ChatId,
    { conversation, device, wall, lamport }: StoredEntry,
    payload: OfferPayload,
    mine: boolean,
    how: { inGroup?: true } = {},
  ): Promise<void> {
    try {
      await this.ports.transfers.addFact(chat, conversation, payload, { device, mine, at: wall, lamport }, how);
    } catch (problem) {
      if (!(problem instanceof ProtocolError)) throw problem;
      this.ports.report(problem); // a fact that its author may not state is no fact; the entry stays in the feed
    }
  }

  /** Among own devices the one that offers is one side, and all the others are the other. */
  #isMySide({ device }: StoredEntry, { kind, offer }: OfferPayload): boolean {
    const here = device === this.ports.keys.id;
    if (kind === 'offer') return here;
    const offered = this.ports.transfers.get(offer)?.offered;
    if (!offered) return true; // said of an offer that another device made
    return device === offered.device ? offered.mine : !offered.mine;
  }

  /** The entries, and before them those of the same feeds that could not be taken when their turn was. */
  async #withMissed(entries: readonly StoredEntry[]): Promise<readonly StoredEntry[]> {
    const { conversations, store } = this.ports;
    const missed: StoredEntry[] = [];
    const seen = new Set<DeviceId>();
    for (const { conversation, device, sequence } of entries) {
      if (seen.has(device)) continue;
      seen.add(device);
      const from = conversations.taken(conversation, device);
      if (from < sequence) missed.push(...(await store.range(conversation, device, from, sequence - from)));
    }
    return missed.length > 0 ? [...missed, ...entries] : entries;
  }

  /** The storage failed between an entry and what follows from it: taken up again soon, or with the next entry, or at the next start. */
  #notTaken(problem: unknown): void {
    this.ports.report(problem);
    if (this.#stopped) return;
    this.#cancelRetake ??= this.ports.clock.after(retakeMs, () => {
      this.#cancelRetake = undefined;
      this.catchUp().catch((again: unknown) => this.#notTaken(again));
    });
  }

  async #catchUp(): Promise<void> {
    const { people, groups, feeds, conversations: summaries, store } = this.ports;
    const chats = groups.all().map(({ chat }) => chat);
    for (const conversations of [...people.all().map((one) => [one.conversation, ...one.earlier]), chats]) {
      for (const conversation of conversations) {
        for (const [device, length] of await feeds.frontier(conversation)) {
          const from = summaries.taken(conversation, device);
          for (let at = from; at < length; at += catchUpEntries)
            await this.#project(await store.range(conversation, device, at, catchUpEntries));
        }
      }
    }
  }
}

type OwnPayload = Extract<Payload, { kind: `own-${string}` }>;

function isOwnPayload(payload: ReturnType<typeof readPayload>): payload is OwnPayload {
  return payload.kind.startsWith('own-');
}

function isOfferPayload(payload: ReturnType<typeof readPayload>): payload is OfferPayload {
  return 'offer' in payload;
}
