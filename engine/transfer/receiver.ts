/**
 * The receiving side of one link: asks for the missing blocks of blobs, acknowledges what comes, and says when nothing does. At most
 * `limits.streamsPerLink` blobs are fetched at a time, the others wait in order. What a peer sends unasked is a `ProtocolError`.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { encodeAck, encodeControl } from '../../protocol/frame.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Clock, LanePort, LinkPort, Signatures } from '../ports.ts';
import type { FetchTarget, SourceTarget } from './fetch-target.ts';
import { BlockSet } from './block-set.ts';
import { blockCount, validRanges, type Ranges } from './blocks.ts';
import { IncomingStream } from './incoming-stream.ts';
import { leafBatchMessage } from './leaf-batch.ts';
import type { SpeedLimit } from './speed-limit.ts';
import type { LeavesFrame, ReceiverEvent, StopReason, UnreadableFrame } from './transfer-events.ts';
import { Trickle } from './trickle.ts';

/**
 * Chunks are acknowledged on their lane: small ones, as they are on slow lanes, one by one, whole ones by twos, and each at the end of a
 * block. A sender with a small window, which would wait for ever, sends no whole ones.
 */
const ACK_WHOLE_BYTES = 128 * 1024;
/** Under a speed limit: how often credit is given, and how far ahead. */
const PACE_MS = 100;
const PACE_AHEAD_MS = 500;
const STALL_MS = 5000;
const WATCH_MS = 1000;
/** Ended streams whose last chunks may still be under way that are known one by one: what may come of older ones is counted together. */
const LATE_STREAMS = 64;

export interface ReceiverParts {
  link: LinkPort;
  clock: Clock;
  signatures: Signatures;
  /** Parity of the stream numbers that this side takes. */
  parity: 0 | 1;
  /** Shared by all links of the device. */
  downLimit?: SpeedLimit | undefined;
  report(event: ReceiverEvent): void;
  /** An error that came up between frames: a `ProtocolError` is the peer's fault and ends the link, any other one is a defect. */
  fault(error: unknown): void;
}

export class Receiver {
  readonly #streams = new Map<number, IncomingStream>();
  readonly #waiting: FetchTarget[] = [];
  /** Bytes that may still come on streams that ended before their time. */
  readonly #late = new Map<number, number>();
  /** The same, of older ones together. */
  #lateOfOldBytes = 0;
  #nextStream: number;
  /** Streams of which it is to be told that more is settled. */
  readonly #ackDue = new Set<IncomingStream>();
  /** Lanes on which something can come, with the bytes of chunks that did, and those not yet acknowledged. */
  readonly #lanes = new Map<number, { port: LanePort; receivedBytes: number; unackedBytes: number }>();
  #cancelPace: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;
  #progressAt = 0;
  readonly #trickle = new Trickle();
  #receivedBytes = 0;
  #stalled = false;
  #closed = false;

  constructor(private readonly parts: ReceiverParts) {
    this.#nextStream = parts.parity;
    this.laneOpened(0, parts.link);
  }

  laneOpened(number: number, port: LanePort): void {
    this.#lanes.set(number, { port, receivedBytes: 0, unackedBytes: 0 });
  }

  laneClosed(number: number): void {
    this.#lanes.delete(number);
    for (const stream of this.#streams.values()) stream.laneClosed(number);
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Of files, over all lanes so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether a file comes over this link now. */
  carries(offer: OfferId, file: number): boolean {
    return [...this.#streams.values()].some(({ blob }) => blob.offer === offer && blob.file === file);
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
    this.#settledSome(stream);
  }

  /** Stops fetching a blob over this link and tells the sender why. What is verified already is still committed. */
  stop(blob: FetchTarget, reason: StopReason): void {
    const waiting = this.#waiting.indexOf(blob);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
    for (const stream of this.#streams.values()) if (stream.blob === blob) this.#end(stream, reason);
    this.#openNext();
  }

  /** The speed limit is another one, or lets more come. */
  paceChanged(): void {
    for (const stream of this.#streams.values()) if (this.#raiseCredit(stream)) this.#ack(stream.number, stream);
  }

  /** The link is gone. Nothing is reported any more. */
  close(): void {
    this.#closed = true;
    this.#cancelWatch?.();
    this.#cancelPace?.();
    this.#waiting.length = 0;
    for (const stream of this.#streams.values()) stream.blob.release(stream.unfinished);
    this.#streams.clear();
  }

  /** @throws ProtocolError */
  chunk(streamNumber: number, block: number, offset: number, data: Bytes, laneNumber = 0): void {
    const lane = this.#lanes.get(laneNumber);
    if (lane === undefined) return;
    const bytes = data.length;
    const stream = this.#streams.get(streamNumber);
    let whole = false;
    if (stream === undefined) this.#lateChunk(streamNumber, bytes);
    else whole = stream.chunk(block, offset, data, laneNumber);
    lane.receivedBytes += bytes;
    this.#receivedBytes += bytes;
    lane.unackedBytes += bytes;
    this.#trickle.moved(bytes);
    this.#progressed();
    if (whole && stream !== undefined) this.#raiseCredit(stream); // of a block that is thrown away
    if (whole || stream === undefined || bytes < limits.chunkBytes || lane.unackedBytes >= ACK_WHOLE_BYTES)
      this.#ack(streamNumber, stream, laneNumber);
  }

  /** The sender cannot read some blocks: the others still come. @throws ProtocolError on ranges that are none. */
  unreadable(frame: UnreadableFrame): void {
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) {
      if (!this.owns(frame.stream)) throw new ProtocolError('not-allowed', `no stream ${frame.stream}`);
      return;
    }
    if (!validRanges(frame.ranges, blockCount(stream.blob.sizeBytes)))
      throw new ProtocolError('malformed', 'ranges that are none');
    const ranges = new BlockSet(stream.unfinished).within(frame.ranges).ranges();
    stream.drop(ranges);
    this.#progressed();
    stream.blob.unreadable(ranges);
    this.#settledSome(stream);
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
    const full = this.#fullCredit(this.#streams.size + 1);
    const stream = new IncomingStream(this.#nextStream, blob, ranges, full, (...settled) => this.#settled(...settled));
    this.#raiseCredit(stream);
    this.#nextStream += 2;
    this.#streams.set(stream.number, stream);
    this.parts.link.send(
      encodeControl({
        kind: 'want',
        stream: stream.number,
        offer: blob.offer,
        file: blob.file,
        ranges: copyOf(ranges),
        credit: stream.creditBytes,
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
    this.#raiseCredit(stream);
    if (stream.ended) {
      this.#ack(stream.number, stream);
      this.#done(stream);
    } else this.#ackSettled(stream);
  }

  /** Blocks are settled in groups, by one commit: they get one ack. */
  #ackSettled(stream: IncomingStream): void {
    if (this.#ackDue.has(stream)) return;
    this.#ackDue.add(stream);
    void Promise.resolve().then(() => {
      this.#ackDue.delete(stream);
      if (this.#streams.get(stream.number) === stream) this.#ack(stream.number, stream);
    });
  }

  #settledSome(stream: IncomingStream): void {
    if (this.#streams.get(stream.number) !== stream) return;
    if (stream.ended) this.#done(stream);
    else {
      this.#raiseCredit(stream);
      this.#ack(stream.number, stream);
    }
  }

  #done(stream: IncomingStream): void {
    const { state } = stream.blob;
    this.#end(stream, state.kind === 'failed' && state.reason === 'changed' ? 'changed' : 'done');
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
    this.#late.set(stream.number, stream.lateBytes);
    const [oldest] = this.#late;
    if (this.#late.size <= LATE_STREAMS || oldest === undefined) return;
    this.#late.delete(oldest[0]);
    this.#lateOfOldBytes += oldest[1];
  }

  #lateChunk(streamNumber: number, bytes: number): void {
    const own = this.#late.get(streamNumber);
    const allowed = own ?? (this.owns(streamNumber) ? this.#lateOfOldBytes : 0);
    if (bytes > allowed) throw new ProtocolError('not-allowed', `chunk for no open stream (${streamNumber})`);
    if (own === undefined) this.#lateOfOldBytes -= bytes;
    else this.#late.set(streamNumber, own - bytes);
  }

  #ack(streamNumber: number, stream: IncomingStream | undefined, laneNumber = 0): void {
    const lane = this.#lanes.get(laneNumber);
    if (lane === undefined) return;
    lane.unackedBytes = 0;
    lane.port.send(encodeAck(streamNumber, lane.receivedBytes, stream?.creditBytes ?? 0, stream?.settledBytes ?? 0));
  }

  /** The credit of a stream that has this many others beside it. They share it, so that all together cost no more in a cut. */
  #fullCredit(streams: number): number {
    const share = Math.floor(limits.sinkCreditBytes / streams);
    return Math.max(limits.blockBytes, share - (share % limits.blockBytes));
  }

  /**
   * Raises the credit of a stream by what is settled; under a speed limit at its pace, and no further ahead of what came than it lets come soon.
   * @returns whether it rose.
   */
  #raiseCredit(stream: IncomingStream): boolean {
    const most = stream.fullCreditBytes + stream.settledBytes;
    const { downLimit, clock } = this.parts;
    const bytesPerSecond = downLimit?.bytesPerSecond ?? Infinity;
    let credit = most;
    if (bytesPerSecond < Infinity) {
      const ahead = Math.ceil((bytesPerSecond * PACE_AHEAD_MS) / 1000);
      const room = Math.min(most, stream.receivedBytes + ahead) - stream.creditBytes;
      const part = room > 0 ? downLimit?.shareBytes(clock.now(), stream, room) : undefined;
      credit = stream.creditBytes + Math.min(room, part ?? 0);
      this.#cancelPace ??= clock.after(PACE_MS, () => {
        this.#cancelPace = undefined;
        this.paceChanged();
      });
    }
    if (credit <= stream.creditBytes) return false;
    downLimit?.take(credit - stream.creditBytes, stream);
    stream.creditBytes = credit;
    return true;
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
    if (this.#trickle.tooSlow(now, this.#unwatched().length > 0)) {
      this.#giveUpSlow();
      return;
    }
    if (!due || this.#stalled || now - this.#progressAt < STALL_MS) return;
    this.#stalled = true;
    this.parts.report({ kind: 'stalled' });
  }

  /** Streams for which it is the peer's turn, and nobody else would notice that it does not use it. */
  #unwatched(): IncomingStream[] {
    return [...this.#streams.values()].filter((stream) => stream.waitingForPeer && !stream.blob.ownDeadlines);
  }

  /** Ends what the peer lets trickle, so that something else gets its turn. */
  #giveUpSlow(): void {
    for (const stream of this.#unwatched()) {
      this.#end(stream, 'too-slow');
      this.parts.report({ kind: 'stopped', offer: stream.blob.offer, file: stream.blob.file, reason: 'too-slow' });
    }
    this.#openNext();
  }
}

const copyOf = (ranges: Ranges): [number, number][] => ranges.map(([first, end]) => [first, end]);
