/**
 * One file of an offer on the side that has it, for as long as its source is open; every link that sends it shares this one.
 * Invariant: a block leaves here only with the hash that was once told for it; a source that reads differently has changed.
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { SourceError, type BlobSource, type Hashes } from '../ports.ts';
import { blockCount } from './blocks.ts';
import { RootBuilder } from './merkle.ts';

export class OfferedBlob {
  readonly sizeBytes: number;
  readonly #builder: RootBuilder;
  #root: Promise<Bytes> | undefined;
  #closed = false;

  constructor(
    readonly offer: OfferId,
    readonly file: number,
    private readonly source: BlobSource,
    hashes: Hashes,
  ) {
    this.sizeBytes = source.sizeBytes;
    this.#builder = new RootBuilder(hashes, source.leaves());
  }

  /** How many blocks were hashed so far, out of `blockCount(sizeBytes)`. */
  get hashedBlocks(): number {
    return this.source.leaves().count;
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

  /** Hashes ahead what is known so far, so that the root costs nothing at the end. */
  advance(): Promise<void> {
    return this.#builder.advance();
  }

  /** The Merkle root. Blocks that were never hashed are read for it, one at a time. Rejects with `SourceError`. */
  root(): Promise<Bytes> {
    this.#root ??= this.#computeRoot().catch((error: unknown) => {
      this.#root = undefined;
      throw error;
    });
    return this.#root;
  }

  close(): void {
    this.#closed = true;
    this.source.close();
  }

  async #computeRoot(): Promise<Bytes> {
    const blocks = blockCount(this.sizeBytes);
    for (let block = 0; block < blocks; block++) if (!this.source.leaves().has(block)) await this.read(block);
    return this.#builder.root(blocks);
  }
}
