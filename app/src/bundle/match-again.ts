/**
 * After a reload the person chooses a folder again: each file of the manifest is looked for by its path within the folder, its size and its time.
 * The folder itself may have another name by now.
 */
import type { Gathered } from './gather.ts';

/** The manifest as it was offered, in columns; a size of -1 is an empty folder, a time of -1 is not known. */
export interface ManifestColumns {
  paths: string[];
  sizes: Float64Array<ArrayBuffer>;
  times: Float64Array<ArrayBuffer>;
}

/** A file that is not what was offered. */
export interface LostFile {
  kind: 'missing' | 'changed';
  /** As the manifest has it. */
  path: string;
  sizeBytes: number;
}

/** @returns the files in the order of the manifest, or what became of them. */
export function matchAgain(offered: ManifestColumns, again: Gathered): (File | LostFile)[] {
  const within = again.kind === 'folder' ? (path: string) => path.slice(path.indexOf('/') + 1) : (path: string) => path;
  const there = new Map<string, File>();
  again.paths.forEach((path, index) => {
    const file = again.files[index];
    if (file) there.set(within(path), file);
  });
  const files: (File | LostFile)[] = [];
  for (const [index, path] of offered.paths.entries()) {
    const sizeBytes = offered.sizes[index] ?? -1;
    if (sizeBytes < 0) continue;
    const file = there.get(within(path));
    const time = offered.times[index] ?? -1;
    if (!file) files.push({ kind: 'missing', path, sizeBytes });
    else if (file.size !== sizeBytes || (time >= 0 && Math.max(0, file.lastModified) !== time))
      files.push({ kind: 'changed', path, sizeBytes });
    else files.push(file);
  }
  return files;
}
