/**
 * The receiving side of one link: asks for the missing blocks of blobs, acknowledges what comes, and says when nothing does. At most
 * `limits.streamsPerLink` blobs are fetched at a time, the others wait in order. What a peer sends unasked is a `ProtocolError`.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { encodeAck, encodeControl } from '../../protocol/frame.ts';
import { limits } from '../../protocol/limits.ts';
import type { Clock, LinkPort, Signatures } from '../ports.ts';
import type { FetchTarget, SourceTarget } from './fetch-target.ts';
import type { Ranges } from './blocks.ts';
import { IncomingStream } from './incoming-stream.ts';
import { leafBatchMessage } from './leaf-batch.ts';
import type { LeavesFrame, ReceiverEvent, StopReason } from './transfer-events.ts';
import { Trickle } from './trickle.ts';

/**
 * Chunks are acknowledged when this much came since the last time, and at the end of a block: small ones, as they are on slow links, one by
 * one; whole ones by twos. Never more than the floor of the sender's window, which would then wait for ever.
 */
const ACK_BYTES = 16 * 1024;
const ACK_WHOLE_BYTES = 128 * 1024;
const STALL_MS = 5000;
const WATCH_MS = 1000;
/** Ended streams whose last chunks may still be under way. */
const LATE_STREAMS = 64;

export interface ReceiverParts {
  link: LinkPort;
  clock: Clock;
  signatures: Signatures;
  /** Parity of the stream numbers that this side takes. */
  parity: 0 | 1;
  report(event: ReceiverEvent): void;
  /** An error that came up between frames: a `ProtocolError` is the peer's fault and ends the link, any other one is a defect. */
  fault(error: unknown): void;
}

export class Receiver {
  readonly #streams = new Map<number, IncomingStream>();
  readonly #waiting: FetchTarget[] = [];
  /** Bytes that may still come on streams that ended before their time. */
  readonly #late = new Map<number, number>();
  #nextStream: number;
  #receivedBytes = 0;
  #unackedBytes = 0;
  #cancelWatch: (() => void) | undefined;
  #progressAt = 0;
  readonly #trickle = new Trickle();
  #stalled = false;
  #closed = false;

  constructor(private readonly parts: ReceiverParts) {
    this.#nextStream = parts.parity;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Whether this side opened the stream, now or before. */
  owns(stream: number): boolean {
    return stream % 2 === this.parts.parity && stream < this.#nextStream;
  }

  /** Fetches what the blob lacks, now or when a stream is free. A blob that lacks nothing is left alone. */
  fetch(blob: FetchTarget): void {
    this.#waiting.push(blob);
    this.#openNext();
  }

  /** Asks for what `target` claims now: on its open stream, or on a new one when it has none. */
  more(target: SourceTarget): void {
    const stream = this.#streamOf(target);
    if (stream === undefined) {
      if (!this.#closed && !this.#waiting.includes(target)) this.fetch(target);
      return;
    }
    const ranges = target.claimMore(limits.rangesPerWant);
    if (ranges.length === 0) return;
    if (!stream.waitingForPeer) this.#progressed(); // from now on it is its turn
    stream.ask(ranges);
    this.parts.link.send(encodeControl({ kind: 'more', stream: stream.number, ranges: copyOf(ranges) }));
  }

  /** Blocks that came from elsewhere are not waited for any more. */
  drop(target: SourceTarget, ranges: Ranges): void {
    const stream = this.#streamOf(target);
    if (stream === undefined) return;
    stream.drop(ranges);
    this.parts.link.send(encodeControl({ kind: 'drop', stream: stream.number, ranges: copyOf(ranges) }));
    if (stream.ended) this.#done(stream);
    else this.#ack(stream.number, stream.creditBytes);
  }

  /** Stops fetching a blob over this link and tells the sender why. What is verified already is still committed. */
  stop(blob: FetchTarget, reason: StopReason): void {
    const waiting = this.#waiting.indexOf(blob);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
    for (const stream of this.#streams.values()) if (stream.blob === blob) this.#end(stream, reason);
    this.#openNext();
  }

  /** The link is gone. Nothing is reported any more. */
  close(): void {
    this.#closed = true;
    this.#cancelWatch?.();
    this.#waiting.length = 0;
    for (const stream of this.#streams.values()) stream.blob.release(stream.unfinished);
    this.#streams.clear();
  }

  /** @throws ProtocolError */
  chunk(streamNumber: number, block: number, offset: number, data: Bytes): void {
    const bytes = data.length;
    const stream = this.#streams.get(streamNumber);
    let whole = false;
    if (stream === undefined) this.#lateChunk(streamNumber, bytes);
    else whole = stream.chunk(block, offset, data);
    this.#receivedBytes += bytes;
    this.#unackedBytes += bytes;
    this.#trickle.moved(bytes);
    this.#progressed();
    const due = bytes < limits.chunkBytes ? ACK_BYTES : ACK_WHOLE_BYTES;
    if (whole || stream === undefined || this.#unackedBytes >= due) this.#ack(streamNumber, stream?.creditBytes ?? 0);
  }

  /** @throws ProtocolError; one about the signature comes by `fault`. */
  leaves(frame: LeavesFrame): void {
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) {
      if (!this.owns(frame.stream)) throw new ProtocolError('not-allowed', `no stream ${frame.stream}`);
      return;
    }
    stream.announceLeaves(frame);
    this.#progressed();
    this.#checkLeaves(stream, frame).catch((error: unknown) => this.parts.fault(error));
  }

  /** The sender cannot go on. */
  stopped(streamNumber: number, reason: StopReason): void {
    const stream = this.#streams.get(streamNumber);
    if (stream === undefined) return;
    this.#remove(stream);
    this.parts.report({ kind: 'stopped', offer: stream.blob.offer, file: stream.blob.file, reason });
    this.#openNext();
  }

  async #checkLeaves(stream: IncomingStream, frame: LeavesFrame): Promise<void> {
    const { offer, file, publicKey } = stream.blob;
    const right = await this.parts.signatures.verify(
      publicKey,
      leafBatchMessage(offer, file, frame.first, frame.hashes),
      frame.signature,
    );
    if (this.#streams.get(stream.number) !== stream) return;
    if (!right) {
      stream.blob.forgedLeaves?.();
      throw new ProtocolError('malformed', 'leaves with a wrong signature');
    }
    stream.leavesVerified(frame);
  }

  #openNext(): void {
    while (!this.#closed && this.#streams.size < limits.streamsPerLink) {
      const blob = this.#waiting.shift();
      if (blob === undefined) return;
      this.#open(blob);
    }
  }

  #open(blob: FetchTarget): void {
    const ranges = blob.claim(limits.rangesPerWant);
    if (ranges.length === 0) return;
    // The streams share the credit, so that all of them together cost no more in a cut; a batch of leaves always fits.
    const share = Math.floor(limits.sinkCreditBytes / (this.#streams.size + 1));
    const credit = Math.max(limits.blockBytes, share - (share % limits.blockBytes));
    const stream = new IncomingStream(this.#nextStream, blob, ranges, credit, (...settled) =>
      this.#settled(...settled),
    );
    this.#nextStream += 2;
    this.#streams.set(stream.number, stream);
    this.parts.link.send(
      encodeControl({
        kind: 'want',
        stream: stream.number,
        offer: blob.offer,
        file: blob.file,
        ranges: copyOf(ranges),
        credit,
      }),
    );
    this.#progressed();
    this.#cancelWatch ??= this.parts.clock.after(WATCH_MS, () => this.#watch());
  }

  #settled(stream: IncomingStream, outcome: 'had' | 'missing' | 'failed'): void {
    if (this.#streams.get(stream.number) !== stream) return;
    this.#progressed();
    if (outcome === 'failed') {
      const { state } = stream.blob;
      this.#end(stream, state.kind === 'failed' && state.reason === 'no-space' ? 'no-space' : 'paused');
      this.#openNext();
      return;
    }
    this.#ack(stream.number, stream.creditBytes);
    if (stream.ended) this.#done(stream);
  }

  #done(stream: IncomingStream): void {
    this.#end(stream, 'done');
    // More holes than one `want` can name, or a bad block.
    this.#waiting.push(stream.blob);
    this.#openNext();
  }

  #streamOf(target: SourceTarget): IncomingStream | undefined {
    for (const stream of this.#streams.values()) if (stream.blob === target) return stream;
    return undefined;
  }

  #end(stream: IncomingStream, reason: StopReason): void {
    this.#remove(stream);
    this.parts.link.send(encodeControl({ kind: 'stop', stream: stream.number, reason }));
  }

  #remove(stream: IncomingStream): void {
    this.#streams.delete(stream.number);
    const { unfinished, mayStillCome } = stream;
    if (unfinished.length > 0) stream.blob.release(unfinished);
    if (!mayStillCome) return;
    this.#late.set(stream.number, stream.creditBytes - stream.receivedBytes);
    const oldest = this.#late.keys().next();
    if (this.#late.size > LATE_STREAMS && oldest.done !== true) this.#late.delete(oldest.value);
  }

  #lateChunk(streamNumber: number, bytes: number): void {
    const allowed = this.#late.get(streamNumber) ?? 0;
    if (bytes > allowed) throw new ProtocolError('not-allowed', `chunk for no open stream (${streamNumber})`);
    this.#late.set(streamNumber, allowed - bytes);
  }

  #ack(streamNumber: number, creditBytes: number): void {
    this.#unackedBytes = 0;
    this.parts.link.send(encodeAck(streamNumber, this.#receivedBytes, creditBytes));
  }

  #progressed(): void {
    this.#progressAt = this.parts.clock.now();
    this.#stalled = false;
  }

  /** Once a second while anything is open: has the peer been silent for too long though it is its turn? */
  #watch(): void {
    this.#cancelWatch = undefined;
    if (this.#streams.size === 0) return;
    this.#cancelWatch = this.parts.clock.after(WATCH_MS, () => this.#watch());
    const due = [...this.#streams.values()].some((stream) => stream.waitingForPeer);
    const now = this.parts.clock.now();
    if (this.#trickle.tooSlow(now, due)) {
      this.#giveUpSlow();
      return;
    }
    if (!due || this.#stalled || now - this.#progressAt < STALL_MS) return;
    this.#stalled = true;
    this.parts.report({ kind: 'stalled' });
  }

  /** Ends what the peer lets trickle, so that something else gets its turn. */
  #giveUpSlow(): void {
    for (const stream of [...this.#streams.values()]) {
      if (!stream.waitingForPeer) continue;
      this.#end(stream, 'too-slow');
      this.parts.report({ kind: 'stopped', offer: stream.blob.offer, file: stream.blob.file, reason: 'too-slow' });
    }
    this.#openNext();
  }
}

const copyOf = (ranges: Ranges): [number, number][] => ranges.map(([first, end]) => [first, end]);
