/** Which nodes of a tree are seen: those in open folders, or, while something is searched for, what has it in its name, with its folders. */
import type { BundleTree } from './bundle-tree.ts';

/** Nodes from the top down. */
export function openRows(tree: BundleTree, open: ReadonlySet<number>): number[] {
  const rows: number[] = [];
  for (let node = 0; node < tree.count;) {
    rows.push(node);
    node = tree.isFolder(node) && !open.has(node) ? tree.end(node) : node + 1;
  }
  return rows;
}

export function foundRows(tree: BundleTree, words: string): number[] {
  const wanted = words.trim().toLowerCase();
  const found = new Uint8Array(tree.count);
  for (let node = tree.count - 1; node >= 0; node--) {
    if (!found[node] && tree.name(node).toLowerCase().includes(wanted)) found[node] = 1;
    const parent = tree.parent(node);
    if (found[node] && parent >= 0) found[parent] = 1;
  }
  const rows: number[] = [];
  for (let node = 0; node < tree.count; node++) if (found[node]) rows.push(node);
  return rows;
}

/** Folders that are open at first: a single one at the top, down to where there is a choice. */
export function openAtFirst(tree: BundleTree): Set<number> {
  const open = new Set<number>();
  for (let node = 0; node < tree.count && tree.isFolder(node) && tree.end(node) === tree.count; node++) open.add(node);
  return open;
}
