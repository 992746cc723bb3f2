/** What a record asks of this device now: which of its files are fetched, bound to their root, acknowledged or let go of. */
import type { ChatId, OfferId } from '../../protocol/ids.ts';
import type { DeviceKeys } from '../ports.ts';
import type { Endings } from './endings.ts';
import type { Handout } from './handout.ts';
import type { Incoming } from './incoming.ts';
import { factsOf, fileKey, standingOf, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { Outgoing } from './outgoing.ts';

export interface DecisionsPorts {
  keys: DeviceKeys;
  offers: Offers;
  incoming: Incoming;
  outgoing: Outgoing;
  handout: Handout;
  endings: Endings;
  changed(account: ChatId): void;
}

export class Decisions {
  #stopped = false;

  constructor(private readonly ports: DecisionsPorts) {}

  actOn(offer: OfferId): void {
    const record = this.ports.offers.get(offer);
    if (record) this.act(record);
  }

  /** Does what a record asks for now; called whenever something about it changed. Safe to call at any time. */
  act(record: OfferRecord): void {
    if (this.#stopped) return;
    this.settle(record);
    this.ports.incoming.pump();
    this.ports.changed(record.account);
  }

  /** The same, without asking anybody for bytes. */
  settle(record: OfferRecord): void {
    const { endings, incoming, outgoing } = this.ports;
    const here = this.ports.keys.id;
    endings.finishEnded(record);
    const { offered, answer } = record;
    if (record.group) this.ports.handout.bind(record);
    if (!offered || answer.kind === 'waiting') return;
    for (const [file, { bundle }] of offered.files.entries())
      if (bundle && standingOf(record, file) !== 'waiting') incoming.answered(record, file);
    if (answer.kind === 'declined') return;
    if (offered.device === here && !record.group) outgoing.bind(record);
    for (const file of offered.files.keys()) {
      const again = factsOf(record, file).again === true;
      if (offered.mine && !again) continue;
      if (again || answer.by === here) incoming.settle(record, file);
      // Another device of this account was faster.
      else if (incoming.isOpen(fileKey(record.offer, file))) void endings.stopStreams(record, file, 'cancelled');
    }
  }

  /** A last word may not be written: what else ends the file counts now. Not `act`, which would say the word again. */
  refused(offer: OfferId): void {
    const { endings, incoming, offers } = this.ports;
    const record = offers.get(offer);
    if (!record || this.#stopped) return;
    endings.finishEnded(record);
    incoming.pump();
    this.ports.changed(record.account);
  }

  stop(): void {
    this.#stopped = true;
  }
}
