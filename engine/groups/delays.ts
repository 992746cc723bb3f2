/** Work for later, until it is stopped. */
import type { Clock } from '../ports.ts';

export interface DelaysPorts {
  clock: Clock;
  report(problem: unknown): void;
}

export class Delays {
  readonly #cancels = new Set<() => void>();
  #stopped = false;

  constructor(private readonly ports: DelaysPorts) {}

  after(delayMs: number, work: () => Promise<void>): void {
    const cancel = this.ports.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      if (!this.#stopped) work().catch((problem: unknown) => this.ports.report(problem));
    });
    this.#cancels.add(cancel);
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#cancels) cancel();
  }
}
