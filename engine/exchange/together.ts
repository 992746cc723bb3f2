/** What a person wants of all files at once: each record is written once, however many of its files it is about. */
import type { OfferId } from '../../protocol/ids.ts';
import type { Serial } from '../feed/serial.ts';
import { factsOf, standingOf, withFileFacts, type FileFacts, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';

export interface TogetherPorts {
  offers: Offers;
  /** Takes turns with what is wanted of single files. */
  wishes: Serial;
  /** Whether this device moves the file, once it is accepted. */
  moves(record: OfferRecord): boolean;
  /** Whether this device offered it in a group, and it goes to members now. */
  goesOut(record: OfferRecord, file: number): boolean;
  /** Whether it waits for room on the disk. */
  isFull(offer: OfferId, file: number): boolean;
  stopStreams(record: OfferRecord, file: number): void;
  resume(offer: OfferId, file: number): Promise<void>;
}

export class Together {
  constructor(private readonly ports: TogetherPorts) {}

  /** All that runs or waits for its turn; resolves when that is durable. */
  pause(): Promise<void> {
    return this.ports.wishes.run(async () => {
      const is = (record: OfferRecord, file: number) =>
        this.ports.goesOut(record, file) || (this.ports.moves(record) && standingOf(record, file) === 'accepted');
      const { found, kept } = this.#keep(is, { paused: true });
      // Only when all are known to be paused: each place that gets free would be taken at once.
      for (const [record, file] of found) this.ports.stopStreams(record, file);
      await kept;
    });
  }

  /** All that this person paused, or that a full disk did. What failed is left to be looked at. */
  async resume(): Promise<void> {
    for (const { offer, offered } of this.ports.offers.all())
      for (const file of offered?.files.keys() ?? []) {
        const record = this.ports.offers.get(offer);
        if (record && (standingOf(record, file) === 'paused' || this.ports.isFull(offer, file)))
          await this.ports.resume(offer, file);
      }
  }

  /** Leaves finished files out of the list of transfers from now on; nothing else of them changes. */
  unlistFinished(): Promise<void> {
    const is = (record: OfferRecord, file: number) => {
      const { gone, unlisted } = factsOf(record, file);
      const standing = standingOf(record, file);
      // A file of a group that was removed here is waiting to be fetched again.
      return (standing === 'done' || (standing === 'waiting' && gone !== undefined)) && unlisted !== true;
    };
    return this.#keep(is, { unlisted: true }).kept;
  }

  #keep(
    is: (record: OfferRecord, file: number) => boolean,
    facts: FileFacts,
  ): { found: [OfferRecord, number][]; kept: Promise<void> } {
    const found: [OfferRecord, number][] = [];
    const kept: Promise<void>[] = [];
    for (const record of this.ports.offers.all()) {
      const files = [...(record.offered?.files.keys() ?? [])].filter((file) => is(record, file));
      if (files.length === 0) continue;
      found.push(...files.map((file): [OfferRecord, number] => [record, file]));
      kept.push(this.ports.offers.keep(files.reduce((after, file) => withFileFacts(after, file, facts), record)));
    }
    return { found, kept: Promise.all(kept).then(() => undefined) };
  }
}
