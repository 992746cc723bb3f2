/** One lane of the sending side: the block that goes out over it, and those of which the end is not acknowledged yet. */
import type { LanePort } from '../ports.ts';
import type { FlowLane } from './flow.ts';
import { LaneMeter } from './lane-meter.ts';
import type { OutgoingBlock } from './outgoing-stream.ts';

/** A lane that is not heard of for this long is as slow as that says. */
const LEAST_BYTES_PER_SECOND = 1000;
/** A block is sent again elsewhere when that is expected to be this much faster. */
const RESCUE_FACTOR = 2;
const RESCUE_MARGIN_MS = 300;

export class OutgoingLane implements FlowLane {
  readonly meter = new LaneMeter();
  current: OutgoingBlock | undefined;
  /** Wholly sent, each with the count of the lane after its last byte. */
  readonly #underWay: { block: OutgoingBlock; endBytes: number }[] = [];

  constructor(
    readonly number: number,
    readonly port: LanePort,
  ) {}

  /** The current block is wholly sent. */
  finished(block: OutgoingBlock): void {
    this.current = undefined;
    this.#underWay.push({ block, endBytes: this.meter.sentBytes });
  }

  /** Takes out the blocks that came through. */
  *arrived(): Generator<OutgoingBlock> {
    for (
      let first = this.#underWay[0];
      first !== undefined && first.endBytes <= this.meter.ackedBytes;
      first = this.#underWay[0]
    ) {
      this.#underWay.shift();
      yield first.block;
    }
  }

  /** Blocks that are begun and did not come through. */
  *open(): Generator<OutgoingBlock> {
    for (const { block } of this.#underWay) yield block;
    if (this.current !== undefined) yield this.current;
  }

  /** When the block that ends last is expected to be through, from the rate of this lane; undefined when none is open. */
  slowest(now: number): { block: OutgoingBlock; leftMs: number } | undefined {
    const last = [...this.open()].findLast((block) => !block.superseded);
    if (last === undefined) return undefined;
    const { meter } = this;
    const bytes = meter.inFlightBytes + (last === this.current ? last.data.length - last.offset : 0);
    const silentMs = now - Math.max(meter.ackedAt, 0);
    const leftMs = (bytes * 1000) / Math.max(LEAST_BYTES_PER_SECOND, meter.bytesPerSecond);
    return { block: last, leftMs: silentMs > 3 * (meter.roundTripMs ?? 1000) ? Math.max(leftMs, silentMs) : leftMs };
  }

  /** Whether this lane, which has nothing to do, should send a block that has `leftMs` to go elsewhere. */
  wouldRescue(bytes: number, leftMs: number): boolean {
    const { bytesPerSecond, roundTripMs } = this.meter;
    if (bytesPerSecond === 0) return false;
    return RESCUE_FACTOR * ((bytes * 1000) / bytesPerSecond + (roundTripMs ?? 0)) + RESCUE_MARGIN_MS < leftMs;
  }
}
