/**
 * Tells a peer that trickles from one on a slow line. A peer that sends a byte every few seconds is never silent, and would hold its streams,
 * and what waits behind them, for ever.
 */

/** Less than this in `deadlineMs` is no line: half a kilobyte a second, of all streams of a link together. */
export const floorBytes = 16 * 1024;
export const deadlineMs = 30_000;
/** Asked later than this after the last time, the page slept: what did not come meanwhile says nothing. */
const sleptMs = 5000;

export class Trickle {
  #since: number | undefined;
  #askedAt = -Infinity;
  #bytes = 0;

  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  /** To be asked about once a second; `due`: the peer could send. Whether it sent less than the floor for so long, all of which it could. */
  tooSlow(now: number, due: boolean): boolean {
    const slept = Math.abs(now - this.#askedAt) > sleptMs;
    this.#askedAt = now;
    if (!due || slept || this.#since === undefined || this.#bytes >= floorBytes) {
      this.#since = now;
      this.#bytes = 0;
      return false;
    }
    return now - this.#since >= deadlineMs;
  }
}
