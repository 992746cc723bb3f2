/**
 * Bundles that this device offers: from what was gathered to one Blob, and after a reload from what was chosen again. Remembers which file made a
 * bundle unreadable, so that the person can be told its name.
 */
import { SourceError, type BlobSource } from '../../../engine/ports.ts';
import { limits } from '../../../protocol/limits.ts';
import { breather } from '../bundle/breathe.ts';
import { composite } from '../bundle/composite.ts';
import { gather, type Gathered } from '../bundle/gather.ts';
import { fromDirectoryHandle } from '../chosen-folders.ts';
import { matchAgain } from '../bundle/match-again.ts';
import { keyOf, type BlobRef, type BlobStore } from './blob-store.ts';

/** All of a bundle as one Blob, and its files, to find the one that cannot be read. */
export interface OpenBundle {
  blob: Blob;
  manifestBytes: number;
  files: readonly File[];
}

export interface BundleProblem {
  kind: 'missing' | 'changed';
  /** As the file system has it. */
  path: string;
}

/** Encodes and keeps the manifest; undefined when it is over its limit. Rejects with `SinkError`. */
export async function packBundle(store: BlobStore, ref: BlobRef, gathered: Gathered): Promise<OpenBundle | undefined> {
  const { paths, sizes, times } = gathered;
  const columns = { paths, sizes: Float64Array.from(sizes), times: Float64Array.from(times) };
  const manifest = await store.keepManifest(ref, columns);
  if (!manifest) return undefined;
  const files = gathered.files.filter((file) => file !== undefined);
  return { blob: await composite(manifest, files, breather()), manifestBytes: manifest.size, files };
}

/** The bundle as it was offered, made of a folder that was chosen again. */
export async function repackBundle(
  store: BlobStore,
  ref: BlobRef,
  { manifestBytes, sizeBytes }: { manifestBytes: number; sizeBytes: number },
  again: Gathered,
): Promise<OpenBundle | BundleProblem | undefined> {
  const contentBytes = sizeBytes - manifestBytes;
  const kept = await store.keptManifest({ key: keyOf(ref), area: 'manifests', manifestBytes, contentBytes });
  if (!kept) return undefined;
  const match = matchAgain(kept.manifest, again);
  if (match.kind !== 'same') return match;
  return { blob: await composite(kept.file, match.files, breather()), manifestBytes, files: match.files };
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

/** Finds out which file it was when a block cannot be read. */
export class BundleSource implements BlobSource {
  constructor(
    private readonly source: BlobSource,
    private readonly bundle: OpenBundle,
    private readonly onproblem: (problem: BundleProblem) => void,
  ) {}

  get sizeBytes(): number {
    return this.source.sizeBytes;
  }

  leaves(): ReturnType<BlobSource['leaves']> {
    return this.source.leaves();
  }

  async read(index: number): ReturnType<BlobSource['read']> {
    try {
      return await this.source.read(index);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const problem = await firstUnreadable(this.bundle, index);
      if (!problem) throw error;
      this.onproblem(problem);
      // Whether it was changed or removed: this file is not what was offered.
      throw new SourceError('changed', { cause: problem.path });
    }
  }

  close(): void {
    this.source.close();
  }
}

async function firstUnreadable(
  { manifestBytes, files }: OpenBundle,
  block: number,
): Promise<BundleProblem | undefined> {
  const from = block * limits.blockBytes;
  const to = (block + 1) * limits.blockBytes;
  let start = manifestBytes;
  for (const file of files) {
    if (start >= to) return undefined;
    const end = start + file.size;
    if (end > from) {
      try {
        await file.slice(0, 1).arrayBuffer();
      } catch (error) {
        const gone = error instanceof DOMException && error.name === 'NotFoundError';
        return { kind: gone ? 'missing' : 'changed', path: file.webkitRelativePath || file.name };
      }
    }
    start = end;
  }
  return undefined;
}
