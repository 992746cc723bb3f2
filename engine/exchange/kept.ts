/**
 * What this device keeps of files. What came stays until its person, a limit or the browser removes it, and may be fetched once more, from whoever
 * has it. That it came is not undone by that: for whoever offered it, it is delivered once and for all. Of what was sent from here a copy may
 * be left, which can go once it went across.
 */
import type { Payload } from '../../protocol/entry.ts';
import type { ChatId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Serial } from '../feed/serial.ts';
import type { Clock, DeviceKeys } from '../ports.ts';
import { holdersOf, isHere } from './copies.ts';
import { deletedOffer } from './deleted-offer.ts';
import {
  factsOf,
  fileKey,
  standingOf,
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
  /** Takes turns with what else is wanted of single files. */
  wishes: Serial;
  /** Resolves when the entry is durable and taken into its record; to false when this device may not write there. */
  append(conversation: ConversationId, payload: Payload): Promise<boolean>;
  /** Resolves when nothing of the file is being closed. */
  closed(key: string): Promise<void>;
  /** Stops whatever reads or writes the file here; resolves when nothing of it is open. */
  close(record: OfferRecord, file: number): Promise<void>;
  /** Whether a device is of somebody else in this group, now; each is of one that this person is not in any more. */
  isOthers(group: ChatId, device: DeviceId): boolean;
  /** Whether the file goes to anybody now. */
  goesOut(offer: OfferId, file: number): boolean;
  act(offer: OfferId): void;
  report(problem: unknown): void;
}

export class Kept {
  readonly #erasing = new Set<OfferId>();

  constructor(private readonly ports: KeptPorts) {}

  /** Whether a received file is on this device, as far as is known. */
  isHere(offer: OfferId, file: number): boolean {
    const record = this.ports.offers.get(offer);
    return record !== undefined && isHere(record, file, this.ports.keys.id);
  }

  /** Removes a received file from this device; one that is not here as a whole stays as it is. Rejects as the storage does. */
  clear(offer: OfferId, file: number, why: GoneReason): Promise<void> {
    return this.ports.wishes.run(async () => {
      if (this.isHere(offer, file)) await this.#letGo(offer, file, why);
    });
  }

  /** The bytes of a received file are found to be missing. */
  lost(offer: OfferId, file: number): Promise<void> {
    return this.clear(offer, file, 'lost');
  }

  /**
   * An offer was deleted by the person who made it, with the entry of `device`; others may have offered something of their own under its id. Resolves
   * when that is durable: then nobody is handed anything of it, and its bytes go.
   */
  async deleted(conversation: ConversationId, device: DeviceId, offer: OfferId): Promise<void> {
    const record = this.ports.offers.get(offer);
    if (record?.conversation !== conversation || record.offered?.device !== device) return;
    await this.ports.offers.keep(deletedOffer(record));
    this.ports.act(offer);
  }

  /** Stops what moves of a deleted offer, and removes what this device has of it, as far as that was not done. */
  erase(record: OfferRecord): void {
    const { blobs, offers, progress, wishes } = this.ports;
    const { offer } = record;
    const left = [...record.files.keys()].filter((file) => !factsOf(record, file).cleared);
    if (left.length === 0 || this.#erasing.has(offer)) return;
    this.#erasing.add(offer);
    const closed = Promise.all(left.map((file) => this.ports.close(record, file)));
    wishes
      .run(async () => {
        await closed;
        for (const file of left) {
          await blobs.erase(offer, file);
          progress.of(offer, file).doneBytes = 0;
          await offers.keepFacts(offer, file, { cleared: true });
        }
      })
      .catch((problem: unknown) => this.ports.report(problem))
      .finally(() => this.#erasing.delete(offer));
  }

  /**
   * Whether a file that this device offered went across: between two people when it is done, in a group when somebody else who is in it says that
   * they have it.
   */
  isSpare(offer: OfferId, file: number): boolean {
    const record = this.ports.offers.get(offer);
    if (record?.offered?.device !== this.ports.keys.id || this.ports.goesOut(offer, file)) return false;
    if (!record.group) return standingOf(record, file) === 'done';
    return holdersOf(factsOf(record, file)).some((device) => this.ports.isOthers(record.account, device));
  }

  /**
   * Whether a spare copy may go though nobody said so. A receipt between two people is held against the file; in a group it is the word of one
   * member, who can say so of anything: of a pasted file the copy may be all that there is.
   */
  async mayGo(offer: OfferId, file: number): Promise<boolean> {
    const record = this.ports.offers.get(offer);
    const described = record?.offered?.files[file];
    if (!described || !this.isSpare(offer, file)) return false;
    return !record.group || this.ports.blobs.hasOriginal(offer, file, described.size, described.modifiedAt);
  }

  /** Removes the copy of a sent file that is spare; it can be sent once more where its original can be read. Rejects as the storage does. */
  clearCopy(offer: OfferId, file: number): Promise<void> {
    return this.ports.wishes.run(async () => {
      const record = this.ports.offers.get(offer);
      if (!record || !this.isSpare(offer, file)) return;
      await this.ports.close(record, file);
      await this.ports.blobs.removeCopy(offer, file);
    });
  }

  /** Removes what this device has of a file, whole or begun, and says so to the others; it can be fetched again. Resolves when it is gone. */
  letGo(offer: OfferId, file: number): Promise<void> {
    return this.ports.wishes.run(() => this.#letGo(offer, file, 'cleared'));
  }

  /** Takes up what a crash cut short, or the storage refused, when files of groups were let go of. */
  begin(): void {
    for (const record of this.ports.offers.shared())
      for (const file of record.offered?.files.keys() ?? [])
        if (this.#isHalfGone(record, file))
          this.complete(record.offer, file).catch((problem: unknown) => this.ports.report(problem));
  }

  /** Lets go of the rest of a file that was let go of in part. Resolves when it is gone. */
  complete(offer: OfferId, file: number): Promise<void> {
    return this.ports.wishes.run(async () => {
      const record = this.ports.offers.get(offer);
      if (record && this.#isHalfGone(record, file)) await this.#remove(record, file, this.#isUntold(record, file));
    });
  }

  /** The file was saved or opened: of what its person has seen there may be another copy. */
  async used(offer: OfferId, file: number): Promise<void> {
    if (this.isHere(offer, file)) await this.ports.offers.keepFacts(offer, file, { usedAt: this.ports.clock.now() });
  }

  /**
   * Fetches a file between two people that was here once more, or on another device of this account, for this device alone. Resolves when that is
   * durable. In a group an `answer` does it.
   */
  fetchAgain(offer: OfferId, file: number): Promise<void> {
    const { keys, offers, progress, wishes } = this.ports;
    return wishes.run(async () => {
      const record = offers.get(offer);
      if (!record || record.group || standingOf(record, file) !== 'done' || isHere(record, file, keys.id)) return;
      await this.ports.closed(fileKey(offer, file));
      progress.of(offer, file).doneBytes = 0;
      const wanted = { again: true, paused: false, unlisted: false };
      await offers.keep(withFileFacts(withoutFailure(record, file), file, wanted));
      this.ports.act(offer);
    });
  }

  /** Of a file in a group: the others were not told, or were told, and its bytes may be here. */
  #isHalfGone(record: OfferRecord, file: number): boolean {
    if (!record.group || record.offered?.device === this.ports.keys.id) return false;
    const { cleared } = factsOf(record, file);
    return this.#isUntold(record, file) || (standingOf(record, file) === 'waiting' && cleared === false);
  }

  #isUntold(record: OfferRecord, file: number): boolean {
    const { gone, unwanted } = factsOf(record, file);
    return unwanted === true || (gone !== undefined && standingOf(record, file) === 'done');
  }

  async #letGo(offer: OfferId, file: number, why: GoneReason): Promise<void> {
    const { keys, offers } = this.ports;
    const record = offers.get(offer);
    if (!record || record.offered?.device === keys.id) return;
    const { again = false, doneBytes, gone } = factsOf(record, file);
    const here = isHere(record, file, keys.id);
    const begun = record.group === true && (doneBytes !== undefined || standingOf(record, file) === 'accepted');
    if (!here && !again && !begun) return;
    // First the word, then the bytes: a crash in between leaves bytes that are removed later, and shows no file that is not here.
    const word = { gone: here ? why : gone, usedAt: undefined };
    const stopped = { paused: false, ...(record.group ? { unwanted: true } : { again: false, cleared: true }) };
    await offers.keep(withFileFacts(withoutFailure(record, file), file, { ...word, ...stopped }));
    await this.#remove(record, file, here || record.group === true);
  }

  /** @param said whether the others are to be told. */
  async #remove(record: OfferRecord, file: number, said: boolean): Promise<void> {
    const { blobs, offers, progress } = this.ports;
    const { offer } = record;
    await this.ports.close(record, file);
    try {
      if (said) await this.ports.append(record.conversation, { kind: 'cancel', offer, file });
    } finally {
      // A disk that is too full for the word is made room on all the same; it is said at the next start.
      await blobs.remove(offer, file);
      progress.of(offer, file).doneBytes = 0;
      await offers.keepFacts(offer, file, { usedAt: undefined, cleared: true, doneBytes: 0 });
      this.ports.act(offer);
    }
  }
}
