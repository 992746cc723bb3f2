/**
 * A set of block numbers, kept as ranges: a have-set, or what was asked for. Memory grows with the number of gaps, not with the file.
 * Invariant: `#ranges` is ascending, no range is empty, and no two touch.
 */
import type { Ranges } from './blocks.ts';

export class BlockSet {
  readonly #ranges: [first: number, end: number][] = [];
  #count = 0;

  constructor(ranges: Ranges = []) {
    for (const [first, end] of ranges) this.add(first, end);
  }

  /** How many blocks are in the set. */
  get count(): number {
    return this.#count;
  }

  get rangeCount(): number {
    return this.#ranges.length;
  }

  /** All blocks, ascending from `start` on, then from the beginning up to it. The set must not change meanwhile. */
  *from(start: number): Generator<number> {
    const index = this.#endingAfter(start);
    for (let i = index; i < this.#ranges.length; i++) {
      const [first, end] = this.#ranges[i] ?? [0, 0];
      for (let block = Math.max(first, start); block < end; block++) yield block;
    }
    for (let i = 0; i <= index; i++) {
      const [first, end] = this.#ranges[i] ?? [0, 0];
      for (let block = first; block < Math.min(end, start); block++) yield block;
    }
  }

  /** The lowest block, if any. */
  get first(): number | undefined {
    return this.#ranges[0]?.[0];
  }

  has(block: number): boolean {
    const range = this.#ranges[this.#endingAfter(block)];
    return range !== undefined && range[0] <= block;
  }

  /** Adds [first, end). */
  add(first: number, end = first + 1): void {
    if (end <= first) return;
    // Ranges from `from` to `to - 1` overlap or touch the new one and become one with it.
    const from = this.#endingAfter(first - 1);
    let to = from;
    let low = first;
    let high = end;
    for (let range = this.#ranges[to]; range !== undefined && range[0] <= end; range = this.#ranges[++to]) {
      low = Math.min(low, range[0]);
      high = Math.max(high, range[1]);
      this.#count -= range[1] - range[0];
    }
    this.#ranges.splice(from, to - from, [low, high]);
    this.#count += high - low;
  }

  /** Takes [first, end) out. */
  delete(first: number, end = first + 1): void {
    if (end <= first) return;
    const from = this.#endingAfter(first);
    let to = from;
    const kept: [number, number][] = [];
    for (let range = this.#ranges[to]; range !== undefined && range[0] < end; range = this.#ranges[++to]) {
      this.#count -= Math.min(range[1], end) - Math.max(range[0], first);
      if (range[0] < first) kept.push([range[0], first]);
      if (range[1] > end) kept.push([end, range[1]]);
    }
    this.#ranges.splice(from, to - from, ...kept);
  }

  /** A copy of the ranges. */
  ranges(): [first: number, end: number][] {
    return this.#ranges.map(([first, end]) => [first, end]);
  }

  /** Those of the set that are in `ranges`, too. */
  within(ranges: Ranges): BlockSet {
    const outside = new BlockSet(this.#ranges);
    for (const [first, end] of ranges) outside.delete(first, end);
    const inside = new BlockSet(this.#ranges);
    for (const [first, end] of outside.#ranges) inside.delete(first, end);
    return inside;
  }

  /** What of [first, end) is not in the set. */
  missingOf(first: number, end: number): [first: number, end: number][] {
    const missing: [number, number][] = [];
    let from = first;
    for (let i = this.#endingAfter(first); from < end; i++) {
      const [next, after] = this.#ranges[i] ?? [Infinity, Infinity];
      if (next > from) missing.push([from, Math.min(next, end)]);
      from = after;
    }
    return missing;
  }

  /** Index of the first range that ends after `block`. */
  #endingAfter(block: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range[1] > block) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
