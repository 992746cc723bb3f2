/**
 * Conversations over links: a `ConversationSync` for each that a link serves (one with a contact, all of them with another device of this
 * account), who holds what of this account's feeds, and the summary that a list of people shows. Everything that is durable here can be
 * rebuilt from the feeds except what was read.
 */
import { fromBase64 } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { EntryRef } from '../../protocol/entry.ts';
import type { AccountId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Clock, DeviceKeys, Signatures, StoredEntry } from '../ports.ts';
import { fartherOf, isNews, type ReadMarks } from '../devices/read-marks.ts';
import { Delivery, type DeliveryRecord, type DeliveryState } from '../feed/delivery.ts';
import type { Feeds, KnownFork } from '../feed/log.ts';
import { placeOfWire } from '../feed/entry.ts';
import { compareEntries } from '../feed/order.ts';
import { readPayload } from '../feed/payload.ts';
import { ConversationSync, type FeedFrame, type SyncEvent } from '../feed/sync.ts';
import { Turns } from '../feed/turns.ts';
import type { HandsOnTo } from '../groups/group-links.ts';
import type { Link } from '../links/link.ts';
import type { Records } from '../records.ts';

export interface Summary {
  conversation: ConversationId;
  last?: { at: number; mine: boolean; lamport?: number } & Partial<EntryRef> &
    ({ kind: 'text'; text: string } | { kind: 'files'; names: string[] });
  /** Messages of others since the conversation was last looked at, on whichever device of this account. */
  unread: number;
  /** One of those names this person. */
  mentioned?: boolean;
  /** How far the feeds of others were read, and what of that the other devices of this account were told. */
  read?: ReadMarks;
  shared?: ReadMarks;
  /** Entries of each feed that this summary, and all else that follows from entries, has taken in. */
  taken: (readonly [DeviceId, number])[];
}

export interface DeliveryRow {
  conversation: ConversationId;
  /** Whose feed; absent for that of this device. */
  author?: DeviceId;
  acknowledged: DeliveryRecord;
}

export interface ConversationsPorts {
  feeds: Feeds;
  signatures: Signatures;
  keys: DeviceKeys;
  clock: Pick<Clock, 'now' | 'after'>;
  summaries: Records<Summary>;
  deliveries: Records<DeliveryRow>;
  /** Devices that may write in a conversation: those ever certified for the person and for this account. */
  authorsOf(conversation: ConversationId): ReadonlyMap<DeviceId, string>;
  isMine(device: DeviceId): boolean;
  own(): AccountId;
  /** Whether it is a conversation that people read; else it is a log. */
  isLookedAt(conversation: ConversationId): boolean;
  /** Whether a peer may speak of a conversation that is not known here: of a group that this account is about to be in. */
  mayName(link: Link): boolean;
  /** Where not every link is told of what is new: to which devices this one hands on. */
  handsOnTo(conversation: ConversationId): HandsOnTo | undefined;
  /** Takes note of authors whom entries name, where they do. Says whether there are more now. */
  introduce(conversation: ConversationId, wires: readonly Uint8Array[]): Promise<boolean> | undefined;
  report(problem: unknown): void;
}

export interface ConversationsEvents {
  changed(conversation: ConversationId): void;
  forked(conversation: ConversationId, fork: KnownFork): void;
  /** The newest entries of a conversation are here, ahead of others. */
  newest(conversation: ConversationId): void;
  /** A device has all that is here of a conversation. */
  level(device: DeviceId): void;
  /** A peer spoke of a conversation that is not known here. */
  named(conversation: ConversationId): void;
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
  sync: ConversationSync;
  /** Devices whose entries are taken: those that were certified when it was last looked. */
  authors: ReadonlyMap<DeviceId, string>;
  framesWaiting: number;
  entriesWaiting: number;
}

/** What a link to one device serves. */
interface Served {
  sessions: Map<ConversationId, Session>;
  /** Frontiers of conversations that the peer believes to be shared and that are not known here yet. */
  named: Map<ConversationId, FeedFrame>;
  /** Conversations that are not shared any more: the peer may not know yet. */
  ceased: Set<ConversationId>;
  /** Of a device of this account: frontiers of conversations that are not known here yet, and how far the peer is with those that are behind. */
  own?: {
    early: Map<ConversationId, FeedFrame>;
    lacking: Map<ConversationId, ReadonlyMap<DeviceId, number>>;
    asked: number;
  };
}

/** Conversations that any other device may name before they are known here: those of the groups that it was let into a moment ago. */
const namedMax = 16;
/** Conversations that another own device may name before it is known here whose they are. */
const earlyMax = 4 * limits.contactsPerAccount;

export class Conversations {
  readonly #served = new Map<Link, Served>();
  readonly #summaries = new Map<ConversationId, Summary>();
  /** By conversation and author. */
  readonly #deliveries = new Map<ConversationId, Map<DeviceId, Delivery>>();
  /** Commits in each conversation since the start, and how many of them there were when each device had all that was here. */
  readonly #commits = new Map<ConversationId, number>();
  readonly #level = new Map<ConversationId, Map<DeviceId, number>>();
  readonly #turns = new Map<ConversationId, Turns<Link>>();
  #looking: ConversationId | undefined;
  /** Places of entries that are being imported. */
  readonly #quiet = new Set<string>();

  constructor(
    private readonly ports: ConversationsPorts,
    private readonly events: ConversationsEvents,
  ) {}

  async load(): Promise<void> {
    for (const summary of await this.ports.summaries.all()) this.#summaries.set(summary.conversation, summary);
    for (const { conversation, author = this.ports.keys.id, acknowledged } of await this.ports.deliveries.all())
      this.#deliveriesOf(conversation).set(author, new Delivery(acknowledged));
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
    const read = summary && this.#allRead(summary);
    if (summary && read && (summary.unread > 0 || isNews(read, summary.read ?? [])))
      this.#keepSummary({ ...summary, unread: 0, read }).catch((problem: unknown) => this.ports.report(problem));
  }

  /** Conversations in which more was read here than the other devices of this account were told. */
  async readNews(): Promise<{ conversation: ConversationId; read: ReadMarks }[]> {
    const news: { conversation: ConversationId; read: ReadMarks }[] = [];
    for (const summary of this.#summaries.values()) {
      const read = summary.read ?? (await this.#readBefore(summary));
      if (isNews(read, summary.shared ?? [])) news.push({ conversation: summary.conversation, read });
    }
    return news;
  }

  /** What a device of this account has read, this one too: it is in the feed for all of them. */
  async learnRead(conversation: ConversationId, marks: ReadMarks): Promise<void> {
    const before = this.summary(conversation);
    const read = fartherOf(before.read ?? (await this.#readBefore(before)), marks);
    const unread = await this.#unreadBeyond(conversation, read);
    const shared = fartherOf(before.shared ?? [], marks);
    const now = this.summary(conversation);
    const looking = conversation === this.#looking;
    await this.#keepSummary({ ...now, read: fartherOf(read, now.read ?? []), unread: looking ? 0 : unread, shared });
    this.events.changed(conversation);
  }

  deliveryOf(
    conversation: ConversationId,
    sequence: number,
    recipients: readonly DeviceId[],
    author: DeviceId = this.ports.keys.id,
  ): DeliveryState {
    return this.#deliveries.get(conversation)?.get(author)?.stateOf(sequence, recipients) ?? 'queued';
  }

  /** Whether some link may bring more of a conversation. */
  isServed(conversation: ConversationId): boolean {
    return [...this.#served.values()].some(({ sessions }) => sessions.has(conversation));
  }

  /** Whether a device was shown to have all that is here of a conversation, by a link since the start of this engine. */
  isLevel(conversation: ConversationId, device: DeviceId): boolean {
    return this.#level.get(conversation)?.get(device) === (this.#commits.get(conversation) ?? 0);
  }

  /** Whether this device has entries of this account, or with `all` of anybody, that `device` has not acknowledged to it. */
  async owes(conversation: ConversationId, device: DeviceId, all = false): Promise<boolean> {
    for (const [author, length] of await this.ports.feeds.frontier(conversation)) {
      if (length === 0 || (!all && !this.ports.isMine(author)) || author === device) continue;
      if (this.deliveryOf(conversation, length - 1, [device], author) !== 'delivered') return true;
    }
    return false;
  }

  /** @param own the link leads to another device of this account. */
  linkOpened(link: Link, conversations: Iterable<ConversationId>, own: boolean): void {
    const more = { own: { early: new Map(), lacking: new Map(), asked: 0 } };
    this.#served.set(link, { sessions: new Map(), named: new Map(), ceased: new Set(), ...(own ? more : {}) });
    for (const conversation of conversations) this.#begin(link, conversation);
  }

  /** A conversation that was not known before: other devices of this account may have it. */
  known(conversation: ConversationId): void {
    for (const [link, { own, sessions }] of this.#served) {
      if (!own || sessions.has(conversation)) continue;
      this.#begin(link, conversation);
      const early = own.early.get(conversation);
      own.early.delete(conversation);
      const session = sessions.get(conversation);
      if (early && session) this.#watch(link, session.sync.onFrame(early));
    }
  }

  /**
   * From now on a link serves these conversations beside those of `others`.
   * @param others whether a conversation is none of those that this is about.
   */
  align(link: Link, conversations: readonly ConversationId[], others: (conversation: ConversationId) => boolean): void {
    const served = this.#served.get(link);
    if (!served) return;
    for (const conversation of conversations) {
      if (served.sessions.has(conversation)) continue;
      served.ceased.delete(conversation);
      this.#begin(link, conversation);
      const named = served.named.get(conversation) ?? served.own?.early.get(conversation);
      served.named.delete(conversation);
      served.own?.early.delete(conversation);
      const session = served.sessions.get(conversation);
      if (named && session) this.#watch(link, session.sync.onFrame(named));
    }
    for (const [conversation, session] of [...served.sessions]) {
      if (others(conversation) || conversations.includes(conversation)) continue;
      session.sync.close();
      this.#turns.get(conversation)?.gone(link);
      served.sessions.delete(conversation);
      served.ceased.add(conversation);
    }
  }

  /** Something can be taken now in this conversation that was refused before. */
  again(conversation: ConversationId): void {
    for (const [link, { sessions }] of this.#served) {
      const session = sessions.get(conversation);
      if (session) this.#watch(link, session.sync.again());
    }
  }

  #begin(link: Link, conversation: ConversationId): void {
    const session: Session = {
      authors: this.ports.authorsOf(conversation),
      framesWaiting: 0,
      entriesWaiting: 0,
      sync: this.#sync(link, conversation),
    };
    this.#served.get(link)?.sessions.set(conversation, session);
    this.#watch(link, session.sync.start());
  }

  /** Whether the link still serves the conversation that is in force between its ends. */
  serves(link: Link, conversation: ConversationId): boolean {
    return this.#served.get(link)?.sessions.has(conversation) !== false;
  }

  /** Devices were certified, of a person or of this account: their entries, refused until now, are asked for. */
  authorsChanged(): void {
    for (const [link, { sessions }] of this.#served)
      for (const [conversation, session] of sessions) {
        const authors = this.ports.authorsOf(conversation);
        if (authors === session.authors) continue;
        const more = [...authors.keys()].some((device) => !session.authors.has(device));
        session.authors = authors;
        if (more) this.#watch(link, session.sync.again());
      }
  }

  /** How much of what another device of this account has, and this one lacked when they met, is here: 0 to 1; undefined when nothing lacks. */
  historyFrom(link: Link): { share: number; entries: number } | undefined {
    const own = this.#served.get(link)?.own;
    if (!own || own.lacking.size === 0) return undefined;
    let left = 0;
    for (const [conversation, theirs] of own.lacking) {
      const lacks = this.#lacks(conversation, theirs);
      if (lacks === 0) own.lacking.delete(conversation);
      left += lacks;
    }
    if (left === 0) own.asked = 0;
    return left === 0 ? undefined : { share: Math.max(0, 1 - left / own.asked), entries: own.asked };
  }

  #lacks(conversation: ConversationId, theirs: ReadonlyMap<DeviceId, number>): number {
    const taken = new Map(this.summary(conversation).taken);
    let lacks = 0;
    for (const [device, length] of theirs) lacks += Math.max(0, length - (taken.get(device) ?? 0));
    return lacks;
  }

  #noteFrontier(
    own: NonNullable<Served['own']>,
    { conversation, have }: Extract<FeedFrame, { kind: 'frontier' }>,
  ): void {
    const before = own.lacking.get(conversation);
    const theirs = new Map(have);
    const lacks = this.#lacks(conversation, theirs);
    own.asked += Math.max(0, lacks - (before ? this.#lacks(conversation, before) : 0));
    if (lacks > 0) own.lacking.set(conversation, theirs);
  }

  /** @throws ProtocolError when the frame is of another conversation, or the peer sends faster than it may. */
  onFrame(link: Link, frame: FeedFrame): void {
    const served = this.#served.get(link);
    if (!served) return;
    const { own, sessions } = served;
    if (own && frame.kind === 'frontier') this.#noteFrontier(own, frame);
    const session = sessions.get(frame.conversation);
    if (!session) {
      // It is told whose it is in the conversation of the account with itself.
      if (served.ceased.has(frame.conversation)) return;
      if (own && frame.kind === 'frontier' && own.early.size < earlyMax) own.early.set(frame.conversation, frame);
      else if (!own && frame.kind === 'frontier' && this.ports.mayName(link) && served.named.size < namedMax) {
        served.named.set(frame.conversation, frame);
        this.events.named(frame.conversation);
      } else throw new ProtocolError('not-allowed', 'frame of another conversation');
      return;
    }
    const entries = frame.kind === 'entries' || frame.kind === 'newest' ? 1 : 0;
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
    const served = this.#served.get(link);
    if (!served) return;
    this.#served.delete(link);
    for (const [conversation, { sync }] of served.sessions) {
      sync.close();
      this.#turns.get(conversation)?.gone(link);
      for (const delivery of this.#deliveries.get(conversation)?.values() ?? []) delivery.linkClosed(link.device);
      this.events.changed(conversation);
    }
  }

  /** Tells those peers to whom this device hands on; to be called with every batch of committed entries of one conversation at once. */
  spread(entries: readonly StoredEntry[]): void {
    const conversation = entries[0]?.conversation;
    if (conversation === undefined) return;
    this.#commits.set(conversation, (this.#commits.get(conversation) ?? 0) + 1);
    const near = this.ports.handsOnTo(conversation);
    const served = [...this.#served].filter(([, { sessions }]) => sessions.has(conversation));
    const linked = new Set(served.map(([{ device }]) => device));
    // Whoever does not reach all whom it should tells whomever it reaches.
    const few = near && [...near.wanted].every((device) => linked.has(device));
    for (const [link, { sessions }] of served) {
      const session = few && !near.has(link.device) ? undefined : sessions.get(conversation);
      if (session) this.#watch(link, session.sync.onLocal());
    }
  }

  /**
   * Whom to hand on to is different now: over links that were open before, it is told what was not told to it then.
   * @param device absent: it may be different for all.
   */
  handOn(device?: DeviceId): void {
    for (const [link, { sessions }] of this.#served) {
      if (device !== undefined && link.device !== device) continue;
      for (const [conversation, { sync }] of sessions)
        if (this.ports.handsOnTo(conversation)?.has(link.device)) this.#watch(link, sync.onLocal());
    }
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
    summary = { ...summary, taken: [...taken] };
    await this.#keepSummary(conversation === this.#looking ? { ...summary, read: this.#allRead(summary) } : summary);
    this.events.changed(conversation);
  }

  #sync(link: Link, conversation: ConversationId): ConversationSync {
    return new ConversationSync({
      ports: { signatures: this.ports.signatures, device: this.ports.keys },
      feeds: this.ports.feeds,
      conversation,
      peer: link.device,
      authors: (device) => {
        const key = this.#served.get(link)?.sessions.get(conversation)?.authors.get(device);
        return key === undefined ? undefined : fromBase64(key);
      },
      introduce: (wires) =>
        this.ports.introduce(conversation, wires)?.then((more) => {
          const session = this.#served.get(link)?.sessions.get(conversation);
          if (session && more) session.authors = this.ports.authorsOf(conversation);
          return more;
        }),
      send: (frame) => link.control(frame),
      newestFirst: this.ports.isLookedAt(conversation),
      mark: () => this.#commits.get(conversation) ?? 0,
      report: (event) => this.#onSync(link, conversation, event),
      brought: (more) => this.#turnsOf(conversation).brought(link, more),
      waits: () =>
        this.#turnsOf(conversation).waits(link, () => {
          const session = this.#served.get(link)?.sessions.get(conversation);
          if (session) this.#watch(link, session.sync.answer());
        }),
    });
  }

  #turnsOf(conversation: ConversationId): Turns<Link> {
    const known = this.#turns.get(conversation);
    if (known) return known;
    const turns = new Turns<Link>(this.ports.clock);
    this.#turns.set(conversation, turns);
    return turns;
  }

  #summarise(summary: Summary, entry: StoredEntry): Summary {
    const payload = readPayload(entry);
    if (payload.kind !== 'text' && payload.kind !== 'offer') return summary;
    const mine = this.ports.isMine(entry.device);
    const seen =
      mine || entry.conversation === this.#looking || isRead(summary, entry) || this.#quiet.has(placeKey(entry));
    const unread = seen ? summary.unread : summary.unread + 1;
    const named = payload.kind === 'text' && payload.mentions?.includes(this.ports.own()) === true;
    const wasNamed = summary.unread > 0 && summary.mentioned === true;
    const mentioned = seen ? wasNamed : wasNamed || named;
    const { last: before } = summary;
    if (before && comesBefore(entry, before)) return { ...summary, unread, mentioned };
    // Whoever has a clock that is behind is not therefore below others; a clock that was ahead once, this one, is over.
    const at = Math.max(entry.wall, Math.min(before?.at ?? 0, this.ports.clock.now()));
    const common = { at, mine, lamport: entry.lamport, device: entry.device, sequence: entry.sequence };
    const last =
      payload.kind === 'text'
        ? ({ kind: 'text', text: payload.text.slice(0, 200), ...common } as const)
        : ({ kind: 'files', names: payload.files.slice(0, 3).map((file) => file.name), ...common } as const);
    return { ...summary, unread, mentioned, last };
  }

  /** While `work` runs, these entries are taken as read: their person brought them. */
  async quietly(wires: readonly Uint8Array[], conversation: ConversationId, work: () => Promise<void>): Promise<void> {
    const keys = wires.flatMap((wire) => {
      const place = placeOfWire(wire);
      return place ? [placeKey({ ...place, conversation })] : [];
    });
    for (const key of keys) this.#quiet.add(key);
    try {
      await work();
    } finally {
      for (const key of keys) this.#quiet.delete(key);
    }
  }

  /** The last message is not what it was any more: shown are its new words, or the message before it. */
  async refresh(conversation: ConversationId, altered: readonly EntryRef[], wordsOf: WordsOf): Promise<void> {
    const summary = this.#summaries.get(conversation);
    const { last } = summary ?? {};
    if (!summary || !altered.some(({ device, sequence }) => last?.device === device && last.sequence === sequence))
      return;
    const newest = await this.ports.feeds.history(conversation, refreshEntries);
    const words = await wordsOf(conversation, newest);
    let fresh: Summary = { conversation, unread: 0, taken: [] };
    newest.forEach((entry, index) => {
      const text = words[index];
      if (text === undefined) return;
      const next = this.#summarise(fresh, entry);
      fresh = next.last?.kind === 'text' ? { ...next, last: { ...next.last, text: text.slice(0, 200) } } : next;
    });
    // Meanwhile it may have been read: nothing but the last message is taken from before.
    const { last: _, ...now } = this.summary(conversation);
    await this.#keepSummary({ ...now, ...(fresh.last ? { last: fresh.last } : {}) });
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
    if (event.kind === 'newest') {
      this.events.newest(conversation);
      return;
    }
    if (event.kind === 'level') {
      const level = this.#level.get(conversation) ?? new Map<DeviceId, number>();
      if (level.get(link.device) === event.mark) return;
      this.#level.set(conversation, level.set(link.device, event.mark));
      this.events.level(link.device);
      return;
    }
    // Between own devices it counts what the other one has of anybody's.
    if (!this.ports.isMine(event.author) && !this.ports.isMine(link.device)) return;
    const { author, length } = event;
    // Its word without a signature is enough for what others wrote: nothing is shown by it.
    if (event.kind === 'has' && (author === this.ports.keys.id || !this.ports.isMine(link.device))) return;
    const deliveries = this.#deliveriesOf(conversation);
    const delivery = deliveries.get(author) ?? new Delivery();
    deliveries.set(author, delivery);
    if (event.kind === 'sent') delivery.sent(link.device, length);
    else if (delivery.acknowledged(link.device, length)) {
      const here = author === this.ports.keys.id;
      const row = { conversation, ...(here ? {} : { author }), acknowledged: delivery.record() };
      const key = here ? conversation : `${conversation}/${author}`;
      this.ports.deliveries.put(key, row).catch((problem: unknown) => this.ports.report(problem));
    }
    this.events.changed(conversation);
  }

  #deliveriesOf(conversation: ConversationId): Map<DeviceId, Delivery> {
    let deliveries = this.#deliveries.get(conversation);
    if (!deliveries) this.#deliveries.set(conversation, (deliveries = new Map<DeviceId, Delivery>()));
    return deliveries;
  }

  /** Everything of others that was taken in counts as read. */
  #allRead({ taken, read = [] }: Summary): ReadMarks {
    return fartherOf(
      read,
      taken.filter(([device]) => !this.ports.isMine(device)),
    );
  }

  /** Of a summary that only counts: how far was read, found from the newest messages. */
  async #readBefore(summary: Summary): Promise<ReadMarks> {
    const marks = new Map(this.#allRead(summary));
    let left = summary.unread;
    for (let before: StoredEntry | undefined; left > 0;) {
      const page = await this.ports.feeds.history(summary.conversation, 200, before);
      for (const entry of page.toReversed()) {
        if (left === 0 || this.ports.isMine(entry.device) || !isMessage(entry)) continue;
        left--;
        marks.set(entry.device, entry.sequence);
      }
      before = page[0];
      if (!before) break;
    }
    return fartherOf([...marks], []);
  }

  async #unreadBeyond(conversation: ConversationId, read: ReadMarks): Promise<number> {
    if (conversation === this.#looking) return 0;
    const marks = new Map(read);
    let unread = 0;
    for (const [device, length] of this.summary(conversation).taken) {
      const from = marks.get(device) ?? 0;
      if (from >= length || this.ports.isMine(device)) continue;
      unread += (await this.ports.feeds.range(conversation, device, from, length - from)).filter(isMessage).length;
    }
    return unread;
  }

  #watch(link: Link, work: Promise<void>): void {
    work.catch((problem: unknown) => this.events.broken(link, problem));
  }
}

const placeKey = ({ conversation, device, sequence }: EntryRef & { conversation: ConversationId }): string =>
  `${conversation}/${device}/${sequence}`;

/** In the order of the conversation; of a summary that an earlier version wrote only the time is known. */
function comesBefore(entry: StoredEntry, { at, lamport, device, sequence }: NonNullable<Summary['last']>): boolean {
  if (lamport === undefined || device === undefined || sequence === undefined) return at > entry.wall;
  return compareEntries(entry, { lamport, device, sequence }) < 0;
}

function isMessage(entry: StoredEntry): boolean {
  const { kind } = readPayload(entry);
  return kind === 'text' || kind === 'offer';
}

const isRead = ({ read = [] }: Summary, { device, sequence }: StoredEntry): boolean =>
  read.some(([one, length]) => one === device && sequence < length);
