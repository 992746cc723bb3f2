/** A limit in bytes per second over everything that asks it: a token bucket that may go into debt by one chunk. Time is in milliseconds. */
/** What may go out at once after a pause. */
const BURST_MS = 100;

export class SpeedLimit {
  #bytesPerSecond = Infinity;
  #availableBytes = 0;
  #at = 0;

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** `Infinity` for none. Other limits must be over 0. */
  set(now: number, bytesPerSecond: number): void {
    if (!(bytesPerSecond > 0)) throw new RangeError('a speed limit is over 0');
    this.#refill(now);
    this.#bytesPerSecond = bytesPerSecond;
    this.#availableBytes = Math.min(0, this.#availableBytes);
  }

  /** How long to wait before more may be taken; 0 for now. */
  waitMs(now: number): number {
    if (this.#bytesPerSecond === Infinity) return 0;
    this.#refill(now);
    return this.#availableBytes > 0 ? 0 : Math.ceil(((1 - this.#availableBytes) * 1000) / this.#bytesPerSecond);
  }

  /** Bytes that may be taken now without debt. */
  availableBytes(now: number): number {
    if (this.#bytesPerSecond === Infinity) return Infinity;
    this.#refill(now);
    return Math.max(0, Math.floor(this.#availableBytes));
  }

  take(bytes: number): void {
    if (this.#bytesPerSecond < Infinity) this.#availableBytes -= bytes;
  }

  #refill(now: number): void {
    if (this.#bytesPerSecond < Infinity) {
      const gained = ((now - this.#at) * this.#bytesPerSecond) / 1000;
      this.#availableBytes = Math.min(
        (this.#bytesPerSecond * BURST_MS) / 1000 + 1,
        this.#availableBytes + Math.max(0, gained),
      );
    }
    this.#at = now;
  }
}
