/** The files of a bundle as a screen needs them: the tree, what of it was chosen, and what is whole. */
import { BlockSet } from '../../../engine/transfer/block-set.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import { covers, pieceOf, WholeFiles } from './bundle-blocks.ts';
import type { BundleTree } from './bundle-tree.ts';

export class BundleFiles {
  readonly #chosen: BlockSet | undefined;
  readonly #whole: WholeFiles;
  /** Chosen files, the empty ones included. */
  readonly fileCount: number;

  /** @param chosen entries of the manifest that were chosen ([first, end), ascending); all when absent. */
  constructor(
    readonly tree: BundleTree,
    chosen: Ranges | undefined,
  ) {
    this.#chosen = chosen && new BlockSet(chosen);
    const files = this.#chosen ? tree.inOrder().filter((node) => this.isChosen(node)) : tree.inOrder();
    this.fileCount = files.length;
    this.#whole = new WholeFiles(tree, files);
  }

  /** Whether a file or an empty folder was chosen. */
  isChosen(node: number): boolean {
    return this.#chosen?.has(this.tree.entry(node)) ?? true;
  }

  isWhole(node: number, have: Ranges): boolean {
    return covers(have, pieceOf(this.tree, node));
  }

  wholeCount(have: Ranges): number {
    return this.#whole.count(have);
  }
}

/** Numbers in any order as [first, end) ranges. */
export function rangesOf(numbers: Iterable<number>): Ranges {
  const set = new BlockSet();
  for (const number of Array.from(numbers).sort((a, b) => a - b)) set.add(number);
  return set.ranges();
}
