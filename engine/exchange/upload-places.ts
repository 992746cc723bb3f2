/**
 * The places of files that are sent: who asks while all are taken is told that this side is busy, and is told again when the turn of one of its
 * files has come. So the order is this side's, though it is the other one that asks.
 */
import type { OfferId } from '../../protocol/ids.ts';
import type { Link } from '../links/link.ts';
import type { Clock } from '../ports.ts';
import type { Queued } from './queue.ts';
import type { TransferQueue } from './transfer-queue.ts';

/** A place is kept so long for a file whose receiver was told that its turn has come: some round trips of a slow link. */
const keptForMs = 3000;

export interface Upload extends Queued {
  link: Link;
  offer: OfferId;
}

export interface UploadPlacesPorts {
  clock: Clock;
  queue: TransferQueue;
  /** Files that could be sent now, to somebody who is connected, and are not. */
  waiting(): Upload[];
}

export class UploadPlaces {
  readonly #taken = new Map<Link, Map<string, Queued>>();
  /** Places that are kept for files whose turn has come. */
  readonly #kept = new Map<string, { upload: Upload; cancel: () => void }>();
  readonly #turnedAway = new Set<Link>();
  /** Files that were called and did not come: their turn comes again when they are asked for. */
  readonly #calledInVain = new Set<string>();

  constructor(private readonly ports: UploadPlacesPorts) {}

  /** Whether the file may be sent now; if not, its receiver hears when it may. */
  take(link: Link, queued: Queued): boolean {
    const taken = this.#taken.get(link) ?? new Map<string, Queued>();
    const { key } = queued;
    this.#calledInVain.delete(key);
    const granted = this.#kept.get(key)?.upload.link === link || this.#goesOut(key);
    if (!granted && !this.#isFree(queued)) {
      this.#turnedAway.add(link);
      return false;
    }
    this.#release(key);
    this.#turnedAway.delete(link);
    taken.set(key, queued);
    this.#taken.set(link, taken);
    return true;
  }

  /** The file is not sent any more over this link. */
  leave(link: Link, key: string): void {
    if (this.#taken.get(link)?.delete(key)) this.invite();
  }

  linkClosed(link: Link): void {
    for (const { upload } of [...this.#kept.values()]) if (upload.link === link) this.#release(upload.key);
    this.#turnedAway.delete(link);
    this.#calledInVain.clear();
    this.#taken.delete(link);
    this.invite();
  }

  /** Whether a file that is asked for over this link would have to wait. */
  full(link: Link): boolean {
    return this.#turnedAway.has(link) || this.#running().length >= this.ports.queue.atOnce;
  }

  /** Gives free places to the next in line among those who were turned away. */
  invite(): void {
    if (this.#turnedAway.size === 0) return;
    const line = this.ports.queue.inOrder(this.#callable().filter(({ link }) => this.#turnedAway.has(link)));
    for (;;) {
      const next = this.ports.queue.next(line, this.#running());
      if (!next) return;
      line.splice(line.indexOf(next), 1);
      this.#keepFor(next);
    }
  }

  stop(): void {
    for (const key of [...this.#kept.keys()]) this.#release(key);
    this.#turnedAway.clear();
  }

  /** Whether there is a place, also when those that the person put before this file have got theirs: they are called. */
  #isFree(queued: Queued): boolean {
    const running = this.#running();
    const others = this.#callable().filter(({ key }) => key !== queued.key);
    const before = this.ports.queue.orderedBefore(queued.key, others);
    for (const one of before.slice(0, Math.max(0, this.ports.queue.atOnce - running.length))) this.#keepFor(one);
    return this.ports.queue.next([queued], [...running, ...before]) !== undefined;
  }

  #callable(): Upload[] {
    return this.ports.waiting().filter(({ key }) => !this.#kept.has(key) && !this.#calledInVain.has(key));
  }

  #keepFor(upload: Upload): void {
    const { key, link, offer, file } = upload;
    const cancel = this.ports.clock.after(keptForMs, () => {
      // Its receiver has other things to do, and will ask.
      this.#kept.delete(key);
      this.#calledInVain.add(key);
      this.#turnedAway.delete(link);
      this.invite();
    });
    this.#kept.set(key, { upload, cancel });
    link.control({ kind: 'available', offer, file });
  }

  #release(key: string): void {
    this.#kept.get(key)?.cancel();
    this.#kept.delete(key);
  }

  /** A file that goes to several takes one place. */
  #goesOut(key: string): boolean {
    return [...this.#taken.values()].some((files) => files.has(key));
  }

  #running(): Queued[] {
    const all = [
      ...[...this.#taken.values()].flatMap((files) => [...files.values()]),
      ...[...this.#kept.values()].map(({ upload }) => upload),
    ];
    return [...new Map(all.map((one) => [one.key, one])).values()];
  }
}
