/**
 * Files that this device accepted: opened a few at a time (`queue.ts`), fetched over whatever link leads to the device that has them, or to
 * several that do (`sharing.ts`), and acknowledged by the receipt when every block is committed and the root is the one that the sender bound
 * the file to (invariants 1 and 2). A file that several fetch stays open for the others for a while (`open-copies.ts`).
 */
import { equalBytes } from '../../protocol/bytes.ts';
import type { ChatId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Link } from '../links/link.ts';
import type { Clock, DeviceKeys, Hashes } from '../ports.ts';
import type { Ranges } from '../transfer/blocks.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { IncomingEvent, StopReason } from '../transfer/transfer-events.ts';
import { isOther } from './agreement.ts';
import { Downloads, quietMs, type Download } from './downloads.ts';
import type { LastWords } from './last-words.ts';
import { factsOf, fileKey, standingOf, type FailureReason, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import { OpenCopies } from './open-copies.ts';
import { OpenFiles, type OpenFile } from './open-files.ts';
import type { ProgressBook } from './progress.ts';
import { Rests } from './rests.ts';
import type { Sharing } from './sharing.ts';
import type { Stalls } from './stalls.ts';
import type { TransferQueue } from './transfer-queue.ts';

export interface IncomingPorts {
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
  sharing: Sharing;
  signKeyOf(conversation: ConversationId, device: DeviceId): string | undefined;
  /** Ends the file here: for good, or until there is room. */
  fail(offer: OfferId, file: number, reason: FailureReason | 'no-space'): void;
  act(offer: OfferId): void;
  changed(account: ChatId): void;
  report(problem: unknown): void;
}

/** Until its person lets it go on. */
const stopped = (record: OfferRecord, file: number): boolean => ['paused', 'failed'].includes(standingOf(record, file));

export class Incoming {
  readonly #files: OpenFiles;
  readonly #rests: Rests;
  readonly #downloads: Downloads;
  readonly #copies: OpenCopies;
  /** Bundles whose manifest is asked for before they are answered. */
  readonly #manifests = new Set<string>();
  #stopped = false;

  constructor(private readonly ports: IncomingPorts) {
    this.#files = new OpenFiles({
      ...ports,
      told: (open, event) => this.#onEvent(open, event),
      failed: (open, reason) => this.#failed(open, reason),
    });
    this.#rests = new Rests({ ...ports, over: () => this.pump() });
    const known = { ...ports, files: this.#files, rests: this.#rests, manifests: this.#manifests };
    this.#downloads = new Downloads(known);
    this.#copies = new OpenCopies(known);
  }

  isOpen(key: string): boolean {
    return this.#files.get(key) !== undefined;
  }

  /** Resolves when nothing of the file is being closed. */
  closed(key: string): Promise<void> {
    return this.#files.closed(key);
  }

  /** Files of an offer that this device accepted and has not got, and bundles whose manifest it asked for. */
  filesToFetch(record: OfferRecord): number[] {
    return this.#downloads.filesToFetch(record);
  }

  /** Asks for the manifest of a bundle that is not answered yet, to choose from it. */
  fetchManifest(record: OfferRecord, file: number): void {
    const key = fileKey(record.offer, file);
    if (standingOf(record, file) !== 'waiting' || this.#manifests.has(key)) return;
    if (!record.offered?.files[file]?.bundle || record.offered.mine) return;
    this.#manifests.add(key);
    this.#files.open(record, file);
  }

  /** The offer was answered: what was opened for its manifest alone is closed. */
  answered({ offer }: OfferRecord, file: number): void {
    const key = fileKey(offer, file);
    this.#manifests.delete(key);
    if (this.#files.get(key)?.manifestOnly) void this.stop(offer, file, 'paused');
  }

  /** Blocks of a file that are had, verified and durable, as far as it was opened since the start. */
  haveRanges(offer: OfferId, file: number): Ranges {
    return this.#files.haveRanges(fileKey(offer, file));
  }

  /** Whether the manifest of a bundle is being asked for before the answer. */
  fetchingManifest(offer: OfferId, file: number): boolean {
    return this.#manifests.has(fileKey(offer, file));
  }

  /** Nothing is kept of a file that ended without being received. */
  forget(key: string): void {
    this.#files.forget(key);
    this.#manifests.delete(key);
  }

  /** Looks up what there is of files that were begun, so that what is shown after a reload is what is there. */
  lookUp(record: OfferRecord): void {
    const { offered, answer } = record;
    for (const file of this.filesToFetch(record))
      if (factsOf(record, file).doneBytes !== undefined) this.#files.open(record, file);
    if (offered?.mine !== false || answer.kind !== 'accepted' || answer.by !== this.ports.keys.id) return;
    // Of a bundle that does not go on by itself it is shown which files are whole.
    for (const [file, { bundle }] of offered.files.entries())
      if (bundle && stopped(record, file) && factsOf(record, file).doneBytes !== undefined)
        this.#lookInto(record, file);
  }

  #lookInto(record: OfferRecord, file: number): void {
    const { offer, account } = record;
    this.#files.open(record, file).blob.then(
      () => {
        const now = this.ports.offers.get(offer);
        if (!now || !stopped(now, file)) return; // it goes on
        return this.stop(offer, file, 'paused').then(() => this.ports.changed(account));
      },
      () => undefined, // the failure was taken up where it was opened
    );
  }

  /** Fetches what this device accepted from whoever is connected, a few files at a time, in the order of the line. */
  pump(): void {
    if (this.#stopped) return;
    for (const manifest of this.#downloads.manifests()) this.#begin(manifest);
    const running = this.#downloads.running();
    if (running.length >= this.ports.queue.atOnce) return;
    const line = this.line().filter(({ from, key }) => !from || this.#rests.mayAsk(from.link, key));
    for (;;) {
      const next = this.ports.queue.next(line, running);
      if (!next) return;
      line.splice(line.indexOf(next), 1);
      running.push(next);
      if (next.from) this.#rests.asked(next.from.link, next.key);
      this.#begin(next);
    }
  }

  /** Files that are not fetched though their sender is connected, in order. */
  line(): Download[] {
    return this.#downloads.line();
  }

  /** Whether a file of this sender would have to wait for its turn, here or there. */
  full(link: Link): boolean {
    return this.#rests.isBusy(link) || this.#downloads.running().length >= this.ports.queue.atOnce;
  }

  /** The sender ended a stream. Asking again at once would go round in circles. */
  refused(link: Link, offer: OfferId, file: number, reason: StopReason): void {
    const key = fileKey(offer, file);
    const open = this.#files.get(key);
    if (open?.shared) return; // its other sources go on
    open?.fetchedBy.delete(link);
    if (open) open.turnedAway = reason === 'busy';
    const progress = this.ports.progress.of(offer, file);
    if (reason === 'unavailable') progress.stopped({ kind: 'needs-file', mine: false });
    else if (reason === 'paused') progress.stopped({ kind: 'paused-there', reason });
    else if (reason === 'changed' && open) this.#failed(open, 'changed');
    else if (reason === 'too-slow') {
      progress.stopped({ kind: 'too-slow' });
      this.#rests.tooSlow(link, key);
    } else {
      progress.stopped({ kind: 'idle' });
      if (reason === 'busy') this.#rests.busy(link);
      else this.#rests.refused(link, key);
    }
    this.pump();
  }

  /** The sender says that it can serve a file again, or that its turn has come. @returns whether it was left alone. */
  available(link: Link, offer: OfferId, file: number): boolean {
    return this.#rests.available(link, fileKey(offer, file));
  }

  linkClosed(link: Link): void {
    for (const { fetchedBy } of this.#files.all()) fetchedBy.delete(link);
    this.#rests.linkClosed(link);
  }

  /** Both roots are there: the receipt can be written, or the file is not what its sender says. */
  settle(record: OfferRecord, file: number): void {
    const { offer, conversation } = record;
    const { root } = factsOf(record, file);
    const open = this.#files.get(fileKey(offer, file));
    const got = open?.root;
    if (!got || open.manifestOnly || standingOf(record, file) !== 'accepted') return;
    // In a group the leaves that the offering device signed are enough: it need not be there any more.
    if (!root && !record.group) return;
    if (root && !record.group && !equalBytes(root, got)) this.ports.fail(offer, file, 'verification');
    else if (isOther(record, file, got)) this.ports.fail(offer, file, 'differs');
    else
      this.ports.lastWords.say(
        fileKey(offer, file),
        conversation,
        () => Promise.resolve({ kind: 'receipt', offer, file, root: got }),
        () => this.ports.act(offer),
      );
  }

  /** Stops fetching at once; resolves when the file is closed. Never rejects. */
  stop(offer: OfferId, file: number, reason: StopReason): Promise<void> {
    return this.#files.stop(offer, file, reason);
  }

  async stopAll(): Promise<void> {
    this.#stopped = true;
    this.#copies.stop();
    this.#rests.stop();
    await this.#files.stopAll();
  }

  /** A file that is whole now goes on to others, if it is one that several fetch. @returns whether it stays open for that. */
  keepOpen(key: string): boolean {
    return this.#copies.keepOpen(key);
  }

  /** Opens a file that is here whole, for others who lack it. */
  openCopy(record: OfferRecord, file: number): Promise<void> {
    return this.#copies.open(record, file);
  }

  /** Nothing of a file that several fetch came or went for so long. */
  quiet(offer: OfferId, file: number, forMs: number): void {
    const record = this.ports.offers.get(offer);
    const open = this.#files.get(fileKey(offer, file));
    if (!record || !open) return;
    if (open.copy) {
      this.#copies.quiet(open, forMs);
      return;
    }
    const progress = this.ports.progress.of(offer, file);
    if (forMs < quietMs || progress.activity.kind !== 'running') return;
    progress.stopped({ kind: 'idle' });
    this.pump();
    this.ports.changed(record.account);
  }

  #begin({ from, record, file }: Download): void {
    if (from) this.#fetch(from.link, from.transfers, record, file);
    else this.#share(record, file);
  }

  #share(record: OfferRecord, file: number): void {
    const { offer, account } = record;
    const open = this.#files.open(record, file);
    open.shared = true;
    open.blob.then(
      (blob) => {
        if (this.#files.get(fileKey(offer, file)) !== open || blob.state.kind !== 'running') return;
        // Whether anybody who is linked has any of it shows when something comes.
        this.ports.sharing.begin(record, file, blob);
        this.ports.changed(account);
      },
      () => undefined, // the failure was taken up where it was opened
    );
  }

  #fetch(link: Link, transfers: LinkTransfers, record: OfferRecord, file: number): void {
    const { offer, account } = record;
    const open = this.#files.open(record, file);
    open.fetchedBy.add(link);
    open.blob.then(
      (blob) => {
        // Stopped, or the link closed, while it opened.
        if (this.#files.get(fileKey(offer, file)) !== open || !open.fetchedBy.has(link)) return;
        if (open.root && !open.manifestOnly && standingOf(record, file) === 'accepted') {
          // All of it came before the link was cut; its sender has still to bind it to its root.
          this.ports.progress.of(offer, file).stopped({ kind: 'verifying' });
          this.ports.changed(account);
        }
        if (blob.state.kind !== 'running') return;
        if (!open.manifestOnly) {
          if (!open.turnedAway) this.ports.progress.of(offer, file).begun();
          this.ports.stalls.moved(account);
        }
        transfers.receiver.fetch(blob);
        this.ports.changed(account);
      },
      () => undefined, // the failure was taken up where it was opened
    );
  }

  #onEvent(open: OpenFile, event: IncomingEvent): void {
    const { offer, file } = open;
    const record = this.ports.offers.get(offer);
    if (!record) return;
    const progress = this.ports.progress.of(offer, file);
    if (open.manifestOnly && event.kind === 'progress') return;
    if (open.copy) {
      if (event.kind === 'failed') void this.stop(offer, file, 'unavailable');
      return;
    }
    switch (event.kind) {
      case 'progress':
        if (open.turnedAway && open.fetchedBy.size > 0) {
          open.turnedAway = false;
          progress.begun();
        }
        if (open.shared && event.movedBytes > open.movedBytes) {
          this.ports.sharing.moved(fileKey(offer, file));
          if (progress.activity.kind === 'idle') progress.begun();
        }
        open.movedBytes = event.movedBytes;
        progress.doneBytes = event.doneBytes;
        progress.moved(this.ports.clock.now(), event.movedBytes);
        this.ports.stalls.moved(record.account);
        break;
      case 'bad-block':
        this.ports.report(new Error(`block ${event.block} did not have its hash`));
        break;
      case 'failed':
        this.#failed(open, event.reason);
        return;
      case 'complete':
        open.root = event.root;
        if (open.manifestOnly) {
          this.answered(record, file);
          break;
        }
        this.#rests.came(fileKey(offer, file));
        // Cut off from its sender, nobody is there whose word could be awaited.
        progress.stopped({ kind: open.shared || open.fetchedBy.size > 0 ? 'verifying' : 'idle' });
        this.settle(record, file);
        this.pump();
        break;
    }
    this.ports.changed(record.account);
  }

  /** A manifest that cannot be had is no failure of the file: it may be asked for again, or the bundle accepted as a whole. */
  #failed(open: OpenFile, reason: FailureReason | 'no-space'): void {
    const { offer, file } = open;
    if (open.copy) return; // nothing of what its person has is worse for it
    if (!open.manifestOnly) {
      this.ports.fail(offer, file, reason);
      return;
    }
    const record = this.ports.offers.get(offer);
    if (!record) return;
    this.answered(record, file);
    this.ports.changed(record.account);
  }
}
