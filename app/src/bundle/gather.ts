/**
 * Reads what was chosen as a folder, or as very many files, into the parts of a bundle. Works in short slices, so that the page stays smooth
 * with 100,000 files, tells how far it is, and can be stopped. It is all or nothing: what breaks a limit or cannot be read is named and nothing
 * of it is offered.
 */
import { limits } from '../../../protocol/limits.ts';
import type { Breather } from './breathe.ts';

/** A file, or an empty folder. Segments of a path are as the file system has them, joined by `/`. */
export interface Found {
  path: string;
  file?: File;
}

/** Something to be read: the folder itself is the first segment of each path; loose files have no folder. */
export interface ChosenFolder {
  kind: 'folder' | 'files';
  name: string;
  /** Rejects with a DOMException when something in it cannot be read. */
  found(signal: AbortSignal): AsyncIterable<Found[]>;
  /** Where the browser gives one: then a reload needs no second choice. */
  handle?: FileSystemDirectoryHandle;
}

/** The parts of a bundle, in its order. Without a file it is an empty folder; its size is -1 then. */
export interface Gathered {
  kind: 'folder' | 'files';
  name: string;
  paths: string[];
  files: (File | undefined)[];
  sizes: number[];
  times: number[];
  fileCount: number;
  /** The empty ones, and those that hold something. */
  folderCount: number;
  contentBytes: number;
  handle?: FileSystemDirectoryHandle;
}

export type Gathering =
  | { kind: 'gathered'; gathered: Gathered }
  | { kind: 'stopped' }
  | { kind: 'empty' }
  | { kind: 'too-many'; most: number }
  | { kind: 'path-too-long'; path: string }
  | { kind: 'too-large' }
  | { kind: 'unreadable'; path?: string };

export async function gather(
  chosen: ChosenFolder,
  {
    signal,
    onprogress,
    breathe,
  }: { signal: AbortSignal; onprogress: (files: number) => void; breathe: () => Breather },
): Promise<Gathering> {
  const { kind, name, handle } = chosen;
  const gathered: Gathered = {
    kind,
    name,
    paths: [],
    files: [],
    sizes: [],
    times: [],
    fileCount: 0,
    folderCount: 0,
    contentBytes: 0,
    ...(handle ? { handle } : {}),
  };
  const folders = new Set<string>();
  const { pause } = breathe();
  let at: string | undefined;
  try {
    for await (const batch of chosen.found(signal)) {
      for (const one of batch) {
        at = one.path;
        const problem = add(gathered, folders, one);
        if (problem) return problem;
        await pause();
        if (signal.aborted) return { kind: 'stopped' };
      }
      at = undefined;
      onprogress(gathered.fileCount);
    }
  } catch (error) {
    if (signal.aborted) return { kind: 'stopped' };
    if (!(error instanceof DOMException)) throw error;
    return at === undefined ? { kind: 'unreadable' } : { kind: 'unreadable', path: at };
  }
  if (signal.aborted) return { kind: 'stopped' };
  gathered.folderCount = folders.size;
  return gathered.paths.length === 0 ? { kind: 'empty' } : { kind: 'gathered', gathered };
}

function add(gathered: Gathered, folders: Set<string>, { path, file }: Found): Gathering | undefined {
  if (gathered.paths.length >= limits.bundleEntries) return { kind: 'too-many', most: limits.bundleEntries };
  if (path.length > limits.pathUnits || path.split('/').length > limits.pathDepth)
    return { kind: 'path-too-long', path };
  gathered.paths.push(path);
  gathered.files.push(file);
  gathered.sizes.push(file?.size ?? -1);
  gathered.times.push(file ? Math.max(0, file.lastModified) : -1);
  if (file) {
    gathered.fileCount++;
    gathered.contentBytes += file.size;
    addFolders(folders, path.slice(0, Math.max(0, path.lastIndexOf('/'))));
  } else addFolders(folders, path);
  if (folders.size > limits.bundleEntries) return { kind: 'too-many', most: limits.bundleEntries };
  return gathered.contentBytes > limits.fileBytes - limits.manifestBytes ? { kind: 'too-large' } : undefined;
}

/** The folder and all above it, until one that is known. */
function addFolders(folders: Set<string>, path: string): void {
  for (let at = path; at !== '' && !folders.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf('/'))))
    folders.add(at);
}
