/**
 * Bundles that this device offers: from what was gathered to one Blob, and after a reload from what was chosen again. Remembers which file made a
 * bundle unreadable, so that the person can be told its name.
 */
import { SourceError, type BlobSource } from '../../../engine/ports.ts';
import { limits } from '../../../protocol/limits.ts';
import { breather } from '../bundle/breathe.ts';
import { composite, gap } from '../bundle/composite.ts';
import { gather, type Gathered } from '../bundle/gather.ts';
import { fromDirectoryHandle } from '../chosen-folders.ts';
import { matchAgain } from '../bundle/match-again.ts';
import type { BundleProblem } from './bundle-problem.ts';
import { keyOf, type BlobRef, type BlobStore } from './blob-store.ts';

/** All of a bundle as one Blob, and its files, to find the one that cannot be read. */
export interface OpenBundle {
  blob: Blob;
  manifestBytes: number;
  /** In their order, with a gap for each that is known to be lost. */
  files: readonly Blob[];
  lost: readonly Unreadable[];
}

/** A file of a bundle that cannot be read: `start` and `end` of its bytes within the bundle. */
interface Unreadable extends BundleProblem {
  start: number;
  end: number;
}

/** Encodes and keeps the manifest; undefined when it is over its limit. Rejects with `SinkError`. */
export async function packBundle(store: BlobStore, ref: BlobRef, gathered: Gathered): Promise<OpenBundle | undefined> {
  const { paths, sizes, times } = gathered;
  const columns = { paths, sizes: Float64Array.from(sizes), times: Float64Array.from(times) };
  const manifest = await store.keepManifest(ref, columns);
  if (!manifest) return undefined;
  const files = gathered.files.filter((file) => file !== undefined);
  return { blob: await composite(manifest, files, breather()), manifestBytes: manifest.size, files, lost: [] };
}

/** The bundle as it was offered, made of a folder that was chosen again; or, when no file in it is one of those, what became of the first. */
export async function repackBundle(
  store: BlobStore,
  ref: BlobRef,
  { manifestBytes, sizeBytes }: { manifestBytes: number; sizeBytes: number },
  again: Gathered,
): Promise<OpenBundle | BundleProblem | undefined> {
  const contentBytes = sizeBytes - manifestBytes;
  const kept = await store.keptManifest({ key: keyOf(ref), area: 'manifests', manifestBytes, contentBytes });
  if (!kept) return undefined;
  const lost: Unreadable[] = [];
  let start = manifestBytes;
  const files = matchAgain(kept.manifest, again).map((file) => {
    const from = start;
    start += file instanceof File ? file.size : file.sizeBytes;
    if (file instanceof File) return file;
    lost.push({ kind: file.kind, path: file.path, start: from, end: start });
    return gap(file.sizeBytes);
  });
  const [first] = lost;
  if (first && lost.length === files.length) return first;
  return { blob: await composite(kept.file, files, breather()), manifestBytes, files, lost };
}

/** What is in a folder now; undefined when it cannot be read as a whole. */
export async function gatherQuietly(handle: FileSystemDirectoryHandle): Promise<Gathered | undefined> {
  const gathering = await gather(fromDirectoryHandle(handle), {
    signal: new AbortController().signal,
    onprogress: () => undefined,
    breathe: breather,
  });
  return gathering.kind === 'gathered' ? gathering.gathered : undefined;
}

/** Finds out which file it was when a block cannot be read: the blocks with bytes of it are lost, and no others. */
export class BundleSource implements BlobSource {
  readonly #unreadable: Unreadable[];

  constructor(
    private readonly source: BlobSource,
    private readonly bundle: OpenBundle,
    private readonly onproblem: (problem: BundleProblem) => void,
  ) {
    this.#unreadable = [...bundle.lost];
    for (const problem of bundle.lost) onproblem(problem);
  }

  get sizeBytes(): number {
    return this.source.sizeBytes;
  }

  leaves(): ReturnType<BlobSource['leaves']> {
    return this.source.leaves();
  }

  async read(index: number): ReturnType<BlobSource['read']> {
    const [start, end] = [index * limits.blockBytes, (index + 1) * limits.blockBytes];
    const known = this.#unreadable.find((file) => file.start < end && file.end > start);
    if (known) throw new SourceError('part-changed', { cause: known.path });
    try {
      return await this.source.read(index);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const problem = await firstUnreadable(this.bundle, start, end);
      if (!problem) throw error;
      this.#unreadable.push(problem);
      this.onproblem(problem);
      // Whether it was changed or removed: this file is not what was offered.
      throw new SourceError('part-changed', { cause: problem.path });
    }
  }

  close(): void {
    this.source.close();
  }
}

/** The first file with bytes between `from` and `to` of the bundle that cannot be read. */
async function firstUnreadable(
  { manifestBytes, files }: OpenBundle,
  from: number,
  to: number,
): Promise<Unreadable | undefined> {
  let start = manifestBytes;
  for (const file of files) {
    if (start >= to) return undefined;
    const end = start + file.size;
    if (end > from) {
      try {
        await file.slice(0, 1).arrayBuffer();
      } catch (error) {
        const gone = error instanceof DOMException && error.name === 'NotFoundError';
        const path = file instanceof File ? file.webkitRelativePath || file.name : '';
        return { kind: gone ? 'missing' : 'changed', path, start, end };
      }
    }
    start = end;
  }
  return undefined;
}
