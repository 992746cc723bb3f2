/**
 * A limit in bytes per second over everything that asks it: a token bucket that may go into debt by one chunk. Whoever waits for some gets as much as
 * the others that do: each has a count of what it took, and none goes far ahead of those that wait (start-time fair queueing; Goyal,
 * Vin and Cheng, SIGCOMM 1996). Time is in milliseconds.
 */
/** What may go out at once after a pause. */
const BURST_MS = 100;
/** Whoever did not ask for so long, beyond the time that it was told to wait, wants nothing now. */
const CLAIM_MS = 250;
/** How long to wait for another one to have its turn. */
const TURN_MS = 20;

interface Claim {
  askedAt: number;
  takenBytes: number;
  wantedBytes: number;
  /** It did not get all that it asked for. */
  waits: boolean;
}

export class SpeedLimit {
  #bytesPerSecond = Infinity;
  #availableBytes = 0;
  #at = 0;
  readonly #claims = new Map<object, Claim>();
  /** The count of whoever was served last: who comes new, or was away, begins there, and neither catches up nor pays. */
  #servedBytes = 0;

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

  /** How long a claimant waits before it may take a chunk; 0 for now. */
  waitMs(now: number, claimant: object): number {
    if (this.#bytesPerSecond === Infinity || this.shareBytes(now, claimant, 1) > 0) return 0;
    return Math.max(this.#availableInMs(), this.#availableBytes > 0 ? TURN_MS : 1);
  }

  /** Of the bytes that a claimant wants, those that it may take now without debt. */
  shareBytes(now: number, claimant: object, wantedBytes: number): number {
    if (this.#bytesPerSecond === Infinity) return wantedBytes;
    this.#refill(now);
    const goneMs = CLAIM_MS + this.#availableInMs();
    for (const [who, { askedAt }] of this.#claims) if (Math.abs(now - askedAt) > goneMs) this.#claims.delete(who);
    const burstBytes = (this.#bytesPerSecond * BURST_MS) / 1000;
    const before = this.#claims.get(claimant);
    // Whoever was served slowly because of its own line gets its little at once, and a burst later no more than the others.
    const takenBytes = before?.waits
      ? before.takenBytes
      : Math.max(this.#servedBytes - (before ? burstBytes : 0), before?.takenBytes ?? 0);
    this.#claims.set(claimant, { askedAt: now, takenBytes, wantedBytes, waits: false });
    const part = burstBytes / this.#claims.size;
    let mostBytes = wantedBytes;
    let leftBytes = this.#availableBytes;
    for (const [who, other] of this.#claims) {
      if (who === claimant) continue;
      if (other.waits) mostBytes = Math.min(mostBytes, other.takenBytes + part - takenBytes);
      // It was not served yet in this round.
      if (other.takenBytes <= takenBytes) leftBytes -= Math.min(other.wantedBytes, part);
    }
    const mayBytes = Math.max(0, Math.floor(Math.min(mostBytes, leftBytes)));
    this.#claims.set(claimant, { askedAt: now, takenBytes, wantedBytes, waits: mayBytes < wantedBytes });
    return mayBytes;
  }

  take(bytes: number, claimant: object): void {
    if (this.#bytesPerSecond === Infinity) return;
    this.#availableBytes -= bytes;
    const claim = this.#claims.get(claimant);
    if (claim === undefined) return;
    this.#servedBytes = Math.max(this.#servedBytes, claim.takenBytes);
    claim.takenBytes += bytes;
  }

  #availableInMs(): number {
    return this.#availableBytes >= 1 ? 0 : Math.ceil(((1 - this.#availableBytes) * 1000) / this.#bytesPerSecond);
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
