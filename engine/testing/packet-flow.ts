/**
 * One flow of packets through a `Bottleneck`, reliable and in order, with the congestion control of SCTP as browsers have it (RFC 9260: slow start,
 * fast retransmit once per packet, a timeout of at least a second) or of TCP CUBIC (RFC 9438, with lost retransmissions found by time).
 * It models when bytes go out and come through, not what they are.
 */
import type { Clock } from '../ports.ts';
import type { Bottleneck } from './bottleneck.ts';

export const HEADERS_BYTES = 28 + 37 + 28; // IP and UDP, DTLS, SCTP; TCP has about 60
const RING = 1 << 14;
const LOST_AFTER_MISSES = 3;
const BURST = 4;

enum Packet {
  None,
  Sent,
  Acked,
  /** To be sent again. */
  Lost,
}

interface Kind {
  payloadBytes: number;
  minTimeoutMs: number;
  cubic: boolean;
}
export const sctp: Kind = { payloadBytes: 1160, minTimeoutMs: 1000, cubic: false };
export const tcpCubic: Kind = { payloadBytes: 1448, minTimeoutMs: 200, cubic: true };

export class PacketFlow {
  /** Bytes that came through in order. */
  deliveredBytes = 0;
  cwndBytes: number;
  #ssthresh = Infinity;
  readonly #state = new Uint8Array(RING);
  readonly #misses = new Uint8Array(RING);
  readonly #again = new Uint8Array(RING);
  readonly #sizes = new Uint16Array(RING);
  readonly #sentAt = new Float64Array(RING);
  readonly #arrived = new Uint8Array(RING);
  #next = 0;
  /** First packet that is not acknowledged, here and there. */
  #first = 0;
  #firstThere = 0;
  #lost = 0;
  #outstanding = 0;
  #recoverUntil = -1;
  #partial = 0;
  #news: number[] = [];
  #unanswered = 0;
  #cancelDelayedAck: (() => void) | undefined;
  #srtt = 0;
  #variance = 0;
  #timeoutMs: number;
  #timeoutAt = Infinity;
  #timerSet = false;
  #cubicMax = 0;
  #cubicSince = 0;
  #stopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly path: Bottleneck,
    private readonly kind: Kind,
    /** Takes up to `bytes` of what is to be sent; 0 when there is nothing. */
    private readonly take: (bytes: number) => number,
    private readonly delivered: (bytes: number) => void = () => undefined,
  ) {
    this.cwndBytes = 10 * kind.payloadBytes;
    this.#timeoutMs = Math.max(1000, kind.minTimeoutMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timeoutAt = Infinity;
  }

  /**
   * What browsers were seen to do after a moment without a processor: all that is under way goes out twice more at once, and the flow begins anew as
   * after a timeout.
   */
  storm(): void {
    for (let copy = 0; copy < 2; copy++)
      for (let n = this.#first; n < this.#next; n++)
        this.path.send((this.#sizes[n % RING] ?? 0) + HEADERS_BYTES, () => this.#arrives(n));
    this.#timedOut();
  }

  /** Sends what the window allows. */
  pump(burst = Infinity): void {
    if (this.#stopped) return;
    for (let sent = 0; sent < burst && this.#outstanding < this.cwndBytes; sent++) {
      if (this.#lost > 0) {
        for (let n = this.#first; n < this.#next; n++) {
          if (this.#state[n % RING] !== Packet.Lost) continue;
          this.#lost--;
          this.#again[n % RING] = 1;
          this.#send(n);
          break;
        }
        continue;
      }
      if (this.#next - this.#first >= RING - 1) return;
      const bytes = this.take(this.kind.payloadBytes);
      if (bytes === 0) return;
      const slot = this.#next % RING;
      this.#sizes[slot] = bytes;
      this.#misses[slot] = 0;
      this.#again[slot] = 0;
      this.#arrived[slot] = 0;
      this.#send(this.#next++);
    }
  }

  #send(n: number): void {
    const slot = n % RING;
    const bytes = this.#sizes[slot] ?? 0;
    this.#state[slot] = Packet.Sent;
    this.#sentAt[slot] = this.clock.now();
    this.#outstanding += bytes;
    if (this.#timeoutAt === Infinity) this.#setTimeout();
    this.path.send(bytes + HEADERS_BYTES, () => this.#arrives(n));
  }

  #arrives(n: number): void {
    if (this.#stopped) return;
    if (n >= this.#firstThere && this.#arrived[n % RING] === 0) {
      this.#arrived[n % RING] = 1;
      this.#news.push(n);
      let bytes = 0;
      while (this.#firstThere < this.#next && this.#arrived[this.#firstThere % RING] === 1)
        bytes += this.#sizes[this.#firstThere++ % RING] ?? 0;
      if (bytes > 0) {
        this.deliveredBytes += bytes;
        this.delivered(bytes);
      }
    }
    this.#unanswered++;
    const gap = n >= this.#firstThere;
    if (gap || this.#unanswered >= 2) this.#answer();
    else
      this.#cancelDelayedAck ??= this.clock.after(100, () => {
        this.#cancelDelayedAck = undefined;
        this.#answer();
      });
  }

  #answer(): void {
    this.#cancelDelayedAck?.();
    this.#cancelDelayedAck = undefined;
    this.#unanswered = 0;
    const news = this.#news;
    if (this.path.answer(() => this.#onAnswer(news))) this.#news = [];
  }

  #onAnswer(news: readonly number[]): void {
    if (this.#stopped) return;
    const now = this.clock.now();
    const wasFull = this.#outstanding + this.kind.payloadBytes >= this.cwndBytes;
    let bytes = 0;
    let highest = -1;
    for (const n of news) {
      const slot = n % RING;
      if (n < this.#first || this.#state[slot] === Packet.Acked) continue;
      if (this.#state[slot] === Packet.Lost) this.#lost--;
      else this.#outstanding -= this.#sizes[slot] ?? 0;
      this.#state[slot] = Packet.Acked;
      bytes += this.#sizes[slot] ?? 0;
      if (n > highest) highest = n;
      if (this.#again[slot] === 0) this.#measure(now - (this.#sentAt[slot] ?? now));
    }
    const before = this.#first;
    while (this.#first < this.#next && this.#state[this.#first % RING] === Packet.Acked)
      this.#state[this.#first++ % RING] = Packet.None;
    const advanced = this.#first > before;
    if (this.#findLost(highest, now)) this.#reduce(now);
    if (this.#first > this.#recoverUntil && advanced && wasFull) this.#grow(bytes, now);
    if (advanced) {
      this.#timeoutMs = this.#usualTimeout();
      this.#timeoutAt = this.#first < this.#next ? now + this.#timeoutMs : Infinity;
      this.#armTimer();
    }
    this.pump(BURST + (this.kind.cubic ? 1000 : 0));
  }

  /** @returns whether a packet was found lost that is not part of a loss known before. */
  #findLost(highest: number, now: number): boolean {
    let found = false;
    for (let n = this.#first; n < highest; n++) {
      const slot = n % RING;
      if (this.#state[slot] !== Packet.Sent) continue;
      const again = this.#again[slot] === 1;
      if (again && !(this.kind.cubic && now - (this.#sentAt[slot] ?? now) > 1.3 * this.#srtt)) continue;
      const misses = (this.#misses[slot] ?? 0) + 1;
      this.#misses[slot] = misses;
      if (!again && misses < LOST_AFTER_MISSES) continue;
      this.#state[slot] = Packet.Lost;
      this.#lost++;
      this.#outstanding -= this.#sizes[slot] ?? 0;
      if (n > this.#recoverUntil) found = true;
    }
    return found;
  }

  #reduce(now: number): void {
    const least = 4 * this.kind.payloadBytes;
    if (this.kind.cubic) {
      this.#cubicMax = this.cwndBytes;
      this.#cubicSince = now;
    }
    this.#ssthresh = Math.max(least, this.cwndBytes * (this.kind.cubic ? 0.7 : 0.5));
    this.cwndBytes = this.#ssthresh;
    this.#partial = 0;
    this.#recoverUntil = this.#next - 1;
  }

  #grow(bytes: number, now: number): void {
    const packet = this.kind.payloadBytes;
    if (this.cwndBytes < this.#ssthresh) {
      this.cwndBytes += this.kind.cubic ? bytes : Math.min(bytes, packet);
    } else if (this.kind.cubic) {
      const [max, size] = [this.#cubicMax / packet, this.cwndBytes / packet];
      const t = (now - this.#cubicSince + this.#srtt) / 1000 - Math.cbrt((max * 0.3) / 0.4);
      const reno = 0.7 * max + (0.53 * (now - this.#cubicSince)) / Math.max(1, this.#srtt);
      const target = Math.min(1.5 * size, Math.max(0.4 * t ** 3 + max, reno));
      if (target > size) this.cwndBytes += (target - size) * (bytes / this.cwndBytes) * packet;
    } else {
      this.#partial += bytes;
      if (this.#partial < this.cwndBytes) return;
      this.#partial -= this.cwndBytes;
      this.cwndBytes += packet;
    }
  }

  #measure(ms: number): void {
    if (this.#srtt === 0) {
      this.#srtt = ms;
      this.#variance = ms / 2;
    }
    this.#variance += 0.25 * (Math.abs(ms - this.#srtt) - this.#variance);
    this.#srtt += 0.125 * (ms - this.#srtt);
  }

  #usualTimeout(): number {
    return Math.max(this.kind.minTimeoutMs, this.#srtt + 4 * this.#variance);
  }

  #setTimeout(): void {
    this.#timeoutAt = this.clock.now() + this.#timeoutMs;
    this.#armTimer();
  }

  #armTimer(): void {
    if (this.#timerSet || this.#timeoutAt === Infinity) return;
    this.#timerSet = true;
    this.clock.after(this.#timeoutAt - this.clock.now(), () => {
      this.#timerSet = false;
      if (this.#timeoutAt <= this.clock.now() && !this.#stopped) this.#timedOut();
      this.#armTimer();
    });
  }

  #timedOut(): void {
    this.#reduce(this.clock.now());
    this.cwndBytes = this.kind.payloadBytes;
    for (let n = this.#first; n < this.#next; n++) {
      const slot = n % RING;
      if (this.#state[slot] !== Packet.Sent) continue;
      this.#state[slot] = Packet.Lost;
      this.#misses[slot] = 0;
      this.#lost++;
    }
    this.#outstanding = 0;
    this.#timeoutMs = Math.min(60_000, 2 * this.#timeoutMs);
    this.#setTimeout();
    this.pump();
  }
}
