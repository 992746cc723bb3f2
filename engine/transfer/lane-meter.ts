/**
 * What was sent and acknowledged on one lane, and what that tells: round trips and a rate. Bytes that still wait in the channel are not on
 * their way yet, so the round trip of a chunk begins when it was last seen waiting: else the queue of a channel that crawls after a loss
 * would look like a queue of the network. Browsers tell late that something left, the later the busier they are, so such a round trip may come
 * out too short and says nothing about the shortest one; that is taken from when a chunk was handed over. Time is in milliseconds.
 */
/** Sends remembered; a power of two. At the cap of the window with chunks of 8 KiB there are 1024 under way. */
const RING = 2048;
const MIN_RATE_SPAN_MS = 100;
/** What left in the last moments may still be told as waiting: measured, up to 175 KiB at 10 MB/s, nothing on lanes that crawl. */
const STALE_MS = 20;
const STALE_FROM_BYTES_PER_SECOND = 1.5e6;

export class LaneMeter {
  #sentBytes = 0;
  #ackedBytes = 0;
  /** So much has left the channel. */
  #leftBytes = 0;
  // A ring of sends: the count after each, when it was handed over, and when it left.
  readonly #counts = new Float64Array(RING);
  readonly #handed = new Float64Array(RING);
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
    this.#handed[this.#end % RING] = now;
    this.#times[this.#end % RING] = now;
    this.#end++;
  }

  /** `bufferedBytes` of what was sent are still in the channel, or a little less: it counts its own frames too. */
  waiting(now: number, bufferedBytes: number): void {
    const staleBytes = (Math.max(0, this.#bytesPerSecond - STALE_FROM_BYTES_PER_SECOND) * STALE_MS) / 1000;
    this.#leftBytes = Math.max(this.#leftBytes, this.#sentBytes - Math.max(0, bufferedBytes - staleBytes));
    for (let i = this.#end - 1; i >= this.#first && (this.#counts[i % RING] ?? 0) > this.#leftBytes; i--)
      this.#times[i % RING] = now;
  }

  /**
   * `cumulativeBytes` of all that was sent have arrived; at most `sentBytes`. Going back changes nothing.
   * @returns how many bytes are new, and the round trip of the last one, from when it left; undefined when that says nothing. `handedMs`: the
   * same from when it was handed over.
   */
  onAck(now: number, cumulativeBytes: number): { newBytes: number; roundTripMs?: number; handedMs?: number } {
    const newBytes = cumulativeBytes - this.#ackedBytes;
    if (newBytes <= 0) return { newBytes: 0 };
    this.#ackedBytes = cumulativeBytes;
    this.ackedAt = now;
    let sentAt: number | undefined;
    let handedAt = 0;
    while (this.#first < this.#end && (this.#counts[this.#first % RING] ?? 0) <= cumulativeBytes) {
      sentAt = this.#times[this.#first % RING];
      handedAt = this.#handed[this.#first % RING] ?? 0;
      this.#first++;
    }
    this.#measureRate(now);
    if (sentAt === undefined) return { newBytes };
    this.#roundTripMs = Math.max(0, now - sentAt);
    return { newBytes, roundTripMs: this.#roundTripMs, handedMs: Math.max(0, now - handedAt) };
  }

  #measureRate(now: number): void {
    const elapsedMs = now - this.#rateFrom.at;
    if (elapsedMs < Math.max(MIN_RATE_SPAN_MS, this.#roundTripMs ?? 0)) return;
    this.#bytesPerSecond = ((this.#ackedBytes - this.#rateFrom.bytes) * 1000) / elapsedMs;
    this.#rateFrom = { at: now, bytes: this.#ackedBytes };
  }
}
