/**
 * What becomes of a received file after its receipt: it stays on this device until its person, a limit or the browser removes it, and may be fetched
 * once more from whoever offered it. Known on this device alone: for the other side the file is delivered, once and for all.
 */
import type { OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Serial } from '../feed/serial.ts';
import type { Clock, DeviceKeys } from '../ports.ts';
import {
  factsOf,
  fileKey,
  isReceivedBy,
  withFileFacts,
  withoutFailure,
  type GoneReason,
  type OfferRecord,
} from './offer.ts';
import type { Offers } from './offers.ts';
import type { ProgressBook } from './progress.ts';

export interface KeptPorts {
  clock: Clock;
  keys: DeviceKeys;
  blobs: Blobs;
  offers: Offers;
  progress: ProgressBook;
  /** Takes turns with what is wanted of files. */
  wishes: Serial;
  /** Stops whatever runs of a file; resolves when nothing of it is open. */
  stopStreams(record: OfferRecord, file: number): Promise<void>;
  act(offer: OfferId): void;
  report(problem: unknown): void;
}

export class Kept {
  /** Files that their senders said, since the start, they cannot serve. */
  readonly #refused = new Set<string>();

  constructor(private readonly ports: KeptPorts) {}

  /** Removes a received file from this device; one that is not here as a whole stays as it is. Rejects as the storage does. */
  clear(offer: OfferId, file: number, why: Exclude<GoneReason, 'lost'>): Promise<void> {
    return this.ports.wishes.run(async () => {
      if (!this.isHere(offer, file)) return;
      // First the word, then the bytes: a crash in between leaves bytes that are removed later, and shows no file that is not here.
      await this.ports.offers.keepFacts(offer, file, { gone: why, usedAt: undefined });
      const record = this.ports.offers.get(offer);
      if (record) await this.ports.stopStreams(record, file);
      await this.ports.blobs.remove(offer, file);
    });
  }

  /** The bytes of a received file are found to be missing. */
  lost(offer: OfferId, file: number): Promise<void> {
    return this.ports.wishes.run(async () => {
      if (this.isHere(offer, file)) await this.ports.offers.keepFacts(offer, file, { gone: 'lost', usedAt: undefined });
    });
  }

  /** The file was saved or opened: of what its person has seen there may be another copy. */
  async used(offer: OfferId, file: number): Promise<void> {
    if (this.isHere(offer, file)) await this.ports.offers.keepFacts(offer, file, { usedAt: this.ports.clock.now() });
  }

  /** Fetches a file that is gone once more; it is said when its sender cannot serve it. */
  fetchAgain(offer: OfferId, file: number): Promise<void> {
    return this.ports.wishes.run(async () => {
      const record = this.ports.offers.get(offer);
      if (!record || !isReceivedBy(this.ports.keys.id, record, file) || !factsOf(record, file).gone) return;
      this.#refused.delete(fileKey(offer, file));
      await this.ports.stopStreams(record, file);
      // Whatever is left of it, hashes among it, would pass for what is not there.
      await this.ports.blobs.remove(offer, file);
      const progress = this.ports.progress.of(offer, file);
      progress.doneBytes = 0;
      const wanted = { again: true, paused: false, doneBytes: 0, unlisted: false };
      await this.ports.offers.keep(withFileFacts(withoutFailure(record, file), file, wanted));
      this.ports.act(offer);
    });
  }

  /** The person does not want it once more after all. Says whether that was what it was about. */
  async giveUp(offer: OfferId, file: number): Promise<boolean> {
    const before = this.ports.offers.get(offer);
    if (!before || !factsOf(before, file).again) return false;
    await this.ports.wishes.run(async () => {
      const record = this.ports.offers.get(offer);
      if (!record || !factsOf(record, file).again) return;
      await this.ports.stopStreams(record, file);
      await this.ports.offers.keep(withFileFacts(withoutFailure(record, file), file, { again: false, paused: false }));
      await this.ports.blobs.remove(offer, file);
      this.ports.act(offer);
    });
    return true;
  }

  /** Its sender cannot serve it: it is not asked again until the person wants that. */
  async refused(offer: OfferId, file: number): Promise<void> {
    this.#refused.add(fileKey(offer, file));
    try {
      await this.giveUp(offer, file);
    } catch (problem) {
      this.ports.report(problem); // it is asked once more at the next start
    }
  }

  wasRefused(offer: OfferId, file: number): boolean {
    return this.#refused.has(fileKey(offer, file));
  }

  /** All of it was fetched, and is what was received before. */
  async restored(offer: OfferId, file: number): Promise<void> {
    try {
      await this.ports.offers.keepFacts(offer, file, { again: false, gone: undefined });
      this.ports.act(offer);
    } catch (problem) {
      this.ports.report(problem); // at the next start it is looked up, and found whole, again
    }
  }

  /** Whether a received file is on this device, as far as is known. */
  isHere(offer: OfferId, file: number): boolean {
    const record = this.ports.offers.get(offer);
    return (
      record !== undefined && isReceivedBy(this.ports.keys.id, record, file) && factsOf(record, file).gone === undefined
    );
  }
}
