/** Writes the ZIP of a received bundle into a temporary file as it is made: memory stays flat. */
import { ProtocolError } from '../../../protocol/errors.ts';
import { BundleTree, buildTree } from '../bundle/bundle-tree.ts';
import { zipOf } from '../bundle/zip.ts';
import type { Answer, Request } from './blob-protocol.ts';
import { read } from './bundle-manifests.ts';
import { openHandle, removeFile, writeAll } from './opfs.ts';
import type { SinkFile } from './sink-file.ts';

const MiB = 1024 * 1024;
/** Written at a time: the ZIP comes in many small parts where files are small. */
const outBytes = MiB;
const tellEveryMs = 200;

type ZipRequest = Extract<Request, { kind: 'zip' }>;

/** @param open the bundle, while it is open. @throws DOMException when there is no room. */
export async function writeZip(
  request: ZipRequest,
  open: SinkFile | undefined,
  { signal, onprogress }: { signal: AbortSignal; onprogress: (doneBytes: number) => void },
): Promise<Answer> {
  const name = `${request.bundle.key}-${request.job}`;
  let from = open?.lend();
  try {
    const manifest = await read(request.bundle, open);
    if (!Array.isArray(manifest)) return manifest;
    from ??= await openHandle('blobs', request.bundle.key);
    const tree = new BundleTree(buildTree(manifest, request.bundle.manifestBytes));
    const out = await Output.open(name, onprogress);
    try {
      await pour(zipOf(tree, from, request), out, signal);
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
    from?.close();
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
