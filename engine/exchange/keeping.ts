/** What this device keeps of files that came: removed when its person wants the room, fetched once more when they want the file. */
import type { Payload } from '../../protocol/entry.ts';
import type { ConversationId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Serial } from '../feed/serial.ts';
import type { DeviceKeys } from '../ports.ts';
import { isHere } from './copies.ts';
import { factsOf, fileKey, standingOf, withFileFacts, withoutFailure, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { ProgressBook } from './progress.ts';

export interface KeepingPorts {
  keys: DeviceKeys;
  blobs: Blobs;
  offers: Offers;
  progress: ProgressBook;
  /** Takes turns with what else is wanted of single files. */
  wishes: Serial;
  /** Resolves when the entry is durable and taken into its record. */
  append(conversation: ConversationId, payload: Payload): Promise<void>;
  /** Resolves when nothing of the file is being closed. */
  closed(key: string): Promise<void>;
  /** Stops whatever reads or writes the file here; resolves when nothing of it is open. */
  close(record: OfferRecord, file: number): Promise<void>;
  act(offer: OfferId): void;
}

export class Keeping {
  constructor(private readonly ports: KeepingPorts) {}

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
      await offers.keep(withFileFacts(withoutFailure(record, file), file, { again: true, paused: false }));
      this.ports.act(offer);
    });
  }

  /** Removes what this device has of a file, and says so to the others; it can be fetched again. Resolves when it is gone. */
  letGo(offer: OfferId, file: number): Promise<void> {
    const { keys, blobs, offers, progress, wishes } = this.ports;
    return wishes.run(async () => {
      const record = offers.get(offer);
      if (!record || record.offered?.device === keys.id) return;
      const { again = false, doneBytes } = factsOf(record, file);
      const here = isHere(record, file, keys.id);
      const begun = record.group === true && (doneBytes !== undefined || standingOf(record, file) === 'accepted');
      if (!here && !again && !begun) return;
      // Nothing begins anew meanwhile.
      await offers.keepFacts(offer, file, record.group ? { paused: true } : { again: false, cleared: true });
      await this.ports.close(record, file);
      if (here || record.group) await this.ports.append(record.conversation, { kind: 'cancel', offer, file });
      await blobs.remove(offer, file);
      progress.of(offer, file).doneBytes = 0;
      await offers.keepFacts(offer, file, { cleared: true, doneBytes: 0 });
      this.ports.act(offer);
    });
  }
}
