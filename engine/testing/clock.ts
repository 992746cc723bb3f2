/** A clock that moves only when told to: timers run in order of time, then of creation. */
import type { Clock } from '../ports.ts';

interface Timer {
  at: number;
  order: number;
  run(): void;
}

export class VirtualClock implements Clock {
  #now: number;
  #created = 0;
  /** A binary heap, the next timer first. */
  readonly #heap: Timer[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: this.#created++, run };
    this.#push(timer);
    return () => (timer.run = () => undefined);
  }

  /** Runs the next timer if it is due within `untilMs`; false when there is none. */
  step(untilMs = Infinity): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.at > untilMs) return false;
    this.#pop();
    this.#now = next.at;
    next.run();
    return true;
  }

  /** Runs all that is due within `durationMs`, without letting promises go on between. */
  runSync(durationMs: number): void {
    const until = this.#now + durationMs;
    while (this.step(until));
    this.#now = until;
  }

  /** The same, where `settle` lets promises go on after each timer (for instance by `setImmediate`). Ends early when `done` says so. */
  async run(durationMs: number, settle: () => Promise<void>, done: () => boolean = () => false): Promise<void> {
    const until = this.#now + durationMs;
    await settle();
    while (!done() && this.step(until)) await settle();
    if (!done()) this.#now = until;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.push(timer) - 1;
    for (let up = (i - 1) >> 1; i > 0 && before(timer, heap[up]); up = (i - 1) >> 1) {
      swap(heap, i, up);
      i = up;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ;) {
      const left = 2 * i + 1;
      const right = left + 1;
      const least = right < heap.length && before(heap[right], heap[left]) ? right : left;
      if (least >= heap.length || !before(heap[least], heap[i])) return;
      swap(heap, i, least);
      i = least;
    }
  }
}

const before = (a: Timer | undefined, b: Timer | undefined): boolean =>
  a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));

function swap(heap: Timer[], i: number, j: number): void {
  const [a, b] = [heap[i], heap[j]];
  if (a === undefined || b === undefined) return;
  heap[i] = b;
  heap[j] = a;
}
