/**
 * How many lanes are worth having. SCTP takes every loss for congestion, so on a line that loses packets without a queue one connection
 * crawls and many together do not. Lanes are added while the channels, and not the window, are what holds the sender back, and the delay came near zero; an
 * addition is kept only when the rate rises clearly, and taken back for good measure when the delay is the limit. Pure; milliseconds and bytes.
 */
import { limits } from '../../protocol/limits.ts';

/** What holds the sender back: the channels do not drain, the window (or its pace), nothing is there to send, or a limit that a person set. */
export type HeldBy = 'channel' | 'window' | 'source' | 'limit';

export interface LaneView {
  /** Lanes that carry data now. */
  lanes: number;
  ackedBytes: number;
  baseMs: number;
  queueDelayMs: number;
  targetMs: number;
  competing: boolean;
}

const MIN_SPAN_MS = 800;
const SPAN_ROUNDS = 8;
/** Of a span, the channels must have held the sender for this part. */
const HELD_PART = 0.5;
/** From this part on lanes are made eight times as many at once and not four: the line could carry far more, and each step takes seconds. */
const FAR_PART = 0.85;
/** The delay is "near zero" under this part of the target. */
const EMPTY_OF_TARGET = 0.6;
/** More lanes pay when the rate rises by this factor; less is noise. */
const PAYS = 1.15;
/** A rate that grew so much over a span is a channel that begins. */
const BY_ITSELF = 2;
/** Lanes do not help a CPU, and every lane costs some: measured, one lane reaches 35 MB/s on loopback. */
const ENOUGH_BYTES_PER_SECOND = 16e6;
/** A round trip so short leaves SCTP fast even with losses. */
const MIN_BASE_MS = 3;
/** New lanes that are not there after this time do not come. */
const OPENING_MS = 8_000;
/** New lanes begin slowly too: the rate is looked at after so many round trips. */
const SETTLE_ROUNDS = 4;
const FIRST_HOLD_MS = 2_000;
const LAST_HOLD_MS = 480_000;
/** The window must have been the limit for so long before lanes are closed. */
const DROP_AFTER_MS = 12_000;
const IDLE_MS = 10_000;

interface Span {
  since: number;
  bytes: number;
  channelMs: number;
  sourceMs: number;
  windowMs: number;
  /** The delay was near zero at least once: a loss makes it long for a while, a queue for all of the span. */
  empty: boolean;
}

type Phase =
  | { kind: 'steady' }
  | { kind: 'opening'; since: number; before: number; rateBefore: number }
  | { kind: 'judging'; before: number; rateBefore: number }
  /** Fewer than before: was that too few? */
  | { kind: 'lowered'; before: number; rateBefore: number };

export class LaneCount {
  #wanted = 1;
  #phase: Phase = { kind: 'steady' };
  #span: Span | undefined;
  #seenAt: number | undefined;
  #settledAt = 0;
  /** Of the span before: a channel that begins is still the limit while its rate grows by itself. */
  #rateBefore = 0;
  #holdUntil = 0;
  #holdMs = FIRST_HOLD_MS;
  #dropHoldMs = DROP_AFTER_MS;
  #windowSince: number | undefined;
  #idleSince: number | undefined;

  get wanted(): number {
    return this.#wanted;
  }

  /** To be called on every turn: since the last one the sender was held by `heldBy`. @returns how many lanes to have in all. */
  step(now: number, heldBy: HeldBy, view: LaneView): number {
    const elapsedMs = this.#seenAt === undefined ? 0 : now - this.#seenAt;
    this.#seenAt = now;
    this.#idle(now, heldBy);
    if (this.#phase.kind === 'opening' && view.lanes >= this.#wanted) {
      this.#phase = { ...this.#phase, kind: 'judging' };
      this.#settledAt = now + SETTLE_ROUNDS * Math.min(view.baseMs, 1000);
    }
    if (now < this.#settledAt) {
      this.#span = undefined;
      return this.#wanted;
    }
    const span = (this.#span ??= {
      since: now,
      bytes: view.ackedBytes,
      channelMs: 0,
      sourceMs: 0,
      windowMs: 0,
      empty: false,
    });
    span.empty ||= view.competing || view.queueDelayMs <= EMPTY_OF_TARGET * view.targetMs;
    if (heldBy === 'channel') span.channelMs += elapsedMs;
    else if (heldBy === 'window') span.windowMs += elapsedMs;
    else span.sourceMs += elapsedMs;
    const spanMs = now - span.since;
    if (spanMs < Math.max(MIN_SPAN_MS, SPAN_ROUNDS * Math.min(view.baseMs, 1000))) return this.#wanted;
    this.#span = undefined;
    this.#judge(now, span, spanMs, view);
    return this.#wanted;
  }

  #judge(now: number, span: Span, spanMs: number, view: LaneView): void {
    const rate = ((view.ackedBytes - span.bytes) * 1000) / spanMs;
    const phase = this.#phase;
    const rateBefore = this.#rateBefore;
    this.#rateBefore = rate;
    switch (phase.kind) {
      case 'opening':
        if (now - phase.since > OPENING_MS) this.#backTo(now, Math.max(1, view.lanes));
        return;
      case 'judging':
        this.#phase = { kind: 'steady' };
        if (rate < PAYS * phase.rateBefore && span.channelMs >= HELD_PART * spanMs) {
          this.#backTo(now, phase.before);
          return;
        }
        this.#holdMs = FIRST_HOLD_MS;
        break;
      case 'lowered':
        this.#phase = { kind: 'steady' };
        if (rate < phase.rateBefore / PAYS && span.sourceMs < 0.5 * spanMs) {
          this.#wanted = phase.before;
          this.#dropHoldMs = Math.min(LAST_HOLD_MS, 2 * this.#dropHoldMs);
          this.#windowSince = undefined;
          return;
        }
        break;
      case 'steady':
    }
    if (span.channelMs >= HELD_PART * spanMs) {
      this.#windowSince = undefined;
      if (span.empty && rate < BY_ITSELF * rateBefore)
        this.#raise(now, rate, span.channelMs >= FAR_PART * spanMs ? 8 : 4, view);
    } else if (span.windowMs >= HELD_PART * spanMs) this.#lower(now, rate);
  }

  #raise(now: number, rate: number, factor: number, view: LaneView): void {
    if (now < this.#holdUntil || this.#wanted >= limits.lanesPerLink) return;
    if (view.baseMs < MIN_BASE_MS || rate > ENOUGH_BYTES_PER_SECOND) return;
    this.#phase = { kind: 'opening', since: now, before: this.#wanted, rateBefore: rate };
    this.#wanted = Math.min(limits.lanesPerLink, factor * this.#wanted);
  }

  #lower(now: number, rate: number): void {
    this.#windowSince ??= now;
    if (this.#wanted === 1 || now - this.#windowSince < this.#dropHoldMs) return;
    this.#windowSince = now;
    this.#phase = { kind: 'lowered', before: this.#wanted, rateBefore: rate };
    this.#wanted = Math.max(1, this.#wanted >> 1);
  }

  #backTo(now: number, lanes: number): void {
    this.#wanted = lanes;
    this.#phase = { kind: 'steady' };
    this.#holdUntil = now + this.#holdMs;
    this.#holdMs = Math.min(LAST_HOLD_MS, 2 * this.#holdMs);
  }

  /** Nothing to send for long: lanes would only be kept alive for nothing. */
  #idle(now: number, heldBy: HeldBy): void {
    if (heldBy !== 'source') this.#idleSince = undefined;
    else if (now - (this.#idleSince ??= now) > IDLE_MS && this.#wanted > 1) {
      this.#wanted = 1;
      this.#phase = { kind: 'steady' };
    }
  }
}
