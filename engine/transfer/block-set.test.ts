import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { limits } from '../../protocol/limits.ts';
import { blockCount, blockLength, rangesBytes, validRanges } from './blocks.ts';
import { BlockSet } from './block-set.ts';
import { LeafTable } from './leaf-table.ts';

describe('BlockSet', () => {
  it('is a set, whatever is added and taken out', () => {
    const change = fc.record({ add: fc.boolean(), first: fc.nat(60), length: fc.nat(12) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const set = new BlockSet();
        const model = new Set<number>();
        for (const { add, first, length } of changes) {
          if (add) set.add(first, first + length);
          else set.delete(first, first + length);
          for (let block = first; block < first + length; block++) {
            if (add) model.add(block);
            else model.delete(block);
          }
          const ranges = set.ranges();
          expect(set.count).toBe(model.size);
          expect(set.first).toBe(model.size === 0 ? undefined : Math.min(...model));
          expect(validRanges(ranges, 100)).toBe(true);
          for (let block = 0; block < 80; block++) expect(set.has(block)).toBe(model.has(block));
        }
        const some = set.within([
          [3, 20],
          [30, 50],
        ]);
        for (let block = 0; block < 80; block++) {
          const inside = (block >= 3 && block < 20) || (block >= 30 && block < 50);
          expect(some.has(block)).toBe(inside && model.has(block));
        }
        const missing = new BlockSet([[7, 40]]);
        for (const [first, end] of set.ranges()) missing.delete(first, end);
        expect(set.missingOf(7, 40)).toEqual(missing.ranges());
        expect(new BlockSet(set.ranges()).ranges()).toEqual(set.ranges());
      }),
      { numRuns: 200 },
    );
  });
});

describe('blocks', () => {
  it.each([
    [0, 0, undefined],
    [1, 1, 1],
    [limits.blockBytes, 1, limits.blockBytes],
    [limits.blockBytes + 1, 2, 1],
  ])('%i bytes are %i blocks, the last of %s bytes', (size, count, last) => {
    expect(blockCount(size)).toBe(count);
    if (last !== undefined) expect(blockLength(size, count - 1)).toBe(last);
    expect(rangesBytes(size, [[0, count]])).toBe(size);
  });
});

describe('LeafTable', () => {
  it('reads a packed image, also a short or torn one', () => {
    const packed = new Uint8Array(32 * 300 + 5);
    packed.fill(7, 32, 64);
    packed.fill(9, 32 * 299);
    const table = LeafTable.fromPacked(packed);
    expect([...table.blocks()]).toEqual([1, 299]);
    expect(table.count).toBe(2);
    expect(table.get(0)).toBeUndefined();
    expect(table.get(299)).toEqual(new Uint8Array(32).fill(9));
    expect(() => table.set(0, new Uint8Array(32))).toThrow('not a leaf hash');
  });

  it('counts a leaf once', () => {
    const table = new LeafTable();
    table.set(3, new Uint8Array(32).fill(1));
    table.set(3, new Uint8Array(32).fill(2));
    expect([table.count, table.get(3)?.[0]]).toEqual([1, 2]);
  });
});
