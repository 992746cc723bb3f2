/**
 * Notices that nothing moves with a person though it should, so that it can be said. It is measured over all files with the person: on a slow
 * line they take turns, and one that waits for its turn is not stalled.
 */
import type { ChatId } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';
import type { OfferRecord } from './offer.ts';
import { standingOf } from './offer.ts';
import type { Offers } from './offers.ts';
import type { ProgressBook } from './progress.ts';

/** As long as this the lines of the world pause by themselves; the link is then taken for dead, too. */
export const stallMs = 5000;
const tickMs = 1000;

export interface StallsPorts {
  clock: Clock;
  offers: Offers;
  progress: ProgressBook;
  changed(account: ChatId): void;
}

export class Stalls {
  readonly #movedAt = new Map<ChatId, number>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(private readonly ports: StallsPorts) {}

  /** Something came, or the other side said that something did. */
  moved(account: ChatId): void {
    this.#movedAt.set(account, this.ports.clock.now());
    this.#tickLater();
  }

  /** Milliseconds for which nothing moved though this file should: at least `stallMs`, or undefined. */
  stalledMs(record: OfferRecord, file: number): number | undefined {
    if (!this.#shouldMove(record, file)) return undefined;
    const movedAt = this.#movedAt.get(record.account);
    const silentMs = movedAt === undefined ? 0 : this.ports.clock.now() - movedAt;
    return silentMs >= stallMs ? silentMs : undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #shouldMove(record: OfferRecord, file: number): boolean {
    if (standingOf(record, file) !== 'accepted') return false;
    const progress = this.ports.progress.known(record.offer, file);
    return progress?.activity.kind === 'running' || progress?.interrupted === true;
  }

  /** Once a second while anything should move: how long nothing did is told anew. */
  #tickLater(): void {
    if (this.#stopped) return;
    this.#cancel ??= this.ports.clock.after(tickMs, () => {
      this.#cancel = undefined;
      for (const account of this.#movedAt.keys()) {
        const records = this.ports.offers.ofAccount(account);
        const shown = records.flatMap((record) =>
          (record.offered?.files ?? []).filter((_, file) => this.#shouldMove(record, file)).map((_, file) => file),
        );
        if (shown.length === 0) this.#movedAt.delete(account);
        else this.ports.changed(account);
      }
      if (this.#movedAt.size > 0) this.#tickLater();
    });
  }
}
