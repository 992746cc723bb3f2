/**
 * Files for which the disk is full. Nothing of them is lost or failed: they wait, and go on by themselves when there is room. Browsers tell
 * nobody when room comes, so it is asked for now and then, and when somebody says that it may be worth it.
 */
import type { OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Clock } from '../ports.ts';
import { acceptedBytes, fileKey, standingOf } from './offer.ts';
import type { Offers } from './offers.ts';
import type { ProgressBook } from './progress.ts';

/** Asking writes to the disk (`Blobs.hasRoom`). */
const checkMs = 10_000;
/** Room for less than this is full again in a moment, and each time costs what was under way (`limits.sinkCreditBytes`). */
const worthBytes = 32 * 1024 * 1024;

export interface RoomPorts {
  clock: Clock;
  blobs: Blobs;
  offers: Offers;
  progress: ProgressBook;
  act(offer: OfferId): void;
  report(problem: unknown): void;
}

export class Room {
  /** In the order in which they ran out of room. */
  readonly #waiting = new Map<string, { offer: OfferId; file: number }>();
  #cancel: (() => void) | undefined;
  #checking = false;
  #stopped = false;

  constructor(private readonly ports: RoomPorts) {}

  /** From now on the file waits for room. */
  wait(offer: OfferId, file: number): void {
    this.ports.progress.of(offer, file).stopped({ kind: 'no-space' });
    this.#waiting.set(fileKey(offer, file), { offer, file });
    this.#checkLater();
  }

  /** Somebody may have made room: what fits goes on. */
  check(): void {
    if (this.#checking || this.#stopped || this.#waiting.size === 0) return;
    this.#checking = true;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#letGoOn()
      .catch((problem: unknown) => this.ports.report(problem))
      .finally(() => {
        this.#checking = false;
        this.#checkLater();
      });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#waiting.clear();
  }

  async #letGoOn(): Promise<void> {
    for (const [key, { offer, file }] of this.#waiting) {
      const neededBytes = this.#neededBytes(offer, file);
      if (neededBytes !== undefined && !(await this.ports.blobs.hasRoom(Math.min(neededBytes, worthBytes)))) return;
      this.#waiting.delete(key);
      // Meanwhile it may have been paused, cancelled, or tried again by hand.
      if (this.#stopped || this.#neededBytes(offer, file) === undefined) continue;
      this.ports.progress.of(offer, file).stopped({ kind: 'idle' });
      this.ports.act(offer);
    }
  }

  /** What the file still lacks; undefined when it does not wait for room any more. */
  #neededBytes(offer: OfferId, file: number): number | undefined {
    const record = this.ports.offers.get(offer);
    const { activity, doneBytes } = this.ports.progress.of(offer, file);
    if (!record || standingOf(record, file) !== 'accepted' || activity.kind !== 'no-space') return undefined;
    return acceptedBytes(record, file) - doneBytes;
  }

  #checkLater(): void {
    if (this.#stopped || this.#waiting.size === 0) return;
    this.#cancel ??= this.ports.clock.after(checkMs, () => {
      this.#cancel = undefined;
      this.check();
    });
  }
}
