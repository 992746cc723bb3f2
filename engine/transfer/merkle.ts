/**
 * The Merkle tree hash of RFC 9162 section 2.1.1 with SHA-256, whose entries d[i] are the SHA-256 of the blocks of a file:
 * MTH({}) = SHA-256(), MTH({d}) = SHA-256(0x00 || d), and a node is SHA-256(0x01 || left || right), split at the largest power of two.
 * Pairing neighbours level by level and carrying an odd last one up gives that same tree.
 */
import { concatBytes, type Bytes } from '../../protocol/bytes.ts';
import type { Hashes } from '../ports.ts';
import { LEAVES_PER_GROUP, type LeafTable } from './leaf-table.ts';

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
 * The root of a file whose leaves come in over time. `advance` hashes whole groups as soon as they are filled from the start on, so that
 * after the last block only the last group is left: 10 GiB cost no wait at the end.
 */
export class RootBuilder {
  readonly #groups: Bytes[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly hashes: Hashes,
    private readonly leaves: LeafTable,
  ) {}

  /** Works through the groups that are filled. Calls may overlap; each resolves when the groups known at its time are done. */
  advance(): Promise<void> {
    this.#running = this.#running.then(async () => {
      while (this.leaves.groupFilled(this.#groups.length)) {
        const first = this.#groups.length * LEAVES_PER_GROUP;
        this.#groups.push(await merkleRoot(this.hashes, this.#entries(first, first + LEAVES_PER_GROUP)));
      }
    });
    return this.#running;
  }

  /** The root over `blocks` leaves. @throws when one of them is not known. */
  async root(blocks: number): Promise<Bytes> {
    await this.advance();
    const first = this.#groups.length * LEAVES_PER_GROUP;
    if (first >= blocks) return combine(this.hashes, this.#groups);
    const last = await merkleRoot(this.hashes, this.#entries(first, blocks));
    return combine(this.hashes, [...this.#groups, last]);
  }

  #entries(first: number, end: number): Bytes[] {
    return Array.from({ length: end - first }, (_, i) => {
      const leaf = this.leaves.get(first + i);
      if (leaf === undefined) throw new Error(`leaf ${first + i} is not known`);
      return leaf;
    });
  }
}
