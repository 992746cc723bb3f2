/**
 * "Save as…": into a place that the person picks, where the browser can (File System Access). Nothing that is there already is touched: what has
 * the name of something else becomes `name (1).ext`. At the top alone, for every folder below is new.
 */
import type { BundleTree } from '../bundle/bundle-tree.ts';
import { UniqueNames } from '../bundle/unique-names.ts';

interface WithPickers {
  showDirectoryPicker?: (options: { mode: 'readwrite' }) => Promise<FileSystemDirectoryHandle>;
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
}

/** Undefined when the person chose nothing. Rejects with a DOMException when the browser refuses. */
export const pickFolder = (): Promise<FileSystemDirectoryHandle | undefined> =>
  unlessDismissed(() => (window as WithPickers).showDirectoryPicker?.({ mode: 'readwrite' }));

export const pickFile = (suggestedName: string): Promise<FileSystemFileHandle | undefined> =>
  unlessDismissed(() => (window as WithPickers).showSaveFilePicker?.({ suggestedName }));

async function unlessDismissed<T>(pick: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await pick();
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}

/** Written at a time, so that it can be stopped and tells how far it is. */
const pieceBytes = 8 * 1024 * 1024;
/** Files written at a time: creating one waits for the browser more than for the disk. */
const filesAtOnce = 6;

export interface Writing {
  signal: AbortSignal;
  onprogress: (movedBytes: number) => void;
}

/** Rejects with a DOMException, an `AbortError` when it was stopped; what was there before is kept then. */
export async function writeFile(
  handle: FileSystemFileHandle,
  file: Blob,
  { signal, onprogress }: Writing,
): Promise<void> {
  const out = await handle.createWritable();
  try {
    for (let at = 0; at < file.size; at += pieceBytes) {
      signal.throwIfAborted();
      const piece = file.slice(at, at + pieceBytes);
      await out.write(piece);
      onprogress(piece.size);
    }
    await out.close();
  } catch (error) {
    await out.abort();
    throw error;
  }
}

/**
 * Writes files and empty folders of a bundle as real ones. Rejects like `writeFile`; what was written stays, and nothing more is written.
 * @param bytesOf the bytes of a file; undefined when they are not here.
 */
export async function writeTree(
  into: FileSystemDirectoryHandle,
  tree: BundleTree,
  leaves: readonly number[],
  bytesOf: (node: number) => Blob | undefined,
  writing: Writing,
): Promise<void> {
  const top = new UniqueNames(await namesIn(into));
  const topNames = new Map<number, string>();
  const folders = new Map<number, Promise<FileSystemDirectoryHandle>>();
  const nameOf = (node: number): string => {
    if (tree.parent(node) >= 0) return tree.name(node);
    const name = topNames.get(node) ?? top.take(tree.name(node));
    topNames.set(node, name);
    return name;
  };
  const otherNames = new Map<number, UniqueNames>();
  /** Browsers refuse some names that the file system would take, for example shortcuts of Windows: those get an end that is none. */
  const allowed = async <T>(node: number, create: (name: string) => Promise<T>): Promise<T> => {
    const name = nameOf(node);
    try {
      return await create(name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const parent = tree.parent(node);
      const names = parent < 0 ? top : (otherNames.get(parent) ?? new UniqueNames(namesUnder(tree, parent)));
      otherNames.set(parent, names);
      return create(names.take(`${name}_`));
    }
  };
  const folderOf = (node: number): Promise<FileSystemDirectoryHandle> => {
    if (node < 0) return Promise.resolve(into);
    const made =
      folders.get(node) ??
      folderOf(tree.parent(node)).then((parent) =>
        allowed(node, (name) => parent.getDirectoryHandle(name, { create: true })),
      );
    folders.set(node, made);
    return made;
  };
  const next = leaves.values();
  const failed = new AbortController();
  const signal = AbortSignal.any([writing.signal, failed.signal]);
  const writeSome = async (): Promise<void> => {
    for (const node of next) {
      signal.throwIfAborted();
      if (tree.isFolder(node)) {
        await folderOf(node);
        continue;
      }
      const bytes = bytesOf(node);
      if (!bytes) continue;
      const folder = await folderOf(tree.parent(node));
      const handle = await allowed(node, (name) => folder.getFileHandle(name, { create: true }));
      await writeFile(handle, bytes, { ...writing, signal });
    }
  };
  const writeAll = async (): Promise<void> => {
    try {
      await writeSome();
    } catch (error) {
      failed.abort(error); // the others end with the same
      throw error;
    }
  };
  const writers = Array.from({ length: filesAtOnce }, writeAll);
  await Promise.allSettled(writers);
  await Promise.all(writers);
}

function* namesUnder(tree: BundleTree, folder: number): Generator<string> {
  for (let node = folder + 1; node < tree.end(folder); node = tree.end(node)) yield tree.name(node);
}

async function namesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}
