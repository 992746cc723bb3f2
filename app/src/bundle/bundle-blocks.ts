/**
 * Between the files of a bundle and its blocks: which blocks a choice needs, where accepted blocks lie in the compacted file on disk, and which
 * files are whole.
 */
import { blockCount, type Ranges } from '../../../engine/transfer/blocks.ts';
import type { RankedBlocks } from '../../../engine/transfer/ranked-blocks.ts';
import { limits } from '../../../protocol/limits.ts';
import type { BundleTree } from './bundle-tree.ts';

const firstBlock = (byte: number): number => Math.floor(byte / limits.blockBytes);

/** Bytes that are wanted, ascending by start. */
export interface Piece {
  start: number;
  sizeBytes: number;
}

export const pieceOf = (tree: BundleTree, node: number): Piece => ({
  start: tree.start(node),
  sizeBytes: tree.sizeBytes(node),
});

/** The bytes of those nodes that are files, ascending. */
export const piecesOf = (tree: BundleTree, nodes: Iterable<number>): Piece[] =>
  Array.from(nodes)
    .filter((node) => !tree.isFolder(node))
    .map((node) => pieceOf(tree, node))
    .sort((a, b) => a.start - b.start);

/**
 * The blocks of the manifest and of the chosen files. Past `limits.rangesPerAnswer` ranges the smallest gaps are taken in: a little more comes
 * than was chosen.
 */
export function chosenBlocks(manifestBytes: number, files: Iterable<Piece>): [first: number, end: number][] {
  const ranges: [number, number][] = [[0, blockCount(manifestBytes)]];
  for (const { start, sizeBytes } of files) {
    if (sizeBytes === 0) continue;
    const first = firstBlock(start);
    const end = blockCount(start + sizeBytes);
    const last = ranges.at(-1);
    if (last && first <= last[1]) last[1] = Math.max(last[1], end);
    else ranges.push([first, end]);
  }
  return withoutSmallestGaps(ranges, limits.rangesPerAnswer);
}

function withoutSmallestGaps(ranges: [number, number][], most: number): [number, number][] {
  const tooMany = ranges.length - most;
  if (tooMany <= 0) return ranges;
  const gapBefore = (index: number): number => (ranges[index]?.[0] ?? 0) - (ranges[index - 1]?.[1] ?? 0);
  const filled = new Set(
    Array.from({ length: ranges.length - 1 }, (_, index) => index + 1)
      .sort((a, b) => gapBefore(a) - gapBefore(b))
      .slice(0, tooMany),
  );
  const kept: [number, number][] = [];
  ranges.forEach(([first, end], index) => {
    const last = kept.at(-1);
    if (last && filled.has(index)) last[1] = end;
    else kept.push([first, end]);
  });
  return kept;
}

/** Where byte `at` of the bundle is in the file that holds only the accepted blocks; undefined when its block is not among them. */
export function storedAt(at: number, accepted: RankedBlocks): number | undefined {
  const rank = accepted.rankOf(firstBlock(at));
  return rank === undefined ? undefined : rank * limits.blockBytes + (at % limits.blockBytes);
}

/** Whether all blocks of these bytes are in `have`. */
export function covers(have: Ranges, { start, sizeBytes }: Piece): boolean {
  if (sizeBytes === 0) return true;
  const first = firstBlock(start);
  const end = blockCount(start + sizeBytes);
  let low = 0;
  let high = have.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((have[middle]?.[1] ?? 0) > first) high = middle;
    else low = middle + 1;
  }
  const range = have[low];
  return range !== undefined && range[0] <= first && range[1] >= end;
}

/** Counts whole files without a look at each: files in the order of their bytes, as sorted starts and ends. */
export class WholeFiles {
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;
  readonly #empty: number;

  /** @param files nodes in the order of their bytes. */
  constructor(tree: BundleTree, files: readonly number[]) {
    const filled = files.filter((node) => tree.sizeBytes(node) > 0);
    this.#empty = files.length - filled.length;
    this.#starts = Float64Array.from(filled, (node) => tree.start(node));
    this.#ends = Float64Array.from(filled, (node) => tree.start(node) + tree.sizeBytes(node));
  }

  /** How many of the files are whole. Empty ones are, as soon as the manifest is. */
  count(have: Ranges): number {
    let count = 0;
    for (const [first, end] of have) {
      const from = lowerBound(this.#starts, first * limits.blockBytes);
      const to = lowerBound(this.#ends, end * limits.blockBytes + 1);
      count += Math.max(0, to - from);
    }
    return count + (have.length > 0 ? this.#empty : 0);
  }
}

/** Index of the first value that is at least `value`. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
