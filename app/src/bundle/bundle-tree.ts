/**
 * The files of a bundle as a tree, in columns: built once (in the blob worker), handed to the page by transferring, and read there without
 * an object per file, so that 100,000 files cost the page nothing.
 *
 * Nodes are in preorder: the nodes under node i are i + 1 to ends[i] - 1. Within a folder, folders come first, each by name. Names are cleaned
 * and differ within their folder, so that a path made of them can be written as it is.
 */
import { ProtocolError } from '../../../protocol/errors.ts';
import { limits } from '../../../protocol/limits.ts';
import type { ManifestEntry } from '../../../protocol/manifest.ts';
import { UniqueNames } from './unique-names.ts';

export interface TreeColumns {
  /** All names, one after the other; the name of node i ends at nameEnds[i]. */
  names: string;
  nameEnds: Uint32Array<ArrayBuffer>;
  /** -1 at the top. */
  parents: Int32Array<ArrayBuffer>;
  depths: Uint8Array<ArrayBuffer>;
  ends: Uint32Array<ArrayBuffer>;
  /** Bytes of a file, or of all files under a folder. */
  sizes: Float64Array<ArrayBuffer>;
  /** Where in the bundle the bytes of a file begin; -1 for a folder. */
  starts: Float64Array<ArrayBuffer>;
  /** When it was last changed, milliseconds since 1970; -1 when not known. */
  times: Float64Array<ArrayBuffer>;
  /** Index in the manifest; -1 for a folder that only its files tell of. */
  entries: Int32Array<ArrayBuffer>;
  /** How many files are in it; 1 for a file. */
  files: Uint32Array<ArrayBuffer>;
}

interface Draft {
  raw: string;
  entry: number;
  /** Absent for a file. */
  children?: { folders: Map<string, Draft>; files: Draft[] };
  sizeBytes: number;
  start: number;
  modifiedAt: number;
}

const newFolder = (raw: string): Draft => ({
  raw,
  entry: -1,
  children: { folders: new Map(), files: [] },
  sizeBytes: 0,
  start: -1,
  modifiedAt: -1,
});

/** @throws ProtocolError when the paths make more folders than a bundle may have. */
export function buildTree(manifest: readonly ManifestEntry[], manifestBytes: number): TreeColumns {
  const top = newFolder('');
  let nodes = 0;
  let folders = 0;
  let start = manifestBytes;
  const folderAt = (segments: readonly string[]): Draft => {
    let folder = top;
    for (const segment of segments) {
      const into = folder.children?.folders;
      let next = into?.get(segment);
      if (!next) {
        next = newFolder(segment);
        into?.set(segment, next);
        nodes++;
        if (++folders > limits.bundleEntries) throw new ProtocolError('too-large', 'bundle of too many folders');
      }
      folder = next;
    }
    return folder;
  };
  manifest.forEach((entry, index) => {
    const segments = entry.path.split('/');
    if (entry.kind === 'folder') {
      folderAt(segments).entry = index;
      return;
    }
    const raw = segments.pop() ?? '';
    const { sizeBytes, modifiedAt = -1 } = entry;
    folderAt(segments).children?.files.push({ raw, entry: index, sizeBytes, start, modifiedAt });
    start += sizeBytes;
    nodes++;
  });
  return new Columns(nodes).fill(top);
}

const byName = new Intl.Collator(undefined, { numeric: true });

class Columns {
  readonly #names: string[] = [];
  #nameEnd = 0;
  #count = 0;
  readonly #columns: Omit<TreeColumns, 'names'>;

  constructor(nodes: number) {
    this.#columns = {
      nameEnds: new Uint32Array(nodes),
      parents: new Int32Array(nodes),
      depths: new Uint8Array(nodes),
      ends: new Uint32Array(nodes),
      sizes: new Float64Array(nodes),
      starts: new Float64Array(nodes),
      times: new Float64Array(nodes),
      entries: new Int32Array(nodes),
      files: new Uint32Array(nodes),
    };
  }

  fill(top: Draft): TreeColumns {
    this.#addChildren(top, -1, 0);
    return { names: this.#names.join(''), ...this.#columns };
  }

  #addChildren(folder: Draft, parent: number, depth: number): void {
    const names = new UniqueNames();
    const named = (draft: Draft) => ({ draft, name: names.take(draft.raw) });
    const sorted = (drafts: Iterable<Draft>) =>
      Array.from(drafts, named).sort((a, b) => byName.compare(a.name, b.name));
    const { folders, files } = folder.children ?? { folders: new Map<string, Draft>(), files: [] };
    for (const { draft, name } of [...sorted(folders.values()), ...sorted(files)])
      this.#add(draft, name, parent, depth);
  }

  #add(draft: Draft, name: string, parent: number, depth: number): void {
    const node = this.#count++;
    const columns = this.#columns;
    this.#names.push(name);
    columns.nameEnds[node] = this.#nameEnd += name.length;
    columns.parents[node] = parent;
    columns.depths[node] = depth;
    columns.starts[node] = draft.start;
    columns.times[node] = draft.modifiedAt;
    columns.entries[node] = draft.entry;
    columns.sizes[node] = draft.sizeBytes;
    columns.files[node] = draft.children ? 0 : 1;
    if (draft.children) this.#addChildren(draft, node, depth + 1);
    columns.ends[node] = this.#count;
    if (parent < 0) return;
    columns.sizes[parent] = (columns.sizes[parent] ?? 0) + (columns.sizes[node] ?? 0);
    columns.files[parent] = (columns.files[parent] ?? 0) + (columns.files[node] ?? 0);
  }
}

export class BundleTree {
  constructor(readonly columns: TreeColumns) {}

  /** How many nodes there are, folders included. */
  get count(): number {
    return this.columns.parents.length;
  }

  name(node: number): string {
    const { names, nameEnds } = this.columns;
    return names.slice(node === 0 ? 0 : nameEnds[node - 1], nameEnds[node]);
  }

  isFolder(node: number): boolean {
    return this.start(node) < 0;
  }

  /** The nodes under it are those from `node + 1` up to this one. */
  end(node: number): number {
    return this.columns.ends[node] ?? 0;
  }

  parent(node: number): number {
    return this.columns.parents[node] ?? -1;
  }

  depth(node: number): number {
    return this.columns.depths[node] ?? 0;
  }

  sizeBytes(node: number): number {
    return this.columns.sizes[node] ?? 0;
  }

  start(node: number): number {
    return this.columns.starts[node] ?? -1;
  }

  /** Milliseconds since 1970, when it is known. */
  modifiedAt(node: number): number | undefined {
    const time = this.columns.times[node] ?? -1;
    return time < 0 ? undefined : time;
  }

  entry(node: number): number {
    return this.columns.entries[node] ?? -1;
  }

  fileCount(node: number): number {
    return this.columns.files[node] ?? 0;
  }

  /** A file, or a folder with nothing in it: what a person can choose by itself. */
  isLeaf(node: number): boolean {
    return this.end(node) === node + 1;
  }

  /** Cleaned names from the top down. */
  path(node: number): string[] {
    const path: string[] = [];
    for (let at = node; at >= 0; at = this.parent(at)) path.unshift(this.name(at));
    return path;
  }

  /** Files in the order of their bytes. */
  inOrder(): number[] {
    const { starts, entries } = this.columns;
    const byEntry: number[] = [];
    for (let node = 0; node < this.count; node++) if ((starts[node] ?? -1) >= 0) byEntry[entries[node] ?? 0] = node;
    // Without the holes that empty folders left.
    return Object.values(byEntry);
  }
}
