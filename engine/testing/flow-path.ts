/**
 * The sending side's `Flow` over a `Bottleneck` on a virtual clock: lanes that are SCTP flows, a source that never ends, a receiver that acknowledges
 * each chunk, and other traffic beside it. Everything follows from the seed.
 */
import type { LanePort } from '../ports.ts';
import { Flow, type FlowLane } from '../transfer/flow.ts';
import { LaneMeter } from '../transfer/lane-meter.ts';
import { SpeedLimit } from '../transfer/speed-limit.ts';
import { Bottleneck, type PathShape } from './bottleneck.ts';
import { VirtualClock } from './clock.ts';
import { HEADERS_BYTES, PacketFlow, sctp, tcpCubic } from './packet-flow.ts';

const LOW_WATER_BYTES = 128 * 1024;
/** What of a full packet is data. */
const PAYLOAD_PART = sctp.payloadBytes / (sctp.payloadBytes + HEADERS_BYTES);
/** From the wish to a lane that carries data: ICE, DTLS, SCTP, proof. */
const SETUP_ROUNDS = 7;

export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The channel of one lane. */
class SimLane implements LanePort {
  readonly flow: PacketFlow;
  #unsent = 0;
  /** Lengths of messages under way, the first one part arrived. */
  readonly #messages: number[] = [];
  #arrivedOfFirst = 0;
  #waiters: { run: () => void; lowBytes: number }[] = [];
  /** Bytes that have left the channel and are not told yet, the next first. */
  readonly #untold: { at: number; bytes: number }[] = [];

  /** @param heardAt when the page hears of what happens now. */
  constructor(
    private readonly clock: VirtualClock,
    path: Bottleneck,
    message: (bytes: number) => void,
    heardAt: () => number,
  ) {
    this.flow = new PacketFlow(
      clock,
      path,
      sctp,
      (bytes) => {
        const taken = Math.min(bytes, this.#unsent);
        this.#unsent -= taken;
        if (taken > 0) {
          const at = heardAt();
          if (at > clock.now()) this.#untold.push({ at, bytes: taken });
          if (this.#waiters.length > 0) clock.after(at - clock.now(), () => this.#drained());
        }
        return taken;
      },
      (bytes) => {
        this.#arrivedOfFirst += bytes;
        for (
          let first = this.#messages[0];
          first !== undefined && this.#arrivedOfFirst >= first;
          first = this.#messages[0]
        ) {
          this.#messages.shift();
          this.#arrivedOfFirst -= first;
          message(first);
        }
      },
    );
  }

  send(frame: Uint8Array): void {
    this.#unsent += frame.length;
    this.#messages.push(frame.length);
    this.flow.pump();
  }

  get bufferedBytes(): number {
    const now = this.clock.now();
    while (this.#untold[0] !== undefined && this.#untold[0].at <= now) this.#untold.shift();
    return this.#untold.reduce((sum, { bytes }) => sum + bytes, this.#unsent);
  }

  whenDrained(run: () => void, lowBytes = LOW_WATER_BYTES): void {
    this.#waiters.push({ run, lowBytes });
  }

  #drained(): void {
    const due = this.#waiters.filter(({ lowBytes }) => this.bufferedBytes <= lowBytes);
    this.#waiters = this.#waiters.filter((waiter) => !due.includes(waiter));
    for (const { run } of due) run();
  }
}

interface TestLane extends FlowLane {
  readonly sim: SimLane;
}

export interface FlowPathOptions {
  seed?: number;
  /** No flow control of ours: the channel is kept full. */
  raw?: boolean;
  /** That many lanes, whatever is wanted. */
  fixedLanes?: number | undefined;
  /** The page is busy, as it is beside other work: it hears of what happens every few milliseconds, and at times only after as many as this. */
  busyMs?: number;
}

export class FlowPath {
  readonly clock = new VirtualClock(0);
  readonly path: Bottleneck;
  readonly flow: Flow<TestLane>;
  readonly limit = new SpeedLimit();
  deliveredBytes = 0;
  /** Most lanes that were ever open. */
  mostLanes = 1;
  readonly #busyMs: number;
  readonly #random: () => number;
  /** When the page hears next. */
  #freeAt = 0;
  #wanted = 1;
  #opening = 0;

  constructor(shape: PathShape, options: FlowPathOptions = {}) {
    this.path = new Bottleneck(this.clock, shape, seeded(options.seed ?? 1));
    this.#busyMs = options.busyMs ?? 0;
    this.#random = seeded(1 + (options.seed ?? 1));
    const { fixedLanes } = options;
    this.flow = new Flow<TestLane>({
      clock: this.clock,
      speedLimit: this.limit,
      count: fixedLanes === undefined ? undefined : { step: () => fixedLanes },
      want: (lanes) => {
        this.#wanted = lanes;
        this.#adjust();
      },
      source: {
        nextBytes: (_, maxBytes) => (options.raw === true ? 0 : maxBytes),
        send: (lane, bytes) => lane.sim.send(new Uint8Array(bytes)),
        rescue: () => false,
      },
    });
    if (options.raw === true) {
      const lane = this.#lane(0);
      const fill = () => {
        while (lane.sim.bufferedBytes < 1024 * 1024) lane.sim.send(new Uint8Array(16 * 1024));
        lane.sim.whenDrained(fill, 512 * 1024);
      };
      fill();
    } else this.flow.add(this.#lane(0));
  }

  run(seconds: number): void {
    this.clock.runSync(seconds * 1000);
  }

  /** All lanes at once, as they share a browser. */
  storm(): void {
    for (const { sim } of this.flow.lanes.values()) sim.flow.storm();
  }

  /** Runs on for a time; says what came through in it, as part of the link, and the median delay of the queue. */
  measure(seconds: number): { share: number; medianDelayMs: number } {
    const before = this.deliveredBytes;
    this.path.queueDelaysMs = [];
    this.run(seconds);
    const delays = Float64Array.from(this.path.queueDelaysMs).sort();
    return {
      share: (this.deliveredBytes - before) / seconds / (PAYLOAD_PART * this.path.shape.bytesPerSecond),
      medianDelayMs: delays[delays.length >> 1] ?? 0,
    };
  }

  /** A TCP flow beside it, from now on. */
  addCubic(): PacketFlow {
    const flow = new PacketFlow(this.clock, this.path, tcpCubic, (bytes) => bytes);
    flow.pump();
    return flow;
  }

  #lane(number: number): TestLane {
    const meter = new LaneMeter();
    let received = 0;
    const sim: SimLane = new SimLane(
      this.clock,
      this.path,
      (bytes) => {
        this.deliveredBytes += bytes;
        received += bytes;
        const total = received;
        const lane = this.flow.lanes.get(number);
        const heard = () => this.clock.after(this.#heardAt() - this.clock.now(), arrived);
        // The acknowledgement is a small message of its own: lost, it comes a round trip later.
        const arrived = () => {
          if (lane === undefined || this.flow.lanes.get(number) !== lane) return;
          this.flow.onAck(lane, total);
          this.flow.pump();
        };
        if (!this.path.answer(heard)) this.clock.after(1.5 * this.path.shape.roundTripMs, heard);
      },
      () => this.#heardAt(),
    );
    return { number, port: sim, meter, sim };
  }

  #heardAt(): number {
    const now = this.clock.now();
    if (this.#busyMs > 0 && this.#freeAt <= now) this.#freeAt = now + this.#random() ** 4 * this.#busyMs;
    return Math.max(now, this.#freeAt);
  }

  #adjust(): void {
    for (const [number, lane] of this.flow.lanes)
      if (number >= this.#wanted) {
        this.flow.remove(number);
        lane.sim.flow.stop();
      }
    const missing = this.#wanted - this.flow.lanes.size - this.#opening;
    for (let i = 0; i < missing; i++) {
      this.#opening++;
      this.clock.after(SETUP_ROUNDS * this.path.shape.roundTripMs, () => {
        this.#opening--;
        const number = [...Array(this.#wanted).keys()].find((n) => !this.flow.lanes.has(n));
        if (number === undefined) return;
        this.flow.add(this.#lane(number));
        this.mostLanes = Math.max(this.mostLanes, this.flow.lanes.size);
      });
    }
  }
}
