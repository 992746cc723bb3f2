/**
 * Owns the sync of one conversation over one link. Both sides say how far they have each feed; each sends what the other lacks, and signs
 * how far it has committed. Nothing of it is stored: a new link begins anew, and finds what a crash or a cut left undone.
 *
 * - At most `limits.entryBatchesInFlight` batches are under way; `committed` or `frontier` of the peer makes room.
 * - A frontier is answered by entries, never by a frontier, but for the first; asking again and sending again are both bounded. So no two
 *   peers, honest or not, keep each other busy without an entry going across.
 * - A peer is believed to hold an entry for good only by its signature over a head that is also ours.
 * - Who finds a feed forked shows the peer its own entry at that place, once, so that both have the proof.
 */
import { equalBytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ControlFrame } from '../../protocol/frame.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { DeviceKeys, Signatures, StoredEntry } from '../ports.ts';
import { acknowledge, verifyAcknowledgement, type CommittedFrame } from './acknowledgement.ts';
import type { AuthorLookup } from './entry.ts';
import type { Feeds, KnownFork, Received } from './log.ts';
import { Serial } from './serial.ts';

export type FeedFrame = Extract<ControlFrame, { kind: 'frontier' | 'entries' | 'newest' | 'committed' }>;

export type SyncEvent =
  /** The first `length` entries of `author` are the peer's, or handed to the link. */
  | { kind: 'sent'; author: DeviceId; length: number }
  /** The peer signed that it holds the first `length` entries of `author`. */
  | { kind: 'held'; author: DeviceId; length: number }
  /** The peer says, or shows by sending it, that it has the first `length` entries of `author`: unsigned, good for not sending them again. */
  | { kind: 'has'; author: DeviceId; length: number }
  | { kind: 'fork'; fork: KnownFork }
  /** The peer has entries of a device that the lookup does not know, or that cannot be read. Once that changed, call `again`. */
  | { kind: 'unknown-author'; device: DeviceId }
  /** The newest entries came, ahead of others. */
  | { kind: 'newest' }
  /** The peer has, or refuses, all that was here when `mark` said this. */
  | { kind: 'level'; mark: number };

export interface SyncOptions {
  ports: { signatures: Signatures; device: DeviceKeys };
  feeds: Feeds;
  conversation: ConversationId;
  /** The device at the other end of the link. */
  peer: DeviceId;
  /** Keys of all devices that may write in this conversation, the peer's among them. */
  authors: AuthorLookup;
  /** Hands a frame to the link; frames arrive in this order or not at all. Not called after `close`. */
  send: (frame: FeedFrame) => void;
  report: (event: SyncEvent) => void;
  /** Whether somebody looks at the conversation, so that its newest entries go ahead to a peer that lacks much. */
  newestFirst?: boolean;
  /** Grows with each commit in the conversation. */
  mark?: () => number;
  /** Where entries name the authors of others: takes note of those whom these entries name, unverified. Says whether there are more now. */
  introduce?: (wires: readonly Uint8Array[]) => Promise<boolean> | undefined;
  /** A batch brought something new; `more`: the peer has said to have more of that. */
  brought?: (more: boolean) => void;
  /** Everything of a batch was here: whether its answer waits, until `answer` is called, since another link brings the same. */
  waits?: () => boolean;
}

type State =
  /** The peer has not said what it has: nothing can be sent. */
  | { kind: 'waiting' }
  | {
      kind: 'exchanging';
      /** Entries of each feed that the peer has or that are under way to it. */
      reached: Map<DeviceId, number>;
      /** Feeds that the peer refuses; nothing is sent of them until it takes some or asks. */
      paused: Set<DeviceId>;
      /** Per batch under way, how far it brings each feed. */
      inFlight: Map<DeviceId, number>[];
    }
  | { kind: 'closed' };

export class ConversationSync {
  readonly #options: SyncOptions;
  readonly #line = new Serial();
  #state: State = { kind: 'waiting' };
  #started = false;
  readonly #held = new Map<DeviceId, number>();
  /** Lengths that this side has signed on this link. */
  readonly #signed = new Map<DeviceId, CommittedFrame>();
  /** Where a feed was sent again, and how often since the peer stands there. */
  readonly #repeats = new Map<DeviceId, { at: number; times: number }>();
  #repeatsLeft: number = limits.entryRepeatsPerLink;
  #asksLeft: number = limits.frontierRepeats;
  readonly #unknownAuthors = new Set<DeviceId>();
  /** Feeds of which nothing was taken since some of it was refused for want of a key. */
  readonly #refused = new Set<DeviceId>();
  /** What a peer signed that may not write here, as far as is known yet: the last of each feed. */
  readonly #unproved = new Map<DeviceId, CommittedFrame>();
  #newestSent = false;
  #newestTaken = false;
  readonly #shownForks = new Set<DeviceId>();
  /** What the peer said to have. */
  #theirs: ReadonlyMap<DeviceId, number> = new Map();
  /** Authors of whom the peer brought what was here, and is not answered yet. */
  readonly #unanswered = new Set<DeviceId>();

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  /** Says what this side has: on link open. */
  start(): Promise<void> {
    return this.#line.run(() => {
      this.#asksLeft = limits.frontierRepeats;
      return this.#sendFrontier();
    });
  }

  /** Something may be taken now that was refused before: asks for it, if there is any. */
  again(): Promise<void> {
    return this.#line.run(async () => {
      await this.#prove();
      if (this.#refused.size === 0) return;
      this.#asksLeft = limits.frontierRepeats;
      await this.#sendFrontier();
    });
  }

  /** Takes a frame of this conversation. Rejects with `ProtocolError` when the peer broke the protocol, else only as the store does. */
  onFrame(frame: FeedFrame): Promise<void> {
    return this.#line.run(async () => {
      if (this.#state.kind === 'closed') return;
      if (frame.conversation !== this.#options.conversation) throw new Error('frame of another conversation');
      if (frame.kind === 'frontier') await this.#onFrontier(new Map(frame.have));
      else if (frame.kind === 'entries') await this.#onEntries(frame.entries);
      else if (frame.kind === 'newest') await this.#onNewest(frame.entries);
      else await this.#onCommitted(frame);
    });
  }

  /** Sends what the peer lacks: to be called after commits in the conversation, whoever wrote or brought the entries (`Feeds.listen`). */
  onLocal(): Promise<void> {
    return this.#line.run(() => this.#pump());
  }

  /** Gives the answer that waited, and goes on. */
  answer(): Promise<void> {
    return this.#line.run(async () => {
      await this.#answer();
      await this.#pump();
    });
  }

  /** Entries of each feed that the peer has signed for on this link. */
  peerHas(): ReadonlyMap<DeviceId, number> {
    return this.#held;
  }

  /** Resolves once everything that came until now is done. */
  idle(): Promise<void> {
    return this.#line.idle();
  }

  close(): void {
    this.#state = { kind: 'closed' };
  }

  async #onFrontier(have: ReadonlyMap<DeviceId, number>): Promise<void> {
    if (!this.#started) await this.#sendFrontier();
    if (this.#state.kind === 'closed') return;
    const before = this.#state.kind === 'exchanging' ? this.#state.reached : new Map<DeviceId, number>();
    const reached = new Map(have);
    const paused = new Set<DeviceId>();
    for (const [device, length] of before) {
      const at = have.get(device) ?? 0;
      if (length <= at || this.#mayRepeat(device, at, have.has(device) && at === 0)) continue;
      reached.set(device, length);
      paused.add(device);
    }
    this.#state = { kind: 'exchanging', reached, paused, inFlight: [] };
    this.#theirs = have;
    const ours = await this.#options.feeds.frontier(this.#options.conversation);
    await this.#sendNewest(ours, have);
    for (const [author, length] of have) this.#options.report({ kind: 'has', author, length });
    for (const [author, length] of ours) {
      const theirs = have.get(author) ?? 0;
      // The peer can check this against its own entries: an acknowledgement that was lost, or a fork that neither has seen.
      if (length <= theirs && this.#signed.get(author)?.length !== length) await this.#acknowledge(author);
    }
    await this.#pump();
  }

  /**
   * Whether a feed is sent once more from `at`, where the peer is found to stand although more was sent. `asked`: it named the feed with
   * length 0, which it does once it can take a feed that it had to refuse.
   */
  #mayRepeat(device: DeviceId, at: number, asked: boolean): boolean {
    const last = this.#repeats.get(device);
    const times = last && at <= last.at && !asked ? last.times + 1 : 1;
    if (times > limits.entryRepeats || this.#repeatsLeft === 0) return false;
    this.#repeatsLeft--;
    this.#repeats.set(device, { at, times });
    return true;
  }

  async #onEntries(wires: readonly Uint8Array[]): Promise<void> {
    const { report, brought, waits } = this.#options;
    const received = await this.#receive(wires);
    for (const [author, length] of received.shared) {
      this.#reached(author, length);
      this.#refused.delete(author);
      report({ kind: 'has', author, length });
      this.#unanswered.add(author);
    }
    if (received.committed.length > 0)
      brought?.([...received.shared].some(([author, length]) => (this.#theirs.get(author) ?? 0) > length));
    if (!(isAllHere(received) && waits?.())) await this.#answer();
    for (const device of received.unknownAuthors) {
      this.#unknownAuthors.add(device);
      this.#refused.add(device);
      report({ kind: 'unknown-author', device });
    }
    for (const fork of received.forks) report({ kind: 'fork', fork });
    this.#showForks(received);
    if (received.bad) throw received.bad;
    if (received.committed.length > 0) this.#asksLeft = limits.frontierRepeats;
    const lacking =
      received.gaps.length + received.unknownAuthors.length + received.forks.length + received.refused.length;
    if (lacking > 0 && this.#asksLeft > 0) {
      this.#asksLeft--;
      await this.#sendFrontier();
    }
    await this.#prove();
    await this.#pump();
  }

  async #answer(): Promise<void> {
    const authors = [...this.#unanswered];
    this.#unanswered.clear();
    for (const author of authors) await this.#acknowledge(author);
  }

  /** Entries may name those who wrote the others: these are taken then. */
  async #receive(wires: readonly Uint8Array[]): Promise<Received> {
    const { feeds, conversation, authors, introduce } = this.#options;
    const first = await feeds.receive(conversation, wires, authors);
    if (first.unknownAuthors.length === 0 || !(await introduce?.(wires))) return first;
    const second = await feeds.receive(conversation, wires, authors);
    const [committed, forks] = [
      [...first.committed, ...second.committed],
      [...first.forks, ...second.forks],
    ];
    return { ...second, committed, forks, bad: first.bad ?? second.bad };
  }

  async #sendNewest(ours: ReadonlyMap<DeviceId, number>, theirs: ReadonlyMap<DeviceId, number>): Promise<void> {
    const { feeds, conversation, newestFirst } = this.#options;
    let lacking = 0;
    for (const [author, length] of ours) lacking += Math.max(0, length - (theirs.get(author) ?? 0));
    if (!newestFirst || this.#newestSent || lacking <= limits.newestBeyondEntries) return;
    this.#newestSent = true;
    const newest = await feeds.history(conversation, limits.newestEntries);
    let bytes = 0;
    const fitting = newest.toReversed().filter(({ wire }) => (bytes += wire.length) <= limits.entryBatchBytes);
    if (fitting.length > 0) this.#send({ kind: 'newest', conversation, entries: fitting.map(({ wire }) => wire) });
  }

  /** Nothing is held against the peer here: what is wrong with an entry shows when its turn comes. */
  async #onNewest(wires: readonly Uint8Array[]): Promise<void> {
    const { feeds, conversation, authors, report } = this.#options;
    if (this.#newestTaken) return;
    this.#newestTaken = true;
    if (await feeds.receiveNewest(conversation, wires, authors)) report({ kind: 'newest' });
  }

  #showForks({ forks, refused }: Received): void {
    const known = this.#options.feeds.forks(this.#options.conversation);
    for (const device of [...forks.map((fork) => fork.device), ...refused]) {
      const fork = known.get(device);
      if (fork) this.#showFork(device, fork.ours);
    }
  }

  #showFork(device: DeviceId, ours: StoredEntry): void {
    if (this.#shownForks.has(device)) return;
    this.#shownForks.add(device);
    this.#send({ kind: 'entries', conversation: this.#options.conversation, entries: [ours.wire] });
  }

  async #onCommitted(frame: CommittedFrame): Promise<void> {
    const { ports, feeds, conversation, peer, authors, report } = this.#options;
    const { author, length, head } = frame;
    const publicKey = authors(peer);
    if (!publicKey) {
      if (this.#unproved.size < limits.feedsPerConversation || this.#unproved.has(author))
        this.#unproved.set(author, frame);
      return;
    }
    if (length === 0) throw new ProtocolError('malformed', 'committed nothing');
    if (!(await verifyAcknowledgement(ports.signatures, publicKey, frame)))
      throw new ProtocolError('malformed', 'committed signature');
    const entry = await feeds.committedAt(conversation, author, length - 1);
    // More than we have: the peer sends it by the same rule, and signs again when asked by our own acknowledgement.
    if (!entry) return;
    if (!equalBytes(entry.hash, head)) {
      this.#showFork(author, entry);
      return;
    }
    this.#reached(author, length);
    if (length > (this.#held.get(author) ?? 0)) {
      this.#held.set(author, length);
      report({ kind: 'held', author, length });
    }
    // Entries of others that reached us before from elsewhere: the peer learns here that they are delivered. Each side signs a length once.
    if (author !== ports.device.id && (this.#signed.get(author)?.length ?? 0) < length) await this.#acknowledge(author);
    await this.#pump();
  }

  /** That a peer may write here can come a moment later than that it is linked, also by what it sends itself. */
  async #prove(): Promise<void> {
    if (!this.#options.authors(this.#options.peer)) return;
    const frames = [...this.#unproved.values()];
    this.#unproved.clear();
    for (const frame of frames) await this.#onCommitted(frame);
  }

  /** The peer has the first `length` entries of `author`; batches that brought no more are done. */
  #reached(author: DeviceId, length: number): void {
    if (this.#state.kind !== 'exchanging') return;
    const { reached, paused, inFlight } = this.#state;
    paused.delete(author);
    reached.set(author, Math.max(length, reached.get(author) ?? 0));
    for (const batch of inFlight) if ((batch.get(author) ?? Infinity) <= length) batch.delete(author);
    this.#state.inFlight = inFlight.filter((batch) => batch.size > 0);
  }

  async #acknowledge(author: DeviceId): Promise<void> {
    const { ports, feeds, conversation } = this.#options;
    const length = (await feeds.frontier(conversation)).get(author) ?? 0;
    if (length === 0) return;
    let frame = this.#signed.get(author);
    if (frame?.length !== length) {
      const head = await feeds.committedAt(conversation, author, length - 1);
      if (!head) throw new Error('feed without its last entry');
      frame = await acknowledge(ports.device, conversation, author, length, head.hash);
      this.#signed.set(author, frame);
    }
    this.#send(frame);
  }

  async #sendFrontier(): Promise<void> {
    const { feeds, conversation, authors } = this.#options;
    this.#started = true;
    const have = await feeds.frontier(conversation);
    for (const device of this.#unknownAuthors) {
      if (!authors(device)) continue;
      this.#unknownAuthors.delete(device);
      if (!have.has(device)) have.set(device, 0);
    }
    // Of more feeds than can be named, those go without of which nothing is taken.
    const isTaken = ([device]: [DeviceId, number]): boolean => authors(device) !== undefined;
    const most =
      have.size > limits.feedsPerConversation ? [...have].sort((a, b) => +isTaken(b) - +isTaken(a)) : [...have];
    this.#send({ kind: 'frontier', conversation, have: most.slice(0, limits.feedsPerConversation) });
  }

  async #pump(): Promise<void> {
    const { feeds, conversation, report } = this.#options;
    while (this.#state.kind === 'exchanging' && this.#state.inFlight.length < limits.entryBatchesInFlight) {
      const { reached, paused, inFlight } = this.#state;
      const skipped = [...paused].map((device): [DeviceId, number] => [device, Number.MAX_SAFE_INTEGER]);
      const theirs = new Map([...reached, ...skipped]);
      const mark = this.#options.mark?.() ?? 0;
      const batch = await feeds.entriesAfter(conversation, theirs, limits.entryBatchBytes);
      if (batch.length === 0) {
        if (inFlight.length === 0) report({ kind: 'level', mark });
        return;
      }
      const ends = new Map(batch.map(({ device, sequence }) => [device, sequence + 1]));
      this.#send({ kind: 'entries', conversation, entries: batch.map(({ wire }) => wire) });
      inFlight.push(ends);
      for (const [author, length] of ends) {
        reached.set(author, length);
        report({ kind: 'sent', author, length });
      }
    }
  }

  #send(frame: FeedFrame): void {
    if (this.#state.kind !== 'closed') this.#options.send(frame);
  }
}

const isAllHere = ({ committed, gaps, unknownAuthors, forks, refused, bad }: Received): boolean =>
  committed.length + gaps.length + unknownAuthors.length + forks.length + refused.length === 0 && !bad;
