/**
 * Leaf hashes (SHA-256 of blocks) of one file, packed in groups of `LEAVES_PER_GROUP`, so that a file of a terabyte costs 128 MiB and
 * not a million small objects. 32 zero bytes stand for "not known", in memory and in a packed image.
 */
import type { Bytes } from '../../protocol/bytes.ts';

export const LEAF_BYTES = 32;
/** 64 MiB of a file. */
const LEAVES_PER_GROUP = 256;

interface Group {
  bytes: Bytes;
  count: number;
}

export class LeafTable {
  readonly #groups = new Map<number, Group>();
  #count = 0;

  /** Reads a packed image: the hash of block i at byte 32 i. A shorter image, or a torn last hash, knows less. */
  static fromPacked(packed: Uint8Array): LeafTable {
    const table = new LeafTable();
    for (let block = 0; (block + 1) * LEAF_BYTES <= packed.length; block++) {
      const hash = packed.subarray(block * LEAF_BYTES, (block + 1) * LEAF_BYTES);
      if (hash.some((byte) => byte !== 0)) table.set(block, hash);
    }
    return table;
  }

  /** How many leaves are known. */
  get count(): number {
    return this.#count;
  }

  /** The hash of `block`, as a view that stays valid, or undefined. */
  get(block: number): Bytes | undefined {
    const group = this.#groups.get(Math.floor(block / LEAVES_PER_GROUP));
    if (group === undefined) return undefined;
    const at = (block % LEAVES_PER_GROUP) * LEAF_BYTES;
    const hash = group.bytes.subarray(at, at + LEAF_BYTES);
    return isKnown(hash) ? hash : undefined;
  }

  has(block: number): boolean {
    return this.get(block) !== undefined;
  }

  set(block: number, hash: Uint8Array): void {
    if (hash.length !== LEAF_BYTES || !isKnown(hash)) throw new Error('not a leaf hash');
    const index = Math.floor(block / LEAVES_PER_GROUP);
    let group = this.#groups.get(index);
    if (group === undefined) {
      group = { bytes: new Uint8Array(LEAVES_PER_GROUP * LEAF_BYTES), count: 0 };
      this.#groups.set(index, group);
    }
    if (!this.has(block)) {
      group.count++;
      this.#count++;
    }
    group.bytes.set(hash, (block % LEAVES_PER_GROUP) * LEAF_BYTES);
  }

  /** The blocks whose leaf is known, group by group. */
  *blocks(): Generator<number> {
    for (const [index, group] of this.#groups) {
      if (group.count === 0) continue;
      for (let i = 0; i < LEAVES_PER_GROUP; i++) {
        if (isKnown(group.bytes.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES))) yield index * LEAVES_PER_GROUP + i;
      }
    }
  }
}

function isKnown(hash: Uint8Array): boolean {
  for (const byte of hash) if (byte !== 0) return true;
  return false;
}
