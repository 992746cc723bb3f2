/**
 * Which lane sends when: one window over all lanes, a shallow queue in each channel, and how many lanes there are to be. What is sent is the
 * source's business. Steps follow from acknowledgements, drained queues and new data; timers spread sends and may be late (a page in the
 * background): then acknowledgements carry on alone.
 */
import { limits } from '../../protocol/limits.ts';
import type { Clock, LanePort } from '../ports.ts';
import { LaneCount, type HeldBy } from './lane-count.ts';
import type { LaneMeter } from './lane-meter.ts';
import type { SpeedLimit } from './speed-limit.ts';
import { Window } from './window.ts';

/** Measured: beyond this the queue of SCTP costs speed. */
const QUEUE_HIGH_BYTES = 256 * 1024;
/** On slow lanes the queue holds about this time: what waits there cannot go out on another lane. */
const QUEUE_MS = 25;
const MIN_CHUNK_BYTES = 8 * 1024;
/** While the rate of a lane is not known. */
const FIRST_CHUNK_BYTES = 16 * 1024;
/** A chunk takes about this long on the lane; measured: small ones on slow links, 64 KiB on fast ones (from 8 MB/s on). */
const CHUNK_MS = 8;
/** From this part of the window on it is what holds the sender back; a pace that waits below that only spreads what the channels take anyway. */
const FULL_OF_WINDOW = 0.85;
/** How often lanes are looked at whose end is awaited. */
const TAIL_MS = 200;

export interface FlowLane {
  readonly number: number;
  readonly port: LanePort;
  readonly meter: LaneMeter;
}

export interface FlowSource<Lane extends FlowLane> {
  /** Bytes of the next chunk on this lane, at most `maxBytes`; 0 when there is none for now. */
  nextBytes(lane: Lane, maxBytes: number): number;
  /** Sends that chunk. */
  send(lane: Lane, bytes: number): void;
  /** Lanes have nothing to do while others are not through: what these have may be given to those. @returns whether anything was. */
  rescue(idle: Lane): boolean;
}

export interface FlowParts<Lane extends FlowLane> {
  clock: Clock;
  source: FlowSource<Lane>;
  want(lanes: number): void;
  speedLimit: SpeedLimit | undefined;
  /** How many lanes to have; by what they bring when absent. */
  count?: Pick<LaneCount, 'step'> | undefined;
}

export class Flow<Lane extends FlowLane> {
  readonly window = new Window();
  readonly #lanes = new Map<number, Lane>();
  readonly #draining = new Set<Lane>();
  readonly #count: Pick<LaneCount, 'step'>;
  #heldBy: HeldBy = 'source';
  #cancelPace: (() => void) | undefined;
  #cancelTail: (() => void) | undefined;
  #pumping = false;
  #closed = false;

  constructor(private readonly parts: FlowParts<Lane>) {
    this.#count = parts.count ?? new LaneCount();
  }

  get lanes(): ReadonlyMap<number, Lane> {
    return this.#lanes;
  }

  add(lane: Lane): void {
    this.#lanes.set(lane.number, lane);
    this.window.widened(this.#lanes.size);
    this.pump();
  }

  /** The lane is gone. */
  remove(number: number): Lane | undefined {
    const lane = this.#lanes.get(number);
    if (lane === undefined) return undefined;
    this.#lanes.delete(number);
    this.#draining.delete(lane);
    this.window.lanes = this.#lanes.size;
    this.window.forget(lane.meter.inFlightBytes);
    return lane;
  }

  /** The other side has `receivedBytes` of what was sent on this lane. */
  onAck(lane: Lane, receivedBytes: number): void {
    const now = this.parts.clock.now();
    lane.meter.waiting(now, lane.port.bufferedBytes);
    const { newBytes, roundTripMs, handedMs } = lane.meter.onAck(now, receivedBytes);
    if (newBytes > 0) this.window.onAck(now, newBytes, roundTripMs, handedMs);
  }

  /** What was waited for may be due earlier now. */
  paceChanged(): void {
    this.#cancelPace?.();
    this.#cancelPace = undefined;
    this.pump();
  }

  close(): void {
    this.#closed = true;
    this.#cancelPace?.();
    this.#cancelTail?.();
  }

  /** Sends what may be sent now. */
  pump(): void {
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    try {
      this.#pumpAll();
    } finally {
      this.#pumping = false;
    }
  }

  #pumpAll(): void {
    const now = this.parts.clock.now();
    const wanted = this.#count.step(now, this.#heldBy, {
      lanes: this.#lanes.size,
      ackedBytes: this.window.ackedBytes,
      baseMs: this.window.baseMs,
      queueDelayMs: this.window.queueDelayMs,
      targetMs: this.window.targetMs,
      competing: this.window.competing,
    });
    const held = new Set<HeldBy>();
    const idle: Lane[] = [];
    for (const lane of this.#emptiestFirst()) {
      if (lane.number >= wanted && lane.number > 0) continue; // to be closed when it is through
      const by = this.#pumpLane(lane, now);
      held.add(by);
      if (by === 'source') idle.push(lane);
    }
    this.#heldBy = held.has('limit')
      ? 'limit'
      : held.has('window')
        ? 'window'
        : held.has('source')
          ? 'source'
          : 'channel';
    this.#rescue(idle, now);
    this.#want(wanted);
  }

  /** What the window has room for goes where least is under way: a lane that stands still gets no more. */
  #emptiestFirst(): Lane[] {
    const lanes = [...this.#lanes.values()];
    return lanes.length === 1 ? lanes : lanes.sort((a, b) => a.meter.inFlightBytes - b.meter.inFlightBytes);
  }

  /** Sends on one lane until something holds it. */
  #pumpLane(lane: Lane, now: number): HeldBy {
    for (;;) {
      const { bufferedBytes } = lane.port;
      lane.meter.waiting(now, bufferedBytes);
      const high = this.#queueBytes(lane);
      if (bufferedBytes >= high) {
        this.#waitForDrain(lane, high / 2);
        return 'channel';
      }
      const bytes = this.parts.source.nextBytes(lane, this.#chunkBytes(lane));
      if (bytes === 0) return 'source';
      if (!this.window.canSend(bytes)) return 'window';
      const paceMs = this.window.pacingDelayMs(now);
      if (paceMs > 0) {
        this.#wait(paceMs);
        return this.window.inFlightBytes >= FULL_OF_WINDOW * this.window.windowBytes ? 'window' : 'channel';
      }
      const limitMs = this.parts.speedLimit?.waitMs(now, this) ?? 0;
      if (limitMs > 0) {
        this.#wait(limitMs);
        return 'limit';
      }
      this.parts.speedLimit?.take(bytes, this);
      this.window.onSend(now, bytes);
      lane.meter.onSend(now, bytes);
      this.parts.source.send(lane, bytes);
      if (this.#closed || this.#lanes.get(lane.number) !== lane) return 'source';
    }
  }

  #rescue(idle: readonly Lane[], now: number): void {
    const awaited = idle.length > 0 && [...this.#lanes.values()].some(({ meter }) => meter.inFlightBytes > 0);
    if (!awaited || this.#lanes.size === 1) return;
    for (const lane of idle) if (this.parts.source.rescue(lane)) this.#pumpLane(lane, now);
    this.#cancelTail ??= this.parts.clock.after(TAIL_MS, () => {
      this.#cancelTail = undefined;
      this.pump();
    });
  }

  /** Lanes that are closed finish what they have under way first. */
  #want(wanted: number): void {
    let needed = wanted;
    for (const lane of this.#lanes.values())
      if (lane.meter.inFlightBytes > 0) needed = Math.max(needed, lane.number + 1);
    this.parts.want(needed);
  }

  #queueBytes(lane: Lane): number {
    if (this.#lanes.size === 1 && lane.meter.bytesPerSecond === 0) return QUEUE_HIGH_BYTES;
    const fitting = (lane.meter.bytesPerSecond * QUEUE_MS) / 1000;
    return Math.min(QUEUE_HIGH_BYTES, Math.max(2 * this.#chunkBytes(lane), fitting));
  }

  #chunkBytes(lane: Lane): number {
    const rate = lane.meter.bytesPerSecond;
    if (rate === 0) return FIRST_CHUNK_BYTES;
    const fitting = (rate * CHUNK_MS) / 1000;
    // Whole chunks are acknowledged by twos: there must be room for several, and lanes that wait for each other would wait for ever.
    const most =
      this.#lanes.size === 1 && this.window.windowBytes >= 4 * limits.chunkBytes
        ? limits.chunkBytes
        : limits.chunkBytes / 2;
    let bytes = MIN_CHUNK_BYTES;
    while (bytes < most && 2 * bytes <= fitting && 8 * bytes <= this.window.windowBytes) bytes *= 2;
    return bytes;
  }

  #wait(waitMs: number): void {
    this.#cancelPace ??= this.parts.clock.after(Math.ceil(waitMs), () => {
      this.#cancelPace = undefined;
      this.pump();
    });
  }

  #waitForDrain(lane: Lane, lowBytes: number): void {
    if (this.#draining.has(lane)) return;
    this.#draining.add(lane);
    lane.port.whenDrained(() => {
      this.#draining.delete(lane);
      this.pump();
    }, lowBytes);
  }
}
