/** A limit in bytes per second over everything that asks it: a token bucket that may go into debt by one chunk. Time is in milliseconds. */
/** What may go out at once after a pause. */
const BURST_MS = 100;
/** Whoever did not ask for so long wants nothing now. */
const CLAIM_MS = 250;

export class SpeedLimit {
  #bytesPerSecond = Infinity;
  #availableBytes = 0;
  #at = 0;
  /** Of those that want some now: when each asked last, and how far it is ahead in a count that grows for all alike. */
  readonly #claims = new Map<object, { at: number; takenBytes: number }>();

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

  /** The part of those that one of several may take now, so that whoever asks first, or most often, does not get it all. */
  shareBytes(now: number, claimant: object): number {
    const availableBytes = this.availableBytes(now);
    for (const [who, { at }] of this.#claims) if (Math.abs(now - at) > CLAIM_MS) this.#claims.delete(who);
    const others = [...this.#claims].flatMap(([who, { takenBytes }]) => (who === claimant ? [] : [takenBytes]));
    const leastBytes = Math.min(...others);
    const own = this.#claims.get(claimant) ?? { at: now, takenBytes: others.length === 0 ? 0 : leastBytes };
    own.at = now;
    this.#claims.set(claimant, own);
    const aheadBytes = Math.ceil((this.#bytesPerSecond * BURST_MS) / 1000);
    return Math.max(0, Math.min(availableBytes, leastBytes + aheadBytes - own.takenBytes));
  }

  take(bytes: number, claimant?: object): void {
    if (this.#bytesPerSecond === Infinity) return;
    this.#availableBytes -= bytes;
    const claim = claimant && this.#claims.get(claimant);
    if (claim) claim.takenBytes += bytes;
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
