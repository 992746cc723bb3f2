/**
 * One stream that this side asked for: checks every chunk and every leaf against what was asked, and joins block, hash and signed leaf.
 * Invariants: the sender gets no more than its credit; a block is at one place: not begun, in parts, whole and waiting for its leaf, or
 * handed to the blob; leaves wait for no more blocks than the credit covers.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { limits } from '../../protocol/limits.ts';
import { BlockSet } from './block-set.ts';
import type { Ranges } from './blocks.ts';
import { lengthOf, type IncomingBlob } from './incoming-blob.ts';
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
  readonly #leaves = new Map<number, Bytes>();
  /** Leaves whose signature is being checked, and those in `#leaves`. */
  readonly #leafKnown = new BlockSet();
  #verifying = 0;
  /** Whether anything came over another lane than the first. */
  #manyLanes = false;

  constructor(
    readonly number: number,
    readonly blob: IncomingBlob,
    ranges: Ranges,
    /** Bytes that may be under way beyond what is settled, when no speed limit holds them back. */
    readonly fullCreditBytes: number,
    /** A block was settled; `ended` tells whether it was the last one. */
    private readonly onSettled: (stream: IncomingStream, outcome: 'had' | 'missing' | 'failed') => void,
  ) {
    this.#asked = new BlockSet(ranges);
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

  /** Blocks to ask for again when the stream ends before its time. */
  get unfinished(): Ranges {
    const blocks = new BlockSet(this.#asked.ranges());
    for (const block of this.#partial.keys()) blocks.add(block);
    for (const block of this.#whole.keys()) blocks.add(block);
    return blocks.ranges();
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
   * @returns whether the block is whole now. @throws ProtocolError when the chunk was not asked for, is out of order or over the credit, or too much comes twice.
   */
  chunk(block: number, offset: number, data: Bytes, lane: number): boolean {
    const length = lengthOf(this.blob, block);
    const end = offset + data.length;
    if (!this.#wanted.has(block)) throw new ProtocolError('not-allowed', `block ${block} was not asked for`);
    if (end > length) throw new ProtocolError('too-large', `block ${block} has ${length} bytes`);
    this.#arrivedBytes += data.length;
    this.#manyLanes ||= lane > 0;
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
    if (
      this.#leafKnown.count + frame.hashes.length >
      limits.sinkCreditBytes / limits.blockBytes + limits.leafBatchBlocks
    )
      throw new ProtocolError('too-large', 'leaves far ahead of their blocks');
    for (let block = frame.first; block < frame.first + frame.hashes.length; block++) {
      const open = this.#asked.has(block) || this.#partial.has(block) || this.#whole.has(block);
      if (!open || this.#leafKnown.has(block))
        throw new ProtocolError('not-allowed', `leaf ${block} was not asked for`);
      this.#leafKnown.add(block);
    }
  }

  /** Leaves whose signature is right. */
  leavesVerified(frame: LeavesFrame): void {
    frame.hashes.forEach((hash, i) => {
      this.#leaves.set(frame.first + i, hash);
      this.#join(frame.first + i);
    });
  }

  async #hash(block: number): Promise<void> {
    const hash = await this.blob.hashOf(block);
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
    void this.#settle(block, hash, leaf);
  }

  async #settle(block: number, hash: Bytes, leaf: Bytes): Promise<void> {
    this.#verifying++;
    const outcome = await this.blob.verify(block, hash, leaf);
    this.#verifying--;
    this.settledBytes += lengthOf(this.blob, block);
    this.onSettled(this, outcome);
  }
}
