import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashes } from '../testing/keys.ts';
import { LeafTable } from './leaf-table.ts';
import { merkleRoot, RootBuilder } from './merkle.ts';
import { RankedBlocks } from './ranked-blocks.ts';

const sha256 = (...parts: Uint8Array[]) => new Uint8Array(createHash('sha256').update(Buffer.concat(parts)).digest());

/** RFC 9162 section 2.1.1, word by word. */
function mth(entries: Uint8Array[]): Uint8Array {
  const [first] = entries;
  if (first === undefined) return sha256();
  if (entries.length === 1) return sha256(Uint8Array.of(0), first);
  let k = 1;
  while (2 * k < entries.length) k *= 2;
  return sha256(Uint8Array.of(1), mth(entries.slice(0, k)), mth(entries.slice(k)));
}

const entry = (i: number) => sha256(Uint8Array.of(i, i >> 8));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('merkleRoot', () => {
  it('is SHA-256 of nothing for an empty file', async () => {
    expect(hex(await merkleRoot(hashes, []))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('agrees with the definition for every size up to 70', async () => {
    for (let n = 0; n <= 70; n++) {
      const entries = Array.from({ length: n }, (_, i) => entry(i));
      expect(hex(await merkleRoot(hashes, entries))).toBe(hex(mth(entries)));
    }
  });
});

describe('RootBuilder', () => {
  it.each([0, 1, 255, 256, 257, 511, 512, 513, 768, 1000])(
    'agrees with the definition for %i leaves that come in any order',
    async (n) => {
      const table = new LeafTable();
      const builder = new RootBuilder(hashes, table, new RankedBlocks(n === 0 ? [] : [[0, n]]));
      for (const parity of [1, 0]) {
        for (let i = parity; i < n; i += 2) {
          table.set(i, entry(i));
          if (i % 100 === 0) await builder.advance();
        }
      }
      expect(builder.complete).toBe(true);
      expect(hex(await builder.root())).toBe(hex(mth(Array.from({ length: n }, (_, i) => entry(i)))));
    },
  );

  it('does not answer while a leaf is missing', async () => {
    const table = new LeafTable();
    table.set(1, entry(1));
    const builder = new RootBuilder(hashes, table, new RankedBlocks([[0, 2]]));
    expect(builder.complete).toBe(false);
    await expect(builder.root()).rejects.toThrow('leaf 0');
  });

  it('is over the given blocks alone, in order', async () => {
    const table = new LeafTable();
    for (let i = 0; i < 700; i++) table.set(i, entry(i));
    const ranges = [
      [2, 5],
      [100, 500],
      [699, 700],
    ] as const;
    const entries = ranges.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => entry(first + i)));
    const builder = new RootBuilder(hashes, table, new RankedBlocks(ranges));
    expect(hex(await builder.root())).toBe(hex(mth(entries)));
  });
});
