/**
 * The sending side of one link: serves the `want` streams of the receiver, taking turns by block, each block whole on one lane. When and where
 * is decided by `Flow`. A block whose lane dies, or is too slow at the end, is sent again on another one.
 * Invariants: in memory are the blocks under way and a few read ahead; a receiver that breaks the protocol gets a `ProtocolError`.
 */
import { encodeControl, CHUNK_HEADER_BYTES, writeChunkHeader } from '../../protocol/frame.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { SourceError, type Clock, type DeviceKeys, type LanePort, type LinkPort } from '../ports.ts';
import { blockCount, validRanges, type Ranges } from './blocks.ts';
import { Flow } from './flow.ts';
import type { HeldBlob } from './held-blob.ts';
import type { LaneCount } from './lane-count.ts';
import { OutgoingLane } from './outgoing-lane.ts';
import { OutgoingStream } from './outgoing-stream.ts';
import { SlowReceiver } from './slow-receiver.ts';
import type { SpeedLimit } from './speed-limit.ts';
import { StreamProofs } from './stream-proofs.ts';
import type { DropFrame, MoreFrame, SenderEvent, StopReason, WantFrame } from './transfer-events.ts';
import type { Window } from './window.ts';

const REPORT_MS = 250;

/** Whether the receiver at the other end may have this file, and where it is. */
export type Found = { kind: 'blob'; blob: HeldBlob } | { kind: 'refused'; reason: StopReason };

export interface SenderParts {
  link: LinkPort;
  clock: Clock;
  keys: DeviceKeys;
  /** Parity of the receiver's stream numbers. */
  parity: 0 | 1;
  /** Shared by all links of the device. */
  upLimit?: SpeedLimit | undefined;
  /** How many lanes to have; by what they bring when absent. */
  laneCount?: Pick<LaneCount, 'step'> | undefined;
  find(offer: OfferId, file: number): Promise<Found>;
  report(event: SenderEvent): void;
  /** An error that came up between frames: a `ProtocolError` is the peer's fault and ends the link, any other one is a defect. */
  fault(error: unknown): void;
}

type Slot =
  | { kind: 'opening'; want: WantFrame; more: MoreFrame['ranges'] }
  /** `told`: that all was sent. */
  | { kind: 'sending'; stream: OutgoingStream; told: boolean };

export class Sender {
  readonly #flow: Flow<OutgoingLane>;
  /** In turn: the first one is next. */
  readonly #slots = new Map<number, Slot>();
  #highestStream = -1;
  readonly #slow: SlowReceiver;
  readonly #proofs: StreamProofs;
  /** Where chunks are put together: a new buffer for each would cost more than the copy. */
  readonly #frame = new Uint8Array(CHUNK_HEADER_BYTES + limits.chunkBytes);

  constructor(private readonly parts: SenderParts) {
    this.#flow = new Flow<OutgoingLane>({
      clock: parts.clock,
      speedLimit: parts.upLimit,
      count: parts.laneCount,
      want: (lanes) => parts.link.lanes?.want(lanes),
      source: {
        nextBytes: (lane, maxBytes) => this.#nextBytes(lane, maxBytes),
        send: (lane, bytes) => this.#sendChunk(lane, bytes),
        rescue: (idle) => this.#rescue(idle),
      },
    });
    this.#slow = new SlowReceiver({
      clock: parts.clock,
      window: this.#flow.window,
      unsent: () => [...this.#slots.values()].flatMap((one) => (one.kind === 'sending' && !one.told ? one.stream : [])),
      late: ({ blob }) => this.stop(blob.offer, blob.file, 'too-slow'),
    });
    this.#proofs = new StreamProofs({
      ...parts,
      isOpen: (stream) => this.#isOpen(stream),
      told: (stream) => this.#tellSent(stream),
      failed: ({ number }, error) => this.#failed(number, error),
    });
    this.#flow.add(new OutgoingLane(0, parts.link));
  }

  get window(): Window {
    return this.#flow.window;
  }

  /** Streams that are open. */
  get openStreams(): number {
    return this.#slots.size;
  }

  /** Whether a file goes over this link now. */
  carries(offer: OfferId, file: number): boolean {
    return [...this.#slots.values()].map(refOf).some((ref) => ref.offer === offer && ref.file === file);
  }

  /** @throws ProtocolError on a stream number that was used, ranges that are none, or too much credit. */
  want(frame: WantFrame): void {
    if (frame.stream % 2 !== this.parts.parity || frame.stream <= this.#highestStream)
      throw new ProtocolError('not-allowed', `stream ${frame.stream} is not new`);
    if (!validRanges(frame.ranges, 0xffff_ffff)) throw new ProtocolError('malformed', 'ranges out of order');
    if (frame.credit > limits.sinkCreditBytes)
      throw new ProtocolError('malformed', 'credit for more than may be under way');
    this.#highestStream = frame.stream;
    // Of a file one at a time: the end of a second stream would free the place that the first one has.
    if (this.#slots.size >= limits.streamsPerLink || this.carries(frame.offer, frame.file)) {
      this.#sendStop(frame.stream, 'busy');
      return;
    }
    this.#slots.set(frame.stream, { kind: 'opening', want: frame, more: [] });
    this.parts.find(frame.offer, frame.file).then(
      (found) => this.#opened(frame, found),
      (error: unknown) => this.#failed(frame.stream, error),
    );
  }

  /** @throws ProtocolError on ranges that are none, and on a receiver that asks without end. */
  more(frame: MoreFrame): void {
    if (frame.stream % 2 !== this.parts.parity || frame.stream > this.#highestStream)
      throw new ProtocolError('not-allowed', `no stream ${frame.stream}`);
    if (!validRanges(frame.ranges, 0xffff_ffff)) throw new ProtocolError('malformed', 'ranges out of order');
    const slot = this.#slots.get(frame.stream);
    if (slot?.kind === 'opening') {
      if (slot.more.push(...frame.ranges) > limits.rangesPerWant)
        throw new ProtocolError('too-large', 'asks without end');
    } else if (slot !== undefined) {
      this.#add(slot.stream, frame.ranges);
      this.#reportAsked(slot.stream, frame.ranges);
      slot.told = false;
      this.#slow.start();
      this.#read(slot.stream);
    }
  }

  /**
   * The receiver got blocks elsewhere. Of a stream that is just being opened all is sent; the receiver throws it away.
   * @throws ProtocolError on ranges that are none, and on a receiver that tears what it asked for into pieces without end.
   */
  drop(frame: DropFrame): void {
    if (!validRanges(frame.ranges, 0xffff_ffff)) throw new ProtocolError('malformed', 'ranges out of order');
    const slot = this.#slots.get(frame.stream);
    if (slot === undefined || slot.kind === 'opening') return;
    if (!slot.stream.drop(frame.ranges)) throw new ProtocolError('too-large', 'asks without end');
    this.#proofs.sendLeaves(slot.stream);
    this.#read(slot.stream);
    this.#flow.pump();
  }

  laneOpened(number: number, port: LanePort): void {
    this.#flow.add(new OutgoingLane(number, port));
  }

  /** What the lane had under way may have come through or not: the blocks of which the end is not acknowledged are sent again. */
  laneClosed(number: number): void {
    const lane = this.#flow.remove(number);
    if (lane === undefined) return;
    for (const block of lane.open()) this.#again(block, lane);
    this.#flow.pump();
  }

  /** @throws ProtocolError when the receiver claims more than was sent or gives credit for more than it asked. */
  ack(streamNumber: number, receivedBytes: number, creditBytes: number, settledBytes: number, laneNumber = 0): void {
    const lane = this.#flow.lanes.get(laneNumber);
    if (lane === undefined) return;
    if (receivedBytes > lane.meter.sentBytes) throw new ProtocolError('malformed', 'acknowledges more than was sent');
    this.#flow.onAck(lane, receivedBytes);
    for (const { stream, block } of lane.arrived()) stream.arrived(block);
    const slot = this.#slots.get(streamNumber);
    if (slot !== undefined && slot.kind !== 'opening') {
      const { stream } = slot;
      if (settledBytes > stream.wantedBytes || creditBytes > limits.sinkCreditBytes + settledBytes)
        throw new ProtocolError('malformed', 'credit for more than the file');
      const settled = settledBytes > stream.settledBytes;
      stream.creditBytes = Math.max(stream.creditBytes, creditBytes);
      stream.settledBytes = Math.max(stream.settledBytes, settledBytes);
      if (settled || this.parts.clock.now() - stream.reportedAt >= REPORT_MS) this.#reportProgress(stream);
    }
    this.#flow.pump();
  }

  /** The speed limit is another one. */
  paceChanged(): void {
    this.#flow.paceChanged();
  }

  /** The receiver ended a stream. One that is not open any more is ignored: both sides may have stopped at once. */
  stopped(streamNumber: number, reason: StopReason): void {
    const slot = this.#slots.get(streamNumber);
    if (slot === undefined) return;
    this.#slots.delete(streamNumber);
    // What this side could not read is why it ended.
    const mine = reason === 'changed' && slot.kind === 'sending' && slot.stream.incomplete;
    if (slot.kind === 'sending') this.#reportProgress(slot.stream);
    this.parts.report({ ...refOf(slot), kind: 'stopped', by: mine ? 'me' : 'peer', reason });
    this.#flow.pump();
  }

  /** Ends all streams of a file, for instance `paused` or `cancelled`. */
  stop(offer: OfferId, file: number, reason: StopReason): void {
    for (const [number, slot] of this.#slots) {
      const ref = refOf(slot);
      if (ref.offer === offer && ref.file === file) this.#end(number, slot, reason);
    }
    this.#flow.pump();
  }

  /** The link is gone. Nothing is reported any more. */
  close(): void {
    this.#flow.close();
    this.#slow.stop();
    this.#slots.clear();
  }

  #opened(want: WantFrame, found: Found): void {
    const slot = this.#slots.get(want.stream);
    if (slot === undefined) return;
    if (found.kind === 'refused') {
      this.#end(want.stream, slot, found.reason);
      return;
    }
    const stream = new OutgoingStream(want.stream, found.blob, [], want.credit);
    try {
      this.#add(stream, want.ranges);
      if (slot.kind === 'opening') for (const range of slot.more) this.#add(stream, [range]);
    } catch (error) {
      this.#slots.delete(want.stream);
      this.parts.fault(error);
      return;
    }
    this.#slots.set(want.stream, { kind: 'sending', stream, told: false });
    this.#slow.start();
    this.#reportAsked(stream, want.ranges);
    this.#reportProgress(stream);
    this.#read(stream);
  }

  /** @throws ProtocolError */
  #add(stream: OutgoingStream, ranges: Ranges): void {
    if (!validRanges(ranges, blockCount(stream.blob.sizeBytes)))
      throw new ProtocolError('malformed', 'wants blocks that the file does not have');
    if (!stream.add(ranges)) throw new ProtocolError('too-large', 'asks without end');
  }

  #read(stream: OutgoingStream): void {
    const onReady = () => {
      this.#proofs.tellUnreadable(stream);
      this.#flow.pump();
    };
    stream.readAhead(onReady).catch((error: unknown) => this.#failed(stream.number, error));
  }

  #isOpen(stream: OutgoingStream): boolean {
    const slot = this.#slots.get(stream.number);
    return slot?.kind === 'sending' && slot.stream === stream;
  }

  #nextBytes(lane: OutgoingLane, maxBytes: number): number {
    const { current } = lane;
    if (current !== undefined && (current.superseded || !this.#isOpen(current.stream))) {
      current.stream.leave(current);
      lane.current = undefined;
    }
    lane.current ??= this.#begin();
    if (lane.current === undefined) return 0;
    const { stream } = lane.current;
    const bytes = stream.chunkBytes(lane.current, maxBytes);
    if (bytes === 0) this.#outOfCredit(stream);
    return bytes;
  }

  /** A block of the stream whose turn it is. */
  #begin(): OutgoingLane['current'] {
    const now = this.parts.clock.now();
    for (const [number, slot] of this.#slots) {
      if (slot.kind !== 'sending') continue;
      const { stream } = slot;
      const block = stream.begin(now);
      if (block === undefined) {
        if (stream.outOfCredit) this.#outOfCredit(stream);
        continue;
      }
      this.#slots.delete(number);
      this.#slots.set(number, slot);
      this.#read(stream);
      return block;
    }
    return undefined;
  }

  /** The receiver can settle what it has only with the leaves. */
  #outOfCredit(stream: OutgoingStream): void {
    stream.endBatch();
    this.#proofs.sendLeaves(stream);
  }

  #sendChunk(lane: OutgoingLane, bytes: number): void {
    const block = lane.current;
    if (block === undefined) throw new Error('no block to send');
    const { stream, offset } = block;
    const frame = this.#frame.subarray(0, CHUNK_HEADER_BYTES + bytes);
    writeChunkHeader(frame, stream.number, block.block, offset);
    frame.set(block.data.subarray(offset, offset + bytes), CHUNK_HEADER_BYTES);
    const whole = stream.took(block, bytes, this.parts.clock.now());
    if (whole) lane.finished(block);
    lane.port.send(frame);
    if (stream.dueBatches.length > 0 || whole) this.#proofs.sendLeaves(stream);
  }

  /** The lane has nothing to do: it takes over what will be the last to arrive elsewhere. */
  #rescue(idle: OutgoingLane): boolean {
    for (const slot of this.#slots.values()) if (slot.kind === 'sending' && !slot.stream.exhausted) return false;
    const now = this.parts.clock.now();
    let worst: { block: NonNullable<OutgoingLane['current']>; leftMs: number; lane: OutgoingLane } | undefined;
    for (const lane of this.#flow.lanes.values()) {
      const slowest = lane === idle ? undefined : lane.slowest(now);
      if (slowest && this.#isOpen(slowest.block.stream) && slowest.leftMs > (worst?.leftMs ?? 0))
        worst = { ...slowest, lane };
    }
    if (worst === undefined || !idle.wouldRescue(worst.block.data.length, worst.leftMs)) return false;
    this.#again(worst.block, worst.lane);
    return true;
  }

  #again(block: NonNullable<OutgoingLane['current']>, lane: OutgoingLane): void {
    const { stream } = block;
    if (lane.current === block) {
      stream.leave(block);
      lane.current = undefined;
    }
    if (block.superseded) return;
    block.superseded = true;
    if (!this.#isOpen(stream)) return;
    stream.again(block.block);
    this.#read(stream);
  }

  #tellSent(stream: OutgoingStream): void {
    const slot = this.#slots.get(stream.number);
    if (slot?.kind !== 'sending' || slot.told || !stream.allTaken || stream.unsignedBatches > 0) return;
    if (stream.incomplete) return; // not all that was asked for
    slot.told = true;
    const { offer, file } = stream.blob;
    this.parts.report({ offer, file, kind: 'sent' });
  }

  #reportProgress(stream: OutgoingStream): void {
    const { offer, file } = stream.blob;
    stream.reportedAt = this.parts.clock.now();
    const { doneBytes, sentBytes: movedBytes } = stream;
    this.parts.report({ offer, file, kind: 'progress', doneBytes, movedBytes, arrived: stream.takeArrived() });
  }

  #reportAsked(stream: OutgoingStream, ranges: Ranges): void {
    const { offer, file } = stream.blob;
    this.parts.report({ offer, file, kind: 'asked', ranges });
  }

  #failed(streamNumber: number, error: unknown): void {
    const slot = this.#slots.get(streamNumber);
    if (!(error instanceof SourceError)) this.parts.fault(error);
    if (slot !== undefined)
      this.#end(streamNumber, slot, error instanceof SourceError && error.kind !== 'gone' ? 'changed' : 'unavailable');
  }

  #end(streamNumber: number, slot: Slot, reason: StopReason): void {
    this.#slots.delete(streamNumber);
    this.#sendStop(streamNumber, reason);
    this.parts.report({ ...refOf(slot), kind: 'stopped', by: 'me', reason });
  }

  #sendStop(stream: number, reason: StopReason): void {
    this.parts.link.send(encodeControl({ kind: 'stop', stream, reason }));
  }
}

function refOf(slot: Slot): { offer: OfferId; file: number } {
  const { offer, file } = slot.kind === 'opening' ? slot.want : slot.stream.blob;
  return { offer, file };
}
