/**
 * Finds out from the queue's delay whether other traffic keeps the bottleneck full although this side gives way, and says what window to keep
 * then. A delay target alone would be pushed to the floor beside a flow that stops only at a loss (CUBIC, Reno); as Copa does (Arun and
 * Balakrishnan, NSDI 2018), the sender then competes by the same rule as those, CUBIC (RFC 9438), until the queue empties again.
 * A loss is not seen from here; the moment at which others take one is: the queue, which had grown, falls. Pure; milliseconds and bytes.
 */
const C = 0.4; // RFC 9438, in packets per second cubed
const BETA = 0.7;
const PACKET_BYTES = 1200;
/** What to begin with of the window that was there before, if that is not longer ago: a little less than half is fair. */
const SHARE = 0.6;
const CALM_MS = 5_000;
/** The queue must have been over the target for so long, in base round trips and at least in milliseconds. */
const ENTER_ROUNDS = 6;
const ENTER_MS = 400;
/** The queue is empty when it stays under this part of the target. */
const EMPTY_OF_TARGET = 0.35;
const EMPTY_ROUNDS = 4;
/** A fall under this part of the epoch's highest delay, and by this much at least, is taken for a loss of somebody. */
const FALL_TO = 0.75;
const FALL_MS = 5;
/** A queue is taken for full from this part of the longest one of so long. */
const FULL_FROM = 0.8;
const FULL_MS = 20_000;

/** Pages are seldom busy for longer at a time. */
const LOW_MS = 50;

interface Epoch {
  startedAt: number;
  /** Window at the last loss, and how long until the curve is there again. */
  maxBytes: number;
  seconds: number;
  highestMs: number;
  quietUntil: number;
}

export class Competition {
  #overSince: number | undefined;
  /** The largest window of the last seconds with which the delay was at the target: what was there before giving way. */
  #calm = { bytes: 0, at: 0 };
  #emptySince: number | undefined;
  /** Smallest delay of this round trip and of the one before. */
  #low = { since: -Infinity, ms: Infinity, beforeMs: Infinity };
  /** The longest queue that was seen lately. */
  #full = { ms: 0, at: -Infinity };
  #epoch: Epoch | undefined;

  get on(): boolean {
    return this.#epoch !== undefined;
  }

  /**
   * Takes a look at the delay. @returns the window to keep while competing; undefined when the delay target rules.
   */
  step(now: number, newestMs: number, targetMs: number, baseMs: number, windowBytes: number): number | undefined {
    const delayMs = this.#lowest(now, newestMs, baseMs);
    if (this.#epoch === undefined) {
      if (delayMs <= targetMs) {
        if (windowBytes >= this.#calm.bytes || now - this.#calm.at > CALM_MS)
          this.#calm = { bytes: windowBytes, at: now };
        this.#overSince = undefined;
        return undefined;
      }
      if (this.#overSince === undefined) {
        this.#overSince = now;
      }
      if (now - this.#overSince < Math.max(ENTER_MS, ENTER_ROUNDS * baseMs)) return undefined;
      this.#epoch = epochFrom(
        now,
        Math.max(windowBytes, now - this.#calm.at > CALM_MS ? 0 : SHARE * this.#calm.bytes),
        delayMs,
        baseMs,
      );
      this.#emptySince = undefined;
    }
    if (this.#emptied(now, delayMs, targetMs, baseMs)) return undefined;
    const epoch = this.#epoch;
    const bytes = curve(epoch, now);
    epoch.highestMs = Math.max(epoch.highestMs, delayMs);
    if (delayMs > this.#full.ms || now - this.#full.at > FULL_MS) this.#full = { ms: epoch.highestMs, at: now };
    // A queue overflows where it did before: what falls from lower is noise.
    const wasFull = epoch.highestMs > targetMs && epoch.highestMs >= FULL_FROM * this.#full.ms;
    const fallen = wasFull && delayMs < FALL_TO * epoch.highestMs && delayMs < epoch.highestMs - FALL_MS;
    if (now < epoch.quietUntil) {
      epoch.highestMs = delayMs;
      return bytes;
    }
    if (!fallen) return bytes;
    this.#epoch = epochFrom(now, bytes, delayMs, baseMs);
    return BETA * bytes;
  }

  /** The line had room for this window: the curve goes on from there. */
  raise(now: number, windowBytes: number): void {
    if (this.#epoch === undefined) return;
    const { highestMs, quietUntil } = this.#epoch;
    const epoch = epochFrom(now, windowBytes, highestMs, 0);
    this.#epoch = { ...epoch, startedAt: now - 1000 * epoch.seconds, quietUntil };
  }

  /** Without the time for which the page itself was busy, which looks like a queue that comes and goes. */
  #lowest(now: number, newestMs: number, baseMs: number): number {
    const low = this.#low;
    if (now - low.since >= Math.max(LOW_MS, baseMs)) this.#low = { since: now, ms: newestMs, beforeMs: low.ms };
    else low.ms = Math.min(low.ms, newestMs);
    return Math.min(this.#low.ms, this.#low.beforeMs);
  }

  #emptied(now: number, delayMs: number, targetMs: number, baseMs: number): boolean {
    if (delayMs > EMPTY_OF_TARGET * targetMs) {
      this.#emptySince = undefined;
      return false;
    }
    this.#emptySince ??= now;
    if (now - this.#emptySince < EMPTY_ROUNDS * baseMs) return false;
    this.#epoch = undefined;
    this.#overSince = undefined;
    return true;
  }
}

function epochFrom(now: number, maxBytes: number, delayMs: number, baseMs: number): Epoch {
  const packets = maxBytes / PACKET_BYTES;
  return {
    startedAt: now,
    maxBytes,
    seconds: Math.cbrt((packets * (1 - BETA)) / C),
    highestMs: delayMs,
    // What the lower window does to the queue is not taken for another loss.
    quietUntil: now + 3 * (baseMs + delayMs),
  };
}

function curve(epoch: Epoch, now: number): number {
  const t = (now - epoch.startedAt) / 1000 - epoch.seconds;
  return epoch.maxBytes + C * t ** 3 * PACKET_BYTES;
}
