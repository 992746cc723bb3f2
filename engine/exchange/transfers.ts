/**
 * Offers of files and their transfers: facts from the feeds become records, and records decide what is fetched (`incoming.ts`) and served
 * (`outgoing.ts`, `handout.ts`) over which link, and what is let go of. All of it that others may ask for is here; who does what stands in
 * `transfers-parts.ts`.
 *
 * Invariants 1 and 2: a file is done for the sender when the receipt is in the feed, for the receiver when every block was committed and the
 * root is the one that the sender bound the file to; only then is the receipt written.
 */
import type { Frame } from '../../protocol/frame.ts';
import type { AccountId, ChatId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Link } from '../links/link.ts';
import type { Ranges } from '../transfer/blocks.ts';
import type { Kept } from './kept.ts';
import { factsOf, fileKey, type FactSource, type OfferPayload, type OfferRecord } from './offer.ts';
import type { Progress } from './progress.ts';
import type { Direction, Move } from './queue.ts';
import type { Together } from './together.ts';
import { build, type TransfersParts } from './transfers-parts.ts';
import type { SpeedLimits, TransfersEvents, TransfersPorts } from './transfers-ports.ts';
import type { Upload } from './upload.ts';

export class Transfers {
  readonly together: Together;
  /** What is kept of received files, let go of, and fetched again. */
  readonly kept: Kept;
  readonly #parts: TransfersParts;
  #stopped = false;

  constructor(
    private readonly ports: TransfersPorts,
    events: TransfersEvents,
  ) {
    this.#parts = build(ports, events);
    this.together = this.#parts.together;
    this.kept = this.#parts.kept;
  }

  /** Reads the records. Facts may be added afterwards, and `begin` called when those that a crash left over were. */
  async load(): Promise<void> {
    await this.#parts.offers.load();
    await this.#parts.queue.load();
  }

  begin(): void {
    const { endings, incoming, offers, outgoing } = this.#parts;
    for (const record of offers.all()) {
      endings.finishEnded(record);
      incoming.lookUp(record);
      outgoing.lookUp(record).catch((problem: unknown) => this.ports.report(problem));
    }
    this.kept.begin();
  }

  get(offer: OfferId): OfferRecord | undefined {
    return this.#parts.offers.get(offer);
  }

  all(): OfferRecord[] {
    return this.#parts.offers.all();
  }

  progressOf(offer: OfferId, file: number): Progress {
    return this.#parts.progress.of(offer, file);
  }

  /** Blocks of a received file that are had, as far as it was opened since the start. */
  haveRanges(offer: OfferId, file: number): Ranges {
    return this.#parts.incoming.haveRanges(offer, file);
  }

  /** Blocks of a sent bundle that came through, as far as they were sent since the start. */
  arrivedRanges(offer: OfferId, file: number): Ranges {
    return this.#parts.outgoing.arrivedRanges(fileKey(offer, file));
  }

  /** Fetches the manifest of a bundle before it is answered, to choose from: `haveRanges` then covers its blocks. */
  fetchManifest(offer: OfferId, file: number): void {
    const record = this.#parts.offers.get(offer);
    if (!record || this.#stopped) return;
    this.#parts.incoming.fetchManifest(record, file);
    this.#parts.decisions.act(record);
  }

  /** Whether a manifest is still being fetched. */
  fetchingManifest(offer: OfferId, file: number): boolean {
    return this.#parts.incoming.fetchingManifest(offer, file);
  }

  /** How long nothing moved of a file that should, in milliseconds; undefined when it does, or need not. */
  stalledMs(record: OfferRecord, file: number): number | undefined {
    return this.#parts.stalls.stalledMs(record, file);
  }

  /** The person may have made room on a disk that was full. */
  lookForRoom(): void {
    this.#parts.room.check();
  }

  /** Whether anything is to be moved between this device and that one. */
  busyWith(account: AccountId, device: DeviceId): boolean {
    return this.#parts.demand.busyWith(account, device);
  }

  /** Files that wait for their turn though the other side is connected, first in line first. */
  line(direction: Direction): { offer: OfferId; file: number }[] {
    return this.#parts.lines.line(direction);
  }

  /** Whether an accepted file waits for its turn, here or at its sender, and for nothing else. */
  inLine(record: OfferRecord, file: number): boolean {
    return this.#parts.lines.inLine(record, file);
  }

  /** Changes the place of a waiting file in its line; resolves when that is durable. */
  move(offer: OfferId, file: number, move: Move): Promise<void> {
    return this.#parts.lines.move(offer, file, move);
  }

  /** Files at a time in each direction, over all links. */
  setAtOnce(files: number): void {
    this.#parts.lines.setAtOnce(files);
  }

  /** Takes a fact into the record of its offer and acts on it; resolves when it is durable. Facts come one after the other. */
  async addFact(
    account: ChatId,
    conversation: ConversationId,
    payload: OfferPayload,
    source: FactSource,
    how: { knocked?: boolean; inGroup?: boolean } = {},
  ): Promise<void> {
    const { decisions, offers } = this.#parts;
    const news = await offers.add(account, conversation, payload, source, how);
    const record = offers.get(payload.offer);
    if (payload.kind === 'receipt' && source.device === this.ports.keys.id && record)
      if (factsOf(record, payload.file).again)
        await offers.keepFacts(payload.offer, payload.file, {
          again: false,
          cleared: false,
          gone: undefined,
        });
    if (news) decisions.actOn(payload.offer);
  }

  /** @param direct whether a pinned key says whose device it is: files between two people go over no other link. */
  linkOpened(link: Link, direct: boolean): void {
    this.#parts.traffic.linkOpened(link, direct);
  }

  linkClosed(link: Link): void {
    this.#parts.traffic.linkClosed(link);
  }

  /** As `Traffic.setSpeedLimits`. @throws RangeError unless over 0. */
  setSpeedLimits(limits: SpeedLimits): void {
    this.#parts.traffic.setSpeedLimits(limits);
  }

  /** Whether files between two people go over a link. */
  serves(link: Link): boolean {
    return this.#parts.traffic.serves(link);
  }

  /** @returns whether it was a frame of transfers. @throws ProtocolError. */
  onFrame(link: Link, frame: Frame): boolean {
    return this.#parts.traffic.onFrame(link, frame);
  }

  pause(offer: OfferId, file: number): Promise<void> {
    return this.#parts.pausing.pause(offer, file);
  }

  /** This device accepts the offer by a rule: to be said of it. Resolves when that is durable. */
  async markByRule(offer: OfferId): Promise<void> {
    const record = this.#parts.offers.get(offer);
    if (record) await this.#parts.offers.keep({ ...record, byRule: true });
  }

  /** This device fetches an offer of a group without asking. Resolves when that is durable. */
  async markUnasked(offer: OfferId, unaskedAt: number): Promise<void> {
    const record = this.#parts.offers.get(offer);
    if (record) await this.#parts.offers.keep({ ...record, unaskedAt });
  }

  /** Bytes of everything accepted, by hand or by a rule, that is still to come to this device. */
  bytesToCome(): number {
    return this.#parts.demand.bytesToCome();
  }

  /** After a pause, or to try again after a failure. */
  resume(offer: OfferId, file: number): Promise<void> {
    return this.#parts.pausing.resume(offer, file);
  }

  /** Devices that a link is wanted to for what is fetched from several. */
  partners(): ReadonlySet<DeviceId> {
    return this.#parts.demand.partners();
  }

  /** A file of a group, or one that is fetched again, as it goes to others now, from where it was offered or from a copy. */
  uploadOf(offer: OfferId, file: number): Upload | undefined {
    return this.#parts.handout.upload(fileKey(offer, file));
  }

  /** The links that a file comes or goes over now. */
  linksOf(offer: OfferId, file: number): Link[] {
    return this.#parts.traffic.linksOf(offer, file);
  }

  /** Who is in a group, or who has which devices, is different now. */
  accessChanged(): void {
    const { handout, incoming, offers, sharing } = this.#parts;
    sharing.review();
    handout.review();
    if (offers.shared().some((record) => incoming.filesToFetch(record).length > 0)) incoming.pump();
  }

  /** The person gave this device access to the file again, or lets it go on: receivers may ask for it. */
  provided(offer: OfferId, file: number): void {
    this.#parts.pausing.provided(offer, file);
  }

  async stop(): Promise<void> {
    const { decisions, endings, handout, incoming, lastWords, outgoing, pausing, room, sharing, stalls, traffic } =
      this.#parts;
    this.#stopped = true;
    for (const part of [decisions, endings, pausing, lastWords, sharing, room, stalls]) part.stop();
    traffic.close();
    const closed = Promise.all([outgoing.stop(), handout.stop()]);
    await incoming.stopAll();
    this.#parts.links.clear();
    await closed;
  }
}
