/**
 * What a device gets that asks for a file which stays: one offered in a group, or one between two people that went across before and is wanted
 * again. It comes from the source, when this device offered it, or from the copy that this device fetched.
 */
import type { Payload } from '../../protocol/entry.ts';
import type { OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import { Serial } from '../feed/serial.ts';
import type { Link } from '../links/link.ts';
import { SourceError, type Clock, type DeviceKeys, type Hashes } from '../ports.ts';
import { blockCount } from '../transfer/blocks.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import { OfferedBlob } from '../transfer/offered-blob.ts';
import type { Found } from '../transfer/sender.ts';
import type { SenderEvent, StopReason } from '../transfer/transfer-events.ts';
import { mayHandOn } from './copies.ts';
import type { LastWords } from './last-words.ts';
import { factsOf, fileKey, fileOf, standingOf, type FailureReason, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { ProgressBook } from './progress.ts';
import type { Sharing } from './sharing.ts';
import { Upload } from './upload.ts';
import type { UploadPlaces } from './upload-places.ts';

/** A source that nobody reads any more is closed: a browser opens only so many files. */
const idleMs = 60_000;

export interface HandoutPorts {
  clock: Clock;
  hashes: Hashes;
  keys: DeviceKeys;
  blobs: Blobs;
  offers: Offers;
  links: ReadonlyMap<Link, LinkTransfers>;
  progress: ProgressBook;
  sharing: Sharing;
  places: UploadPlaces;
  lastWords: LastWords;
  mayHave(record: OfferRecord, device: Link['device']): boolean;
  /** Looks again at what a record asks for. */
  act(offer: OfferId): void;
  /** Opens the copy that is here, for others. */
  openCopy(record: OfferRecord, file: number): Promise<void>;
  fail(offer: OfferId, file: number, reason: FailureReason): void;
  changed(account: OfferRecord['account']): void;
  report(problem: unknown): void;
}

interface Source {
  blob: Promise<OfferedBlob>;
  usedAt: number;
}

export class Handout {
  readonly #sources = new Map<string, Source>();
  /** What goes out now, from the source or from a copy. */
  readonly #uploads = new Map<string, Upload>();
  /** One root at a time: each may have to be read for. */
  readonly #binding = new Serial();
  /** Files that cannot be read to say their root, until all of one is hashed anyway. */
  readonly #unread = new Set<string>();
  #cancelWatch: (() => void) | undefined;
  #stopped = false;

  constructor(private readonly ports: HandoutPorts) {}

  /** Whether the file goes this way, and not from one device to one that accepted it. */
  static handles(record: OfferRecord, file: number): boolean {
    return record.group === true || factsOf(record, file).again === true || standingOf(record, file) === 'done';
  }

  async find(link: Link, record: OfferRecord, file: number): Promise<Found> {
    const { offer, offered } = record;
    const described = offered?.files[file];
    if (!described || this.#stopped || !this.ports.mayHave(record, link.device))
      return { kind: 'refused', reason: 'cancelled' };
    const key = fileKey(offer, file);
    const own = offered.device === this.ports.keys.id;
    const standing = standingOf(record, file);
    if (own && standing === 'cancelled') return { kind: 'refused', reason: 'cancelled' };
    if (own && standing === 'paused') return { kind: 'refused', reason: 'paused' };
    if (!own && !this.ports.sharing.has(key) && !mayHandOn(record, file, this.ports.keys.id)) return unavailable;
    // Before anything is opened: whoever goes, or stops, while it opens gives the place back.
    const queued = { key, at: offered.at, file, leftBytes: described.size };
    if (!this.ports.places.take(link, queued)) return { kind: 'refused', reason: 'busy' };
    this.#uploadOf(key).moved(this.ports.clock.now(), link, 0);
    const found = own ? await this.#source(record, file, described.size) : await this.#copy(link, record, file);
    const wanted = this.ports.links.has(link) && this.ports.mayHave(record, link.device);
    if (found.kind === 'blob' && wanted) return found;
    this.ports.places.leave(link, key);
    this.#left(link, key);
    return found.kind === 'refused' ? found : { kind: 'refused', reason: 'cancelled' };
  }

  async #source(record: OfferRecord, file: number, sizeBytes: number): Promise<Found> {
    const opening = this.#open(record, file, sizeBytes);
    try {
      return { kind: 'blob', blob: await opening };
    } catch (problem) {
      return { kind: 'refused', reason: this.#sourceFailed(record, file, problem, opening) };
    }
  }

  async #copy({ device }: Link, record: OfferRecord, file: number): Promise<Found> {
    const key = fileKey(record.offer, file);
    if (!this.ports.sharing.has(key)) await this.ports.openCopy(record, file);
    return this.ports.sharing.find(key, device) ?? unavailable;
  }

  /** The file as it goes to others now; undefined when it goes to nobody. */
  upload(key: string): Upload | undefined {
    return this.#uploads.get(key);
  }

  onSending(link: Link, record: OfferRecord, event: SenderEvent): void {
    const { file } = event;
    const key = fileKey(record.offer, file);
    const source = this.#sources.get(key);
    if (source) {
      source.usedAt = this.ports.clock.now();
      if (isUnbound(record, file)) this.#bindIfHashed(record, file, source.blob);
    }
    if (event.kind === 'progress') {
      this.#uploadOf(key).moved(this.ports.clock.now(), link, event.movedBytes);
      this.ports.changed(record.account);
    }
    if (event.kind !== 'stopped') return;
    this.ports.places.leave(link, key);
    this.#left(link, key);
    if (source && event.by === 'me' && (event.reason === 'changed' || event.reason === 'unavailable'))
      this.#sourceFailed(record, file, new SourceError(event.reason === 'changed' ? 'changed' : 'gone'), source.blob);
    this.ports.changed(record.account);
  }

  /**
   * Binds files that this device offered in a group to their roots, so that all who have one can tell whether they got the same: once all of it
   * is hashed or somebody has it, for which it is read again when its leaves are lost.
   */
  bind(record: OfferRecord): void {
    if (record.offered?.device !== this.ports.keys.id) return;
    for (const file of record.offered.files.keys()) {
      const had = (factsOf(record, file).holders ?? []).length > 0;
      if (had && isUnbound(record, file) && !this.#unread.has(fileKey(record.offer, file)))
        this.#bindRoot(record, file);
    }
  }

  /** Who may have what is different now: nobody else is sent anything more. */
  review(): void {
    for (const [link, { sender }] of this.ports.links)
      for (const [key, { links }] of [...this.#uploads]) {
        const { offer, file } = fileOf(key);
        const record = this.ports.offers.get(offer);
        if (record && links.has(link) && !this.ports.mayHave(record, link.device))
          sender.stop(offer, file, 'cancelled');
      }
  }

  linkClosed(link: Link): void {
    for (const key of [...this.#uploads.keys()]) this.#left(link, key);
  }

  close(key: string): void {
    const source = this.#sources.get(key);
    this.#sources.delete(key);
    this.#uploads.delete(key);
    source?.blob.then(
      (blob) => blob.close(),
      () => undefined, // it never opened
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelWatch?.();
    const opening = [...this.#sources.values()].map(({ blob }) => blob);
    for (const key of [...this.#sources.keys()]) this.close(key);
    await Promise.allSettled(opening);
  }

  #uploadOf(key: string): Upload {
    const upload = this.#uploads.get(key) ?? new Upload();
    this.#uploads.set(key, upload);
    return upload;
  }

  #left(link: Link, key: string): void {
    const upload = this.#uploads.get(key);
    upload?.left(link);
    if (upload?.takers === 0) this.#uploads.delete(key);
  }

  #open(record: OfferRecord, file: number, sizeBytes: number): Promise<OfferedBlob> {
    const { offer, offered } = record;
    const key = fileKey(offer, file);
    const usedAt = this.ports.clock.now();
    const there = this.#sources.get(key);
    if (there) {
      there.usedAt = usedAt;
      return there.blob;
    }
    const blob = this.ports.blobs
      .openSource(offer, file, sizeBytes, offered?.files[file]?.modifiedAt)
      .then((source) => {
        const opened = new OfferedBlob(offer, file, source, this.ports.hashes);
        if (record.group) opened.accept([[0, blockCount(sizeBytes)]]);
        return opened;
      });
    this.#sources.set(key, { blob, usedAt });
    if (isUnbound(record, file)) this.#bindIfHashed(record, file, blob);
    blob.then(
      () => {
        const progress = this.ports.progress.of(offer, file);
        if (progress.activity.kind === 'needs-file') progress.stopped({ kind: 'idle' });
      },
      () => undefined, // told to whoever asked
    );
    this.#watchLater();
    return blob;
  }

  #bindIfHashed(record: OfferRecord, file: number, opening: Promise<OfferedBlob>): void {
    opening.then(
      (blob) => {
        if (blob.hashed) this.#bindRoot(record, file);
      },
      () => undefined, // told to whoever asked
    );
  }

  #bindRoot({ offer, conversation }: OfferRecord, file: number): void {
    const make = () => this.#binding.run(() => this.#closing(offer, file));
    this.ports.lastWords.say(fileKey(offer, file), conversation, make, () => this.ports.act(offer));
  }

  async #closing(offer: OfferId, file: number): Promise<Payload | undefined> {
    const record = this.ports.offers.get(offer);
    const described = record?.offered?.files[file];
    if (!record || !described || this.#stopped || !isUnbound(record, file)) return undefined;
    const key = fileKey(offer, file);
    try {
      const blob = await this.#open(record, file, described.size);
      const root = await blob.root();
      this.#unread.delete(key);
      return { kind: 'close', offer, file, root };
    } catch (problem) {
      // Nobody waits for it: its person is asked for the file when somebody wants it.
      if (!(problem instanceof SourceError)) this.ports.report(problem);
      this.#unread.add(key);
      return undefined;
    } finally {
      if (!this.#uploads.has(key)) this.close(key);
    }
  }

  /** @param opening the source that failed: one that was opened since is not touched. */
  #sourceFailed(record: OfferRecord, file: number, problem: unknown, opening: Promise<OfferedBlob>): StopReason {
    const { offer } = record;
    const key = fileKey(offer, file);
    if (!(problem instanceof SourceError)) this.ports.report(problem);
    if (this.#sources.get(key)?.blob !== opening) return 'busy';
    this.close(key);
    const changed = problem instanceof SourceError && problem.kind !== 'gone';
    // Between two people it is done for both: nothing is wrong when it cannot be had again.
    if (record.group && changed) this.ports.fail(offer, file, 'changed');
    else if (record.group) this.ports.progress.of(offer, file).stopped({ kind: 'needs-file', mine: true });
    this.ports.changed(record.account);
    return changed ? 'changed' : 'unavailable';
  }

  #watchLater(): void {
    if (this.#stopped || this.#sources.size === 0) return;
    this.#cancelWatch ??= this.ports.clock.after(idleMs, () => {
      this.#cancelWatch = undefined;
      const now = this.ports.clock.now();
      for (const [key, { usedAt }] of [...this.#sources]) if (now - usedAt >= idleMs) this.close(key);
      this.#watchLater();
    });
  }
}

/** Offered in a group, and not withdrawn before its root was known. */
const isUnbound = (record: OfferRecord, file: number): boolean => {
  const { root, cancelledBy } = factsOf(record, file);
  return record.group === true && !root && !cancelledBy;
};

const unavailable: Found = { kind: 'refused', reason: 'unavailable' };
