/**
 * The bottleneck of a path, in packets, on a virtual clock: a rate, a delay, a drop-tail queue, random loss and reorder. Everything that is sent
 * through it shares the queue.
 */
import type { Clock } from '../ports.ts';

export interface PathShape {
  bytesPerSecond: number;
  /** There and back, without the queue. */
  roundTripMs: number;
  queueBytes: number;
  /** Chance of a packet to be lost, each way. */
  loss?: number;
  /** Chance of a packet to come 3 ms late, behind others. */
  reorder?: number;
}

const LATE_MS = 3;

/** Runs in order of time what was given in order of time, with one timer of the clock. */
class Pipe {
  #queue: { at: number; run: () => void }[] = [];
  #head = 0;

  constructor(private readonly clock: Clock) {}

  push(at: number, run: () => void): void {
    this.#queue.push({ at, run });
    if (this.#queue.length - this.#head === 1) this.#arm();
  }

  #arm(): void {
    const next = this.#queue[this.#head];
    if (next) this.clock.after(next.at - this.clock.now(), () => this.#next());
  }

  #next(): void {
    const item = this.#queue[this.#head++];
    if (this.#head > 4096) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    item?.run();
    this.#arm();
  }
}

export class Bottleneck {
  readonly #there: Pipe;
  readonly #back: Pipe;
  #freeAt = 0;
  droppedPackets = 0;
  /** Queueing delay of each packet that came through, in milliseconds. */
  queueDelaysMs: number[] = [];

  constructor(
    private readonly clock: Clock,
    /** May be changed while it is in use. */
    readonly shape: PathShape,
    private readonly random: () => number,
  ) {
    this.#there = new Pipe(clock);
    this.#back = new Pipe(clock);
  }

  /** Through the queue, or not at all. */
  send(bytes: number, arrived: () => void): void {
    const { bytesPerSecond, queueBytes, loss = 0, reorder = 0, roundTripMs } = this.shape;
    const now = this.clock.now();
    const queueMs = Math.max(0, this.#freeAt - now);
    if ((loss > 0 && this.random() < loss) || (queueMs * bytesPerSecond) / 1000 + bytes > queueBytes) {
      this.droppedPackets++;
      return;
    }
    this.queueDelaysMs.push(queueMs);
    this.#freeAt = now + queueMs + (bytes * 1000) / bytesPerSecond;
    const at = this.#freeAt + roundTripMs / 2;
    if (reorder > 0 && this.random() < reorder) this.clock.after(at + LATE_MS - now, arrived);
    else this.#there.push(at, arrived);
  }

  /** The way back has no queue. @returns whether it was not lost. */
  answer(arrived: () => void): boolean {
    const { loss = 0, roundTripMs } = this.shape;
    if (loss > 0 && this.random() < loss) return false;
    this.#back.push(this.clock.now() + roundTripMs / 2, arrived);
    return true;
  }
}
