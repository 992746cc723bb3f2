/**
 * The Merkle tree hash of RFC 9162 section 2.1.1 with SHA-256, whose entries d[i] are the SHA-256 of the blocks of a file:
 * MTH({}) = SHA-256(), MTH({d}) = SHA-256(0x00 || d), and a node is SHA-256(0x01 || left || right), split at the largest power of two.
 * Pairing neighbours level by level and carrying an odd last one up gives that same tree.
 */
import { concatBytes, type Bytes } from '../../protocol/bytes.ts';
import type { Hashes } from '../ports.ts';
import type { LeafTable } from './leaf-table.ts';
import type { RankedBlocks } from './ranked-blocks.ts';

/** A power of two, so that a filled group is a whole subtree: 64 MiB of a file. */
const GROUP = 256;

const LEAF = [0x00];
const NODE = [0x01];

/** The tree hash over `entries` (32 bytes each). */
export async function merkleRoot(hashes: Hashes, entries: readonly Uint8Array[]): Promise<Bytes> {
  return combine(hashes, await Promise.all(entries.map((entry) => hashes.sha256(concatBytes(LEAF, entry)))));
}

/** The root over neighbouring subtrees of equal height, of which the last may be smaller. */
async function combine(hashes: Hashes, subtrees: readonly Bytes[]): Promise<Bytes> {
  let level = subtrees;
  while (level.length > 1) {
    const above: Promise<Bytes>[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i];
      const right = level[i + 1];
      if (left === undefined) throw new Error('unreachable');
      above.push(right === undefined ? Promise.resolve(left) : hashes.sha256(concatBytes(NODE, left, right)));
    }
    level = await Promise.all(above);
  }
  return level[0] ?? hashes.sha256(new Uint8Array());
}

/**
 * The root over the given blocks of a file, in order, whose leaves come in over time. `advance` hashes whole groups as soon as they are
 * filled from the start on, so that after the last block only the last group is left: 10 GiB cost no wait at the end.
 */
export class RootBuilder {
  readonly #groups: Bytes[] = [];
  #running: Promise<void> = Promise.resolve();
  /** Leaves that are known from the start on without a gap. */
  #known = 0;

  constructor(
    private readonly hashes: Hashes,
    private readonly leaves: LeafTable,
    private readonly blocks: RankedBlocks,
  ) {}

  /** Whether all leaves are known. */
  get complete(): boolean {
    this.#look();
    return this.#known === this.blocks.count;
  }

  /** Works through the groups that are filled. Calls may overlap; each resolves when the groups known at its time are done. */
  advance(): Promise<void> {
    this.#running = this.#running.then(async () => {
      this.#look();
      while (this.#known >= (this.#groups.length + 1) * GROUP) {
        const first = this.#groups.length * GROUP;
        this.#groups.push(await merkleRoot(this.hashes, this.#entries(first, first + GROUP)));
      }
    });
    return this.#running;
  }

  /** The root. @throws when a leaf is not known. */
  async root(): Promise<Bytes> {
    await this.advance();
    const first = this.#groups.length * GROUP;
    if (first >= this.blocks.count) return combine(this.hashes, this.#groups);
    const last = await merkleRoot(this.hashes, this.#entries(first, this.blocks.count));
    return combine(this.hashes, [...this.#groups, last]);
  }

  #look(): void {
    while (this.#known < this.blocks.count && this.leaves.has(this.blocks.at(this.#known))) this.#known++;
  }

  #entries(first: number, end: number): Bytes[] {
    return Array.from({ length: end - first }, (_, i) => {
      const block = this.blocks.at(first + i);
      const leaf = this.leaves.get(block);
      if (leaf === undefined) throw new Error(`leaf ${block} is not known`);
      return leaf;
    });
  }
}
