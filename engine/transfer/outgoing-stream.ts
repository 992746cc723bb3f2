/**
 * One `want` that is being served: which blocks are left, what was read ahead, and the leaf hashes not yet signed. It decides nothing
 * about when to send, and on which lane; `Sender` does. In memory are the blocks that are on their way out and `READ_AHEAD_BLOCKS` more.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { limits } from '../../protocol/limits.ts';
import { SourceError } from '../ports.ts';
import { BlockSet } from './block-set.ts';
import { blockLength, rangesBytes, type Ranges } from './blocks.ts';
import type { HeldBlob } from './held-blob.ts';

const READ_AHEAD_BLOCKS = 2;
/** A batch of leaves is not kept back for longer than this while blocks go out slowly, so that little is lost in a cut. */
const BATCH_MS = 250;

export interface LeafBatch {
  first: number;
  hashes: Bytes[];
}

/** A block on its way out over one lane. */
export interface OutgoingBlock {
  readonly stream: OutgoingStream;
  readonly block: number;
  readonly data: Bytes;
  readonly hash: Bytes;
  /** Bytes of it that were sent. */
  offset: number;
  /** Another lane sends it again: this one need not go on. */
  superseded: boolean;
}

export class OutgoingStream {
  /** Bytes that were asked for. */
  wantedBytes: number;
  /** Bytes of the file handed out so far; what is sent again counts once. */
  sentBytes = 0;
  /** When its progress was last told. */
  reportedAt = 0;
  /** The receiver takes this count of bytes. */
  creditBytes: number;
  /** Of them, these are durable there, or thrown away. */
  settledBytes = 0;
  /** Whether blocks were left out that cannot be read. */
  incomplete = false;

  readonly #todo: (readonly [first: number, end: number])[];
  /** To be sent once more, and how far each was sent already. */
  readonly #again: number[] = [];
  readonly #sentBefore = new Map<number, number>();
  readonly #ready: OutgoingBlock[] = [];
  /** Blocks that cannot be read and that the receiver was not told of. */
  #unreadable = new BlockSet();
  /** Blocks that came through and were not told of. */
  #arrived = new BlockSet();
  #blocksLeft: number;
  /** Blocks that are begun and not wholly sent. */
  #begun = 0;
  #reading = false;
  /** The block that is being read, unless it is not needed any more. */
  #readingBlock: number | undefined;
  #batch: LeafBatch | undefined;
  #batchSince = 0;
  /** How many leaves end a batch. It begins with one, or the first block could not be verified before all of a batch were on their way, and doubles. */
  #batchBlocks = 1;

  constructor(
    readonly number: number,
    readonly blob: HeldBlob,
    ranges: Ranges,
    initialCreditBytes: number,
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

  /** Bytes of the file that the receiver holds durably. */
  get doneBytes(): number {
    return this.blob.sizeBytes - this.wantedBytes + Math.min(this.wantedBytes, this.settledBytes);
  }

  /** Nothing is left to begin. */
  get exhausted(): boolean {
    return this.#ready.length === 0 && this.#again.length === 0 && this.#todo.length === 0;
  }

  /** Further blocks, sent after those that were asked for before. @returns false when too many ranges wait: the receiver asks without end. */
  add(ranges: Ranges): boolean {
    if (this.#todo.length + ranges.length > 2 * limits.rangesPerWant) return false;
    this.#todo.unshift(...[...ranges].reverse());
    this.wantedBytes += rangesBytes(this.blob.sizeBytes, ranges);
    this.#blocksLeft += countOf(ranges);
    return true;
  }

  /** Leaves out those blocks that have not begun to go out. @returns false when too many ranges wait then, as `add`. */
  drop(ranges: Ranges): boolean {
    const dropped = new BlockSet(ranges);
    for (const [first, end] of this.#todo.splice(0)) {
      const rest = dropped.missingOf(first, end);
      this.#blocksLeft -= end - first - countOf(rest);
      this.#todo.push(...rest.reverse());
      if (this.#todo.length > 3 * limits.rangesPerWant) return false;
    }
    const waiting = [...this.#again, ...this.#ready.map(({ block }) => block)];
    if (this.#readingBlock !== undefined) waiting.push(this.#readingBlock);
    // Of what is sent again nothing was left to begin with.
    for (const block of waiting) if (dropped.has(block) && !this.#sentWhole(block)) this.#blocksLeft--;
    removeFrom(this.#again, (block) => dropped.has(block));
    removeFrom(this.#ready, ({ block }) => dropped.has(block));
    if (this.#readingBlock !== undefined && dropped.has(this.#readingBlock)) this.#readingBlock = undefined;
    if (this.allTaken) this.endBatch();
    return true;
  }

  /**
   * Reads ahead, one block at a time; resolves when there is nothing to read for now. Blocks that alone cannot be read are left out. Rejects with
   * `SourceError` for any other reason.
   */
  async readAhead(onReady: () => void): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#ready.length < READ_AHEAD_BLOCKS) {
        const block = this.#nextToRead();
        if (block === undefined) break;
        this.#readingBlock = block;
        const read = await this.#read(block);
        if (this.#readingBlock !== block) continue;
        this.#readingBlock = undefined;
        if (read === undefined) this.#leaveOut(block);
        else {
          this.#ready.push({ stream: this, block, ...read, offset: 0, superseded: false });
          onReady();
        }
      }
      if (this.#unreadable.count > 0) onReady();
    } finally {
      this.#reading = false;
    }
  }

  /** Takes out the blocks that cannot be read, to tell the receiver. */
  takeUnreadable(): Ranges {
    const ranges = this.#unreadable.ranges();
    this.#unreadable = new BlockSet();
    return ranges;
  }

  /** Takes out the blocks that came through. */
  takeArrived(): Ranges {
    const ranges = this.#arrived.ranges();
    this.#arrived = new BlockSet();
    return ranges;
  }

  async #read(block: number): Promise<{ data: Bytes; hash: Bytes } | undefined> {
    try {
      return await this.blob.read(block);
    } catch (error) {
      if (error instanceof SourceError && error.kind === 'part-changed') return undefined;
      throw error;
    }
  }

  #leaveOut(block: number): void {
    if (!this.#sentWhole(block)) this.#blocksLeft--;
    this.#unreadable.add(block);
    this.incomplete = true;
    if (this.allTaken) this.endBatch();
  }

  /**
   * Begins a block, for one lane; undefined when none is read yet, or the credit has no room for it: blocks that are begun can always be
   * finished, or lanes would wait for each other.
   */
  begin(now: number): OutgoingBlock | undefined {
    const next = this.#ready[0];
    if (next === undefined || this.outOfCredit) return undefined;
    if (this.#begun > 0 && (this.#begun + 1) * limits.blockBytes > this.creditBytes - this.settledBytes)
      return undefined;
    this.#ready.shift();
    this.#begun++;
    if (!this.#sentBefore.has(next.block)) {
      this.#sentBefore.set(next.block, 0);
      this.#collect(next, now);
    }
    return next;
  }

  /** The next chunk of a block could be this long, in bytes: 0 when the credit is used up. */
  chunkBytes(block: OutgoingBlock, maxBytes: number): number {
    const paid = Math.max(0, (this.#sentBefore.get(block.block) ?? 0) - block.offset);
    return Math.min(maxBytes, block.data.length - block.offset, paid + this.creditBytes - this.sentBytes);
  }

  /** Whether it is the receiver's credit that holds it back. */
  get outOfCredit(): boolean {
    return this.sentBytes >= this.creditBytes;
  }

  /** The next `length` bytes of a block (as `chunkBytes` said) are sent. @returns whether that was all of it. */
  took(block: OutgoingBlock, length: number, now: number): boolean {
    block.offset += length;
    const before = this.#sentBefore.get(block.block) ?? 0;
    if (block.offset > before) {
      this.sentBytes += block.offset - before;
      this.#sentBefore.set(block.block, block.offset);
      if (block.offset === block.data.length) this.#blocksLeft--;
    }
    if (block.offset < block.data.length) return false;
    this.#begun--;
    if (this.#batch !== undefined && (now - this.#batchSince >= BATCH_MS || this.allTaken)) this.endBatch();
    return true;
  }

  /** A lane does not go on with a block. */
  leave(block: OutgoingBlock): void {
    if (block.offset < block.data.length) this.#begun--;
  }

  /** A block did not come through, or not soon enough: it is read and sent again. */
  again(block: number): void {
    if (!this.#again.includes(block)) this.#again.push(block);
  }

  /** A block came through. */
  arrived(block: number): void {
    this.#sentBefore.delete(block);
    this.#arrived.add(block);
  }

  #sentWhole(block: number): boolean {
    return (this.#sentBefore.get(block) ?? 0) === blockLength(this.blob.sizeBytes, block);
  }

  #nextToRead(): number | undefined {
    const again = this.#again.shift();
    if (again !== undefined) return again;
    const range = this.#todo.at(-1);
    if (range === undefined) return undefined;
    const [block, end] = range;
    if (block + 1 === end) this.#todo.pop();
    else this.#todo[this.#todo.length - 1] = [block + 1, end];
    return block;
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

  /** The hash of a block is known before it is sent, and blocks begin in order though they end in any: so batches stay whole. */
  #collect({ block, hash }: OutgoingBlock, now: number): void {
    if (this.#batch !== undefined && this.#batch.first + this.#batch.hashes.length !== block) this.endBatch();
    if (this.#batch === undefined) {
      this.#batch = { first: block, hashes: [] };
      this.#batchSince = now;
    }
    this.#batch.hashes.push(hash);
    if (this.#batch.hashes.length >= this.#batchBlocks) {
      this.#batchBlocks = Math.min(limits.leafBatchBlocks, 2 * this.#batchBlocks);
      this.endBatch();
    } else if (now - this.#batchSince >= BATCH_MS) this.endBatch();
  }
}

function removeFrom<T>(list: T[], which: (one: T) => boolean): void {
  list.splice(0, list.length, ...list.filter((one) => !which(one)));
}

const countOf = (ranges: Ranges): number => ranges.reduce((sum, [first, end]) => sum + end - first, 0);
