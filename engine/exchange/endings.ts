/**
 * How files end here, for a while or for good: what runs of them is stopped, what failed is written down, and bytes that nobody needs any more
 * are removed.
 */
import type { ChatId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Link } from '../links/link.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { StopReason } from '../transfer/transfer-events.ts';
import { agreementOn } from './agreement.ts';
import { isShared } from './copies.ts';
import type { Handout } from './handout.ts';
import type { Held } from './held.ts';
import type { Incoming } from './incoming.ts';
import type { LastWords } from './last-words.ts';
import { acceptedBytes, factsOf, fileKey, standingOf, type FailureReason, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { Outgoing } from './outgoing.ts';
import type { ProgressBook } from './progress.ts';
import type { Room } from './room.ts';

export interface EndingsPorts {
  blobs: Blobs;
  offers: Offers;
  progress: ProgressBook;
  lastWords: LastWords;
  room: Room;
  held: Held;
  links: ReadonlyMap<Link, LinkTransfers>;
  /** Links that files between two people go over. */
  direct: ReadonlySet<Link>;
  incoming: Incoming;
  outgoing: Outgoing;
  handout: Handout;
  /** Removes what this device has of an offer that was deleted. */
  erase(record: OfferRecord): void;
  changed(account: ChatId): void;
  report(problem: unknown): void;
}

export class Endings {
  /** Files whose bytes are being removed. */
  readonly #clearing = new Set<string>();
  #stopped = false;

  constructor(private readonly ports: EndingsPorts) {}

  /** The file fails, or waits until there is room. */
  fail(offer: OfferId, file: number, reason: FailureReason | 'no-space'): void {
    const { direct, held, incoming, offers, progress, room } = this.ports;
    const record = offers.get(offer);
    if (!record || this.#stopped) return;
    void this.stopStreams(record, file, reason === 'no-space' || reason === 'changed' ? reason : 'cancelled');
    if (reason === 'no-space') {
      room.wait(offer, file);
      for (const link of direct) if (!isShared(record, file)) held.tell(link, record, file);
    } else
      offers
        .keepFacts(offer, file, { failed: reason, ...progress.of(offer, file).kept() })
        .catch((problem: unknown) => this.ports.report(problem));
    incoming.pump();
    this.ports.changed(record.account);
  }

  /** Lets go of what is open of files that ended for good, and of copies of them that nobody needs. */
  finishEnded(record: OfferRecord): void {
    if (record.deleted) {
      this.ports.erase(record);
      return;
    }
    for (const file of record.offered?.files.keys() ?? []) {
      const standing = standingOf(record, file);
      if (standing === 'cancelled' || standing === 'declined' || standing === 'done')
        this.#finish(record, file, standing);
    }
  }

  #finish(record: OfferRecord, file: number, standing: 'cancelled' | 'declined' | 'done'): void {
    const { blobs, incoming, offers, outgoing } = this.ports;
    const { offer, offered } = record;
    const key = fileKey(offer, file);
    const letGo = factsOf(record, file).cleared === true && offered?.mine === false;
    // A receipt that is just being written would still make it done: what ends it is decided after that.
    if (this.ports.lastWords.busy(key)) return;
    const handedOn = standing === 'done' && agreementOn(record, file) !== 'differs';
    const keptOpen = handedOn && incoming.keepOpen(key);
    const open = !keptOpen && (incoming.isOpen(key) || outgoing.isOpen(key));
    const closed = open
      ? this.stopStreams(record, file, standing === 'done' ? 'done' : 'cancelled')
      : incoming.closed(key);
    outgoing.forget(key);
    const progress = this.ports.progress.of(offer, file);
    if (progress.activity.kind !== 'idle') progress.stopped({ kind: 'idle' });
    if (standing === 'done') progress.doneBytes = letGo ? 0 : acceptedBytes(record, file);
    else incoming.forget(key);
    // What went across can be fetched again: from here, by whoever may read the conversation.
    if (standing === 'done' || factsOf(record, file).cleared || this.#clearing.has(key)) return;
    this.#clearing.add(key);
    closed
      .then(() => blobs.remove(offer, file))
      .then(() => offers.keepFacts(offer, file, { cleared: true }))
      .catch((problem: unknown) => this.ports.report(problem))
      .finally(() => this.#clearing.delete(key));
  }

  /** Stops whatever runs of a file at once; resolves when nothing of it is open any more. Never rejects. */
  stopStreams({ offer }: OfferRecord, file: number, reason: StopReason): Promise<void> {
    const closed = this.ports.incoming.stop(offer, file, reason);
    for (const { sender } of this.ports.links.values()) sender.stop(offer, file, reason);
    this.ports.outgoing.close(offer, file);
    this.ports.handout.close(fileKey(offer, file));
    this.ports.progress.of(offer, file).stopped({ kind: 'idle' });
    return closed;
  }

  stop(): void {
    this.#stopped = true;
  }
}
