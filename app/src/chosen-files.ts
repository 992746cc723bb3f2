/** Files that a person chose, dropped or pasted. */
import type { ChosenFolder } from './bundle/gather.ts';

/** With a lasting handle where the browser gives one: then a reload needs no second choice. */
export interface Chosen {
  file: File;
  handle?: FileSystemFileHandle;
  /** It was recorded just now, to be heard in the conversation. */
  voice?: Voice;
}

/** How long something that was spoken is, and how loud from its beginning to its end, 0 to 255 each step. */
export interface Voice {
  durationMs: number;
  levels: Uint8Array<ArrayBuffer>;
}

/** Chromium has both of these, others do not yet; the standard types lack them. */
interface WithPicker {
  showOpenFilePicker?: (options: { multiple: boolean }) => Promise<FileSystemFileHandle[]>;
}
interface WithHandle {
  getAsFileSystemHandle?: () => Promise<FileSystemHandle | null>;
}

export const fromList = (list: FileList | null | undefined): Chosen[] => Array.from(list ?? [], (file) => ({ file }));

/** Undefined when this browser has no such picker or refuses it; empty when the person chose nothing. */
export async function fromPicker(): Promise<Chosen[] | undefined> {
  const pick = (window as WithPicker).showOpenFilePicker;
  if (!pick) return undefined;
  try {
    const handles = await pick({ multiple: true });
    return await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle })));
  } catch (error) {
    return error instanceof DOMException && error.name === 'AbortError' ? [] : undefined;
  }
}

export const hasFiles = (data: DataTransfer | null): boolean => data?.types.includes('Files') ?? false;

/** Must be called within the drop event itself: the items are gone after it. */
export async function fromDrop(data: DataTransfer): Promise<{ files: Chosen[]; folders: ChosenFolder[] }> {
  const folders: Promise<ChosenFolder>[] = [];
  const files: Promise<Chosen>[] = [];
  for (const item of data.items) {
    if (item.kind !== 'file') continue;
    const handle = (item as WithHandle).getAsFileSystemHandle?.();
    const entry = item.webkitGetAsEntry();
    if (entry?.isDirectory) {
      folders.push(asFolder(entry as FileSystemDirectoryEntry, handle));
      continue;
    }
    const file = item.getAsFile();
    if (file) files.push(withHandle(file, handle));
  }
  return { files: await Promise.all(files), folders: await Promise.all(folders) };
}

async function asFolder(
  entry: FileSystemDirectoryEntry,
  asked: Promise<FileSystemHandle | null> | undefined,
): Promise<ChosenFolder> {
  const { fromDirectoryEntry, fromDirectoryHandle } = await import('./chosen-folders.ts');
  const handle = await asked?.catch(() => null); // the entry does as well, for as long as the page lives
  return handle instanceof FileSystemDirectoryHandle ? fromDirectoryHandle(handle) : fromDirectoryEntry(entry);
}

async function withHandle(file: File, asked: Promise<FileSystemHandle | null> | undefined): Promise<Chosen> {
  // A refused handle is no loss: the file itself is here.
  const handle = await asked?.catch(() => null);
  return handle instanceof FileSystemFileHandle ? { file, handle } : { file };
}
