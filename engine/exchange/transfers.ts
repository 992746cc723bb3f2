/**
 * Offers of files and their transfers: facts from the feeds become records, and records decide what is fetched (`incoming.ts`) and served
 * (`outgoing.ts`, `handout.ts`) over which link, and what is let go of.
 *
 * Invariants 1 and 2: a file is done for the sender when the receipt is in the feed, for the receiver when every block was committed and the
 * root is the one that the sender bound the file to; only then is the receipt written.
 */
import type { Payload } from '../../protocol/entry.ts';
import type { Frame } from '../../protocol/frame.ts';
import type { AccountId, ChatId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import { Serial } from '../feed/serial.ts';
import type { Link } from '../links/link.ts';
import type { Clock, DeviceKeys, Hashes, Random, Signatures } from '../ports.ts';
import type { Records } from '../records.ts';
import { blockCount, type Ranges } from '../transfer/blocks.ts';
import { LinkTransfers } from '../transfer/link-transfers.ts';
import { SpeedLimit } from '../transfer/speed-limit.ts';
import type { HaveFrame, ReceiverEvent, SenderEvent, StopReason } from '../transfer/transfer-events.ts';
import { isHere, isShared } from './copies.ts';
import { Handout } from './handout.ts';
import { Held } from './held.ts';
import { Kept } from './kept.ts';
import { Incoming } from './incoming.ts';
import { LastWords } from './last-words.ts';
import {
  acceptedBytes,
  factsOf,
  fileKey,
  needsAnswer,
  standingOf,
  withFileFacts,
  withoutFailure,
  type FactSource,
  type FailureReason,
  type OfferPayload,
  type OfferRecord,
} from './offer.ts';
import { Offers } from './offers.ts';
import { Outgoing } from './outgoing.ts';
import { partnersOf } from './partners.ts';
import { ProgressBook, type Progress } from './progress.ts';
import { Room } from './room.ts';
import { Sharing } from './sharing.ts';
import { Stalls } from './stalls.ts';
import type { Direction, Move } from './queue.ts';
import { Together } from './together.ts';
import type { Upload } from './upload.ts';
import { TransferQueue, type QueueOrder } from './transfer-queue.ts';

export interface TransfersPorts {
  clock: Clock;
  random: Random;
  hashes: Hashes;
  signatures: Signatures;
  keys: DeviceKeys;
  blobs: Blobs;
  records: Records<OfferRecord>;
  queue: Records<QueueOrder>;
  /** Signing key (Ed25519, base64url) of a device that may write there, also of a former one. */
  signKeyOf(conversation: ConversationId, device: DeviceId): string | undefined;
  /** Whether a device is certified, now, for somebody who may read this person's conversation, or this group's. */
  mayHave(account: ChatId, device: DeviceId): boolean;
  online(device: DeviceId): boolean;
  /** Resolves when the entry is durable and taken into its record; to false when this device may not write there. */
  append(conversation: ConversationId, payload: Payload): Promise<boolean>;
  report(problem: unknown): void;
}

export interface SpeedLimits {
  upBytesPerSecond?: number | undefined;
  downBytesPerSecond?: number | undefined;
}

export interface TransfersEvents {
  changed(account: ChatId): void;
  /** The link is of no more use: nothing comes, or its peer broke the protocol. */
  broken(link: Link, problem: unknown): void;
}

export class Transfers {
  readonly #links = new Map<Link, LinkTransfers>();
  /** Links of which a pinned key says whose they are: over others go files of groups alone. */
  readonly #direct = new Set<Link>();
  readonly #offers: Offers;
  readonly #progress: ProgressBook;
  readonly #lastWords: LastWords;
  readonly #queue: TransferQueue;
  readonly together: Together;
  /** What is kept of received files, let go of, and fetched again. */
  readonly kept: Kept;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #sharing: Sharing;
  readonly #handout: Handout;
  readonly #held: Held;
  readonly #room: Room;
  readonly #stalls: Stalls;
  /** Files whose bytes are being removed. */
  readonly #clearing = new Set<string>();
  readonly #upLimit = new SpeedLimit();
  readonly #downLimit = new SpeedLimit();
  /** What a person wants of a file counts in the order in which it was said. */
  readonly #wishes = new Serial();
  #stopped = false;

  constructor(
    private readonly ports: TransfersPorts,
    private readonly events: TransfersEvents,
  ) {
    this.#offers = new Offers(ports.records, (account) => events.changed(account));
    this.#progress = new ProgressBook((offer) => this.#offers.get(offer));
    this.#lastWords = new LastWords(ports);
    const known = { ...ports, offers: this.#offers, progress: this.#progress };
    this.#held = new Held(ports.keys.id, this.#progress);
    this.#stalls = new Stalls({ ...known, changed: (account) => events.changed(account) });
    this.#room = new Room({ ...known, act: (offer) => this.#actOn(offer) });
    this.#queue = new TransferQueue(ports.queue, (key) => this.#canRun(key));
    const mayHave = ({ account }: OfferRecord, device: DeviceId) => ports.mayHave(account, device);
    this.#sharing = new Sharing({
      ...known,
      links: this.#links,
      mayHave,
      quiet: (...quiet) => this.#incoming.quiet(...quiet),
    });
    const parts = {
      ...known,
      sharing: this.#sharing,
      lastWords: this.#lastWords,
      stalls: this.#stalls,
      queue: this.#queue,
      links: this.#links,
      isDirect: (link: Link) => this.#direct.has(link),
      fail: (offer: OfferId, file: number, reason: FailureReason | 'no-space') => this.#fail(offer, file, reason),
      act: (offer: OfferId) => this.#actOn(offer),
      changed: (account: ChatId) => events.changed(account),
    };
    this.#incoming = new Incoming(parts);
    this.#outgoing = new Outgoing(parts);
    this.#handout = new Handout({
      ...parts,
      places: this.#outgoing.places,
      mayHave,
      openCopy: (...copy) => this.#incoming.openCopy(...copy),
    });
    this.kept = new Kept({
      ...parts,
      wishes: this.#wishes,
      closed: (key) => this.#incoming.closed(key),
      goesOut: (offer, file) => this.uploadOf(offer, file) !== undefined,
      close: async (record, file) => {
        await this.#stopStreams(record, file, 'cancelled');
        this.#incoming.forget(fileKey(record.offer, file));
      },
    });
    this.together = new Together({
      offers: this.#offers,
      wishes: this.#wishes,
      moves: ({ offered, answer }) =>
        offered?.device === ports.keys.id || (answer.kind === 'accepted' && answer.by === ports.keys.id),
      goesOut: ({ offer, offered, group }, file) =>
        group === true && offered?.device === ports.keys.id && this.uploadOf(offer, file) !== undefined,
      isFull: (offer, file) => this.#progress.of(offer, file).activity.kind === 'no-space',
      stopStreams: (record, file) => void this.#stopStreams(record, file, 'paused'),
      resume: (offer, file) => this.resume(offer, file),
    });
  }

  /** Reads the records. Facts may be added afterwards, and `begin` called when those that a crash left over were. */
  async load(): Promise<void> {
    await this.#offers.load();
    await this.#queue.load();
  }

  begin(): void {
    for (const record of this.#offers.all()) {
      this.#finishEnded(record);
      this.#incoming.lookUp(record);
      this.#outgoing.lookUp(record).catch((problem: unknown) => this.ports.report(problem));
    }
    this.kept.begin();
  }

  get(offer: OfferId): OfferRecord | undefined {
    return this.#offers.get(offer);
  }

  all(): OfferRecord[] {
    return this.#offers.all();
  }

  progressOf(offer: OfferId, file: number): Progress {
    return this.#progress.of(offer, file);
  }

  /** Blocks of a received file that are had, as far as it was opened since the start. */
  haveRanges(offer: OfferId, file: number): Ranges {
    return this.#incoming.haveRanges(offer, file);
  }

  /** Blocks of a sent bundle that came through, as far as they were sent since the start. */
  arrivedRanges(offer: OfferId, file: number): Ranges {
    return this.#outgoing.arrivedRanges(fileKey(offer, file));
  }

  /** Fetches the manifest of a bundle before it is answered, to choose from: `haveRanges` then covers its blocks. */
  fetchManifest(offer: OfferId, file: number): void {
    const record = this.#offers.get(offer);
    if (!record || this.#stopped) return;
    this.#incoming.fetchManifest(record, file);
    this.#act(record);
  }

  /** Whether a manifest is still being fetched. */
  fetchingManifest(offer: OfferId, file: number): boolean {
    return this.#incoming.fetchingManifest(offer, file);
  }

  /** How long nothing moved of a file that should, in milliseconds; undefined when it does, or need not. */
  stalledMs(record: OfferRecord, file: number): number | undefined {
    return this.#stalls.stalledMs(record, file);
  }

  /** The person may have made room on a disk that was full. */
  lookForRoom(): void {
    this.#room.check();
  }

  /** Whether anything is to be moved between this device and that one. */
  busyWith(account: AccountId, device: DeviceId): boolean {
    const here = this.ports.keys.id;
    if (this.partners().has(device)) return true;
    return this.#offers.ofAccount(account).some((record) => {
      const { offered, answer } = record;
      if (offered?.device === device && this.#incoming.filesToFetch(record).length > 0) return true;
      if (offered?.device !== here || answer.kind !== 'accepted' || answer.by !== device) return false;
      return offered.files.some((_, file) => standingOf(record, file) === 'accepted');
    });
  }

  /** Files that wait for their turn though the other side is connected, first in line first. */
  line(direction: Direction): { offer: OfferId; file: number }[] {
    if (direction === 'up') return this.#outgoing.line();
    return this.#incoming.line().map(({ record, file }) => ({ offer: record.offer, file }));
  }

  /** Whether an accepted file waits for its turn, here or at its sender, and for nothing else. */
  inLine(record: OfferRecord, file: number): boolean {
    const { offered, answer } = record;
    if (!offered || answer.kind !== 'accepted' || standingOf(record, file) !== 'accepted') return false;
    if (this.#progress.of(record.offer, file).activity.kind !== 'idle') return false;
    const here = this.ports.keys.id;
    const [side, peer] =
      offered.device === here
        ? [this.#outgoing, answer.by]
        : answer.by === here
          ? [this.#incoming, offered.device]
          : [undefined, undefined];
    const link = [...this.#links.keys()].find(({ device }) => device === peer);
    return link !== undefined && side?.full(link) === true;
  }

  /** Changes the place of a waiting file in its line; resolves when that is durable. */
  async move(offer: OfferId, file: number, move: Move): Promise<void> {
    const direction = this.#offers.get(offer)?.offered?.mine ? 'up' : 'down';
    const line = this.line(direction).map((one) => fileKey(one.offer, one.file));
    const kept = this.#queue.move(line, fileKey(offer, file), move);
    this.#queueChanged();
    const account = this.#offers.get(offer)?.account;
    if (account) this.events.changed(account);
    await kept;
  }

  /** Files at a time in each direction, over all links. */
  setAtOnce(files: number): void {
    this.#queue.setAtOnce(files);
    this.#queueChanged();
  }

  #queueChanged(): void {
    this.#outgoing.queueChanged();
    this.#incoming.pump();
  }

  /** Takes a fact into the record of its offer and acts on it; resolves when it is durable. Facts come one after the other. */
  async addFact(
    account: ChatId,
    conversation: ConversationId,
    payload: OfferPayload,
    source: FactSource,
    how: { knocked?: boolean; inGroup?: boolean } = {},
  ): Promise<void> {
    const news = await this.#offers.add(account, conversation, payload, source, how);
    const record = this.#offers.get(payload.offer);
    if (payload.kind === 'receipt' && source.device === this.ports.keys.id && record)
      if (factsOf(record, payload.file).again)
        await this.#offers.keepFacts(payload.offer, payload.file, {
          again: false,
          cleared: false,
          gone: undefined,
        });
    if (news) this.#actOn(payload.offer);
  }

  /** @param direct whether a pinned key says whose device it is: files between two people go over no other link. */
  linkOpened(link: Link, direct: boolean): void {
    const transfers = new LinkTransfers({
      link,
      clock: this.ports.clock,
      keys: this.ports.keys,
      signatures: this.ports.signatures,
      own: this.ports.keys.id,
      find: (offer, file) => {
        const record = this.#offers.get(offer);
        if (record && Handout.handles(record, file)) return this.#handout.find(link, record, file);
        return direct
          ? this.#outgoing.find(link, offer, file)
          : Promise.resolve({ kind: 'refused' as const, reason: 'cancelled' as const });
      },
      sending: (event) => this.#onSending(link, event),
      receiving: (event) => this.#onReceiving(link, event),
      fault: (problem) => this.events.broken(link, problem),
      upLimit: this.#upLimit,
      downLimit: this.#downLimit,
    });
    this.#links.set(link, transfers);
    this.#sharing.linkOpened(transfers);
    link.figures = () => transfers.figures();
    if (direct) this.#directOpened(link);
    this.#incoming.pump();
    this.events.changed(link.account);
  }

  #directOpened(link: Link): void {
    this.#direct.add(link);
    for (const record of this.#offers.ofAccount(link.account)) {
      for (const file of record.offered?.files.keys() ?? []) this.#held.tell(link, record, file);
      this.#actHere(record);
    }
    this.#outgoing.tellAvailable(link);
    this.#outgoing.bindLater(link.account);
  }

  /**
   * Limits over all links of this device together, in bytes per second, from now on; `Infinity` or absent for none. What was under way when
   * a limit was set still comes: at most the credit that was given, 8 MiB. @throws RangeError unless over 0.
   */
  setSpeedLimits({ upBytesPerSecond = Infinity, downBytesPerSecond = Infinity }: SpeedLimits): void {
    const now = this.ports.clock.now();
    this.#upLimit.set(now, upBytesPerSecond);
    this.#downLimit.set(now, downBytesPerSecond);
    for (const { sender, receiver } of this.#links.values()) {
      receiver.paceChanged();
      sender.paceChanged();
    }
  }

  /** Whether files between two people go over a link. */
  serves(link: Link): boolean {
    return this.#direct.has(link);
  }

  /** @returns whether it was a frame of transfers. @throws ProtocolError. */
  onFrame(link: Link, frame: Frame): boolean {
    if (frame.type === 'control' && frame.control.kind === 'have') this.#onHave(link, frame.control);
    if (frame.type === 'control' && frame.control.kind === 'available') {
      const { offer, file } = frame.control;
      const record = this.#offers.get(offer);
      if (record && isShared(record, file)) {
        this.#goOnIfRight(link, record, file);
        return this.#links.get(link)?.onFrame(frame) ?? true;
      }
      if (!this.#direct.has(link)) return true;
      if (record?.account !== link.account || record.offered?.device !== link.device) return true;
      this.#held.tell(link, record, file);
      // Said without need it costs nothing.
      const [rested, quieted] = [this.#incoming.available(link, offer, file), this.#quiet(offer, file)];
      if (!this.#goOnIfRight(link, record, file) && (rested || quieted)) this.#act(record);
      return true;
    }
    if (frame.type === 'control' && frame.control.kind === 'held') {
      const { offer, file, reason } = frame.control;
      const direct = this.#direct.has(link);
      if (direct && this.#held.heard(link, this.#offers.get(offer), file, reason)) this.events.changed(link.account);
      return true;
    }
    return this.#links.get(link)?.onFrame(frame) ?? false;
  }

  /** Whether what failed was the file at the other end, which is right again. */
  #goOnIfRight(link: Link, { offer, offered, files }: OfferRecord, file: number): boolean {
    if (offered?.device !== link.device || files[file]?.failed !== 'changed') return false;
    this.resume(offer, file).catch((problem: unknown) => this.ports.report(problem));
    return true;
  }

  linkClosed(link: Link): void {
    const transfers = this.#links.get(link);
    this.#links.delete(link);
    if (transfers) this.#sharing.linkClosed(transfers);
    transfers?.close();
    this.#handout.linkClosed(link);
    this.#incoming.linkClosed(link);
    this.#outgoing.linkClosed(link);
    if (this.#direct.delete(link)) this.#directClosed(link);
    this.events.changed(link.account);
  }

  #directClosed(link: Link): void {
    for (const record of this.#offers.ofAccount(link.account)) {
      const { offer, offered, answer } = record;
      const here = offered?.device === this.ports.keys.id;
      const peer = here && answer.kind !== 'waiting' ? answer.by : offered?.device;
      for (const file of offered?.files.keys() ?? []) {
        if (isShared(record, file)) continue;
        const progress = this.#progress.known(offer, file);
        // What the other side said over the link holds no longer; whoever comes back says it again.
        if (!progress) continue;
        const { activity, interrupted } = progress;
        // The last words about it can come only from there.
        const unsettled = activity.kind === 'verifying' && peer === link.device;
        const running = activity.kind === 'running' || unsettled;
        const theirs = activity.kind === 'needs-file' && !activity.mine;
        if (!running && activity.kind !== 'paused-there' && !theirs) continue;
        progress.stopped({ kind: 'idle' });
        progress.interrupted = running || interrupted;
      }
    }
  }

  pause(offer: OfferId, file: number): Promise<void> {
    return this.#wishes.run(async () => {
      const record = this.#offers.get(offer);
      if (!record || !['accepted', 'waiting'].includes(standingOf(record, file))) return;
      void this.#stopStreams(record, file, 'paused');
      await this.#offers.keepFacts(offer, file, { paused: true, ...this.#shown(offer, file) });
    });
  }

  /** This device accepts the offer by a rule: to be said of it. Resolves when that is durable. */
  async markByRule(offer: OfferId): Promise<void> {
    const record = this.#offers.get(offer);
    if (record) await this.#offers.keep({ ...record, byRule: true });
  }

  /** Bytes of everything accepted, by hand or by a rule, that is still to come to this device. */
  bytesToCome(): number {
    return this.#offers.all().reduce((sum, record) => {
      const files = record.offered?.files ?? [];
      const accepted = needsAnswer(record) && record.byRule ? [...files.keys()] : this.#incoming.filesToFetch(record);
      const left = (file: number) => acceptedBytes(record, file) - this.#progress.of(record.offer, file).doneBytes;
      return accepted.reduce((whole, file) => whole + left(file), sum);
    }, 0);
  }

  /** After a pause, or to try again after a failure. */
  resume(offer: OfferId, file: number): Promise<void> {
    return this.#wishes.run(async () => {
      const before = this.#offers.get(offer);
      const { failed, paused } = before ? factsOf(before, file) : {};
      const full = this.#progress.of(offer, file).activity.kind === 'no-space';
      if (!failed && !paused && !full) return;
      await this.#incoming.closed(fileKey(offer, file));
      const begunAnew = failed === 'verification';
      if (begunAnew) {
        await this.ports.blobs.remove(offer, file);
        this.#progress.of(offer, file).doneBytes = 0;
      }
      if (full) this.#progress.of(offer, file).stopped({ kind: 'idle' });
      const record = this.#offers.get(offer); // facts may have come meanwhile
      const facts = { paused: false, ...(begunAnew ? { doneBytes: 0 } : {}) };
      if (record) await this.#offers.keep(withFileFacts(withoutFailure(record, file), file, facts));
      this.provided(offer, file);
    });
  }

  /** Devices that a link is wanted to for what is fetched from several. */
  partners(): ReadonlySet<DeviceId> {
    const { ports } = this;
    return new Set(
      this.#offers.shared().flatMap((record) => {
        const reachable = (device: DeviceId) => ports.mayHave(record.account, device) && ports.online(device);
        const files = this.#incoming.filesToFetch(record).filter((file) => isShared(record, file));
        return [...partnersOf(record, files, ports.keys.id, reachable)];
      }),
    );
  }

  /** A file of a group, or one that is fetched again, as it goes to others now, from where it was offered or from a copy. */
  uploadOf(offer: OfferId, file: number): Upload | undefined {
    return this.#handout.upload(fileKey(offer, file));
  }

  /** The links that a file comes or goes over now. */
  linksOf(offer: OfferId, file: number): Link[] {
    return [...this.#links].flatMap(([link, transfers]) => (transfers.carries(offer, file) ? [link] : []));
  }

  /** Who is in a group, or who has which devices, is different now. */
  accessChanged(): void {
    this.#sharing.review();
    this.#handout.review();
    if (this.#offers.shared().some((record) => this.#incoming.filesToFetch(record).length > 0)) this.#incoming.pump();
  }

  /** The person gave this device access to the file again, or lets it go on: receivers may ask for it. */
  provided(offer: OfferId, file: number): void {
    const record = this.#offers.get(offer);
    if (!record || this.#stopped) return;
    if (record.offered?.device === this.ports.keys.id) {
      // Whatever still reads the file as it was there before would fail, perhaps only now.
      for (const { sender } of this.#links.values()) sender.stop(offer, file, 'busy');
      this.#outgoing.close(offer, file);
      this.#handout.close(fileKey(offer, file));
      this.#quiet(offer, file);
      for (const link of this.#links.keys())
        if (this.ports.mayHave(record.account, link.device)) link.control({ kind: 'available', offer, file });
      if (!record.group) this.#outgoing.bindLater(record.account as AccountId);
    } else this.#quiet(offer, file);
    this.#act(record);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lastWords.stop();
    this.#sharing.stop();
    this.#room.stop();
    this.#stalls.stop();
    for (const transfers of this.#links.values()) transfers.close();
    const outgoing = Promise.all([this.#outgoing.stop(), this.#handout.stop()]);
    await this.#incoming.stopAll();
    this.#links.clear();
    await outgoing;
  }

  #canRun(key: string): boolean {
    const dash = key.lastIndexOf('-');
    const record = this.#offers.get(key.slice(0, dash) as OfferId);
    return (
      record !== undefined && ['accepted', 'paused', 'failed'].includes(standingOf(record, Number(key.slice(dash + 1))))
    );
  }

  #actOn(offer: OfferId): void {
    const record = this.#offers.get(offer);
    if (record) this.#act(record);
  }

  /** Does what a record asks for now; called whenever something about it changed. Safe to call at any time. */
  #act(record: OfferRecord): void {
    if (this.#stopped) return;
    this.#actHere(record);
    this.#incoming.pump();
    this.events.changed(record.account);
  }

  #actHere(record: OfferRecord): void {
    this.#finishEnded(record);
    const { offered, answer } = record;
    if (!offered || answer.kind === 'waiting') return;
    for (const [file, { bundle }] of offered.files.entries())
      if (bundle && standingOf(record, file) !== 'waiting') this.#incoming.answered(record, file);
    if (answer.kind === 'declined') return;
    if (offered.device === this.ports.keys.id && !record.group) this.#outgoing.bind(record);
    for (const file of offered.files.keys()) {
      const again = factsOf(record, file).again === true;
      if (offered.mine && !again) continue;
      if (again || answer.by === this.ports.keys.id) this.#incoming.settle(record, file);
      // Another device of this account was faster.
      else if (this.#incoming.isOpen(fileKey(record.offer, file))) void this.#stopStreams(record, file, 'cancelled');
    }
  }

  #finishEnded(record: OfferRecord): void {
    if (record.deleted) {
      this.kept.erase(record);
      return;
    }
    for (const file of record.offered?.files.keys() ?? []) {
      const standing = standingOf(record, file);
      if (standing === 'cancelled' || standing === 'declined' || standing === 'done')
        this.#finish(record, file, standing);
    }
  }

  #onSending(link: Link, event: SenderEvent): void {
    const record = this.#offers.get(event.offer);
    if (record && Handout.handles(record, event.file)) {
      this.#sharing.moved(fileKey(event.offer, event.file));
      this.#handout.onSending(link, record, event);
    } else {
      this.#outgoing.onSending(link, event);
      this.events.changed(link.account);
    }
  }

  /**
   * Somebody fetches a file of several sources who has just come: whoever has a copy is one of them. Who has all of it wants nothing, and all who
   * have it would wake each other.
   */
  #onHave(link: Link, { offer, file, begin, ranges }: HaveFrame): void {
    const record = this.#offers.get(offer);
    if (!record || !begin || this.#stopped || this.#sharing.has(fileKey(offer, file))) return;
    const [first, end] = ranges[0] ?? [0, 0];
    if (first === 0 && end >= blockCount(record.offered?.files[file]?.size ?? 0)) return;
    if (record.offered?.device === this.ports.keys.id || !this.ports.mayHave(record.account, link.device)) return;
    if (isHere(record, file, this.ports.keys.id))
      this.#incoming.openCopy(record, file).catch((problem: unknown) => this.ports.report(problem));
  }

  #onReceiving(link: Link, event: ReceiverEvent): void {
    if (event.kind === 'stalled') this.events.broken(link, new Error('stalled'));
    else {
      this.#incoming.refused(link, event.offer, event.file, event.reason);
      this.events.changed(link.account);
    }
  }

  #fail(offer: OfferId, file: number, reason: FailureReason | 'no-space'): void {
    const record = this.#offers.get(offer);
    if (!record || this.#stopped) return;
    void this.#stopStreams(record, file, reason === 'no-space' || reason === 'changed' ? reason : 'cancelled');
    if (reason === 'no-space') {
      this.#room.wait(offer, file);
      for (const link of this.#direct) if (!isShared(record, file)) this.#held.tell(link, record, file);
    } else
      this.#offers
        .keepFacts(offer, file, { failed: reason, ...this.#shown(offer, file) })
        .catch((problem: unknown) => this.ports.report(problem));
    this.#incoming.pump();
    this.events.changed(record.account);
  }

  /** Ended for good: lets go of what is open and of copies that nobody needs. */
  #finish(record: OfferRecord, file: number, standing: 'cancelled' | 'declined' | 'done'): void {
    const { offer, offered } = record;
    const key = fileKey(offer, file);
    const letGo = factsOf(record, file).cleared === true && offered?.mine === false;
    // A receipt that is just being written would still make it done: what ends it is decided after that.
    if (this.#lastWords.busy(key)) return;
    const keptOpen = standing === 'done' && this.#incoming.keepOpen(key);
    const open = !keptOpen && (this.#incoming.isOpen(key) || this.#outgoing.isOpen(key));
    const closed = open
      ? this.#stopStreams(record, file, standing === 'done' ? 'done' : 'cancelled')
      : this.#incoming.closed(key);
    this.#outgoing.forget(key);
    const progress = this.#progress.of(offer, file);
    if (progress.activity.kind !== 'idle') progress.stopped({ kind: 'idle' });
    if (standing === 'done') progress.doneBytes = letGo ? 0 : acceptedBytes(record, file);
    else this.#incoming.forget(key);
    // What went across can be fetched again: from here, by whoever may read the conversation.
    if (standing === 'done' || factsOf(record, file).cleared || this.#clearing.has(key)) return;
    this.#clearing.add(key);
    closed
      .then(() => this.ports.blobs.remove(offer, file))
      .then(() => this.#offers.keepFacts(offer, file, { cleared: true }))
      .catch((problem: unknown) => this.ports.report(problem))
      .finally(() => this.#clearing.delete(key));
  }

  /** Stops whatever runs of a file at once; resolves when nothing of it is open any more. Never rejects. */
  #stopStreams({ offer }: OfferRecord, file: number, reason: StopReason): Promise<void> {
    const closed = this.#incoming.stop(offer, file, reason);
    for (const { sender } of this.#links.values()) sender.stop(offer, file, reason);
    this.#outgoing.close(offer, file);
    this.#handout.close(fileKey(offer, file));
    this.#progress.of(offer, file).stopped({ kind: 'idle' });
    return closed;
  }

  /** How far a file that stops here came: a reload does not open it, and must not show less. */
  #shown(offer: OfferId, file: number): { doneBytes?: number } {
    const { doneBytes } = this.#progress.of(offer, file);
    return doneBytes > 0 ? { doneBytes } : {};
  }

  /** Forgets what the other side, or a missing file, held back; says whether anything did. */
  #quiet(offer: OfferId, file: number): boolean {
    const progress = this.#progress.of(offer, file);
    const held = progress.activity.kind === 'needs-file' || progress.activity.kind === 'paused-there';
    if (held) progress.stopped({ kind: 'idle' });
    return held;
  }
}
