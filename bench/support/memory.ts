/**
 * Memory of a browser's tabs and workers: the proportional set size of its renderer processes, sampled every second. Linux only. Those that draw
 * the browser's own bars do not count, and none is kept in reserve (`chromiumFlags`).
 */
import { readFileSync } from 'node:fs';
import type { Person } from '../../e2e/support/person.ts';

export class MemoryWatch {
  /** Seconds since the start, bytes. */
  readonly samples: [seconds: number, bytes: number][] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #startMs = Date.now();

  constructor(private readonly person: Person) {
    this.#timer = setInterval(() => {
      this.samples.push([(Date.now() - this.#startMs) / 1000, this.#now()]);
    }, 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get highestBytes(): number {
    return Math.max(0, ...this.samples.map(([, bytes]) => bytes));
  }

  /** Growth over the whole of what was watched, by the least squares line from a fifth of the time on: what starts up is not a trend. */
  get growthBytes(): number {
    const end = this.samples.at(-1)?.[0] ?? 0;
    const steady = this.samples.filter(([t]) => t >= end / 5);
    const mean = (values: number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
    const t0 = mean(steady.map(([t]) => t));
    const b0 = mean(steady.map(([, bytes]) => bytes));
    const slope =
      steady.reduce((sum, [t, bytes]) => sum + (t - t0) * (bytes - b0), 0) /
      steady.reduce((sum, [t]) => sum + (t - t0) ** 2, 0);
    return slope * end;
  }

  #now(): number {
    let bytes = 0;
    for (const pid of this.person.pids()) {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        if (!command.includes('--type=renderer') || command.includes('--top-chrome-webui')) continue;
        bytes += 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
      } catch {
        continue; // the process ended meanwhile
      }
    }
    return bytes;
  }
}
