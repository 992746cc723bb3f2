/** Folders that a person chose or dropped: how each browser gives them, as one `ChosenFolder`. */
import { UniqueNames } from './bundle/unique-names.ts';
import type { ChosenFolder, Found } from './bundle/gather.ts';
import type { Chosen } from './chosen-files.ts';

interface WithDirectoryPicker {
  showDirectoryPicker?: (options?: { mode: 'read' | 'readwrite' }) => Promise<FileSystemDirectoryHandle>;
}

/** Files whose sizes are asked for at a time: each is a question to the browser's process. */
const atOnce = 64;

/** What an input with `webkitdirectory` gives. Empty folders are not among it. */
export function fromFolderInput(list: FileList): ChosenFolder | undefined {
  const first = list[0];
  if (!first) return undefined;
  const name = first.webkitRelativePath.split('/', 1)[0] || first.name;
  const files = Array.from(list);
  return {
    kind: 'folder',
    name,
    // eslint-disable-next-line @typescript-eslint/require-await -- others of its kind have to wait
    async *found() {
      for (let at = 0; at < files.length; at += atOnce)
        yield files.slice(at, at + atOnce).map((file) => ({ path: file.webkitRelativePath || file.name, file }));
    },
  };
}

/** Loose files as one bundle. Files of one name get a number. */
export function fromMany(name: string, chosen: readonly Chosen[]): ChosenFolder {
  return {
    kind: 'files',
    name,
    // eslint-disable-next-line @typescript-eslint/require-await -- others of its kind have to wait
    async *found() {
      const names = new UniqueNames();
      const given = new Set<string>();
      for (let at = 0; at < chosen.length; at += atOnce)
        yield chosen.slice(at, at + atOnce).map(({ file }) => {
          // A name as it is, unless there is one of it already.
          const unique = names.take(file.name);
          const path = given.has(file.name) || file.name.includes('/') ? unique : file.name;
          given.add(path);
          return { path, file };
        });
    },
  };
}

/** Undefined when this browser has no such picker or refuses it; null when the person chose nothing. */
export async function fromFolderPicker(): Promise<ChosenFolder | null | undefined> {
  const pick = (window as WithDirectoryPicker).showDirectoryPicker;
  if (!pick) return undefined;
  try {
    return fromDirectoryHandle(await pick.call(window, { mode: 'read' }));
  } catch (error) {
    return error instanceof DOMException && error.name === 'AbortError' ? null : undefined;
  }
}

export function fromDirectoryHandle(handle: FileSystemDirectoryHandle): ChosenFolder {
  return { kind: 'folder', name: handle.name, handle, found: () => walkHandle(handle, handle.name) };
}

async function* walkHandle(folder: FileSystemDirectoryHandle, path: string): AsyncGenerator<Found[]> {
  const folders: [FileSystemDirectoryHandle, string][] = [];
  let files: [FileSystemFileHandle, string][] = [];
  let empty = true;
  for await (const [name, entry] of folder.entries()) {
    empty = false;
    if (isFile(entry)) files.push([entry, `${path}/${name}`]);
    else folders.push([entry, `${path}/${name}`]);
    if (files.length < atOnce) continue;
    yield await opened(files);
    files = [];
  }
  if (empty) yield [{ path }];
  if (files.length > 0) yield await opened(files);
  for (const [inner, innerPath] of folders) yield* walkHandle(inner, innerPath);
}

const isFile = (entry: FileSystemHandle): entry is FileSystemFileHandle => entry.kind === 'file';
const opened = (files: readonly [FileSystemFileHandle, string][]): Promise<Found[]> =>
  Promise.all(files.map(async ([handle, path]) => ({ path, file: await handle.getFile() })));

/** A dropped folder, in browsers that give no handle. */
export function fromDirectoryEntry(entry: FileSystemDirectoryEntry): ChosenFolder {
  return { kind: 'folder', name: entry.name, found: () => walkEntry(entry, entry.name) };
}

async function* walkEntry(folder: FileSystemDirectoryEntry, path: string): AsyncGenerator<Found[]> {
  const reader = folder.createReader();
  const folders: FileSystemDirectoryEntry[] = [];
  let empty = true;
  for (;;) {
    // It gives some at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    empty = false;
    const files = some.filter((entry): entry is FileSystemFileEntry => entry.isFile);
    folders.push(...some.filter((entry): entry is FileSystemDirectoryEntry => entry.isDirectory));
    yield await Promise.all(
      files.map(async (entry) => ({
        path: `${path}/${entry.name}`,
        file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)),
      })),
    );
  }
  if (empty) yield [{ path }];
  for (const inner of folders) yield* walkEntry(inner, `${path}/${inner.name}`);
}
