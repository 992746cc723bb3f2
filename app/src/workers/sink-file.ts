/**
 * A file that is being received: `blobs/<key>` with the accepted blocks one after the other, and beside it `<key>.leaves` with 32 bytes for
 * each block of the whole file, zero where it is not had.
 * Invariant 2: `commit` makes data durable before it writes the leaves, so that after a crash at any point every leaf has its block.
 */
import { limits } from '../../../protocol/limits.ts';
import { blockCount, blockLength, type Ranges } from '../../../engine/transfer/blocks.ts';
import { LEAF_BYTES } from '../../../engine/transfer/leaf-table.ts';
import { RankedBlocks } from '../../../engine/transfer/ranked-blocks.ts';
import { openHandle, readAll, writeAll } from './opfs.ts';

/** Where a block is put together: used and free again within one call. */
const assembly = new Uint8Array(limits.blockBytes);

export class SinkFile {
  private constructor(
    private readonly data: FileSystemSyncAccessHandle,
    private readonly leafFile: FileSystemSyncAccessHandle,
    readonly key: string,
    private readonly sizeBytes: number,
    private readonly blocks: RankedBlocks,
  ) {}

  static async open(key: string, sizeBytes: number, blocks: Ranges): Promise<SinkFile> {
    const data = await openHandle('blobs', key);
    try {
      return new SinkFile(data, await openHandle('blobs', `${key}.leaves`), key, sizeBytes, new RankedBlocks(blocks));
    } catch (error) {
      data.close();
      throw error;
    }
  }

  /** Packed leaves. A leaf whose block reaches over the end of the data was never durable (the file was cut from outside). */
  leaves(): Uint8Array<ArrayBuffer> {
    const packed = readAll(this.leafFile).slice(0, blockCount(this.sizeBytes) * LEAF_BYTES);
    const onDisk = this.data.getSize();
    for (let block = 0; block * LEAF_BYTES < packed.length; block++) {
      const at = this.#position(block);
      if (at === undefined || at + blockLength(this.sizeBytes, block) > onDisk)
        packed.fill(0, block * LEAF_BYTES, (block + 1) * LEAF_BYTES);
    }
    return packed;
  }

  /** Writes a block, whose parts follow each other, and returns its SHA-256. @throws DOMException */
  write(block: number, parts: readonly Uint8Array<ArrayBuffer>[]): Promise<ArrayBuffer> {
    const length = blockLength(this.sizeBytes, block);
    const at = this.#position(block);
    if (at === undefined) throw new Error(`block ${block} was not accepted`);
    if (parts.reduce((sum, part) => sum + part.length, 0) !== length) throw new Error('parts are not the block');
    let filled = 0;
    for (const part of parts) {
      assembly.set(part, filled);
      filled += part.length;
    }
    const whole = assembly.subarray(0, length);
    // The digest works on a copy that the browser takes now.
    const hash = crypto.subtle.digest('SHA-256', whole);
    writeAll(this.data, whole, at);
    return hash;
  }

  /** @throws DOMException */
  commit(blocks: readonly number[], hashes: Uint8Array<ArrayBuffer>): void {
    this.data.flush();
    blocks.forEach((block, i) =>
      writeAll(this.leafFile, hashes.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES), block * LEAF_BYTES),
    );
    this.leafFile.flush();
  }

  /** What is on disk from the beginning on. */
  readStart(lengthBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, this.data.read(bytes, { at: 0 }));
  }

  /** Where a block lies in the file. */
  #position(block: number): number | undefined {
    const rank = this.blocks.rankOf(block);
    return rank === undefined ? undefined : rank * limits.blockBytes;
  }

  close(): void {
    this.data.close();
    this.leafFile.close();
  }
}
