/**
 * The sending side of one link: serves the `want` streams of the receiver, taking turns by block, as fast as the window, the receiver's
 * credit and the shallow queue of the channel allow. Steps follow from a read, an acknowledgement or a drained queue; the one timer spreads
 * sends and may be late (a page in the background): then acknowledgements carry on alone. Invariants: in memory are at most a few blocks per stream; a receiver that breaks the protocol gets a `ProtocolError`.
 */
import { encodeControl, CHUNK_HEADER_BYTES, writeChunkHeader } from '../../protocol/frame.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { SourceError, type Clock, type DeviceKeys, type LinkPort } from '../ports.ts';
import { blockCount, validRanges, type Ranges } from './blocks.ts';
import type { HeldBlob } from './held-blob.ts';
import { OutgoingStream } from './outgoing-stream.ts';
import type { DropFrame, MoreFrame, SenderEvent, StopReason, WantFrame } from './transfer-events.ts';
import { Window } from './window.ts';

/** Measured: beyond this the queue of SCTP costs speed. */
const QUEUE_HIGH_BYTES = 256 * 1024;
const MIN_CHUNK_BYTES = 16 * 1024;
/** A chunk takes about this long on the lane; measured: small ones on slow links, 64 KiB on fast ones (from 8 MB/s on). */
const CHUNK_MS = 8;
const REPORT_MS = 250;

/** Whether the receiver at the other end may have this file, and where it is. */
export type Found = { kind: 'blob'; blob: HeldBlob } | { kind: 'refused'; reason: StopReason };

export interface SenderParts {
  link: LinkPort;
  clock: Clock;
  keys: DeviceKeys;
  /** Parity of the receiver's stream numbers. */
  parity: 0 | 1;
  find(offer: OfferId, file: number): Promise<Found>;
  report(event: SenderEvent): void;
  /** An error that came up between frames: a `ProtocolError` is the peer's fault and ends the link, any other one is a defect. */
  fault(error: unknown): void;
}

type Slot =
  | { kind: 'opening'; want: WantFrame; more: MoreFrame['ranges'] }
  | { kind: 'sending' | 'sent'; stream: OutgoingStream };

export class Sender {
  readonly window = new Window();
  /** In turn: the first one is next. */
  readonly #slots = new Map<number, Slot>();
  #highestStream = -1;
  #draining = false;
  #cancelPace: (() => void) | undefined;
  #closed = false;

  constructor(private readonly parts: SenderParts) {}

  /** Streams that are open. */
  get openStreams(): number {
    return this.#slots.size;
  }

  /** @throws ProtocolError on a stream number that was used or ranges that are none. */
  want(frame: WantFrame): void {
    if (frame.stream % 2 !== this.parts.parity || frame.stream <= this.#highestStream)
      throw new ProtocolError('not-allowed', `stream ${frame.stream} is not new`);
    if (!validRanges(frame.ranges, 0xffff_ffff)) throw new ProtocolError('malformed', 'ranges out of order');
    this.#highestStream = frame.stream;
    if (this.#slots.size >= limits.streamsPerLink) {
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
      this.#slots.set(frame.stream, { kind: 'sending', stream: slot.stream });
      this.#read(slot.stream);
    }
  }

  /** The receiver got blocks elsewhere. Of a stream that is just being opened all is sent; the receiver throws it away. */
  drop(frame: DropFrame): void {
    const slot = this.#slots.get(frame.stream);
    if (slot === undefined || slot.kind === 'opening') return;
    slot.stream.drop(frame.ranges);
    this.#sendLeaves(slot.stream);
    this.#pump();
  }

  /** @throws ProtocolError when the receiver claims more than was sent or gives credit for more than it asked. */
  ack(streamNumber: number, receivedBytes: number, creditBytes: number): void {
    if (receivedBytes > this.window.sentBytes) throw new ProtocolError('malformed', 'acknowledges more than was sent');
    const now = this.parts.clock.now();
    this.window.onAck(now, receivedBytes);
    const slot = this.#slots.get(streamNumber);
    if (slot !== undefined && slot.kind !== 'opening') {
      const { stream } = slot;
      if (creditBytes > stream.initialCreditBytes + stream.wantedBytes)
        throw new ProtocolError('malformed', 'credit for more than the file');
      const settled = creditBytes > stream.creditBytes;
      stream.creditBytes = Math.max(stream.creditBytes, creditBytes);
      if (settled || now - stream.reportedAt >= REPORT_MS) this.#reportProgress(stream);
    }
    this.#pump();
  }

  /** The receiver ended a stream. One that is not open any more is ignored: both sides may have stopped at once. */
  stopped(streamNumber: number, reason: StopReason): void {
    const slot = this.#slots.get(streamNumber);
    if (slot === undefined) return;
    this.#slots.delete(streamNumber);
    this.parts.report({ ...refOf(slot), kind: 'stopped', by: 'peer', reason });
    this.#pump();
  }

  /** Ends all streams of a file, for instance `paused` or `cancelled`. */
  stop(offer: OfferId, file: number, reason: StopReason): void {
    for (const [number, slot] of this.#slots) {
      const ref = refOf(slot);
      if (ref.offer === offer && ref.file === file) this.#end(number, slot, reason);
    }
    this.#pump();
  }

  /** The link is gone. Nothing is reported any more. */
  close(): void {
    this.#closed = true;
    this.#cancelPace?.();
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
    this.#slots.set(want.stream, { kind: 'sending', stream });
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
    stream.readAhead(() => this.#pump()).catch((error: unknown) => this.#failed(stream.number, error));
  }

  #pump(): void {
    while (!this.#closed) {
      if (this.parts.link.bufferedBytes >= QUEUE_HIGH_BYTES) {
        this.#waitForDrain();
        return;
      }
      const chunkBytes = this.#chunkBytes();
      const turn = this.#nextTurn(chunkBytes);
      if (turn === undefined || !this.window.canSend(turn.bytes)) return;
      const waitMs = this.window.pacingDelayMs(this.parts.clock.now());
      if (waitMs > 0) {
        this.#waitForPace(waitMs);
        return;
      }
      this.#sendChunk(turn.stream, turn.bytes);
    }
  }

  /** The stream whose turn it is, and the bytes it can send: the first one that has any. */
  #nextTurn(chunkBytes: number): { stream: OutgoingStream; bytes: number } | undefined {
    for (const slot of this.#slots.values()) {
      if (slot.kind !== 'sending') continue;
      const bytes = slot.stream.nextChunkBytes(chunkBytes);
      if (bytes > 0) return { stream: slot.stream, bytes };
      if (slot.stream.outOfCredit) {
        // The receiver can settle what it has only with the leaves.
        slot.stream.endBatch();
        this.#sendLeaves(slot.stream);
      }
    }
    return undefined;
  }

  #sendChunk(stream: OutgoingStream, bytes: number): void {
    const now = this.parts.clock.now();
    const frame = new Uint8Array(CHUNK_HEADER_BYTES + bytes);
    stream.take(bytes, now, (block, offset, data) => {
      writeChunkHeader(frame, stream.number, block, offset);
      frame.set(data, CHUNK_HEADER_BYTES);
    });
    this.window.onSend(now, bytes);
    this.parts.link.send(frame);
    if (!stream.betweenBlocks) return;
    this.#sendLeaves(stream);
    this.#slots.delete(stream.number);
    this.#slots.set(stream.number, { kind: stream.allTaken ? 'sent' : 'sending', stream });
    if (!stream.allTaken) this.#read(stream);
  }

  #sendLeaves(stream: OutgoingStream): void {
    const { offer, file } = stream.blob;
    for (const { first, hashes } of stream.dueBatches.splice(0)) {
      this.#signAndSend(stream, offer, file, first, hashes).catch((error: unknown) =>
        this.#failed(stream.number, error),
      );
    }
    stream.blob.advance().catch((error: unknown) => this.parts.fault(error));
  }

  async #signAndSend(
    stream: OutgoingStream,
    offer: OfferId,
    file: number,
    first: number,
    hashes: Uint8Array<ArrayBuffer>[],
  ): Promise<void> {
    const proofs = await stream.blob.prove(first, hashes, this.parts.keys);
    if (!this.#slots.has(stream.number)) return;
    for (const signed of proofs) {
      const leaves = { first: signed.first, hashes: [...signed.hashes], signature: signed.signature };
      this.parts.link.send(encodeControl({ kind: 'leaves', stream: stream.number, ...leaves }));
    }
    stream.unsignedBatches--;
    if (stream.allTaken && stream.unsignedBatches === 0) this.parts.report({ offer, file, kind: 'sent' });
  }

  #waitForPace(waitMs: number): void {
    this.#cancelPace ??= this.parts.clock.after(waitMs, () => {
      this.#cancelPace = undefined;
      this.#pump();
    });
  }

  #waitForDrain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.parts.link.whenDrained(() => {
      this.#draining = false;
      this.#pump();
    });
  }

  #chunkBytes(): number {
    const fitting = (this.window.bytesPerSecond * CHUNK_MS) / 1000;
    let bytes = MIN_CHUNK_BYTES;
    while (bytes < limits.chunkBytes && 2 * bytes <= fitting) bytes *= 2;
    return bytes;
  }

  #reportProgress(stream: OutgoingStream): void {
    const { offer, file } = stream.blob;
    stream.reportedAt = this.parts.clock.now();
    this.parts.report({ offer, file, kind: 'progress', doneBytes: stream.doneBytes, movedBytes: stream.sentBytes });
  }

  #failed(streamNumber: number, error: unknown): void {
    const slot = this.#slots.get(streamNumber);
    if (!(error instanceof SourceError)) this.parts.fault(error);
    if (slot !== undefined)
      this.#end(
        streamNumber,
        slot,
        error instanceof SourceError && error.kind === 'changed' ? 'changed' : 'unavailable',
      );
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
