/** Files of one device in memory: what it offers, what it receives. Outlives the engine that used it. */
import type { Bytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import { SourceError, type BlobSink, type BlobSource, type Hashes } from '../ports.ts';
import type { Ranges } from '../transfer/blocks.ts';
import { LeafTable } from '../transfer/leaf-table.ts';
import { MemoryDisk, MemorySource } from './memory-blob.ts';

const keyOf = (offer: OfferId, file: number): string => `${offer}-${file}`;

export class MemoryBlobs implements Blobs {
  readonly disk: MemoryDisk;
  /** Whole files that this device can read, by key. */
  readonly #files = new Map<string, { content: Bytes; leaves: LeafTable; unreadable: Ranges }>();
  /** Keys of offered files that can be read where their person has them. */
  readonly originals = new Set<string>();
  readonly #openSources = new Map<string, Set<MemorySource>>();
  readonly #openSinks = new Map<string, number>();
  /** Two sinks of one file were open at a time: OPFS would refuse, and blocks could be lost. */
  sinksCollided = false;
  /** Counts crashes: what was being opened by a process that is gone is not open. */
  #lives = 0;

  constructor(private readonly hashes: Hashes) {
    this.disk = new MemoryDisk(hashes);
  }

  get openSinks(): number {
    return [...this.#openSinks.values()].reduce((sum, count) => sum + count, 0);
  }

  get openSources(): number {
    return [...this.#openSources.values()].reduce((sum, sources) => sum + sources.size, 0);
  }

  /** Gives this device access to the file; leaves that were known stay known unless `forget`. */
  attach(offer: OfferId, file: number, content: Bytes, forget = false): void {
    const key = keyOf(offer, file);
    const leaves = forget ? undefined : this.#files.get(key)?.leaves;
    this.#files.set(key, { content, leaves: leaves ?? new LeafTable(), unreadable: [] });
  }

  /** The device has no access to the file any more, not even through what is open. */
  lose(offer: OfferId, file: number): void {
    const key = keyOf(offer, file);
    this.#files.delete(key);
    for (const source of this.#openSources.get(key) ?? []) source.state = 'gone';
  }

  /** From now on these blocks of the file, and no others, cannot be read: of many files some were changed. */
  spoil(offer: OfferId, file: number, blocks: Ranges): void {
    const key = keyOf(offer, file);
    const stored = this.#files.get(key);
    if (stored) stored.unreadable = blocks;
    for (const source of this.#openSources.get(key) ?? []) source.unreadable = blocks;
  }

  has(offer: OfferId, file: number): boolean {
    return this.#files.has(keyOf(offer, file));
  }

  hasSource(offer: OfferId, file: number): Promise<boolean> {
    return Promise.resolve(this.has(offer, file));
  }

  hasOriginal(offer: OfferId, file: number): Promise<boolean> {
    return Promise.resolve(this.originals.has(keyOf(offer, file)));
  }

  async openSource(offer: OfferId, file: number, sizeBytes: number): Promise<BlobSource> {
    await Promise.resolve();
    const key = keyOf(offer, file);
    const stored = this.#files.get(key);
    if (!stored) throw new SourceError('gone');
    if (stored.content.length !== sizeBytes) throw new SourceError('changed');
    const source = new MemorySource(stored.content, this.hashes, stored.leaves);
    source.unreadable = stored.unreadable;
    const open = this.#openSources.get(key) ?? new Set();
    this.#openSources.set(key, open.add(source));
    const close = source.close.bind(source);
    source.close = () => {
      open.delete(source);
      close();
    };
    return source;
  }

  /** Blocks are kept one by one here: which of them are wanted makes no difference. */
  async openSink(offer: OfferId, file: number, sizeBytes: number, _blocks: Ranges): Promise<BlobSink> {
    const life = this.#lives;
    await Promise.resolve();
    if (life !== this.#lives) return new Promise<BlobSink>(() => undefined);
    const key = keyOf(offer, file);
    const open = this.#openSinks.get(key) ?? 0;
    if (open > 0) this.sinksCollided = true;
    this.#openSinks.set(key, open + 1);
    const sink = this.disk.open(key, sizeBytes);
    const close = sink.close.bind(sink);
    let closed = false;
    sink.close = async () => {
      if (!closed && life === this.#lives) this.#openSinks.set(key, (this.#openSinks.get(key) ?? 1) - 1);
      closed = true;
      await close();
    };
    return sink;
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.disk.freeBytes);
  }

  hasRoom(bytes: number): Promise<boolean> {
    return Promise.resolve(this.disk.freeBytes >= bytes);
  }

  async removeCopy(offer: OfferId, file: number): Promise<void> {
    await Promise.resolve();
    if ((this.#openSources.get(keyOf(offer, file))?.size ?? 0) > 0) throw new Error('a copy that is read is removed');
    this.#files.delete(keyOf(offer, file));
  }

  async remove(offer: OfferId, file: number): Promise<void> {
    await Promise.resolve();
    const key = keyOf(offer, file);
    if ((this.#openSinks.get(key) ?? 0) > 0) this.sinksCollided = true;
    this.#files.delete(key);
    this.disk.remove(key);
  }

  async erase(offer: OfferId, file: number): Promise<void> {
    await this.removeCopy(offer, file);
    await this.remove(offer, file);
  }

  /** The process that had things open is gone. */
  crash(): void {
    this.#lives++;
    this.disk.crash();
    this.#openSources.clear();
    this.#openSinks.clear();
  }

  /** The whole received file, or undefined while blocks are lacking. */
  received(offer: OfferId, file: number, sizeBytes: number): Bytes | undefined {
    const content = this.disk.contentOrNothing(keyOf(offer, file));
    return content?.length === sizeBytes ? content : undefined;
  }

  /** Whether these blocks of a file, which was opened at least once, are durable. */
  hasBlocks(offer: OfferId, file: number, blocks: Ranges): boolean {
    const key = keyOf(offer, file);
    const had = this.disk.leavesOf(key);
    return (
      this.disk.knows(key) &&
      blocks.every(([first, end]) => {
        for (let block = first; block < end; block++) if (!had.has(block)) return false;
        return true;
      })
    );
  }

  /** Durable blocks of a file that is received. */
  haveBlocks(offer: OfferId, file: number): number {
    return this.disk.leavesOf(keyOf(offer, file)).size;
  }
}
