/**
 * Congestion window of everything that is sent over one link, on however many lanes: how many bytes may be under way and not acknowledged. One
 * window for all lanes makes them together as polite as one flow. It aims at a small queueing delay, so that the queue of the bottleneck
 * never overflows, and SCTP below, which crawls after a loss, is never shown one.
 *
 * - start-up: doubles per round trip up to 512 KiB, then x1.35, from 1 MiB on x1.1, until the delay is over half the target;
 * - steady: per acknowledged byte +0.15 x (relative distance below target), +0.06 x from 100 ms on, only while the window limits, more and more while the
 *   queue stays near empty, -0.4 x (distance above);
 * - competing: while others keep the queue full, as `Competition` says;
 * - base round trip: minimum of two buckets of 15 s. When a bucket is full the window is lowered for one round trip ("probe"), so that
 *   the queue empties and the new bucket sees the true base and not the queue that the window itself keeps;
 * - pacing: a window is spread over its round trip. Without, start-up sends each doubling as one burst, and at 200 ms a burst overflows
 *   500 KiB of queue long before the link is full.
 *
 * Literature: LEDBAT (RFC 6817), HyStart++ (RFC 9406). Time is in milliseconds, from a clock that should not step back.
 */
import { Competition } from './competition.ts';

const KiB = 1024;
/** Small enough not to queue for long on a slow line; two more round trips of start-up are nothing on a fast one. */
const START_BYTES = 32 * KiB;
/** Two chunks of the smallest size. A line of 1 Mbit/s holds them in 130 ms. */
const FLOOR_BYTES = 16 * KiB;
/** What goes over in this time at the rate last seen is never too much: round trips that jitter, as on wireless lines, cost no more. */
const FLOOR_MS = 20;
const FLOOR_MAX_BYTES = 128 * KiB;
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
/** After so many round trips with a queue near empty each further one doubles the growth, up to that of start-up: what stands there is too small by far. */
const EMPTY_ROUNDS = 2;
const BOOST_MAX = 16;
const BUCKET_MS = 15_000;
/** Round trips of which the smallest counts, per lane and at most. */
const RECENT = 4;
const RECENT_MAX = 32;
/** With several lanes that part of the recent ones counts as too short to be true: what still waits in a channel is told late. */
const TOO_SHORT = 0.3;

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
  readonly #competition = new Competition();
  /** How many lanes share the window. */
  lanes = 1;

  readonly #recent: number[] = [];
  #bucketStartedAt: number | undefined;
  #bucketMinMs = Infinity;
  #previousMinMs = Infinity;

  /** Since when the queue is near empty. */
  #emptySince: number | undefined;

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

  /** All bytes that were acknowledged, or given up with their lane. */
  get ackedBytes(): number {
    return this.#ackedBytes;
  }

  /** Whether other traffic keeps the queue full. */
  get competing(): boolean {
    return this.#competition.on;
  }

  /** Queueing delay that is aimed at. */
  get targetMs(): number {
    return Math.max(MIN_TARGET_MS, TARGET_OF_BASE * this.baseMs);
  }

  /** Smallest round trip of the last 15 to 30 s; Infinity before the first acknowledgement. */
  get baseMs(): number {
    return Math.min(this.#bucketMinMs, this.#previousMinMs);
  }

  /**
   * The last round trips over the base: the queue that everybody together keeps. Of one lane the shortest counts, since a loss makes the others long.
   * Several lanes are held by their channels, so that some round trips always come out too short; the shortest of all would show no queue.
   */
  get queueDelayMs(): number {
    if (this.#recent.length === 0) return 0;
    if (this.lanes === 1) return Math.max(0, Math.min(...this.#recent) - this.baseMs);
    const sorted = Float64Array.from(this.#recent).sort();
    return Math.max(0, (sorted[Math.floor(TOO_SHORT * sorted.length)] ?? 0) - this.baseMs);
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
  }

  /**
   * `newBytes` arrived on some lane; `roundTripMs` of the last of them, where it is known, and `handedMs` with the time that it waited in its
   * channel: the shortest of those is sure to be long enough.
   */
  onAck(now: number, newBytes: number, roundTripMs?: number, handedMs = roundTripMs ?? 0): void {
    this.#ackedBytes += newBytes;
    this.#measureRate(now);
    if (roundTripMs === undefined) return;
    this.#measure(now, roundTripMs, handedMs);
    this.#adjust(now, newBytes);
  }

  /** There are more lanes now. What they can carry is found out as at the start, and not step by step. */
  widened(lanes: number): void {
    if (lanes > this.lanes && !this.competing) {
      this.#phase = { kind: 'start-up' };
      this.#recent.length = 0;
    }
    this.lanes = lanes;
  }

  /** A lane is gone, and what it had under way is not awaited any more. */
  forget(bytes: number): void {
    this.#ackedBytes += bytes;
    this.#rateFrom.bytes += bytes;
  }

  #measure(now: number, rttMs: number, handedMs: number): void {
    this.#recent.push(rttMs);
    while (this.#recent.length > Math.min(RECENT_MAX, RECENT * this.lanes)) this.#recent.shift();
    this.#bucketStartedAt ??= now;
    if (now - this.#bucketStartedAt >= BUCKET_MS) {
      this.#previousMinMs = this.#bucketMinMs;
      this.#bucketMinMs = handedMs;
      this.#bucketStartedAt = now;
      if (this.#phase.kind === 'steady') {
        this.#phase = { kind: 'probe', untilBytes: this.#sentBytes, windowBytes: DRAIN * this.#windowBytes };
        this.#windowBytes = this.#drained();
      }
    }
    this.#bucketMinMs = Math.min(this.#bucketMinMs, handedMs);
  }

  #measureRate(now: number): void {
    const elapsedMs = now - this.#rateFrom.at;
    if (elapsedMs < Math.max(this.baseMs, 50)) return;
    const measured = ((this.#ackedBytes - this.#rateFrom.bytes) * 1000) / elapsedMs;
    // Longer ago than a few round trips: the sender was idle, the figure says nothing.
    if (elapsedMs < 4 * Math.max(this.baseMs, 50)) this.#bytesPerSecond = measured;
    this.#rateFrom = { at: now, bytes: this.#ackedBytes };
  }

  #adjust(now: number, newBytes: number): void {
    const { targetMs } = this;
    const delayMs = this.queueDelayMs;
    const limited = this.#ackedBytes <= this.#limitedUpTo;
    switch (this.#phase.kind) {
      case 'start-up':
        if (this.#recent.length >= RECENT && delayMs > LEAVE_AT_OF_TARGET * targetMs) {
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
        const competing = this.#competition.step(now, delayMs, targetMs, this.baseMs, this.#windowBytes);
        const below = (targetMs - delayMs) / targetMs;
        const gain = this.#gain(now, delayMs);
        const growth = limited && below > 0 ? gain * below * newBytes : 0;
        if (competing === undefined) {
          this.#windowBytes += below < 0 ? DOWN_GAIN * Math.max(below, -1) * newBytes : growth;
        } else if (growth > 0 && this.#windowBytes + growth > competing) {
          // Whoever else is there leaves room.
          this.#windowBytes += growth;
          this.#competition.raise(now, this.#windowBytes);
        } else this.#windowBytes = competing;
      }
    }
    this.#windowBytes = Math.min(CAP_BYTES, Math.max(this.#floorBytes, this.#windowBytes));
  }

  /** Growth of the window per acknowledged byte when the delay is zero. */
  #gain(now: number, delayMs: number): number {
    const usual = Math.min(UP_GAIN, (UP_OF_TARGET * this.targetMs) / this.baseMs);
    if (delayMs > LEAVE_AT_OF_TARGET * this.targetMs) {
      this.#emptySince = undefined;
      return usual;
    }
    this.#emptySince ??= now;
    const rounds = (now - this.#emptySince) / Math.max(this.baseMs, 1) - EMPTY_ROUNDS;
    if (rounds <= 0) return usual;
    return Math.max(usual, Math.min(startGain(this.#windowBytes), usual * Math.min(BOOST_MAX, 2 ** rounds)));
  }

  get #floorBytes(): number {
    return Math.min(FLOOR_MAX_BYTES, Math.max(FLOOR_BYTES, (this.#bytesPerSecond * FLOOR_MS) / 1000));
  }

  /** A window that leaves the queue empty. Not under half: what takes longer than twice the base is no queue that this window made. */
  #drained(): number {
    const base = Math.max(this.baseMs, 0.5);
    return Math.max(this.#floorBytes, DRAIN * this.#windowBytes * Math.max(0.5, base / (base + this.queueDelayMs)));
  }
}
