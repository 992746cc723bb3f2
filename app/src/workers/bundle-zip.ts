/**
 * A ZIP of a received bundle, written into a temporary file as it is made: memory stays flat. Paths are the cleaned names of the tree, so that
 * none is absolute or leads out of where it is unpacked; empty folders and times are kept.
 */
import { makeZip } from 'client-zip';
import { RankedBlocks } from '../../../engine/transfer/ranked-blocks.ts';
import { BlockSet } from '../../../engine/transfer/block-set.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { storedAt } from '../bundle/bundle-blocks.ts';
import { BundleTree, buildTree } from '../bundle/bundle-tree.ts';
import type { Answer, Request } from './blob-protocol.ts';
import { read } from './bundle-manifests.ts';
import { openHandle, removeFile, writeAll } from './opfs.ts';

const MiB = 1024 * 1024;
/** Read at a time; smaller files are read whole. */
const pieceBytes = MiB;
/** Written at a time: the ZIP comes in many small parts where files are small. */
const outBytes = MiB;
const tellEveryMs = 200;

type ZipRequest = Extract<Request, { kind: 'zip' }>;

/** @throws DOMException when there is no room. */
export async function writeZip(
  request: ZipRequest,
  { signal, onprogress }: { signal: AbortSignal; onprogress: (doneBytes: number) => void },
): Promise<Answer> {
  const manifest = await read(request.bundle);
  if (!Array.isArray(manifest)) return manifest;
  const name = `${request.bundle.key}-${request.job}`;
  const from = await openHandle('blobs', request.bundle.key);
  try {
    const tree = new BundleTree(buildTree(manifest, request.bundle.manifestBytes));
    const out = await Output.open(name, onprogress);
    try {
      await pour(makeZip(entriesOf(tree, from, request), { buffersAreUTF8: true }), out, signal);
      out.end();
    } finally {
      out.close();
    }
    return { kind: 'zipped', name };
  } catch (error) {
    await removeFile('temporary', name);
    if (signal.aborted) return { kind: 'zip-stopped' };
    if (error instanceof ProtocolError) return { kind: 'bad-manifest', detail: error.message };
    throw error;
  } finally {
    from.close();
  }
}

async function pour(zip: ReadableStream<Uint8Array>, out: Output, signal: AbortSignal): Promise<void> {
  const reader = zip.getReader();
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) return;
      out.write(value);
    }
  } catch (error) {
    await reader.cancel(error);
    throw error;
  }
}

function* entriesOf(tree: BundleTree, from: FileSystemSyncAccessHandle, { blocks, entries }: ZipRequest) {
  const ranked = new RankedBlocks(blocks);
  const wanted = entries && new BlockSet(entries);
  for (const node of inManifestOrder(tree)) {
    if (wanted && !wanted.has(tree.entry(node))) continue;
    const path = tree.path(node).join('/');
    if (tree.isFolder(node)) {
      yield { name: `${path}/` };
      continue;
    }
    const sizeBytes = tree.sizeBytes(node);
    const at = sizeBytes === 0 ? 0 : storedAt(tree.start(node), ranked);
    if (at === undefined) continue;
    const modifiedAt = tree.modifiedAt(node);
    const input = sizeBytes <= pieceBytes ? readAt(from, at, sizeBytes) : pieces(from, at, sizeBytes);
    yield { name: path, input, size: sizeBytes, ...(modifiedAt === undefined ? {} : { lastModified: modifiedAt }) };
  }
}

/** Files and empty folders. So the bundle is read from its beginning to its end. */
function inManifestOrder(tree: BundleTree): number[] {
  const leaves: number[] = [];
  for (let node = 0; node < tree.count; node++) if (tree.isLeaf(node)) leaves.push(node);
  return leaves.sort((a, b) => tree.entry(a) - tree.entry(b));
}

// client-zip takes an async iterable alone.
// eslint-disable-next-line @typescript-eslint/require-await
async function* pieces(from: FileSystemSyncAccessHandle, at: number, sizeBytes: number) {
  for (let done = 0; done < sizeBytes; done += pieceBytes)
    yield readAt(from, at + done, Math.min(pieceBytes, sizeBytes - done));
}

function readAt(from: FileSystemSyncAccessHandle, at: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthBytes);
  if (from.read(bytes, { at }) !== lengthBytes) throw new DOMException('received file is short', 'DataError');
  return bytes;
}

/** The temporary file, written in large parts. */
class Output {
  readonly #buffer = new Uint8Array(outBytes);
  #filled = 0;
  #at = 0;
  #toldAt = 0;

  private constructor(
    private readonly file: FileSystemSyncAccessHandle,
    private readonly onprogress: (doneBytes: number) => void,
  ) {}

  static async open(name: string, onprogress: (doneBytes: number) => void): Promise<Output> {
    const file = await openHandle('temporary', name);
    file.truncate(0);
    return new Output(file, onprogress);
  }

  write(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const part = bytes.subarray(from, from + outBytes - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      from += part.length;
      if (this.#filled === outBytes) this.#flush();
    }
  }

  end(): void {
    this.#flush();
    this.file.flush();
  }

  close(): void {
    this.file.close();
  }

  #flush(): void {
    writeAll(this.file, this.#buffer.subarray(0, this.#filled), this.#at);
    this.#at += this.#filled;
    this.#filled = 0;
    if (performance.now() - this.#toldAt < tellEveryMs) return;
    this.#toldAt = performance.now();
    this.onprogress(this.#at);
  }
}
