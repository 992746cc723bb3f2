/** Some blocks of a file in ascending order, numbered from 0: of a file that was accepted in part these are the ones that count. */
import type { Ranges } from './blocks.ts';

export class RankedBlocks {
  /** Rank of the first block of each range. */
  readonly #ranks: number[] = [];
  readonly count: number;

  constructor(readonly ranges: Ranges) {
    let count = 0;
    for (const [first, end] of ranges) {
      this.#ranks.push(count);
      count += end - first;
    }
    this.count = count;
  }

  /** The block with this rank, 0 to `count` - 1. */
  at(rank: number): number {
    const index = lastAtMost(this.#ranks.length, (i) => this.#ranks[i] ?? 0, rank);
    const range = this.ranges[index];
    if (range === undefined || rank >= this.count) throw new Error(`no block of rank ${rank}`);
    return range[0] + rank - (this.#ranks[index] ?? 0);
  }

  /** The rank of a block, or undefined when it is none of these. */
  rankOf(block: number): number | undefined {
    const index = lastAtMost(this.ranges.length, (i) => this.ranges[i]?.[0] ?? 0, block);
    const range = this.ranges[index];
    if (range === undefined || block >= range[1]) return undefined;
    return (this.#ranks[index] ?? 0) + block - range[0];
  }
}

/** Index of the last of `count` ascending values that is at most `limit`; -1 when none is. */
function lastAtMost(count: number, value: (index: number) => number, limit: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value(middle) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
