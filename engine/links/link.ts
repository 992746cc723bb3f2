/** A proven link to one device: frames in, frames out, its lanes, and the watch over whether the other side still answers. */
import type { Bytes } from '../../protocol/bytes.ts';
import { encodeControl, type ControlFrame, type Frame } from '../../protocol/frame.ts';
import type { AccountId, DeviceId, LinkId } from '../../protocol/ids.ts';
import type { LinkPort } from '../ports.ts';
import type { Path, Wire } from '../session/wire.ts';
import { Lanes, type LanesParts } from './lanes.ts';
import { LinkMeasures, type LinkStats } from './link-measures.ts';
import { Liveness } from './liveness.ts';

/** Lane 0 may be silent for longer while others answer: a lossy line makes single connections pause for seconds. */
const laneZeroSilentMaxMs = 15_000;
/** A link that owes an answer for this long is dead, whatever ICE says (a killed tab is noticed by ICE after 15 to 30 s). */
const silentMaxMs = 5_000;

export class Link implements LinkPort {
  readonly #liveness: Liveness;
  readonly lanes: Lanes;
  readonly measures: LinkMeasures;
  /** When this link last carried anything of use. */
  usedAt: number;
  /** What whoever sends over this link knows of it. */
  figures: () => Partial<Pick<LinkStats, 'bytesPerSecond' | 'receivedBytesPerSecond' | 'queueDelayMs'>> = () => ({});

  constructor(
    readonly id: LinkId,
    readonly account: AccountId,
    readonly device: DeviceId,
    private readonly wire: Wire,
    private readonly now: () => number,
    lanes: Omit<LanesParts, 'control'>,
  ) {
    this.#liveness = new Liveness(now);
    this.usedAt = now();
    this.lanes = new Lanes({ ...lanes, control: (frame) => this.control(frame) });
    this.measures = new LinkMeasures(now, () => [wire, ...this.lanes.wires()]);
  }

  get path(): Path | undefined {
    return this.measures.path;
  }

  send(frame: Bytes): void {
    this.usedAt = this.now();
    this.#liveness.sent(frame);
    this.wire.send(frame, frame[0] !== 1);
  }

  /** Entries are owed a `committed`. */
  control(frame: ControlFrame): void {
    this.send(encodeControl(frame));
    if (frame.kind === 'entries') this.#liveness.owed();
  }

  get bufferedBytes(): number {
    return this.wire.bufferedBytes;
  }

  whenDrained(run: () => void, lowBytes?: number): void {
    this.wire.whenDrained(run, lowBytes);
  }

  heard(frame: Frame): void {
    this.#liveness.heard(frame);
    this.usedAt = this.now();
  }

  /** Whether the other side does not answer any more. To be asked every now and then; gives up lanes that do not. */
  isSilent(): boolean {
    const heardAt = Math.max(this.#liveness.heardAt, this.lanes.heardAt);
    const mine = this.#liveness.silentMs(this.wire.bufferedBytes);
    const longest = Math.max(mine, this.lanes.watch());
    if (this.lanes.count > 1) this.usedAt = Math.max(this.usedAt, this.lanes.heardAt);
    return (longest > silentMaxMs && this.now() - heardAt > silentMaxMs) || mine > laneZeroSilentMaxMs;
  }

  /** What was measured last, for the expert view. */
  get stats(): LinkStats {
    const { path, roundTripMs, lossRatio } = this.measures;
    return {
      path,
      roundTripMs,
      lossRatio,
      lanes: this.lanes.count,
      queueDelayMs: undefined,
      bytesPerSecond: undefined,
      receivedBytesPerSecond: undefined,
      ...this.figures(),
    };
  }

  close(): void {
    this.lanes.close();
    this.wire.close();
  }
}
