/** Arithmetic of blocks: a file is `blockCount` blocks of `limits.blockBytes`, the last one shorter. An empty file has none. */
import { limits } from '../../protocol/limits.ts';

/** [first, end) pairs of block numbers, ascending and apart. */
export type Ranges = readonly (readonly [first: number, end: number])[];

export const blockCount = (sizeBytes: number): number => Math.ceil(sizeBytes / limits.blockBytes);

/** All blocks of a file. */
export const allBlocks = (sizeBytes: number): Ranges => (sizeBytes === 0 ? [] : [[0, blockCount(sizeBytes)]]);

/** Bytes of block `index`, which must be within the file. */
export const blockLength = (sizeBytes: number, index: number): number =>
  Math.min(limits.blockBytes, sizeBytes - index * limits.blockBytes);

/** Bytes that the blocks of `ranges` hold in a file of `sizeBytes`. */
export const rangesBytes = (sizeBytes: number, ranges: Ranges): number =>
  ranges.reduce(
    (sum, [first, end]) =>
      sum + Math.min(end * limits.blockBytes, sizeBytes) - Math.min(first * limits.blockBytes, sizeBytes),
    0,
  );

export const sameRanges = (a: Ranges, b: Ranges): boolean =>
  a.length === b.length && a.every(([first, end], i) => b[i]?.[0] === first && b[i][1] === end);

/** Whether `ranges` is what `Ranges` says and within a file of `blocks` blocks. */
export function validRanges(ranges: Ranges, blocks: number): boolean {
  let before = -1;
  for (const [first, end] of ranges) {
    if (first <= before || end <= first || end > blocks) return false;
    before = end;
  }
  return true;
}
