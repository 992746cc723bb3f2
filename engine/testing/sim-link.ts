/**
 * A simulated link between two ends on a virtual clock: a rate, a delay and a drop-tail queue in each direction, and a cut. Delivery is
 * reliable and in order, as a data channel is: a frame that the queue drops is sent again a round trip later, and all behind it wait.
 * It models what a lane sees of a bottleneck, not the congestion control of SCTP.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import type { Clock, LinkPort } from '../ports.ts';

export interface SimLinkShape {
  /** Of the bottleneck, each way. */
  bytesPerSecond: number;
  /** Propagation, one way. */
  delayMs: number;
  queueBytes: number;
  /** How fast a device hands its bytes to the network; the rest counts as `bufferedBytes`. */
  accessBytesPerSecond?: number;
  /** Chance that a frame is lost on the way and sent again; drawn by `random` (0 to 1). */
  loss?: number;
  random?: () => number;
}

/** UDP, DTLS and SCTP around a frame. */
const OVERHEAD_BYTES = 60;
const LOW_WATER_BYTES = 128 * 1024;

class Direction {
  bufferedBytes = 0;
  droppedFrames = 0;
  deliveredBytes = 0;
  /** Queueing delay of each frame that came through, in milliseconds. */
  readonly queueDelaysMs: number[] = [];
  cut = false;
  #accessFreeAt = 0;
  #linkFreeAt = 0;
  #deliverableAt = 0;
  #drainWaiters: { run: () => void; lowBytes: number }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly shape: SimLinkShape,
    private readonly deliver: (frame: Bytes) => void,
  ) {}

  send(callers: Bytes): void {
    if (this.cut) return;
    const frame = callers.slice();
    const size = frame.length + OVERHEAD_BYTES;
    this.bufferedBytes += size;
    const now = this.clock.now();
    this.#accessFreeAt = Math.max(now, this.#accessFreeAt) + (size * 1000) / (this.shape.accessBytesPerSecond ?? 1e9);
    this.clock.after(this.#accessFreeAt - now, () => {
      this.bufferedBytes -= size;
      if (this.cut) return;
      this.#enqueue(frame, size);
      const due = this.#drainWaiters.filter(({ lowBytes }) => this.bufferedBytes <= lowBytes);
      this.#drainWaiters = this.#drainWaiters.filter((waiter) => !due.includes(waiter));
      for (const { run } of due) run();
    });
  }

  whenDrained(run: () => void, lowBytes = LOW_WATER_BYTES): void {
    this.#drainWaiters.push({ run, lowBytes });
  }

  #enqueue(frame: Bytes, size: number): void {
    const now = this.clock.now();
    const queueMs = Math.max(0, this.#linkFreeAt - now);
    const queuedBytes = (queueMs * this.shape.bytesPerSecond) / 1000;
    const lost = this.shape.loss !== undefined && (this.shape.random?.() ?? 1) < this.shape.loss;
    let arrivesAt: number;
    if (queuedBytes + size > this.shape.queueBytes || lost) {
      this.droppedFrames++;
      arrivesAt = now + queueMs + 4 * this.shape.delayMs + (size * 1000) / this.shape.bytesPerSecond;
    } else {
      this.queueDelaysMs.push(queueMs);
      this.#linkFreeAt = Math.max(now, this.#linkFreeAt) + (size * 1000) / this.shape.bytesPerSecond;
      arrivesAt = this.#linkFreeAt + this.shape.delayMs;
    }
    this.#deliverableAt = Math.max(this.#deliverableAt, arrivesAt);
    this.clock.after(this.#deliverableAt - now, () => {
      if (this.cut) return;
      this.deliveredBytes += frame.length;
      this.deliver(frame);
    });
  }
}

/** One end; frames that come in go to `onFrame`, and those that go out are shown to `onSend`. */
export class SimEnd implements LinkPort {
  /** Set by `SimLink`. */
  direction: Direction | undefined;
  onFrame: (frame: Bytes) => void = () => undefined;
  onSend: (frame: Bytes) => void = () => undefined;

  constructor(readonly device: DeviceId) {}

  send(frame: Bytes): void {
    this.onSend(frame);
    this.direction?.send(frame);
  }

  get bufferedBytes(): number {
    return this.direction?.bufferedBytes ?? 0;
  }

  whenDrained(run: () => void, lowBytes?: number): void {
    this.direction?.whenDrained(run, lowBytes);
  }
}

export class SimLink {
  readonly a: SimEnd;
  readonly b: SimEnd;
  readonly aToB: Direction;
  readonly bToA: Direction;

  /** `deviceA` and `deviceB` are the devices at the ends; each end's `device` is the other one. */
  constructor(clock: Clock, shape: SimLinkShape, deviceA: DeviceId, deviceB: DeviceId) {
    this.a = new SimEnd(deviceB);
    this.b = new SimEnd(deviceA);
    this.aToB = new Direction(clock, shape, (frame) => this.b.onFrame(frame));
    this.bToA = new Direction(clock, shape, (frame) => this.a.onFrame(frame));
    this.a.direction = this.aToB;
    this.b.direction = this.bToA;
  }

  /** From now on nothing arrives any more, not even what is under way. */
  cut(): void {
    this.aToB.cut = true;
    this.bToA.cut = true;
  }
}
