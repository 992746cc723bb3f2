/**
 * Puts blocks together that may come from two sources at once: the first one writes into the sink part by part, the second one beside it in
 * memory. In memory are at most the blocks that were asked for twice at the end of a file.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import type { Hashes } from '../ports.ts';
import { blockLength } from './blocks.ts';
import type { IncomingBlob } from './incoming-blob.ts';

export class Assembly {
  /** Whose parts of a block go into the sink. */
  readonly #writers = new Map<number, string>();
  readonly #aside = new Map<string, Map<number, Bytes>>();

  constructor(
    private readonly blob: IncomingBlob,
    private readonly hashes: Hashes,
  ) {}

  /** Bytes kept in memory. */
  get asideBytes(): number {
    let bytes = 0;
    for (const blocks of this.#aside.values()) for (const data of blocks.values()) bytes += data.length;
    return bytes;
  }

  write(source: string, block: number, offset: number, data: Bytes): void {
    if (offset === 0 && !this.#writers.has(block)) this.#writers.set(block, source);
    if (this.#writers.get(block) === source) {
      this.blob.write(block, offset, data);
      return;
    }
    const blocks = this.#aside.get(source) ?? new Map<number, Bytes>();
    this.#aside.set(source, blocks);
    let whole = blocks.get(block);
    if (whole === undefined) {
      whole = new Uint8Array(blockLength(this.blob.sizeBytes, block));
      blocks.set(block, whole);
    }
    whole.set(data, offset);
  }

  /** SHA-256 of a block as this source sent it; undefined when the sink failed, or the source let go of it. */
  async hashOf(source: string, block: number): Promise<Bytes | undefined> {
    if (this.#writers.get(block) === source) return this.blob.hashOf(block);
    const aside = this.#aside.get(source)?.get(block);
    return aside && this.hashes.sha256(aside);
  }

  /** What this source sent becomes the block: from here on it is in the sink. @returns whether the sink took it. */
  async settle(source: string, block: number): Promise<boolean> {
    const aside = this.#aside.get(source)?.get(block);
    this.#writers.delete(block);
    if (aside === undefined) return true;
    this.letGo(source, [block]);
    this.blob.write(block, 0, aside);
    return (await this.blob.hashOf(block)) !== undefined;
  }

  /** The source does not go on with these blocks. */
  letGo(source: string, blocks: Iterable<number>): void {
    const aside = this.#aside.get(source);
    for (const block of blocks) {
      aside?.delete(block);
      if (this.#writers.get(block) === source) this.#writers.delete(block);
    }
    if (aside?.size === 0) this.#aside.delete(source);
  }
}
