/** One file made to wait by its person, or let go on: after a pause, after a failure, or because this device can read it again. */
import type { AccountId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Serial } from '../feed/serial.ts';
import type { Link } from '../links/link.ts';
import type { DeviceKeys } from '../ports.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { Decisions } from './decisions.ts';
import type { Endings } from './endings.ts';
import type { Handout } from './handout.ts';
import type { Incoming } from './incoming.ts';
import { factsOf, fileKey, standingOf, withFileFacts, withoutFailure, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { Outgoing } from './outgoing.ts';
import type { ProgressBook } from './progress.ts';

export interface PausingPorts {
  keys: DeviceKeys;
  blobs: Blobs;
  offers: Offers;
  progress: ProgressBook;
  /** Takes turns with what else is wanted of files. */
  wishes: Serial;
  links: ReadonlyMap<Link, LinkTransfers>;
  incoming: Incoming;
  outgoing: Outgoing;
  handout: Handout;
  endings: Endings;
  decisions: Decisions;
  mayHave(record: OfferRecord, device: Link['device']): boolean;
}

export class Pausing {
  #stopped = false;

  constructor(private readonly ports: PausingPorts) {}

  /** Resolves when that is durable. */
  pause(offer: OfferId, file: number): Promise<void> {
    const { endings, offers, progress, wishes } = this.ports;
    return wishes.run(async () => {
      const record = offers.get(offer);
      if (!record || !['accepted', 'waiting'].includes(standingOf(record, file))) return;
      void endings.stopStreams(record, file, 'paused');
      await offers.keepFacts(offer, file, { paused: true, ...progress.of(offer, file).kept() });
    });
  }

  /** After a pause, or to try again after a failure. */
  resume(offer: OfferId, file: number): Promise<void> {
    const { blobs, incoming, offers, progress, wishes } = this.ports;
    return wishes.run(async () => {
      const before = offers.get(offer);
      const { failed, paused } = before ? factsOf(before, file) : {};
      const full = progress.of(offer, file).activity.kind === 'no-space';
      if (!failed && !paused && !full) return;
      await incoming.closed(fileKey(offer, file));
      const begunAnew = failed === 'verification' || failed === 'differs';
      if (begunAnew) {
        await blobs.remove(offer, file);
        progress.of(offer, file).doneBytes = 0;
      }
      if (full) progress.of(offer, file).stopped({ kind: 'idle' });
      const record = offers.get(offer); // facts may have come meanwhile
      const facts = { paused: false, ...(begunAnew ? { doneBytes: 0 } : {}) };
      if (record) await offers.keep(withFileFacts(withoutFailure(record, file), file, facts));
      this.provided(offer, file);
    });
  }

  /** The person gave this device access to the file again, or lets it go on: receivers may ask for it. */
  provided(offer: OfferId, file: number): void {
    const { handout, links, outgoing } = this.ports;
    const record = this.ports.offers.get(offer);
    if (!record || this.#stopped) return;
    const progress = this.ports.progress.of(offer, file);
    if (record.offered?.device === this.ports.keys.id) {
      // Whatever still reads the file as it was there before would fail, perhaps only now.
      for (const { sender } of links.values()) sender.stop(offer, file, 'busy');
      outgoing.close(offer, file);
      handout.close(fileKey(offer, file));
      progress.release();
      for (const link of links.keys())
        if (this.ports.mayHave(record, link.device)) link.control({ kind: 'available', offer, file });
      if (!record.group) outgoing.bindLater(record.account as AccountId);
    } else progress.release();
    this.ports.decisions.act(record);
  }

  stop(): void {
    this.#stopped = true;
  }
}
