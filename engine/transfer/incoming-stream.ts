/**
 * One stream that this side asked for: checks every chunk and every leaf against what was asked, and joins block, hash and signed leaf.
 * Invariants: the sender gets no more than its credit; a block is at one place: not begun, in parts, whole and waiting for its leaf, or
 * handed to the blob; leaves wait for no more blocks than the credit covers.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { limits } from '../../protocol/limits.ts';
import { BlockSet } from './block-set.ts';
import { blockLength, type Ranges } from './blocks.ts';
import type { FetchTarget } from './fetch-target.ts';
import type { SignedLeaves } from './leaf-batch.ts';
import type { LeavesFrame } from './transfer-events.ts';

const NO_LANE = -1;

export class IncomingStream {
  /** Bytes of blocks that came; what came twice counts once. */
  receivedBytes = 0;
  /** The same with what came twice, or too late to be of use. */
  #arrivedBytes = 0;
  /** Limit of `receivedBytes` as it was told to the sender; at most the initial credit and all that is settled. */
  creditBytes: number;
  /** Durably written, or thrown away. */
  settledBytes = 0;
  /** Asked for and not begun. */
  readonly #asked: BlockSet;
  /** All that was asked for at the beginning. */
  readonly #wanted: BlockSet;
  /** Blocks that are begun: how far, on which lane, and how far they ever were. */
  readonly #partial = new Map<number, { end: number; lane: number; reached: number }>();
  /** Hashes of blocks that are whole; undefined while the sink computes it. */
  readonly #whole = new Map<number, Bytes | undefined>();
  /** Signed leaves of blocks that are not whole yet. */
  readonly #leaves = new Map<number, { hash: Bytes; signed: SignedLeaves }>();
  /** Leaves whose signature is being checked, and those in `#leaves`. */
  readonly #leafKnown = new BlockSet();
  #verifying = 0;
  /** Bytes that may still come of blocks that are not needed any more. */
  readonly #dropped = new Map<number, number>();
  /** Blocks that were ever asked for, and batches of leaves that came: each batch is sent for a block at least. */
  #askedBlocks: number;
  #batches = 0;
  /** Whether anything came over another lane than the first. */
  #manyLanes = false;

  constructor(
    readonly number: number,
    readonly blob: FetchTarget,
    ranges: Ranges,
    /** Bytes that may be under way beyond what is settled, when no speed limit holds them back. */
    readonly fullCreditBytes: number,
    /** A block was settled; `ended` tells whether it was the last one. */
    private readonly onSettled: (stream: IncomingStream, outcome: 'had' | 'missing' | 'failed') => void,
  ) {
    this.#asked = new BlockSet(ranges);
    this.#askedBlocks = this.#asked.count;
    this.#wanted = new BlockSet(ranges);
    this.creditBytes = 0;
  }

  /** Everything that was asked for is settled. */
  get ended(): boolean {
    return this.#asked.count === 0 && this.#partial.size === 0 && this.#whole.size === 0 && this.#verifying === 0;
  }

  /** The sender could send more, or owes leaves. */
  get waitingForPeer(): boolean {
    const unfinished = this.#asked.count > 0 || this.#partial.size > 0;
    return (
      (unfinished && this.receivedBytes < this.creditBytes) ||
      [...this.#whole.keys()].some((block) => !this.#leafKnown.has(block))
    );
  }

  /** Whether the sender may still send something that it was asked for. */
  get mayStillCome(): boolean {
    return this.unfinished.length > 0 || [...this.#dropped.values()].some((bytes) => bytes > 0);
  }

  /** Blocks to ask for again when the stream ends before its time. */
  get unfinished(): Ranges {
    const blocks = new BlockSet(this.#asked.ranges());
    for (const block of this.#partial.keys()) blocks.add(block);
    for (const block of this.#whole.keys()) blocks.add(block);
    return blocks.ranges();
  }

  /** Asks for further blocks, none of which was asked for on this stream before. */
  ask(ranges: Ranges): void {
    for (const [first, end] of ranges) {
      this.#asked.add(first, end);
      this.#wanted.add(first, end);
      this.#askedBlocks += end - first;
    }
  }

  /** Blocks that came from elsewhere: what is still sent of them is thrown away. A block that is being verified is let go on. */
  drop(ranges: Ranges): void {
    for (const [first, end] of ranges) {
      for (let block = first; block < end; block++) {
        const begunBytes = this.#partial.get(block)?.reached;
        if (begunBytes !== undefined || this.#asked.has(block))
          this.#dropped.set(block, this.#lengthOf(block) - (begunBytes ?? 0));
        this.#partial.delete(block);
        if (this.#whole.delete(block) || begunBytes !== undefined)
          this.settledBytes += begunBytes ?? this.#lengthOf(block);
        this.#leaves.delete(block);
        this.#leafKnown.delete(block);
      }
      this.#asked.delete(first, end);
    }
  }

  /** What was begun on this lane goes on nowhere: it begins anew, if only on a new lane of the same number. */
  laneClosed(lane: number): void {
    this.#manyLanes = true;
    for (const part of this.#partial.values()) if (part.lane === lane) part.lane = NO_LANE;
  }

  /** How much may still come of a stream that ends now. */
  get lateBytes(): number {
    return this.creditBytes - this.receivedBytes + (this.#manyLanes ? this.#repeatsLeft : 0);
  }

  /**
   * A block comes whole and in order on one lane; a sender that loses a lane, or finds it too slow, begins the block anew on another one, and what
   * still comes on the first is of no use.
   * @returns whether the block is whole now, or all of it thrown away.
   * @throws ProtocolError when the chunk was not asked for, is out of order or over the credit, or too much comes twice.
   */
  chunk(block: number, offset: number, data: Bytes, lane: number): boolean {
    this.#manyLanes ||= lane > 0;
    if (this.#dropped.has(block)) return this.#throwAway(block, data.length);
    const length = this.#lengthOf(block);
    const end = offset + data.length;
    if (!this.#wanted.has(block)) throw new ProtocolError('not-allowed', `block ${block} was not asked for`);
    if (end > length) throw new ProtocolError('too-large', `block ${block} has ${length} bytes`);
    this.#arrivedBytes += data.length;
    let part = this.#partial.get(block);
    if (this.#asked.has(block)) {
      if (offset !== 0) throw new ProtocolError('not-allowed', `block ${block} begins at ${offset}`);
      this.#asked.delete(block);
      part = { end: 0, lane, reached: 0 };
    } else if (part === undefined || (part.lane !== lane && offset !== 0)) {
      if (!this.#manyLanes) throw new ProtocolError('not-allowed', `block ${block} comes twice`);
      this.#repeated(block);
      return false;
    } else if (part.lane !== lane) part = { end: 0, lane, reached: part.reached };
    if (offset !== part.end)
      throw new ProtocolError('not-allowed', `block ${block} goes on at ${part.end}, not ${offset}`);
    part.end = end;
    this.receivedBytes += Math.max(0, end - part.reached);
    part.reached = Math.max(end, part.reached);
    if (this.receivedBytes > this.creditBytes) throw new ProtocolError('too-large', 'more than the credit');
    if (this.#repeatsLeft < 0) this.#repeated(block);
    this.blob.write(block, offset, data);
    this.#partial.set(block, part);
    if (end < length) return false;
    this.#partial.delete(block);
    this.#whole.set(block, undefined);
    void this.#hash(block);
    return true;
  }

  get #repeatsLeft(): number {
    return limits.repeatedBytes + this.receivedBytes / 4 - (this.#arrivedBytes - this.receivedBytes);
  }

  #repeated(block: number): void {
    if (this.#repeatsLeft < 0) throw new ProtocolError('not-allowed', `block ${block} comes again and again`);
  }

  /** Takes note of leaves whose signature is checked next. @throws ProtocolError on leaves of blocks that are not under way. */
  announceLeaves(frame: LeavesFrame): void {
    if (this.blob.foreignBatches) {
      // One for each block at most; of its leaves those count that are of use here.
      if (++this.#batches > this.#askedBlocks)
        throw new ProtocolError('too-large', 'more batches of leaves than blocks');
      return;
    }
    if (
      this.#leafKnown.count + frame.hashes.length >
      limits.sinkCreditBytes / limits.blockBytes + limits.leafBatchBlocks
    )
      throw new ProtocolError('too-large', 'leaves far ahead of their blocks');
    for (let block = frame.first; block < frame.first + frame.hashes.length; block++) {
      if (!this.#isOpen(block) || this.#leafKnown.has(block))
        throw new ProtocolError('not-allowed', `leaf ${block} was not asked for`);
      this.#leafKnown.add(block);
    }
  }

  /** Leaves whose signature is right. */
  leavesVerified({ first, hashes, signature }: LeavesFrame): void {
    const signed = { first, hashes, signature };
    hashes.forEach((hash, i) => {
      const block = first + i;
      if (!this.#isOpen(block) || this.#leaves.has(block)) return;
      this.#leafKnown.add(block);
      this.#leaves.set(block, { hash, signed });
      this.#join(block);
    });
  }

  async #hash(block: number): Promise<void> {
    const hash = await this.blob.hashOf(block);
    if (!this.#whole.has(block)) return; // dropped meanwhile
    if (hash === undefined) {
      this.onSettled(this, 'failed');
      return;
    }
    this.#whole.set(block, hash);
    this.#join(block);
  }

  #join(block: number): void {
    const hash = this.#whole.get(block);
    const leaf = this.#leaves.get(block);
    if (hash === undefined || leaf === undefined) return;
    this.#whole.delete(block);
    this.#leaves.delete(block);
    this.#leafKnown.delete(block);
    void this.#settle(block, hash, leaf.hash, leaf.signed);
  }

  async #settle(block: number, hash: Bytes, leaf: Bytes, signed: SignedLeaves): Promise<void> {
    this.#verifying++;
    const outcome = await this.blob.verify(block, hash, leaf, signed);
    this.#verifying--;
    this.settledBytes += this.#lengthOf(block);
    this.onSettled(this, outcome);
  }

  /** Thrown away is settled: the sender gets the credit back. @throws ProtocolError when more comes than the block has. */
  #throwAway(block: number, bytes: number): boolean {
    const left = this.#dropped.get(block) ?? 0;
    const newBytes = Math.min(left, bytes);
    this.#dropped.set(block, left - newBytes);
    this.#arrivedBytes += bytes;
    this.receivedBytes += newBytes;
    this.settledBytes += newBytes;
    if (newBytes < bytes && !this.#manyLanes) throw new ProtocolError('too-large', `more than block ${block} has`);
    if (newBytes < bytes) this.#repeated(block);
    return left === newBytes;
  }

  #isOpen(block: number): boolean {
    return this.#asked.has(block) || this.#partial.has(block) || this.#whole.has(block);
  }

  #lengthOf(block: number): number {
    return blockLength(this.blob.sizeBytes, block);
  }
}
