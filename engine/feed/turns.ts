/**
 * Owns who brings one conversation, where several links could: all would bring the same. Whoever brought something new and has more goes on; those
 * whose batches were here already are answered, and with that asked for more, once it is done, gone, or took too long.
 */
import type { Clock } from '../ports.ts';

/** Far below the time after which a link that owes an answer is taken for dead. */
const waitMaxMs = 2_000;

export class Turns<Peer> {
  #first: { peer: Peer; broughtAt: number } | undefined;
  readonly #waiting = new Map<Peer, () => void>();
  #cancelTimer: (() => void) | undefined;

  constructor(private readonly clock: Pick<Clock, 'now' | 'after'>) {}

  /** `peer` brought something that was not here. @param more whether it has said to have more of that. */
  brought(peer: Peer, more: boolean): void {
    if (more) this.#first = { peer, broughtAt: this.clock.now() };
    else if (this.#first?.peer === peer) this.#end();
  }

  /** Whether `peer`, of whose batch all was here, has to wait: then `goOn` is called when it is its turn. */
  waits(peer: Peer, goOn: () => void): boolean {
    const { clock } = this;
    if (!this.#first || this.#first.peer === peer || clock.now() - this.#first.broughtAt > waitMaxMs) return false;
    this.#waiting.set(peer, goOn);
    this.#cancelTimer ??= clock.after(waitMaxMs, () => this.#goOn());
    return true;
  }

  /** `peer` is gone. */
  gone(peer: Peer): void {
    this.#waiting.delete(peer);
    if (this.#first?.peer === peer) this.#end();
  }

  #end(): void {
    this.#first = undefined;
    this.#goOn();
  }

  #goOn(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const goOn of waiting) goOn();
  }
}
