import fc from 'fast-check';
import { expect, it } from 'vitest';
import { validRanges } from '../../../engine/transfer/blocks.ts';
import { RankedBlocks } from '../../../engine/transfer/ranked-blocks.ts';
import { limits } from '../../../protocol/limits.ts';
import { chosenBlocks, covers, storedAt } from './bundle-blocks.ts';

const { blockBytes } = limits;

it.each([
  ['nothing but the manifest', [], [[0, 1]]],
  ['a file behind the manifest in its block', [{ start: 10, sizeBytes: 5 }], [[0, 1]]],
  ['a file across blocks', [{ start: blockBytes - 1, sizeBytes: 2 }], [[0, 2]]],
  [
    'a file far behind',
    [{ start: 5 * blockBytes, sizeBytes: blockBytes }],
    [
      [0, 1],
      [5, 6],
    ],
  ],
  [
    'neighbours as one',
    [
      { start: 5 * blockBytes, sizeBytes: blockBytes },
      { start: 6 * blockBytes, sizeBytes: 1 },
    ],
    [
      [0, 1],
      [5, 7],
    ],
  ],
  ['an empty file', [{ start: 9 * blockBytes, sizeBytes: 0 }], [[0, 1]]],
])('%s', (_, files, expected) => {
  expect(chosenBlocks(10, files)).toEqual(expected);
});

it('takes the smallest gaps in where an answer has no room for all', () => {
  const far = Array.from({ length: 3 * limits.rangesPerAnswer }, (_, index) => ({
    start: (10 + 4 * index + (index % 2)) * blockBytes,
    sizeBytes: 1,
  }));
  const ranges = chosenBlocks(10, far);
  expect(ranges).toHaveLength(limits.rangesPerAnswer);
  expect(validRanges(ranges, 1e6)).toBe(true);
  for (const piece of far) expect(covers(ranges, piece)).toBe(true);
  // Gaps of 2 blocks go first; of 4 blocks only as many as must.
  expect(ranges.reduce((sum, [first, end]) => sum + end - first, 0)).toBeLessThan(3 * limits.rangesPerAnswer * 4);
});

it('covers every chosen file, and its bytes lie where they are stored', () => {
  const piece = fc.record({ gap: fc.nat(6 * blockBytes), sizeBytes: fc.nat(3 * blockBytes) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 * blockBytes }), fc.array(piece, { maxLength: 40 }), (manifest, gaps) => {
      let at = manifest;
      const files = gaps.map(({ gap, sizeBytes }) => {
        const start = at + gap;
        at = start + sizeBytes;
        return { start, sizeBytes };
      });
      const ranges = chosenBlocks(manifest, files);
      expect(validRanges(ranges, Math.ceil(at / blockBytes) + 1)).toBe(true);
      const ranked = new RankedBlocks(ranges);
      expect(storedAt(manifest - 1, ranked)).toBe(manifest - 1);
      for (const file of files) {
        expect(covers(ranges, file)).toBe(true);
        if (file.sizeBytes === 0) continue;
        const stored = storedAt(file.start, ranked);
        // A file is stored in one piece.
        expect(storedAt(file.start + file.sizeBytes - 1, ranked)).toBe((stored ?? 0) + file.sizeBytes - 1);
      }
    }),
  );
});

it('knows what was not accepted', () => {
  const ranked = new RankedBlocks([
    [0, 1],
    [4, 6],
  ]);
  expect(storedAt(2 * blockBytes, ranked)).toBeUndefined();
  expect(storedAt(5 * blockBytes + 7, ranked)).toBe(2 * blockBytes + 7);
  expect(covers([[0, 1]], { start: blockBytes - 1, sizeBytes: 2 })).toBe(false);
  expect(covers([], { start: 0, sizeBytes: 1 })).toBe(false);
});
