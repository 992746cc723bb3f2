/**
 * A file of which this device can serve blocks to others: one that it offered (`OfferedBlob`), or one that it is receiving or has received
 * from somebody (`ReceivedBlob`), of which it serves what is had (invariant 2).
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { SinkError, SourceError, type BlobSink, type DeviceKeys } from '../ports.ts';
import type { SignedLeaves } from './leaf-batch.ts';

export interface HeldBlob {
  readonly offer: OfferId;
  readonly file: number;
  readonly sizeBytes: number;
  /** Rejects with `SourceError`: `gone` also when the block is not held. The buffer is the caller's. */
  read(block: number): Promise<{ data: Bytes; hash: Bytes }>;
  /**
   * Signed leaves that cover the blocks from `first` on, whose hashes these are. `keys` are those of this device: the one that offered the
   * file signs, others pass on what it signed. Rejects with `SourceError`.
   */
  prove(first: number, hashes: readonly Bytes[], keys: DeviceKeys): Promise<readonly SignedLeaves[]>;
  /** Blocks were read: the time to hash ahead. */
  advance(): Promise<void>;
}

/** Serves what is had of a file from where it was written, with the leaves that the offering device signed. */
export class ReceivedBlob implements HeldBlob {
  constructor(
    readonly offer: OfferId,
    readonly file: number,
    private readonly sink: BlobSink,
  ) {}

  get sizeBytes(): number {
    return this.sink.sizeBytes;
  }

  /** A block that does not read as it was written is not served: whoever got it would take this device for a liar. */
  async read(block: number): Promise<{ data: Bytes; hash: Bytes }> {
    const leaf = this.sink.leaves().get(block);
    if (leaf === undefined) throw new SourceError('gone');
    const read = await this.#from(() => this.sink.read(block));
    if (!equalBytes(read.hash, leaf)) throw new SourceError('changed');
    return read;
  }

  async prove(first: number, hashes: readonly Bytes[]): Promise<readonly SignedLeaves[]> {
    const proofs: SignedLeaves[] = [];
    let proved = first;
    while (proved < first + hashes.length) {
      const block = proved;
      const signed = await this.#from(() => this.sink.signedLeaves(block));
      if (signed === undefined) throw new SourceError('gone');
      proofs.push(signed);
      proved = signed.first + signed.hashes.length;
    }
    return proofs;
  }

  advance(): Promise<void> {
    return Promise.resolve();
  }

  async #from<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      throw cause instanceof SinkError ? new SourceError('gone', { cause }) : cause;
    }
  }
}
