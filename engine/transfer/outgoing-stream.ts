/**
 * One `want` that is being served: which blocks are left, what was read ahead, and the leaf hashes not yet signed. It decides nothing
 * about when to send; `Sender` does. At most `READ_AHEAD_BLOCKS` blocks beside the current one are in memory.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { limits } from '../../protocol/limits.ts';
import { BlockSet } from './block-set.ts';
import { rangesBytes, type Ranges } from './blocks.ts';
import type { HeldBlob } from './held-blob.ts';

const READ_AHEAD_BLOCKS = 2;
/** A batch of leaves is not kept back for longer than this while blocks go out slowly, so that little is lost in a cut. */
const BATCH_MS = 250;

export interface LeafBatch {
  first: number;
  hashes: Bytes[];
}

interface ReadBlock {
  block: number;
  data: Bytes;
  hash: Bytes;
}

export class OutgoingStream {
  /** Bytes that were asked for. */
  wantedBytes: number;
  /** Data bytes handed out so far. */
  sentBytes = 0;
  /** When its progress was last told. */
  reportedAt = 0;
  /** The receiver takes chunks up to this count of bytes. */
  creditBytes: number;

  readonly #todo: (readonly [first: number, end: number])[];
  readonly #ready: ReadBlock[] = [];
  #blocksLeft: number;
  #current: ReadBlock | undefined;
  #offset = 0;
  #reading = false;
  /** The block that is being read, unless it is not needed any more. */
  #readingBlock: number | undefined;
  #batch: LeafBatch | undefined;
  #batchSince = 0;

  constructor(
    readonly number: number,
    readonly blob: HeldBlob,
    ranges: Ranges,
    readonly initialCreditBytes: number,
  ) {
    this.#todo = [...ranges].reverse();
    this.wantedBytes = rangesBytes(blob.sizeBytes, ranges);
    this.creditBytes = initialCreditBytes;
    this.#blocksLeft = countOf(ranges);
  }

  /** All blocks were handed out. */
  get allTaken(): boolean {
    return this.#blocksLeft === 0;
  }

  /** Bytes of the file that the receiver holds durably, as far as its credit tells. */
  get doneBytes(): number {
    return (
      this.blob.sizeBytes - this.wantedBytes + Math.min(this.wantedBytes, this.creditBytes - this.initialCreditBytes)
    );
  }

  /** Between two blocks: another stream may take its turn. */
  get betweenBlocks(): boolean {
    return this.#current === undefined;
  }

  /** Further blocks, sent after those that were asked for before. @returns false when too many ranges wait: the receiver asks without end. */
  add(ranges: Ranges): boolean {
    if (this.#todo.length + ranges.length > 2 * limits.rangesPerWant) return false;
    this.#todo.unshift(...[...ranges].reverse());
    this.wantedBytes += rangesBytes(this.blob.sizeBytes, ranges);
    this.#blocksLeft += countOf(ranges);
    return true;
  }

  /** Leaves out those blocks that have not begun to go out. */
  drop(ranges: Ranges): void {
    const dropped = new BlockSet(ranges);
    const todo = this.#todo.splice(0).flatMap((range) => {
      const rest = new BlockSet([range]);
      for (const [first, end] of ranges) rest.delete(first, end);
      this.#blocksLeft -= range[1] - range[0] - rest.count;
      return rest.ranges().reverse();
    });
    this.#todo.push(...todo);
    const ready = this.#ready.splice(0);
    this.#ready.push(...ready.filter(({ block }) => !dropped.has(block)));
    this.#blocksLeft -= ready.length - this.#ready.length;
    if (this.#readingBlock !== undefined && dropped.has(this.#readingBlock)) {
      this.#readingBlock = undefined;
      this.#blocksLeft--;
    }
    if (this.allTaken) this.endBatch();
  }

  /** Reads ahead, one block at a time; resolves when there is nothing to read for now. Rejects with `SourceError`. */
  async readAhead(onReady: () => void): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#ready.length < READ_AHEAD_BLOCKS) {
        const range = this.#todo.at(-1);
        if (range === undefined) return;
        const [block, end] = range;
        if (block + 1 === end) this.#todo.pop();
        else this.#todo[this.#todo.length - 1] = [block + 1, end];
        this.#readingBlock = block;
        const read = await this.blob.read(block);
         
        if (this.#readingBlock !== block) continue;
        this.#readingBlock = undefined;
        this.#ready.push({ block, ...read });
        onReady();
      }
    } finally {
      this.#reading = false;
    }
  }

  /** The next chunk could be this long, in bytes: 0 when no block is read yet or the credit is used up. */
  nextChunkBytes(maxBytes: number): number {
    this.#current ??= this.#ready.shift();
    if (this.#current === undefined) return 0;
    return Math.min(maxBytes, this.#current.data.length - this.#offset, this.creditBytes - this.sentBytes);
  }

  /** Whether it is the receiver's credit that holds it back. */
  get outOfCredit(): boolean {
    return this.sentBytes >= this.creditBytes;
  }

  /** Hands out the next `length` bytes (as `nextChunkBytes` said): `copy` gets them as a view. */
  take(length: number, now: number, copy: (block: number, offset: number, data: Bytes) => void): void {
    const current = this.#current;
    if (current === undefined) throw new Error('no block to take from');
    copy(current.block, this.#offset, current.data.subarray(this.#offset, this.#offset + length));
    this.#offset += length;
    this.sentBytes += length;
    if (this.#offset < current.data.length) return;
    this.#current = undefined;
    this.#offset = 0;
    this.#blocksLeft--;
    this.#collect(current, now);
  }

  /** Batches that are ended and not yet signed and sent. */
  unsignedBatches = 0;
  /** Batches of leaves to sign and send; the sender takes them out. */
  readonly dueBatches: LeafBatch[] = [];

  /** Ends the batch that is begun. */
  endBatch(): void {
    if (this.#batch === undefined) return;
    this.dueBatches.push(this.#batch);
    this.unsignedBatches++;
    this.#batch = undefined;
  }

  #collect({ block, hash }: ReadBlock, now: number): void {
    if (this.#batch !== undefined && this.#batch.first + this.#batch.hashes.length !== block) this.endBatch();
    if (this.#batch === undefined) {
      this.#batch = { first: block, hashes: [] };
      this.#batchSince = now;
    }
    this.#batch.hashes.push(hash);
    if (this.#batch.hashes.length >= limits.leafBatchBlocks || now - this.#batchSince >= BATCH_MS || this.allTaken)
      this.endBatch();
  }
}

const countOf = (ranges: Ranges): number => ranges.reduce((sum, [first, end]) => sum + end - first, 0);
