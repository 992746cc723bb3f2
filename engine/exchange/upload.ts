/** A file that stays as it goes from here to others: to whom, how much, and how fast. Several are counted together. */
import type { Link } from '../links/link.ts';
import { Rate } from '../transfer/rate.ts';

export class Upload {
  /** Bytes sent over all links since the first one was opened, also to those that are gone; what two get counts twice. */
  sentBytes = 0;
  readonly #movedBytes = new Map<Link, number>();
  readonly #rate = new Rate();

  get links(): ReadonlySet<Link> {
    return new Set(this.#movedBytes.keys());
  }

  get takers(): number {
    return this.#movedBytes.size;
  }

  /** @param movedBytes of the stream over this link so far; starts over with a new one. */
  moved(now: number, link: Link, movedBytes: number): void {
    const before = this.#movedBytes.get(link) ?? 0;
    this.sentBytes += movedBytes < before ? movedBytes : movedBytes - before;
    this.#movedBytes.set(link, movedBytes);
    this.#rate.sample(now, this.sentBytes);
  }

  left(link: Link): void {
    this.#movedBytes.delete(link);
  }

  /** Undefined until half a second was seen. */
  bytesPerSecond(now: number): number | undefined {
    return this.#rate.bytesPerSecond(now);
  }
}
