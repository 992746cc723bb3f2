/** One source's part in a file that has several: what the receiver of its link asks for, and how the source does. */
import type { Bytes } from '../../protocol/bytes.ts';
import type { DeviceId, OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Ranges } from './blocks.ts';
import type { BlobState, SourceTarget } from './fetch-target.ts';
import type { Sharer } from './fair-share.ts';
import type { IncomingBlob } from './incoming-blob.ts';
import type { SignedLeaves } from './leaf-batch.ts';
import { Rate } from './rate.ts';
import type { Receiver } from './receiver.ts';

/** What is under way from a source is what it sends in this time, so that a slow one holds few blocks back. */
const AHEAD_MS = 2000;
/** Two, so that the next block is on its way while one is checked; and no more than the credit covers. */
const MIN_BLOCKS = 2;
const MAX_BLOCKS = limits.sinkCreditBytes / limits.blockBytes;

/** What `Sources` decides for all of them. */
export interface PartOwner {
  claim(part: SourcePart, onNewStream: boolean): Ranges;
  release(part: SourcePart, ranges: Ranges): void;
  unreadable(part: SourcePart, ranges: Ranges): void;
  write(part: SourcePart, block: number, offset: number, data: Bytes): void;
  hashOf(part: SourcePart, block: number): Promise<Bytes | undefined>;
  verify(
    part: SourcePart,
    block: number,
    hash: Bytes,
    leaf: Bytes,
    signed: SignedLeaves,
  ): Promise<'had' | 'missing' | 'failed'>;
  forged(part: SourcePart): void;
}

export class SourcePart implements SourceTarget, Sharer {
  readonly foreignBatches = true;
  readonly ownDeadlines = true;
  /** Blocks that came whole and are not verified. */
  readonly whole = new Set<number>();
  /** Told that it takes part. */
  takesPart = false;
  /** Times in a row that it did not deliver. */
  failures = 0;
  /** When it last sent something, or was asked after it had nothing to send. */
  heardAt = 0;
  /** Blocks of it that are being made durable: as long as this side is busy, it is not the source that is slow. */
  committing = 0;
  cancelRest: (() => void) | undefined;
  #movedBytes = 0;
  #bytesPerSecond: number | undefined;
  readonly #rate = new Rate();

  constructor(
    readonly device: DeviceId,
    readonly receiver: Receiver,
    /** Is the offering device, which has the whole file. */
    readonly offered: boolean,
    private readonly blob: IncomingBlob,
    private readonly owner: PartOwner,
    readonly addedAt: number,
  ) {}

  get offer(): OfferId {
    return this.blob.offer;
  }

  get file(): number {
    return this.blob.file;
  }

  get sizeBytes(): number {
    return this.blob.sizeBytes;
  }

  get publicKey(): Bytes {
    return this.blob.publicKey;
  }

  get state(): BlobState {
    return this.blob.state;
  }

  claim(): Ranges {
    return this.owner.claim(this, true);
  }

  claimMore(): Ranges {
    return this.owner.claim(this, false);
  }

  release(ranges: Ranges): void {
    this.owner.release(this, ranges);
  }

  unreadable(ranges: Ranges): void {
    this.owner.unreadable(this, ranges);
  }

  write(block: number, offset: number, data: Bytes): void {
    this.owner.write(this, block, offset, data);
  }

  hashOf(block: number): Promise<Bytes | undefined> {
    return this.owner.hashOf(this, block);
  }

  verify(block: number, hash: Bytes, leaf: Bytes, signed: SignedLeaves): Promise<'had' | 'missing' | 'failed'> {
    return this.owner.verify(this, block, hash, leaf, signed);
  }

  forgedLeaves(): void {
    this.owner.forged(this);
  }

  moved(now: number, bytes: number): void {
    this.heardAt = now;
    this.#movedBytes += bytes;
    this.#rate.sample(now, this.#movedBytes);
    this.#bytesPerSecond = this.#rate.bytesPerSecond(now) ?? this.#bytesPerSecond;
  }

  /** It had nothing to send for a while: that says nothing about its speed. */
  idled(now: number): void {
    this.heardAt = now;
    this.#rate.reset();
  }

  /** How long it takes for a block, by what was measured; 0 while that is not known. */
  get blockMs(): number {
    return this.#bytesPerSecond === undefined ? 0 : (limits.blockBytes * 1000) / Math.max(1, this.#bytesPerSecond);
  }

  /** How many blocks may be under way from it; `atFirst` while its speed is not known. */
  depth(atFirst: number): number {
    const blocks =
      this.#bytesPerSecond === undefined ? atFirst : (this.#bytesPerSecond * AHEAD_MS) / 1000 / limits.blockBytes;
    return Math.min(MAX_BLOCKS, Math.max(MIN_BLOCKS, Math.ceil(blocks)));
  }
}
