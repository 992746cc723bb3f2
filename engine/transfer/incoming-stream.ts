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

export class IncomingStream {
  /** Chunk bytes that came. */
  receivedBytes = 0;
  /** Limit of `receivedBytes`: the initial credit and all that is settled. */
  creditBytes: number;
  /** Asked for and not begun. */
  readonly #asked: BlockSet;
  /** Bytes so far of blocks that are begun. */
  readonly #partial = new Map<number, number>();
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

  constructor(
    readonly number: number,
    readonly blob: FetchTarget,
    ranges: Ranges,
    initialCreditBytes: number,
    /** A block was settled; `ended` tells whether it was the last one. */
    private readonly onSettled: (stream: IncomingStream, outcome: 'had' | 'missing' | 'failed') => void,
  ) {
    this.#asked = new BlockSet(ranges);
    this.#askedBlocks = this.#asked.count;
    this.creditBytes = initialCreditBytes;
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
      this.#askedBlocks += end - first;
    }
  }

  /** Blocks that came from elsewhere: what is still sent of them is thrown away. A block that is being verified is let go on. */
  drop(ranges: Ranges): void {
    for (const [first, end] of ranges) {
      for (let block = first; block < end; block++) {
        const begun = this.#partial.get(block);
        if (begun !== undefined || this.#asked.has(block))
          this.#dropped.set(block, this.#lengthOf(block) - (begun ?? 0));
        this.#partial.delete(block);
        if (this.#whole.delete(block) || begun !== undefined) this.creditBytes += begun ?? this.#lengthOf(block);
        this.#leaves.delete(block);
        this.#leafKnown.delete(block);
      }
      this.#asked.delete(first, end);
    }
  }

  /** @returns whether the block is whole now. @throws ProtocolError when the chunk was not asked for, comes twice, out of order or over the credit. */
  chunk(block: number, offset: number, data: Bytes): boolean {
    if (this.#dropped.has(block)) return this.#throwAway(block, data.length);
    const length = this.#lengthOf(block);
    const expected = this.#partial.get(block) ?? (this.#asked.has(block) ? 0 : undefined);
    if (expected === undefined) throw new ProtocolError('not-allowed', `block ${block} was not asked for`);
    if (offset !== expected)
      throw new ProtocolError('not-allowed', `block ${block} goes on at ${expected}, not ${offset}`);
    const end = offset + data.length;
    if (end > length) throw new ProtocolError('too-large', `block ${block} has ${length} bytes`);
    if (this.receivedBytes + data.length > this.creditBytes)
      throw new ProtocolError('too-large', 'more than the credit');
    if (offset === 0) this.#asked.delete(block);
    this.receivedBytes += data.length;
    this.blob.write(block, offset, data);
    if (end < length) {
      this.#partial.set(block, end);
      return false;
    }
    this.#partial.delete(block);
    this.#whole.set(block, undefined);
    void this.#hash(block);
    return true;
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
    this.creditBytes += this.#lengthOf(block);
    this.onSettled(this, outcome);
  }

  /** Thrown away is settled: the sender gets the credit back. @throws ProtocolError when more comes than the block has. */
  #throwAway(block: number, bytes: number): boolean {
    const left = (this.#dropped.get(block) ?? 0) - bytes;
    if (left < 0) throw new ProtocolError('too-large', `more than block ${block} has`);
    this.#dropped.set(block, left);
    this.receivedBytes += bytes;
    this.creditBytes += bytes;
    return left === 0;
  }

  #isOpen(block: number): boolean {
    return this.#asked.has(block) || this.#partial.has(block) || this.#whole.has(block);
  }

  #lengthOf(block: number): number {
    return blockLength(this.blob.sizeBytes, block);
  }
}
