import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockSet } from './block-set.ts';
import { RankedBlocks } from './ranked-blocks.ts';

describe('ranked blocks', () => {
  it('are numbered in ascending order without gaps', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 20 })), { maxLength: 10 }), (spans) => {
        const set = new BlockSet();
        for (const [first, length] of spans) set.add(first, first + length);
        const ranked = new RankedBlocks(set.ranges());
        const blocks = Array.from({ length: 230 }, (_, block) => block).filter((block) => set.has(block));
        expect(ranked.count).toBe(blocks.length);
        expect(blocks.map((_, rank) => ranked.at(rank))).toEqual(blocks);
        for (let block = 0; block < 230; block++)
          expect(ranked.rankOf(block)).toBe(set.has(block) ? blocks.indexOf(block) : undefined);
      }),
    );
  });

  it('have no other ranks', () => {
    expect(() => new RankedBlocks([[3, 5]]).at(2)).toThrow('no block of rank 2');
    expect(() => new RankedBlocks([]).at(0)).toThrow('no block of rank 0');
  });
});
