/** Which files and empty folders of a bundle are ticked. A change costs as much as the folder that was ticked, and its parents. */
import type { BundleTree } from './bundle-tree.ts';

export class Selection {
  /** Ticked leaves in each node, and all of them. */
  readonly #ticked: Uint32Array;
  readonly #leaves: Uint32Array;
  readonly #bytes: Float64Array;
  readonly #files: Uint32Array;

  /** Everything is ticked. */
  constructor(private readonly tree: BundleTree) {
    this.#leaves = new Uint32Array(tree.count);
    for (let node = tree.count - 1; node >= 0; node--) {
      if (tree.isLeaf(node)) this.#leaves[node] = 1;
      const parent = tree.parent(node);
      if (parent >= 0) this.#leaves[parent] = (this.#leaves[parent] ?? 0) + (this.#leaves[node] ?? 0);
    }
    this.#ticked = this.#leaves.slice();
    this.#bytes = tree.columns.sizes.slice();
    this.#files = tree.columns.files.slice();
  }

  state(node: number): 'all' | 'some' | 'none' {
    const ticked = this.#ticked[node] ?? 0;
    if (ticked === 0) return 'none';
    return ticked === this.#leaves[node] ? 'all' : 'some';
  }

  get total(): { files: number; sizeBytes: number } {
    let [files, sizeBytes] = [0, 0];
    for (const node of this.#tops()) {
      files += this.#files[node] ?? 0;
      sizeBytes += this.#bytes[node] ?? 0;
    }
    return { files, sizeBytes };
  }

  get everything(): boolean {
    return [...this.#tops()].every((node) => this.state(node) === 'all');
  }

  get nothing(): boolean {
    return [...this.#tops()].every((node) => this.state(node) === 'none');
  }

  set(node: number, ticked: boolean): void {
    const { tree } = this;
    const before = [this.#ticked[node] ?? 0, this.#bytes[node] ?? 0, this.#files[node] ?? 0] as const;
    for (let at = node; at < tree.end(node); at++) {
      this.#ticked[at] = ticked ? (this.#leaves[at] ?? 0) : 0;
      this.#bytes[at] = ticked ? tree.sizeBytes(at) : 0;
      this.#files[at] = ticked ? tree.fileCount(at) : 0;
    }
    const after = [this.#ticked[node] ?? 0, this.#bytes[node] ?? 0, this.#files[node] ?? 0] as const;
    for (let at = tree.parent(node); at >= 0; at = tree.parent(at)) {
      this.#ticked[at] = (this.#ticked[at] ?? 0) + after[0] - before[0];
      this.#bytes[at] = (this.#bytes[at] ?? 0) + after[1] - before[1];
      this.#files[at] = (this.#files[at] ?? 0) + after[2] - before[2];
    }
  }

  setAll(ticked: boolean): void {
    for (const node of this.#tops()) this.set(node, ticked);
  }

  /** The ticked leaves. */
  *leaves(): Generator<number> {
    for (let node = 0; node < this.tree.count; node++)
      if (this.tree.isLeaf(node) && this.#ticked[node] === 1) yield node;
  }

  *#tops(): Generator<number> {
    for (let node = 0; node < this.tree.count; node = this.tree.end(node)) yield node;
  }
}
