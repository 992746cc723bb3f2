/** Memory of a tab: the proportional set size of the renderer processes of a browser, sampled while something runs. Linux only. */
import { readFileSync } from 'node:fs';
import type { Person } from '../e2e/support/person.ts';

export class MemoryWatch {
  readonly samples: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(private readonly person: Person) {
    this.#timer = setInterval(() => this.samples.push(this.#now()), 1000);
  }

  /** @returns the highest sample, in bytes. */
  stop(): number {
    clearInterval(this.#timer);
    return Math.max(0, ...this.samples);
  }

  #now(): number {
    let bytes = 0;
    for (const pid of this.person.pids()) {
      try {
        if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')) continue;
        bytes += 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
      } catch {
        continue; // the process ended meanwhile
      }
    }
    return bytes;
  }
}
