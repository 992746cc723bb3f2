/**
 * A file that is being received: `blobs/<key>` with the accepted blocks one after the other, and beside it `<key>.leaves` with 32 bytes for
 * each block of the whole file, zero where it is not had.
 * Of a file that several devices have, `<key>.signed` keeps for each accepted block the signed leaves that it came with (`signed-leaves.ts`), so
 * that it can be served to others.
 * Invariant 2: `commit` makes data, and `keepSigned` signed leaves, durable before the leaves are written, so that after a crash at any point
 * every leaf has its block and its signature.
 */
import { limits } from '../../../protocol/limits.ts';
import { blockCount, blockLength, type Ranges } from '../../../engine/transfer/blocks.ts';
import { LEAF_BYTES } from '../../../engine/transfer/leaf-table.ts';
import { RankedBlocks } from '../../../engine/transfer/ranked-blocks.ts';
import { exists, openHandle, readAll, writeAll } from './opfs.ts';
import { SIGNED_LEAVES_BYTES } from './signed-leaves.ts';

/** Where a block is put together: used and free again within one call. */
const assembly = new Uint8Array(limits.blockBytes);

export class SinkFile {
  /** Opened when it is needed: with one source it never is. */
  #signedFile: Promise<FileSystemSyncAccessHandle> | undefined;
  /** Who else reads the data. */
  #readers = 0;
  #closed = false;

  private constructor(
    readonly key: string,
    private readonly data: FileSystemSyncAccessHandle,
    private readonly leafFile: FileSystemSyncAccessHandle,
    private readonly sizeBytes: number,
    private readonly blocks: RankedBlocks,
  ) {}

  static async open(key: string, sizeBytes: number, blocks: Ranges): Promise<SinkFile> {
    const data = await openHandle('blobs', key);
    try {
      return new SinkFile(key, data, await openHandle('blobs', `${key}.leaves`), sizeBytes, new RankedBlocks(blocks));
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
      const rank = this.blocks.rankOf(block);
      if (rank === undefined || rank * limits.blockBytes + blockLength(this.sizeBytes, block) > onDisk)
        packed.fill(0, block * LEAF_BYTES, (block + 1) * LEAF_BYTES);
    }
    return packed;
  }

  /** Writes a block, whose parts follow each other, and returns its SHA-256. @throws DOMException */
  write(block: number, parts: readonly Uint8Array<ArrayBuffer>[]): Promise<ArrayBuffer> {
    const length = blockLength(this.sizeBytes, block);
    const at = this.#rankOf(block) * limits.blockBytes;
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
    for (let first = 0, end = 1; first < blocks.length; first = end++) {
      const block = blocks[first] ?? 0;
      while (blocks[end] === block + end - first) end++;
      // Each write is told to another process, however short it is.
      writeAll(this.leafFile, hashes.subarray(first * LEAF_BYTES, end * LEAF_BYTES), block * LEAF_BYTES);
    }
    this.leafFile.flush();
  }

  /** What is on disk from the beginning on. */
  readStart(lengthBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, this.data.read(bytes, { at: 0 }));
  }

  /** Records of `SIGNED_LEAVES_BYTES`, in the order of `blocks`. Call before `commit` of these blocks. Rejects with DOMException. */
  async keepSigned(blocks: readonly number[], records: Uint8Array<ArrayBuffer>): Promise<void> {
    const file = await this.#signed();
    blocks.forEach((block, i) => {
      const record = records.subarray(i * SIGNED_LEAVES_BYTES, (i + 1) * SIGNED_LEAVES_BYTES);
      writeAll(file, record, this.#rankOf(block) * SIGNED_LEAVES_BYTES);
    });
    file.flush();
  }

  /** The record that was kept for a block. Rejects with DOMException. */
  async signedLeaves(block: number): Promise<ArrayBuffer | undefined> {
    if (this.#signedFile === undefined && !(await exists('blobs', this.#signedName))) return undefined;
    const file = await this.#signed();
    const record = new Uint8Array(SIGNED_LEAVES_BYTES);
    const read = file.read(record, { at: this.#rankOf(block) * SIGNED_LEAVES_BYTES });
    return read === record.length && record.some((byte) => byte !== 0) ? record.buffer : undefined;
  }

  /** A block that is had, and the SHA-256 of what was read. Rejects with DOMException. */
  async read(block: number): Promise<{ data: ArrayBuffer; hash: ArrayBuffer }> {
    const data = new Uint8Array(blockLength(this.sizeBytes, block));
    const read = this.data.read(data, { at: this.#rankOf(block) * limits.blockBytes });
    if (read !== data.length) throw new DOMException(`block ${block} is cut off`, 'NotReadableError');
    return { data: data.buffer, hash: await crypto.subtle.digest('SHA-256', data) };
  }

  /** The data for somebody else to read: until both have closed it, it stays open. */
  lend(): { read: FileSystemSyncAccessHandle['read']; close: () => void } {
    this.#readers++;
    return {
      read: (into, options) => this.data.read(into, options),
      close: () => {
        this.#readers--;
        this.#closeData();
      },
    };
  }

  get #signedName(): string {
    return `${this.key}.signed`;
  }

  #signed(): Promise<FileSystemSyncAccessHandle> {
    this.#signedFile ??= openHandle('blobs', this.#signedName);
    return this.#signedFile;
  }

  #rankOf(block: number): number {
    const rank = this.blocks.rankOf(block);
    if (rank === undefined) throw new Error(`block ${block} was not accepted`);
    return rank;
  }

  close(): void {
    this.#closed = true;
    this.#closeData();
    this.leafFile.close();
    this.#signedFile?.then(
      (file) => file.close(),
      () => undefined, // told to whoever wanted it
    );
  }

  #closeData(): void {
    if (this.#closed && this.#readers === 0) this.data.close();
  }
}
