/**
 * Source and sink in memory. A `MemoryDisk` outlives the sinks on it, as a disk outlives a browser: `crash` loses what was not committed,
 * and `freeBytes` is room that can run out. Data that was written and never committed comes back as rubbish after a crash.
 */
import { concatBytes, type Bytes } from '../../protocol/bytes.ts';
import { limits } from '../../protocol/limits.ts';
import { SinkError, SourceError, type BlobSink, type BlobSource, type CommittedBlock, type Hashes } from '../ports.ts';
import { blockCount, blockLength, type Ranges } from '../transfer/blocks.ts';
import type { SignedLeaves } from '../transfer/leaf-batch.ts';
import { LeafTable } from '../transfer/leaf-table.ts';

export class MemorySource implements BlobSource {
  readonly #leaves: LeafTable;
  state: 'open' | 'gone' | 'changed' = 'open';
  reads = 0;
  /** Blocks with bytes of files that were changed. */
  unreadable: Ranges = [];

  constructor(
    /** Changing it is changing the file. */
    readonly content: Bytes,
    private readonly hashes: Hashes,
    leaves = new LeafTable(),
  ) {
    this.#leaves = leaves;
  }

  get sizeBytes(): number {
    return this.content.length;
  }

  leaves(): LeafTable {
    return this.#leaves;
  }

  async read(index: number): Promise<{ data: Bytes; hash: Bytes }> {
    if (this.state !== 'open') throw new SourceError(this.state);
    if (this.unreadable.some(([first, end]) => first <= index && index < end)) throw new SourceError('part-changed');
    if (index < 0 || index >= blockCount(this.sizeBytes)) throw new Error(`no block ${index}`);
    this.reads++;
    const start = index * limits.blockBytes;
    const data = this.content.slice(start, start + blockLength(this.sizeBytes, index));
    const hash = await this.hashes.sha256(data);
    return { data, hash };
  }

  close(): void {
    this.state = 'gone';
  }
}

/** One stored file: durable blocks with their leaves, and the signed batches that these came in. */
interface StoredFile {
  sizeBytes: number;
  blocks: Map<number, Bytes>;
  leaves: Map<number, Bytes>;
  signed: Map<number, SignedLeaves>;
}

export type DiskEffect = 'write' | 'data-durable' | 'signed-durable' | 'leaf-durable';

export class MemoryDisk {
  readonly #files = new Map<string, StoredFile>();
  readonly #open = new Set<MemorySink>();
  freeBytes = Infinity;
  /** Called before every effect on the disk; throwing stops it there. */
  beforeEffect: (effect: DiskEffect) => void = () => undefined;

  constructor(readonly hashes: Hashes) {}

  open(key: string, sizeBytes: number): MemorySink {
    const file = this.#files.get(key) ?? { sizeBytes, blocks: new Map(), leaves: new Map(), signed: new Map() };
    if (file.sizeBytes !== sizeBytes) throw new Error('opened with another size');
    this.#files.set(key, file);
    const sink = new MemorySink(this, file, () => this.#open.delete(sink));
    this.#open.add(sink);
    return sink;
  }

  /** The process that had the sinks open is gone. */
  crash(): void {
    for (const sink of this.#open) sink.abandon();
    this.#open.clear();
  }

  /** Whether a file was ever opened. */
  knows(key: string): boolean {
    return this.#files.has(key);
  }

  /** Leaves that are durable. */
  leavesOf(key: string): ReadonlyMap<number, Bytes> {
    return this.#files.get(key)?.leaves ?? new Map<number, Bytes>();
  }

  /** The bytes of a file of which all blocks are had. */
  contentOf(key: string): Bytes {
    const file = this.#files.get(key);
    if (file === undefined) throw new Error('no such file');
    return concatBytes(...Array.from({ length: blockCount(file.sizeBytes) }, (_, i) => file.blocks.get(i) ?? []));
  }

  /** The same, or undefined when blocks are lacking; an empty file is had once it was opened. */
  contentOrNothing(key: string): Bytes | undefined {
    const file = this.#files.get(key);
    return file?.leaves.size === blockCount(file?.sizeBytes ?? 0) ? this.contentOf(key) : undefined;
  }

  /** Forgets a file; no sink of it may be open. */
  remove(key: string): void {
    const file = this.#files.get(key);
    for (const block of file?.blocks.values() ?? []) this.freeBytes += block.length;
    this.#files.delete(key);
  }

  blockOf(key: string, block: number): Bytes | undefined {
    return this.#files.get(key)?.blocks.get(block);
  }
}

class MemorySink implements BlobSink {
  readonly #leaves = new LeafTable();
  readonly #parts = new Map<number, { bytes: Bytes; filled: number }>();
  readonly #written = new Map<number, Promise<Bytes>>();
  #abandoned = false;
  backlogBytes = 0;

  constructor(
    private readonly disk: MemoryDisk,
    private readonly stored: StoredFile,
    private readonly onClose: () => void,
  ) {
    for (const [block, hash] of stored.leaves) this.#leaves.set(block, hash);
  }

  get sizeBytes(): number {
    return this.stored.sizeBytes;
  }

  leaves(): LeafTable {
    return this.#leaves;
  }

  write(block: number, offset: number, data: Bytes): void {
    if (this.#abandoned) return;
    const part = this.#parts.get(block) ?? { bytes: new Uint8Array(blockLength(this.sizeBytes, block)), filled: 0 };
    if (offset !== 0 && offset !== part.filled) throw new Error('part out of order');
    part.bytes.set(data, offset);
    part.filled = offset + data.length;
    this.#parts.set(block, part);
    if (part.filled < part.bytes.length) return;
    this.#parts.delete(block);
    this.#written.set(block, this.#writeBlock(block, part.bytes));
    this.#written.get(block)?.catch(() => undefined); // told by `hashOf`
  }

  hashOf(block: number): Promise<Bytes> {
    return this.#written.get(block) ?? Promise.reject(new Error(`block ${block} is not whole`));
  }

  async commit(blocks: readonly CommittedBlock[]): Promise<void> {
    for (const { block } of blocks) await this.hashOf(block);
    this.#effect('data-durable');
    for (const { block, signed } of blocks) {
      if (signed === undefined) continue;
      this.#effect('signed-durable');
      this.stored.signed.set(block, structuredClone(signed));
    }
    for (const { block, hash } of blocks) {
      this.#effect('leaf-durable');
      this.stored.leaves.set(block, hash.slice());
    }
    for (const { block, hash } of blocks) {
      this.#leaves.set(block, hash);
      this.#written.delete(block);
    }
  }

  async read(block: number): Promise<{ data: Bytes; hash: Bytes }> {
    const stored = this.stored.blocks.get(block);
    if (this.#abandoned || stored === undefined) throw new SinkError('storage');
    const data = stored.slice();
    return { data, hash: await this.disk.hashes.sha256(data) };
  }

  signedLeaves(block: number): Promise<SignedLeaves | undefined> {
    return Promise.resolve(this.stored.signed.get(block));
  }

  close(): Promise<void> {
    this.onClose();
    return Promise.resolve();
  }

  abandon(): void {
    this.#abandoned = true;
  }

  async #writeBlock(block: number, data: Bytes): Promise<Bytes> {
    this.#effect('write');
    if (data.length > this.disk.freeBytes) throw new SinkError('no-space');
    if (!this.stored.blocks.has(block)) this.disk.freeBytes -= data.length;
    this.stored.blocks.set(block, data);
    return this.disk.hashes.sha256(data);
  }

  #effect(effect: DiskEffect): void {
    if (this.#abandoned) throw new SinkError('storage');
    this.disk.beforeEffect(effect);
    // The hook may have crashed the disk.
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- `abandon` was called in between
    if (this.#abandoned) throw new SinkError('storage');
  }
}
