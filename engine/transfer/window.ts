/**
 * Congestion window of one lane: how many bytes may be sent and not yet acknowledged. It aims at a small queueing delay, so that the queue
 * of the bottleneck never overflows, and SCTP below, which crawls after a loss, is never shown one.
 *
 * - start-up: doubles per round trip up to 512 KiB, then x1.35, from 1 MiB on x1.1, until the delay is over half the target;
 * - steady: per acknowledged byte +0.15 x (relative distance below target), +0.06 x from 100 ms on, only while the window limits, -0.4 x (distance above);
 * - base round trip: minimum of two buckets of 15 s. When a bucket is full the window is lowered for one round trip ("probe"), so that
 *   the queue empties and the new bucket sees the true base and not the queue that the window itself keeps;
 * - pacing: a window is spread over its round trip. Without, start-up sends each doubling as one burst, and at 200 ms a burst overflows
 *   500 KiB of queue long before the link is full.
 *
 * Literature: LEDBAT (RFC 6817), HyStart++ (RFC 9406). Time is in milliseconds, from a clock that should not step back.
 */
const KiB = 1024;
const START_BYTES = 128 * KiB;
const FLOOR_BYTES = 128 * KiB;
const CAP_BYTES = 8 * 1024 * KiB;
/** Growth per round trip while starting up, by window. A step must fit the queue: beyond 1 MiB a third more would overflow 500 KiB. */
const startGain = (windowBytes: number): number =>
  windowBytes < 512 * KiB ? 1 : windowBytes < 1024 * KiB ? 0.35 : 0.1;
/** Sends are spread over the round trip, a little faster than the window goes round. Short round trips need none. */
const PACING_GAIN = 1.25;
const PACED_FROM_MS = 10;
const BURST_MS = 5;
const MIN_TARGET_MS = 20;
const TARGET_OF_BASE = 0.2;
const LEAVE_AT_OF_TARGET = 0.5;
const DRAIN = 0.9;
const UP_GAIN = 0.15;
/** The queue shows a round trip late: growth in that time must stay well under the target, or 200 ms overshoot 500 KiB. */
const UP_OF_TARGET = 0.3;
const DOWN_GAIN = 0.4;
const BUCKET_MS = 15_000;
const RECENT = 4;
/** Sends remembered; a power of two. At the cap with chunks of 16 KiB there are 512 under way. */
const RING = 2048;

type Phase =
  | { kind: 'start-up' }
  | { kind: 'steady' }
  /** Lowered until the bytes sent up to `untilBytes` are acknowledged; then back to `windowBytes`. */
  | { kind: 'probe'; untilBytes: number; windowBytes: number };

export class Window {
  #phase: Phase = { kind: 'start-up' };
  #windowBytes = START_BYTES;
  #sentBytes = 0;
  #ackedBytes = 0;
  /** Acknowledgements up to this count come from a time when the window was what held the sender back. */
  #limitedUpTo = 0;

  // A ring of sends: the count after each, and its time.
  readonly #ringBytes = new Float64Array(RING);
  readonly #ringTimes = new Float64Array(RING);
  #ringFirst = 0;
  #ringEnd = 0;

  readonly #recent: number[] = [];
  #bucketStartedAt: number | undefined;
  #bucketMinMs = Infinity;
  #previousMinMs = Infinity;

  /** When the next send is due by the pace. */
  #pacedUntil = 0;

  // Delivery rate, over about one round trip at a time.
  #rateFrom = { at: 0, bytes: 0 };
  #bytesPerSecond = 0;

  get windowBytes(): number {
    return this.#windowBytes;
  }

  get inFlightBytes(): number {
    return this.#sentBytes - this.#ackedBytes;
  }

  /** All bytes that were ever sent. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get startingUp(): boolean {
    return this.#phase.kind === 'start-up';
  }

  /** Smallest round trip of the last 15 to 30 s; Infinity before the first acknowledgement. */
  get baseMs(): number {
    return Math.min(this.#bucketMinMs, this.#previousMinMs);
  }

  /** Minimum of the last round trips over the base: the queue that everybody together keeps. */
  get queueDelayMs(): number {
    return this.#recent.length === 0 ? 0 : Math.min(...this.#recent) - this.baseMs;
  }

  /** Acknowledged bytes per second over the last round trips; 0 until known. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Whether `bytes` more may be sent now. Something may always be when nothing is under way. */
  canSend(bytes: number): boolean {
    if (this.inFlightBytes === 0 || this.inFlightBytes + bytes <= this.#windowBytes) return true;
    this.#limitedUpTo = this.#sentBytes;
    return false;
  }

  /** How long to wait before the next send so that sends are spread, in milliseconds; an acknowledgement may come first. */
  pacingDelayMs(now: number): number {
    return this.inFlightBytes === 0 ? 0 : Math.max(0, this.#pacedUntil - now);
  }

  onSend(now: number, bytes: number): void {
    this.#sentBytes += bytes;
    const { baseMs } = this;
    if (baseMs >= PACED_FROM_MS && baseMs < Infinity) {
      const takesMs = (bytes * (baseMs + this.queueDelayMs)) / (PACING_GAIN * this.#windowBytes);
      this.#pacedUntil = Math.max(this.#pacedUntil, now - BURST_MS) + takesMs;
    }
    if (this.#ringEnd - this.#ringFirst === RING) {
      // Very small sends: let the newest stand for two.
      this.#ringBytes[(this.#ringEnd - 1) % RING] = this.#sentBytes;
      return;
    }
    this.#ringBytes[this.#ringEnd % RING] = this.#sentBytes;
    this.#ringTimes[this.#ringEnd % RING] = now;
    this.#ringEnd++;
  }

  /** `cumulativeBytes` of all that was sent have arrived; at most `sentBytes`, not decreasing. */
  onAck(now: number, cumulativeBytes: number): void {
    const newBytes = cumulativeBytes - this.#ackedBytes;
    if (newBytes <= 0) return;
    this.#ackedBytes = cumulativeBytes;
    let sentAt: number | undefined;
    while (this.#ringFirst < this.#ringEnd && (this.#ringBytes[this.#ringFirst % RING] ?? 0) <= cumulativeBytes) {
      sentAt = this.#ringTimes[this.#ringFirst % RING];
      this.#ringFirst++;
    }
    if (sentAt === undefined) return;
    this.#measure(now, Math.max(0, now - sentAt));
    this.#measureRate(now);
    this.#adjust(newBytes);
  }

  #measure(now: number, rttMs: number): void {
    this.#recent.push(rttMs);
    if (this.#recent.length > RECENT) this.#recent.shift();
    this.#bucketStartedAt ??= now;
    if (now - this.#bucketStartedAt >= BUCKET_MS) {
      this.#previousMinMs = this.#bucketMinMs;
      this.#bucketMinMs = rttMs;
      this.#bucketStartedAt = now;
      if (this.#phase.kind === 'steady') {
        this.#phase = { kind: 'probe', untilBytes: this.#sentBytes, windowBytes: DRAIN * this.#windowBytes };
        this.#windowBytes = this.#drained();
      }
    }
    this.#bucketMinMs = Math.min(this.#bucketMinMs, rttMs);
  }

  #measureRate(now: number): void {
    const elapsedMs = now - this.#rateFrom.at;
    if (elapsedMs < Math.max(this.baseMs, 50)) return;
    const measured = ((this.#ackedBytes - this.#rateFrom.bytes) * 1000) / elapsedMs;
    // Longer ago than a few round trips: the sender was idle, the figure says nothing.
    if (elapsedMs < 4 * Math.max(this.baseMs, 50)) this.#bytesPerSecond = measured;
    this.#rateFrom = { at: now, bytes: this.#ackedBytes };
  }

  #adjust(newBytes: number): void {
    const targetMs = Math.max(MIN_TARGET_MS, TARGET_OF_BASE * this.baseMs);
    const delayMs = this.queueDelayMs;
    const limited = this.#ackedBytes <= this.#limitedUpTo;
    switch (this.#phase.kind) {
      case 'start-up':
        if (this.#recent.length === RECENT && delayMs > LEAVE_AT_OF_TARGET * targetMs) {
          this.#phase = { kind: 'steady' };
          this.#windowBytes = this.#drained();
        } else if (limited) {
          this.#windowBytes += newBytes * startGain(this.#windowBytes);
        }
        break;
      case 'probe':
        // One round trip until the lowered window shows, one to see it.
        if (this.#ackedBytes < this.#phase.untilBytes + this.#windowBytes / 2) return;
        this.#windowBytes = this.#phase.windowBytes;
        this.#phase = { kind: 'steady' };
        return;
      case 'steady': {
        const below = (targetMs - delayMs) / targetMs;
        if (below < 0) this.#windowBytes += DOWN_GAIN * Math.max(below, -1) * newBytes;
        else if (limited)
          this.#windowBytes += Math.min(UP_GAIN, (UP_OF_TARGET * targetMs) / this.baseMs) * below * newBytes;
      }
    }
    this.#windowBytes = Math.min(CAP_BYTES, Math.max(FLOOR_BYTES, this.#windowBytes));
  }

  /** A window that leaves the queue empty. */
  #drained(): number {
    const base = Math.max(this.baseMs, 0.5);
    return Math.max(FLOOR_BYTES, (DRAIN * this.#windowBytes * base) / (base + this.queueDelayMs));
  }
}
