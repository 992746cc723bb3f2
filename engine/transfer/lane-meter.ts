/**
 * What was sent and acknowledged on one lane, and what that tells: round trips and a rate. Bytes that still wait in the channel are not on
 * their way yet, so the round trip of a chunk begins when it was last seen waiting: else the queue of a channel that crawls after a loss
 * would look like a queue of the network. Time is in milliseconds.
 */
/** Sends remembered; a power of two. At the cap of the window with chunks of 8 KiB there are 1024 under way. */
const RING = 2048;
const MIN_RATE_SPAN_MS = 100;

export class LaneMeter {
  #sentBytes = 0;
  #ackedBytes = 0;
  /** So much has left the channel. */
  #leftBytes = 0;
  // A ring of sends: the count after each, and when it left.
  readonly #counts = new Float64Array(RING);
  readonly #times = new Float64Array(RING);
  #first = 0;
  #end = 0;
  #rateFrom = { at: -Infinity, bytes: 0 };
  #bytesPerSecond = 0;
  #roundTripMs: number | undefined;
  /** When something was last acknowledged. */
  ackedAt = -Infinity;

  /** All bytes that were ever sent. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get ackedBytes(): number {
    return this.#ackedBytes;
  }

  get inFlightBytes(): number {
    return this.#sentBytes - this.#ackedBytes;
  }

  /** Acknowledged bytes per second over the last round trips; 0 until known. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** The newest round trip. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  onSend(now: number, bytes: number): void {
    if (this.inFlightBytes === 0) this.#rateFrom = { at: now, bytes: this.#ackedBytes };
    this.#sentBytes += bytes;
    if (this.#end - this.#first === RING) {
      // Very small sends: let the newest stand for two.
      this.#counts[(this.#end - 1) % RING] = this.#sentBytes;
      return;
    }
    this.#counts[this.#end % RING] = this.#sentBytes;
    this.#times[this.#end % RING] = now;
    this.#end++;
  }

  /** `bufferedBytes` of what was sent are still in the channel, or a little less: it counts its own frames too. */
  waiting(now: number, bufferedBytes: number): void {
    this.#leftBytes = Math.max(this.#leftBytes, this.#sentBytes - bufferedBytes);
    for (let i = this.#end - 1; i >= this.#first && (this.#counts[i % RING] ?? 0) > this.#leftBytes; i--)
      this.#times[i % RING] = now;
  }

  /**
   * `cumulativeBytes` of all that was sent have arrived; at most `sentBytes`. Going back changes nothing.
   * @returns how many bytes are new, and the round trip of the last one; undefined when that says nothing.
   */
  onAck(now: number, cumulativeBytes: number): { newBytes: number; roundTripMs: number | undefined } {
    const newBytes = cumulativeBytes - this.#ackedBytes;
    if (newBytes <= 0) return { newBytes: 0, roundTripMs: undefined };
    this.#ackedBytes = cumulativeBytes;
    this.ackedAt = now;
    let sentAt: number | undefined;
    while (this.#first < this.#end && (this.#counts[this.#first % RING] ?? 0) <= cumulativeBytes) {
      sentAt = this.#times[this.#first % RING];
      this.#first++;
    }
    this.#measureRate(now);
    if (sentAt === undefined) return { newBytes, roundTripMs: undefined };
    this.#roundTripMs = Math.max(0, now - sentAt);
    return { newBytes, roundTripMs: this.#roundTripMs };
  }

  #measureRate(now: number): void {
    const elapsedMs = now - this.#rateFrom.at;
    if (elapsedMs < Math.max(MIN_RATE_SPAN_MS, this.#roundTripMs ?? 0)) return;
    this.#bytesPerSecond = ((this.#ackedBytes - this.#rateFrom.bytes) * 1000) / elapsedMs;
    this.#rateFrom = { at: now, bytes: this.#ackedBytes };
  }
}
