/** Senders that are left alone for a while, with one file or with all of theirs: asking again at once would go round in circles. */
import type { Link } from '../links/link.ts';
import type { Clock } from '../ports.ts';

/** How long a sender that was busy is left alone, unless it says that the turn of a file has come. */
const busyRetryMs = 1000;
/** The same for a file that was refused for another reason. */
const refusedRetryMs = 10_000;
/** The same for a sender that was too slow: each time twice as long. */
const slowRetryMs = 30_000;
const slowRetryMaxMs = 600_000;

export interface RestsPorts {
  clock: Clock;
  /** Those that are open. */
  links: ReadonlyMap<Link, unknown>;
  /** A rest is over. */
  over(): void;
}

/** Files are named by their keys (`fileKey`). */
export class Rests {
  readonly #resting = new Map<Link, Map<string, () => void>>();
  /** How often the sender of a file was too slow. */
  readonly #slowTimes = new Map<string, number>();
  /** Senders that have no place free, until they are asked again, and the files that they called meanwhile. */
  readonly #busy = new Map<Link, { called: Set<string>; cancel: () => void }>();

  constructor(private readonly ports: RestsPorts) {}

  /** Whether the file is left alone over this link. */
  isResting(link: Link, key: string): boolean {
    return this.#resting.get(link)?.has(key) === true;
  }

  /** Whether the sender had no place free when it was last asked. */
  isBusy(link: Link): boolean {
    return this.#busy.has(link);
  }

  /** Whether the sender may have a place for the file: it was not busy, or it called the file since. */
  mayAsk(link: Link, key: string): boolean {
    return this.#busy.get(link)?.called.has(key) ?? true;
  }

  /** The file is asked for: it was called for this once. */
  asked(link: Link, key: string): void {
    this.#busy.get(link)?.called.delete(key);
  }

  refused(link: Link, key: string): void {
    this.#rest(link, key, refusedRetryMs);
  }

  tooSlow(link: Link, key: string): void {
    const times = this.#slowTimes.get(key) ?? 0;
    this.#slowTimes.set(key, times + 1);
    this.#rest(link, key, Math.min(slowRetryMaxMs, slowRetryMs * 2 ** times));
  }

  busy(link: Link): void {
    if (!this.ports.links.has(link)) return;
    const before = this.#busy.get(link);
    before?.cancel();
    const cancel = this.ports.clock.after(busyRetryMs, () => {
      this.#busy.delete(link);
      this.ports.over();
    });
    this.#busy.set(link, { called: before?.called ?? new Set(), cancel });
  }

  /** The file came: that its sender was slow counts no more. */
  came(key: string): void {
    this.#slowTimes.delete(key);
  }

  /** The sender can serve the file again, or its turn has come. @returns whether it was left alone. */
  available(link: Link, key: string): boolean {
    const resting = this.#resting.get(link);
    const rested = resting?.get(key);
    rested?.();
    resting?.delete(key);
    const busy = this.#busy.get(link);
    busy?.called.add(key);
    return rested !== undefined || busy !== undefined;
  }

  linkClosed(link: Link): void {
    for (const cancel of this.#resting.get(link)?.values() ?? []) cancel();
    this.#resting.delete(link);
    this.#busy.get(link)?.cancel();
    this.#busy.delete(link);
  }

  stop(): void {
    for (const link of [...this.#resting.keys(), ...this.#busy.keys()]) this.linkClosed(link);
  }

  #rest(link: Link, key: string, delayMs: number): void {
    if (!this.ports.links.has(link)) return;
    const resting = this.#resting.get(link) ?? new Map<string, () => void>();
    this.#resting.set(link, resting);
    resting.get(key)?.();
    resting.set(
      key,
      this.ports.clock.after(delayMs, () => {
        resting.delete(key);
        this.ports.over();
      }),
    );
  }
}
