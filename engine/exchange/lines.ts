/** The two lines of files that wait for their turn, as they are shown and changed: what comes here, and what goes out. */
import type { ChatId, OfferId } from '../../protocol/ids.ts';
import type { Link } from '../links/link.ts';
import type { DeviceKeys } from '../ports.ts';
import type { Incoming } from './incoming.ts';
import { fileKey, fileOf, standingOf, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { Outgoing } from './outgoing.ts';
import type { ProgressBook } from './progress.ts';
import type { Direction, Move } from './queue.ts';
import type { TransferQueue } from './transfer-queue.ts';

export interface LinesPorts {
  keys: DeviceKeys;
  offers: Offers;
  progress: ProgressBook;
  queue: TransferQueue;
  links: ReadonlyMap<Link, unknown>;
  incoming: Incoming;
  outgoing: Outgoing;
  changed(account: ChatId): void;
}

export class Lines {
  constructor(private readonly ports: LinesPorts) {}

  /** Files that wait for their turn though the other side is connected, first in line first. */
  line(direction: Direction): { offer: OfferId; file: number }[] {
    if (direction === 'up') return this.ports.outgoing.line();
    return this.ports.incoming.line().map(({ record, file }) => ({ offer: record.offer, file }));
  }

  /** Whether an accepted file waits for its turn, here or at its sender, and for nothing else. */
  inLine(record: OfferRecord, file: number): boolean {
    const { incoming, outgoing } = this.ports;
    const { offered, answer } = record;
    if (!offered || answer.kind !== 'accepted' || standingOf(record, file) !== 'accepted') return false;
    if (this.ports.progress.of(record.offer, file).activity.kind !== 'idle') return false;
    const here = this.ports.keys.id;
    const [side, peer] =
      offered.device === here
        ? [outgoing, answer.by]
        : answer.by === here
          ? [incoming, offered.device]
          : [undefined, undefined];
    const link = [...this.ports.links.keys()].find(({ device }) => device === peer);
    return link !== undefined && side?.full(link) === true;
  }

  /** Changes the place of a waiting file in its line; resolves when that is durable. */
  async move(offer: OfferId, file: number, move: Move): Promise<void> {
    const { offers, queue } = this.ports;
    const direction = offers.get(offer)?.offered?.mine ? 'up' : 'down';
    const line = this.line(direction).map((one) => fileKey(one.offer, one.file));
    const kept = queue.move(line, fileKey(offer, file), move);
    this.#changed();
    const account = offers.get(offer)?.account;
    if (account) this.ports.changed(account);
    await kept;
  }

  /** Files at a time in each direction, over all links. */
  setAtOnce(files: number): void {
    this.ports.queue.setAtOnce(files);
    this.#changed();
  }

  #changed(): void {
    this.ports.outgoing.queueChanged();
    this.ports.incoming.pump();
  }
}

/** Whether the file of a key (`fileKey`) can still come to run. */
export function canRun(offers: Offers, key: string): boolean {
  const { offer, file } = fileOf(key);
  const record = offers.get(offer);
  return record !== undefined && ['accepted', 'paused', 'failed'].includes(standingOf(record, file));
}
