/**
 * One file of an offer on the side that has it, for as long as its source is open; every link that sends it shares this one.
 * Invariant: a block leaves here only with the hash that was once told for it; a source that reads differently has changed.
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { SourceError, type BlobSource, type DeviceKeys, type Hashes } from '../ports.ts';
import { sameRanges, type Ranges } from './blocks.ts';
import type { HeldBlob } from './held-blob.ts';
import { leafBatchMessage, type SignedLeaves } from './leaf-batch.ts';
import { RootBuilder } from './merkle.ts';
import { RankedBlocks } from './ranked-blocks.ts';

export class OfferedBlob implements HeldBlob {
  readonly sizeBytes: number;
  /** Over the blocks that the recipient accepted; absent until that is known. */
  #accepted: { blocks: RankedBlocks; builder: RootBuilder; root?: Promise<Bytes> | undefined } | undefined;
  #closed = false;

  constructor(
    readonly offer: OfferId,
    readonly file: number,
    private readonly source: BlobSource,
    private readonly hashes: Hashes,
  ) {
    this.sizeBytes = source.sizeBytes;
  }

  /** The recipient accepted these blocks: the root will be over them. Said again it costs nothing. */
  accept(ranges: Ranges): void {
    if (this.#accepted && sameRanges(this.#accepted.blocks.ranges, ranges)) return;
    const blocks = new RankedBlocks(ranges);
    this.#accepted = { blocks, builder: new RootBuilder(this.hashes, this.source.leaves(), blocks) };
  }

  /** Whether all accepted blocks were hashed: the root costs no reading. */
  get hashed(): boolean {
    return this.#accepted?.builder.complete ?? false;
  }

  /** Rejects with `SourceError`: `gone`, or `changed` when the block is not what it was. The buffer is the caller's. */
  async read(block: number): Promise<{ data: Bytes; hash: Bytes }> {
    if (this.#closed) throw new SourceError('gone');
    const known = this.source.leaves().get(block)?.slice();
    const { data, hash } = await this.source.read(block);
    if (known !== undefined && !equalBytes(known, hash)) {
      this.source.leaves().set(block, known);
      throw new SourceError('changed');
    }
    this.source.leaves().set(block, hash);
    return { data, hash };
  }

  async prove(first: number, hashes: readonly Bytes[], keys: DeviceKeys): Promise<readonly SignedLeaves[]> {
    const signature = await keys.sign(leafBatchMessage(this.offer, this.file, first, hashes));
    return [{ first, hashes, signature }];
  }

  /** Hashes ahead what is known so far, so that the root costs nothing at the end. */
  async advance(): Promise<void> {
    await this.#accepted?.builder.advance();
  }

  /**
   * The Merkle root over the accepted blocks. Those that were never hashed are read for it, one at a time. Rejects with `SourceError`.
   * Call `accept` first.
   */
  root(): Promise<Bytes> {
    const accepted = this.#accepted;
    if (!accepted) return Promise.reject(new Error('nothing is accepted'));
    accepted.root ??= this.#computeRoot(accepted).catch((error: unknown) => {
      accepted.root = undefined;
      throw error;
    });
    return accepted.root;
  }

  close(): void {
    this.#closed = true;
    this.source.close();
  }

  async #computeRoot({ blocks, builder }: { blocks: RankedBlocks; builder: RootBuilder }): Promise<Bytes> {
    for (let rank = 0; rank < blocks.count; rank++) {
      const block = blocks.at(rank);
      if (!this.source.leaves().has(block)) await this.read(block);
    }
    return builder.root();
  }
}
