/**
 * Conversations over links: one `ConversationSync` per open link, who holds what of this device's feed, and the summary that a list of
 * people shows. Everything that is durable here can be rebuilt from the feeds except what was read.
 */
import { fromBase64 } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { EntryRef } from '../../protocol/entry.ts';
import type { AccountId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { DeviceKeys, Signatures, StoredEntry } from '../ports.ts';
import { Delivery, type DeliveryRecord, type DeliveryState } from '../feed/delivery.ts';
import type { Fork } from '../feed/chain.ts';
import type { Feeds } from '../feed/log.ts';
import { readPayload } from '../feed/payload.ts';
import { ConversationSync, type FeedFrame, type SyncEvent } from '../feed/sync.ts';
import type { Link } from '../links/link.ts';
import type { Person } from '../people/people.ts';
import type { Records } from '../records.ts';

export interface Summary {
  conversation: ConversationId;
  last?:
    | ({ kind: 'text'; text: string; at: number; mine: boolean } & Partial<EntryRef>)
    | ({ kind: 'files'; names: string[]; at: number; mine: boolean } & Partial<EntryRef>);
  /** Messages of others since the conversation was last looked at. */
  unread: number;
  /** Entries of each feed that this summary, and all else that follows from entries, has taken in. */
  taken: (readonly [DeviceId, number])[];
}

export interface DeliveryRow {
  conversation: ConversationId;
  acknowledged: DeliveryRecord;
}

export interface ConversationsPorts {
  feeds: Feeds;
  signatures: Signatures;
  keys: DeviceKeys;
  summaries: Records<Summary>;
  deliveries: Records<DeliveryRow>;
  /** Devices that may write: those ever certified for the person and for this account. */
  authorsOf(account: AccountId): ReadonlyMap<DeviceId, string>;
  isMine(device: DeviceId): boolean;
  report(problem: unknown): void;
}

export interface ConversationsEvents {
  changed(conversation: ConversationId): void;
  forked(conversation: ConversationId, fork: Fork): void;
  /** The link has to go: its peer broke the protocol, or this side failed. */
  broken(link: Link, problem: unknown): void;
}

/**
 * Frames of one link that wait to be taken. Whoever keeps to `limits.entryBatchesInFlight`, and to a signature for each feed in answer to a
 * frontier, stays far below.
 */
const framesWaitingMax = 4 * limits.feedsPerConversation;
const entriesWaitingMax = 16 * limits.entryBatchesInFlight;

/** How far back the message before a deleted one is looked for, for the list of people. */
const refreshEntries = 100;

/** What messages say now, in their order; absent where there is nothing to show. */
export type WordsOf = (
  conversation: ConversationId,
  entries: readonly StoredEntry[],
) => Promise<readonly (string | undefined)[]>;

interface Session {
  conversation: ConversationId;
  sync: ConversationSync;
  /** Devices whose entries are taken: those that were certified when it was last looked. */
  authors: ReadonlyMap<DeviceId, string>;
  framesWaiting: number;
  entriesWaiting: number;
}

export class Conversations {
  readonly #sessions = new Map<Link, Session>();
  readonly #summaries = new Map<ConversationId, Summary>();
  readonly #deliveries = new Map<ConversationId, Delivery>();
  #looking: ConversationId | undefined;

  constructor(
    private readonly ports: ConversationsPorts,
    private readonly events: ConversationsEvents,
  ) {}

  async load(): Promise<void> {
    for (const summary of await this.ports.summaries.all()) this.#summaries.set(summary.conversation, summary);
    for (const { conversation, acknowledged } of await this.ports.deliveries.all())
      this.#deliveries.set(conversation, new Delivery(acknowledged));
  }

  summary(conversation: ConversationId): Summary {
    return this.#summaries.get(conversation) ?? { conversation, unread: 0, taken: [] };
  }

  /** How many entries of a feed were taken in. */
  taken(conversation: ConversationId, device: DeviceId): number {
    return new Map(this.summary(conversation).taken).get(device) ?? 0;
  }

  /** The conversation on the screen: what comes in there is read. */
  lookAt(conversation: ConversationId | undefined): void {
    this.#looking = conversation;
    const summary = conversation === undefined ? undefined : this.#summaries.get(conversation);
    if (summary && summary.unread > 0)
      this.#keepSummary({ ...summary, unread: 0 }).catch((problem: unknown) => this.ports.report(problem));
  }

  deliveryOf(conversation: ConversationId, sequence: number, recipients: readonly DeviceId[]): DeliveryState {
    return this.#deliveries.get(conversation)?.stateOf(sequence, recipients) ?? 'queued';
  }

  /** Whether this device has entries that `device` has not acknowledged. */
  async owes(conversation: ConversationId, device: DeviceId): Promise<boolean> {
    const length = (await this.ports.feeds.frontier(conversation)).get(this.ports.keys.id) ?? 0;
    return length > 0 && this.deliveryOf(conversation, length - 1, [device]) !== 'delivered';
  }

  linkOpened(link: Link, { conversation }: Person): void {
    const authors = this.ports.authorsOf(link.account);
    const session: Session = {
      conversation,
      authors,
      framesWaiting: 0,
      entriesWaiting: 0,
      sync: this.#sync(link, conversation),
    };
    this.#sessions.set(link, session);
    this.#watch(link, session.sync.start());
  }

  /** Whether the link still serves the conversation that is in force between its ends. */
  serves(link: Link, conversation: ConversationId): boolean {
    const session = this.#sessions.get(link);
    return !session || session.conversation === conversation;
  }

  /** Devices were certified, of the person or of this account: their entries, refused until now, are asked for. */
  authorsChanged(): void {
    for (const [link, session] of this.#sessions) {
      const authors = this.ports.authorsOf(link.account);
      const more = [...authors.keys()].some((device) => !session.authors.has(device));
      session.authors = authors;
      if (more) this.#watch(link, session.sync.start());
    }
  }

  /** @throws ProtocolError when the frame is of another conversation, or the peer sends faster than it may. */
  onFrame(link: Link, frame: FeedFrame): void {
    const session = this.#sessions.get(link);
    if (!session) return;
    if (frame.conversation !== session.conversation)
      throw new ProtocolError('not-allowed', 'frame of another conversation');
    const entries = frame.kind === 'entries' ? 1 : 0;
    if (session.framesWaiting >= framesWaitingMax || session.entriesWaiting + entries > entriesWaitingMax)
      throw new ProtocolError('rate-limited', 'more than is asked for');
    session.framesWaiting++;
    session.entriesWaiting += entries;
    const taken = session.sync.onFrame(frame).finally(() => {
      session.framesWaiting--;
      session.entriesWaiting -= entries;
    });
    this.#watch(link, taken);
  }

  linkClosed(link: Link): void {
    const session = this.#sessions.get(link);
    if (!session) return;
    session.sync.close();
    this.#sessions.delete(link);
    this.#deliveries.get(session.conversation)?.linkClosed(link.device);
    this.events.changed(session.conversation);
  }

  /** Tells the peers; to be called with every batch of committed entries of one conversation at once. */
  spread(entries: readonly StoredEntry[]): void {
    const conversation = entries[0]?.conversation;
    for (const [link, session] of this.#sessions)
      if (session.conversation === conversation) this.#watch(link, session.sync.onLocal(entries));
  }

  /** Takes committed entries of one conversation into its summary, once all else that follows from them is durable. */
  async onCommitted(entries: readonly StoredEntry[]): Promise<void> {
    const conversation = entries[0]?.conversation;
    if (conversation === undefined) return;
    let summary = this.summary(conversation);
    const taken = new Map(summary.taken);
    for (const entry of entries) {
      if (entry.sequence < (taken.get(entry.device) ?? 0)) continue;
      summary = this.#summarise(summary, entry);
      taken.set(entry.device, entry.sequence + 1);
    }
    await this.#keepSummary({ ...summary, taken: [...taken] });
    this.events.changed(conversation);
  }

  #sync(link: Link, conversation: ConversationId): ConversationSync {
    return new ConversationSync({
      ports: { signatures: this.ports.signatures, device: this.ports.keys },
      feeds: this.ports.feeds,
      conversation,
      peer: link.device,
      authors: (device) => {
        const key = this.#sessions.get(link)?.authors.get(device);
        return key === undefined ? undefined : fromBase64(key);
      },
      send: (frame) => link.control(frame),
      report: (event) => this.#onSync(link, conversation, event),
    });
  }

  #summarise(summary: Summary, entry: StoredEntry): Summary {
    const payload = readPayload(entry);
    if (payload.kind !== 'text' && payload.kind !== 'offer') return summary;
    const mine = this.ports.isMine(entry.device);
    const unread = mine || entry.conversation === this.#looking ? summary.unread : summary.unread + 1;
    if (summary.last && summary.last.at > entry.wall) return { ...summary, unread };
    const common = { at: entry.wall, mine, device: entry.device, sequence: entry.sequence };
    const last =
      payload.kind === 'text'
        ? ({ kind: 'text', text: payload.text.slice(0, 200), ...common } as const)
        : ({ kind: 'files', names: payload.files.slice(0, 3).map((file) => file.name), ...common } as const);
    return { ...summary, unread, last };
  }

  /** The last message is not what it was any more: shown are its new words, or the message before it. */
  async refresh(conversation: ConversationId, altered: readonly EntryRef[], wordsOf: WordsOf): Promise<void> {
    const summary = this.#summaries.get(conversation);
    const { last } = summary ?? {};
    if (!summary || !altered.some(({ device, sequence }) => last?.device === device && last.sequence === sequence))
      return;
    const newest = await this.ports.feeds.history(conversation, refreshEntries);
    const words = await wordsOf(conversation, newest);
    let fresh: Summary = { conversation, unread: summary.unread, taken: summary.taken };
    newest.forEach((entry, index) => {
      const text = words[index];
      if (text === undefined) return;
      const next = this.#summarise(fresh, entry);
      fresh = next.last?.kind === 'text' ? { ...next, last: { ...next.last, text: text.slice(0, 200) } } : next;
    });
    await this.#keepSummary({ ...fresh, unread: summary.unread });
  }

  async #keepSummary(summary: Summary): Promise<void> {
    this.#summaries.set(summary.conversation, summary);
    await this.ports.summaries.put(summary.conversation, summary);
  }

  #onSync(link: Link, conversation: ConversationId, event: SyncEvent): void {
    if (event.kind === 'fork') {
      this.events.forked(conversation, event.fork);
      return;
    }
    if (event.kind === 'unknown-author') return; // see `authorsChanged`
    if (event.author !== this.ports.keys.id) return;
    const delivery = this.#deliveries.get(conversation) ?? new Delivery();
    this.#deliveries.set(conversation, delivery);
    if (event.kind === 'sent') delivery.sent(link.device, event.length);
    else if (delivery.acknowledged(link.device, event.length)) {
      const row = { conversation, acknowledged: delivery.record() };
      this.ports.deliveries.put(conversation, row).catch((problem: unknown) => this.ports.report(problem));
    }
    this.events.changed(conversation);
  }

  #watch(link: Link, work: Promise<void>): void {
    work.catch((problem: unknown) => this.events.broken(link, problem));
  }
}
