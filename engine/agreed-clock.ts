/**
 * Time that two devices agree on, whatever their own clocks say: that of the server, as far as it was heard. By it expires what lives a minute or
 * less (envelopes, handshakes); with clocks of their own, devices two minutes apart would never connect. The server gains nothing by telling it wrong
 * that it could not have by silence: nonces are taken once, and a handshake proves fresh ones.
 */
import type { Clock } from './ports.ts';

export class AgreedClock implements Clock {
  #aheadMs = 0;

  constructor(private readonly own: Clock) {}

  /** @param aheadMs how far the server's clock is ahead of this device's. */
  heard(aheadMs: number): void {
    this.#aheadMs = Math.round(aheadMs);
  }

  now(): number {
    return this.own.now() + this.#aheadMs;
  }

  after(delayMs: number, run: () => void): () => void {
    return this.own.after(delayMs, run);
  }
}
