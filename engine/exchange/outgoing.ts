/**
 * Files that this device offered: opened when somebody wants them, bound to their root once all of them was hashed (the `close` entry, which
 * opens the way to the receipt).
 */
import type { AccountId, ChatId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Link } from '../links/link.ts';
import { SourceError, type Clock, type DeviceKeys, type Hashes } from '../ports.ts';
import { BlockSet } from '../transfer/block-set.ts';
import type { Ranges } from '../transfer/blocks.ts';
import { OfferedBlob } from '../transfer/offered-blob.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { Found } from '../transfer/sender.ts';
import type { SenderEvent, StopReason } from '../transfer/transfer-events.ts';
import type { LastWords } from './last-words.ts';
import {
  acceptedBlocks,
  acceptedBytes,
  factsOf,
  fileKey,
  standingOf,
  withoutFailure,
  type FailureReason,
  type OfferRecord,
} from './offer.ts';
import type { Offers } from './offers.ts';
import type { ProgressBook } from './progress.ts';
import type { Stalls } from './stalls.ts';
import type { Queued } from './queue.ts';
import type { TransferQueue } from './transfer-queue.ts';
import { UploadPlaces, type Upload } from './upload-places.ts';

export interface OutgoingPorts {
  clock: Clock;
  hashes: Hashes;
  keys: DeviceKeys;
  blobs: Blobs;
  offers: Offers;
  progress: ProgressBook;
  lastWords: LastWords;
  stalls: Stalls;
  queue: TransferQueue;
  links: ReadonlyMap<Link, LinkTransfers>;
  /** Whether files between two people go over the link. */
  isDirect(link: Link): boolean;
  fail(offer: OfferId, file: number, reason: FailureReason): void;
  /** Looks again at what a record asks for. */
  act(offer: OfferId): void;
  changed(account: ChatId): void;
  report(problem: unknown): void;
}

/** How often the progress of a sent file is written down, so that a reload does not show less. */
const keepProgressMs = 500;
/** A receiver that lacks anything has asked for it by then. */
const bindAfterMs = 3000;

export class Outgoing {
  readonly #open = new Map<string, Promise<OfferedBlob>>();
  readonly #keptAt = new Map<string, number>();
  /** Of bundles: blocks that came through and were not asked for again, since this device started. */
  readonly #arrived = new Map<string, BlockSet>();
  readonly #binding = new Map<AccountId, () => void>();
  readonly places: UploadPlaces;
  #stopped = false;

  constructor(private readonly ports: OutgoingPorts) {
    this.places = new UploadPlaces({ ...ports, waiting: () => this.#waiting() });
  }

  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  /** After a start: whoever has to choose a file again is told now, and not only when somebody asks for it. */
  async lookUp(record: OfferRecord): Promise<void> {
    const { offer, offered } = record;
    if (offered?.device !== this.ports.keys.id || record.group) return;
    for (const file of offered.files.keys()) {
      if (!this.#stillNeeded(offer, file) || (await this.ports.blobs.hasSource(offer, file))) continue;
      // It may have been chosen, asked for or cancelled meanwhile.
      if (!this.#stopped && this.#stillNeeded(offer, file)) this.#needsFile(offer, file);
    }
  }

  /** Whether bytes, or the root, of a file at rest are still owed to somebody, or may be. */
  #stillNeeded(offer: OfferId, file: number): boolean {
    const record = this.ports.offers.get(offer);
    if (!record || this.isOpen(fileKey(offer, file))) return false;
    if (this.ports.progress.of(offer, file).activity.kind !== 'idle') return false;
    const standing = standingOf(record, file);
    if (standing === 'waiting') return true;
    return standing === 'accepted' && (this.#unbound(record, file) || this.#queued(record, file).leftBytes > 0);
  }

  /** Whether the other end of this link may have a file, and where it is. */
  async find(link: Link, offer: OfferId, file: number): Promise<Found> {
    const record = this.ports.offers.get(offer);
    const offered = record?.offered?.files[file];
    if (!record || !offered || record.account !== link.account || record.offered?.device !== this.ports.keys.id)
      return { kind: 'refused', reason: 'cancelled' };
    const standing = standingOf(record, file);
    if (standing === 'paused') return { kind: 'refused', reason: 'paused' };
    if (standing === 'failed') {
      const changed = factsOf(record, file).failed === 'changed';
      if (!changed || !offered.bundle) return { kind: 'refused', reason: changed ? 'changed' : 'unavailable' };
      // What was changed of it may be as it was again, and the rest can be had in any case.
      await this.ports.offers.keep(withoutFailure(record, file));
      if (!this.ports.links.has(link)) return { kind: 'refused', reason: 'cancelled' };
      return this.find(link, offer, file);
    }
    if (standing === 'cancelled' || standing === 'declined') return { kind: 'refused', reason: 'cancelled' };
    // A manifest to choose from stands in no line.
    const manifestOnly = record.answer.kind === 'waiting' && offered.bundle !== undefined;
    if (!manifestOnly && !this.places.take(link, this.#queued(record, file)))
      return { kind: 'refused', reason: 'busy' };
    const opening = this.#openBlob(offer, file, offered.size);
    try {
      const blob = await opening;
      this.#accept(blob);
      return { kind: 'blob', blob };
    } catch (problem) {
      return { kind: 'refused', reason: this.#sourceFailed(offer, file, problem, opening) };
    }
  }

  /** Binds the files of an accepted offer that are known to be hashed whole. */
  bind(record: OfferRecord): void {
    record.offered?.files.forEach((offered, file) => {
      if (!this.#unbound(record, file)) return;
      const { kind } = this.ports.progress.of(record.offer, file).activity;
      if (kind !== 'idle' && kind !== 'verifying') return; // of a file that is gone it would fail again, and again
      if (offered.size === 0) this.#bindRoot(record.offer, file);
      // Somebody whose answer comes only now may have asked before.
      else if (begun(record, file) || this.isOpen(fileKey(record.offer, file)))
        this.#bindIfHashed(record.offer, file, offered.size);
    });
  }

  /**
   * Soon after a link opened, or a source is there again: whatever was begun and is not asked for any more is whole on the other side, though
   * this one may have crashed before it knew. What was not hashed, or forgotten, is read for it.
   */
  bindLater(account: AccountId): void {
    if (this.#stopped || this.#binding.has(account)) return;
    const cancel = this.ports.clock.after(bindAfterMs, () => {
      this.#binding.delete(account);
      for (const record of this.ports.offers.ofAccount(account)) {
        if (record.offered?.device !== this.ports.keys.id || record.answer.kind !== 'accepted') continue;
        for (const file of record.offered.files.keys()) {
          const idle = this.ports.progress.of(record.offer, file).activity.kind === 'idle';
          if (idle && begun(record, file) && this.#unbound(record, file)) this.#bindRoot(record.offer, file);
        }
      }
    });
    this.#binding.set(account, cancel);
  }

  /** A receiver for which a file failed because of this side may not know that it can be had again. */
  tellAvailable(link: Link): void {
    for (const record of this.ports.offers.ofAccount(link.account)) {
      const { offer, offered, answer } = record;
      if (offered?.device !== this.ports.keys.id || answer.kind !== 'accepted' || answer.by !== link.device) continue;
      for (const file of offered.files.keys())
        if (begun(record, file) && standingOf(record, file) === 'accepted')
          link.control({ kind: 'available', offer, file });
    }
  }

  /** Files that are not sent though somebody who wants them is connected, in order. */
  line(): Upload[] {
    return this.ports.queue.inOrder(this.#waiting());
  }

  /** Whether a file to this receiver would have to wait for its turn here. */
  full(link: Link): boolean {
    return this.places.full(link);
  }

  /** The order of the line, or how many places there are, is another one. */
  queueChanged(): void {
    this.places.invite();
  }

  linkClosed(link: Link): void {
    this.places.linkClosed(link);
  }

  onSending(link: Link, event: SenderEvent): void {
    const { offer, file } = event;
    if (event.kind === 'sent' || event.kind === 'stopped') this.places.leave(link, fileKey(offer, file));
    const record = this.ports.offers.get(offer);
    if (record?.answer.kind !== 'accepted') {
      // A manifest to choose from, or the answer is still on its way: then this is all that tells later that it was begun.
      if (record && !begun(record, file))
        this.ports.offers
          .keepFacts(offer, file, { doneBytes: 0 })
          .catch((problem: unknown) => this.ports.report(problem));
      return;
    }
    const progress = this.ports.progress.of(offer, file);
    switch (event.kind) {
      case 'asked':
        for (const [first, end] of event.ranges) this.#arrived.get(fileKey(offer, file))?.delete(first, end);
        break;
      case 'progress': {
        if (record.offered?.files[file]?.bundle) this.#noteArrived(fileKey(offer, file), event.arrived);
        progress.begun();
        progress.moved(this.ports.clock.now(), event.movedBytes);
        this.#moved(offer);
        const leftOutBytes = (record.offered?.files[file]?.size ?? 0) - acceptedBytes(record, file);
        this.#keepProgress(offer, file, event.doneBytes - leftOutBytes);
        break;
      }
      case 'sent':
        progress.stopped({ kind: 'verifying' });
        this.#bindRoot(offer, file);
        break;
      case 'stopped':
        this.#stoppedSending(offer, file, event.by, event.reason);
    }
  }

  close(offer: OfferId, file: number): void {
    const key = fileKey(offer, file);
    const opening = this.#open.get(key);
    this.#open.delete(key);
    opening?.then(
      (blob) => blob.close(),
      () => undefined, // it never opened
    );
  }

  /** Blocks of a bundle that came through, as far as they were sent since the start. */
  arrivedRanges(key: string): Ranges {
    return this.#arrived.get(key)?.ranges() ?? [];
  }

  /** Nothing is kept of a file that ended. */
  forget(key: string): void {
    this.#keptAt.delete(key);
    this.#arrived.delete(key);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#binding.values()) cancel();
    this.#binding.clear();
    this.places.stop();
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const opening of all)
      await opening.then(
        (blob) => blob.close(),
        () => undefined, // a source that did not open is closed
      );
  }

  #waiting(): Upload[] {
    const all: Upload[] = [];
    for (const link of this.ports.links.keys()) {
      if (!this.ports.isDirect(link)) continue;
      for (const record of this.ports.offers.ofAccount(link.account)) {
        const { offer, offered, answer } = record;
        if (offered?.device !== this.ports.keys.id || answer.kind !== 'accepted' || answer.by !== link.device) continue;
        for (const file of offered.files.keys()) {
          const idle = this.ports.progress.of(offer, file).activity.kind === 'idle';
          if (!idle || standingOf(record, file) !== 'accepted') continue;
          const queued = this.#queued(record, file);
          // One that was sent before, or read for another reason, is bound already though its turn is still to come.
          if (this.#unbound(record, file) || queued.leftBytes > 0) all.push({ link, offer, ...queued });
        }
      }
    }
    return all;
  }

  #queued(record: OfferRecord, file: number): Queued {
    const { offer, offered } = record;
    const leftBytes = acceptedBytes(record, file) - this.ports.progress.of(offer, file).doneBytes;
    return { key: fileKey(offer, file), at: offered?.at ?? 0, file, leftBytes };
  }

  #unbound(record: OfferRecord, file: number): boolean {
    return standingOf(record, file) === 'accepted' && !factsOf(record, file).root;
  }

  #bindIfHashed(offer: OfferId, file: number, sizeBytes: number): void {
    this.#openBlob(offer, file, sizeBytes).then(
      (blob) => {
        if (this.#accept(blob) && blob.hashed) this.#bindRoot(offer, file);
      },
      () => undefined, // a source that is gone is noticed, and said, when it is wanted
    );
  }

  #bindRoot(offer: OfferId, file: number): void {
    const record = this.ports.offers.get(offer);
    const sizeBytes = record?.offered?.files[file]?.size;
    if (!record || sizeBytes === undefined || factsOf(record, file).root) return;
    const make = async () => {
      const opening = this.#openBlob(offer, file, sizeBytes);
      try {
        const blob = await opening;
        if (!this.#accept(blob)) return undefined;
        const root = await blob.root();
        return { kind: 'close', offer, file, root } as const;
      } catch (problem) {
        this.#sourceFailed(offer, file, problem, opening);
        return undefined;
      }
    };
    this.ports.lastWords.say(fileKey(offer, file), record.conversation, make, () => this.ports.act(offer));
  }

  /** Tells the blob what of it was accepted; false while nobody answered. */
  #accept(blob: OfferedBlob): boolean {
    const record = this.ports.offers.get(blob.offer);
    if (record?.answer.kind !== 'accepted') return false;
    blob.accept(acceptedBlocks(record, blob.file));
    return true;
  }

  #openBlob(offer: OfferId, file: number, sizeBytes: number): Promise<OfferedBlob> {
    if (this.#stopped) return Promise.reject(new SourceError('gone'));
    const key = fileKey(offer, file);
    const there = this.#open.get(key);
    if (there) return there;
    const opening = this.ports.blobs
      .openSource(offer, file, sizeBytes, this.ports.offers.get(offer)?.offered?.files[file]?.modifiedAt)
      .then((source) => new OfferedBlob(offer, file, source, this.ports.hashes));
    this.#open.set(key, opening);
    return opening;
  }

  /** @param opening the source that failed: one that was opened since, or given up on purpose, is not touched. */
  #sourceFailed(offer: OfferId, file: number, problem: unknown, opening: Promise<OfferedBlob>): StopReason {
    if (!(problem instanceof SourceError)) this.ports.report(problem);
    const changed = problem instanceof SourceError && problem.kind !== 'gone';
    if (this.#open.get(fileKey(offer, file)) !== opening) return 'busy';
    this.close(offer, file);
    if (changed) this.ports.fail(offer, file, 'changed');
    else this.#needsFile(offer, file);
    return changed ? 'changed' : 'unavailable';
  }

  #needsFile(offer: OfferId, file: number): void {
    this.ports.progress.of(offer, file).stopped({ kind: 'needs-file', mine: true });
    const account = this.ports.offers.get(offer)?.account;
    if (account) this.ports.changed(account);
  }

  #stoppedSending(offer: OfferId, file: number, by: 'peer' | 'me', reason: StopReason): void {
    const progress = this.ports.progress.of(offer, file);
    if (reason === 'done') {
      progress.stopped({ kind: 'verifying' });
      this.#bindRoot(offer, file);
    } else if (by === 'peer' && (reason === 'paused' || reason === 'no-space'))
      progress.stopped({ kind: 'paused-there', reason });
    else if (by === 'me' && reason === 'changed') this.ports.fail(offer, file, 'changed');
    else if (by === 'me' && reason === 'unavailable') {
      this.close(offer, file);
      this.#needsFile(offer, file);
    } else if (progress.activity.kind !== 'needs-file') progress.stopped({ kind: 'idle' });
  }

  #noteArrived(key: string, blocks: Ranges): void {
    const arrived = this.#arrived.get(key) ?? new BlockSet();
    this.#arrived.set(key, arrived);
    for (const [first, end] of blocks) arrived.add(first, end);
  }

  #moved(offer: OfferId): void {
    const record = this.ports.offers.get(offer);
    if (record) this.ports.stalls.moved(record.account);
  }

  /** Shown only after it is written down, so that a reload never shows less. */
  #keepProgress(offer: OfferId, file: number, doneBytes: number): void {
    const key = fileKey(offer, file);
    const record = this.ports.offers.get(offer);
    const now = this.ports.clock.now();
    // A clock that was set back must not stop it.
    const justKept = Math.abs(now - (this.#keptAt.get(key) ?? -Infinity)) < keepProgressMs;
    if (!record || justKept || doneBytes <= (factsOf(record, file).doneBytes ?? -1)) return;
    this.#keptAt.set(key, now);
    this.ports.offers.keepFacts(offer, file, { doneBytes }).then(
      () => {
        const progress = this.ports.progress.of(offer, file);
        progress.doneBytes = Math.max(progress.doneBytes, doneBytes);
        this.ports.changed(record.account);
      },
      (problem: unknown) => this.ports.report(problem),
    );
  }
}

/** A receiver asked for it at some time: the first progress of a file is written down. */
const begun = (record: OfferRecord, file: number): boolean => factsOf(record, file).doneBytes !== undefined;
