/**
 * Conversations over links: a `ConversationSync` for each that a link serves (one with a contact, all of them with another device of this
 * account), and which of them lack what. How far entries got is in `Deliveries`, what a list of people shows in `Summaries`.
 */
import { fromBase64 } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Clock, DeviceKeys, Signatures, StoredEntry } from '../ports.ts';
import type { DeliveryState } from '../feed/delivery.ts';
import type { Feeds, KnownFork } from '../feed/log.ts';
import { ConversationSync, type FeedFrame, type SyncEvent } from '../feed/sync.ts';
import { Turns } from '../feed/turns.ts';
import type { HandsOnTo } from '../groups/group-links.ts';
import type { Link } from '../links/link.ts';
import { Deliveries, type DeliveriesPorts } from './deliveries.ts';
import { Summaries, type SummariesPorts, type Summary } from './summaries.ts';

export interface ConversationsPorts extends Omit<SummariesPorts, 'changed' | 'now'>, Omit<DeliveriesPorts, 'here'> {
  feeds: Feeds;
  signatures: Signatures;
  keys: DeviceKeys;
  clock: Pick<Clock, 'now' | 'after'>;
  /** Devices that may write in a conversation: those ever certified for the person and for this account. */
  authorsOf(conversation: ConversationId): ReadonlyMap<DeviceId, string>;
  /** Whether it is a conversation that people read; else it is a log. */
  isLookedAt(conversation: ConversationId): boolean;
  /**
   * Whether a peer may speak of a conversation that its link does not serve: of a group that this account is about to be in, or is in as others
   * know already, or of one that the peer is not in any more and has not heard that.
   */
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

type Frontier = Extract<FeedFrame, { kind: 'frontier' }>;

interface Session {
  sync: ConversationSync;
  /** Devices whose entries are taken: those that were certified when it was last looked. */
  authors: ReadonlyMap<DeviceId, string>;
  /** What the peer said last to have. */
  frontier?: Frontier;
  framesWaiting: number;
  entriesWaiting: number;
}

/** What a link to one device serves. */
interface Served {
  sessions: Map<ConversationId, Session>;
  /** Frontiers of conversations that the peer believes to be shared and that are not known here yet, or not shared. */
  named: Map<ConversationId, Frontier>;
  /**
   * Conversations that are not shared any more, with the last frontier of each: the peer may not know yet, and may know first when they are
   * shared again. It says what it has when it begins, and not again for a side that began later.
   */
  ceased: Map<ConversationId, Frontier | undefined>;
  /** Of a device of this account: frontiers of conversations that are not known here yet, and how far the peer is with those that are behind. */
  own?: {
    early: Map<ConversationId, FeedFrame>;
    lacking: Map<ConversationId, ReadonlyMap<DeviceId, number>>;
    asked: number;
  };
}

/** Conversations that any other device may name before they are known here: the log and the chat of each group that it shares with this account. */
const namedMax = 2 * limits.groupsPerAccount;
/** Feeds in what was named, so that a contact cannot fill the memory: as of so many of the largest groups. */
const namedFeedsMax = 16 * limits.feedsPerConversation;
/** Conversations that another own device may name before it is known here whose they are. */
const earlyMax = 4 * limits.contactsPerAccount;

export class Conversations {
  readonly #served = new Map<Link, Served>();
  readonly summaries: Summaries;
  readonly #deliveries: Deliveries;
  /** Commits in each conversation since the start, and how many of them there were when each device had all that was here. */
  readonly #commits = new Map<ConversationId, number>();
  readonly #level = new Map<ConversationId, Map<DeviceId, number>>();
  readonly #turns = new Map<ConversationId, Turns<Link>>();

  constructor(
    private readonly ports: ConversationsPorts,
    private readonly events: ConversationsEvents,
  ) {
    this.summaries = new Summaries({
      ...ports,
      now: () => ports.clock.now(),
      changed: (conversation) => events.changed(conversation),
    });
    this.#deliveries = new Deliveries({ ...ports, here: ports.keys.id });
  }

  async load(): Promise<void> {
    await this.summaries.load();
    await this.#deliveries.load();
  }

  summary(conversation: ConversationId): Summary {
    return this.summaries.of(conversation);
  }

  /** How many entries of a feed were taken in. */
  taken(conversation: ConversationId, device: DeviceId): number {
    return this.summaries.taken(conversation, device);
  }

  /** @param author whose entry it is; absent for one of this device. */
  deliveryOf(
    conversation: ConversationId,
    sequence: number,
    recipients: readonly DeviceId[],
    author?: DeviceId,
  ): DeliveryState {
    return this.#deliveries.stateOf(conversation, sequence, recipients, author);
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
    this.#served.set(link, { sessions: new Map(), named: new Map(), ceased: new Map(), ...(own ? more : {}) });
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
      this.#begin(link, conversation);
      const { ceased, named, own } = served;
      const frontier = ceased.get(conversation) ?? named.get(conversation) ?? own?.early.get(conversation);
      for (const kept of [ceased, named, own?.early]) kept?.delete(conversation);
      if (frontier) this.onFrame(link, frontier);
    }
    for (const [conversation, session] of [...served.sessions]) {
      if (others(conversation) || conversations.includes(conversation)) continue;
      session.sync.close();
      this.#turns.get(conversation)?.gone(link);
      served.sessions.delete(conversation);
      served.ceased.set(conversation, session.frontier);
    }
  }

  /** What peers named before may be known now. */
  nameAgain(): void {
    for (const { named } of this.#served.values())
      for (const conversation of named.keys()) this.events.named(conversation);
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

  #noteFrontier(own: NonNullable<Served['own']>, { conversation, have }: Frontier): void {
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
      if (served.ceased.has(frame.conversation)) {
        if (frame.kind === 'frontier') served.ceased.set(frame.conversation, frame);
        return;
      }
      if (own && frame.kind === 'frontier' && own.early.size < earlyMax) own.early.set(frame.conversation, frame);
      else if (!own && frame.kind === 'frontier' && this.#mayName(link, served, frame)) {
        served.named.set(frame.conversation, frame);
        this.events.named(frame.conversation);
      } else throw new ProtocolError('not-allowed', 'frame of another conversation');
      return;
    }
    const entries = frame.kind === 'entries' || frame.kind === 'newest' ? 1 : 0;
    if (session.framesWaiting >= framesWaitingMax || session.entriesWaiting + entries > entriesWaitingMax)
      throw new ProtocolError('rate-limited', 'more than is asked for');
    if (frame.kind === 'frontier') session.frontier = frame;
    session.framesWaiting++;
    session.entriesWaiting += entries;
    const taken = session.sync.onFrame(frame).finally(() => {
      session.framesWaiting--;
      session.entriesWaiting -= entries;
    });
    this.#watch(link, taken);
  }

  #mayName(link: Link, { named }: Served, { conversation }: Frontier): boolean {
    const others = [...named.values()].filter((other) => other.conversation !== conversation);
    const feeds = others.reduce((sum, { have }) => sum + have.length, 0);
    return this.ports.mayName(link) && others.length < namedMax && feeds < namedFeedsMax;
  }

  linkClosed(link: Link): void {
    const served = this.#served.get(link);
    if (!served) return;
    this.#served.delete(link);
    for (const [conversation, { sync }] of served.sessions) {
      sync.close();
      this.#turns.get(conversation)?.gone(link);
      this.#deliveries.linkClosed(conversation, link.device);
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
    if (this.#deliveries.take(conversation, link.device, event)) this.events.changed(conversation);
  }

  #watch(link: Link, work: Promise<void>): void {
    work.catch((problem: unknown) => this.events.broken(link, problem));
  }
}
