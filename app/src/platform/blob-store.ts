/**
 * The page's side of the blob worker: opens sinks and sources, copies what was attached, and hands out finished files. Bytes stay in the
 * worker and in transferred buffers; nothing here holds a whole file.
 */
import type { OfferId } from '../../../protocol/ids.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import { LeafTable } from '../../../engine/transfer/leaf-table.ts';
import { SinkError, SourceError, type BlobSink, type BlobSource } from '../../../engine/ports.ts';
import type { Answer, BlobKey, BundleOnDisk, FromWorker, Request, Stored } from '../workers/blob-protocol.ts';
import workerUrl from '../workers/blob-worker.ts?worker&url';
import type { TreeColumns } from '../bundle/bundle-tree.ts';
import type { ManifestColumns } from '../bundle/match-again.ts';
import { WorkerSink } from './blob-sink.ts';
import { WorkerSource } from './blob-source.ts';
import { scriptUrl } from './script-url.ts';
import type { WorkerPort } from './worker-port.ts';

export interface BlobRef {
  offer: OfferId;
  /** Index of the file in its offer. */
  file: number;
}

export const keyOf = ({ offer, file }: BlobRef): BlobKey => `${offer}-${file}`;

export class BlobStore {
  readonly #pending = new Map<number, { settle: (answer: Answer) => void; fail: (error: Error) => void }>();
  readonly #sinks = new Map<number, WorkerSink>();
  #nextId = 1;
  #nextHandle = 1;
  #broken = false;
  readonly #zips = new Map<number, (doneBytes: number) => void>();
  #nextJob = 1;
  readonly #port: WorkerPort = {
    ask: (request, transfer = []) => this.#ask(request, transfer),
    post: (message, transfer) => this.worker.postMessage(message, transfer),
  };

  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    worker.onerror = () => this.#break();
    worker.onmessageerror = () => this.#break();
  }

  /** Starts the worker of this page. */
  static start(): BlobStore {
    const store = new BlobStore(new Worker(scriptUrl(workerUrl), { type: 'module', name: 'blobs' }));
    // Room that is not given back now is given back at the next start.
    void store.#ask({ kind: 'remove-temporary' }).catch(() => undefined);
    return store;
  }

  /** Ends the worker; whatever waits for it fails. */
  stop(): void {
    this.worker.terminate();
    this.#break();
  }

  /** Opens, and begins or continues, the file of a download that holds these blocks; close it before `finished`. Rejects with `SinkError`. */
  async openSink(ref: BlobRef, sizeBytes: number, blocks: Ranges): Promise<BlobSink> {
    const handle = this.#nextHandle++;
    const answer = await this.#ask({ kind: 'open-sink', handle, key: keyOf(ref), sizeBytes, blocks });
    if (answer.kind !== 'opened') throw unexpected(answer);
    const leaves = LeafTable.fromPacked(new Uint8Array(answer.leaves));
    const sink = new WorkerSink(this.#port, handle, sizeBytes, leaves, () => this.#sinks.delete(handle));
    this.#sinks.set(handle, sink);
    return sink;
  }

  /** A file that was chosen, or many as one, with the leaf hashes known of it. */
  async openChosen(ref: BlobRef, file: Blob): Promise<BlobSource> {
    const source = await this.#openSource(ref, file.size, file);
    if (source === undefined) throw new SourceError('gone');
    return source;
  }

  /** The copy of an attached file, or undefined when there is none, or none that is whole. */
  openCopy(ref: BlobRef, sizeBytes: number): Promise<BlobSource | undefined> {
    return this.#openSource(ref, sizeBytes);
  }

  /** Copies an attached file; resolves when the copy is durable. Rejects with `SinkError`, or `SourceError` when the file cannot be read. */
  async copy(ref: BlobRef, file: Blob): Promise<void> {
    await this.#ask({ kind: 'copy', key: keyOf(ref), file });
  }

  /** Forgets all bytes and hashes of a file; sinks and sources of it must be closed. */
  async remove(ref: BlobRef): Promise<void> {
    await this.#ask({ kind: 'remove', key: keyOf(ref) });
  }

  /** What is stored; `key` is `<offer>-<file>`. */
  async list(): Promise<Stored[]> {
    const answer = await this.#ask({ kind: 'list' });
    if (answer.kind !== 'stored') throw unexpected(answer);
    return answer.files;
  }

  /** A received file on disk, to save it: a `File` of which nothing is read yet. Rejects with `SinkError` when it is not there. */
  finished(ref: BlobRef): Promise<File> {
    return fileIn('blobs', keyOf(ref));
  }

  /** The copy of an attached file, which may not be whole; undefined when there is none. */
  async copyOf(ref: BlobRef): Promise<File | undefined> {
    try {
      return await fileIn('outbox', keyOf(ref));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Keeps the manifest of a bundle that is offered; undefined when it is too large. Rejects with `SinkError`. */
  async keepManifest(ref: BlobRef, manifest: ManifestColumns): Promise<File | undefined> {
    const answer = await this.#ask({ kind: 'keep-manifest', key: keyOf(ref), manifest });
    if (answer.kind === 'bad-manifest') return undefined;
    return fileIn('manifests', keyOf(ref));
  }

  async removeManifest(ref: BlobRef): Promise<void> {
    await this.#ask({ kind: 'remove-manifest', key: keyOf(ref) });
  }

  /** The manifest of an offered bundle, as a file and read; undefined when it is not here. */
  async keptManifest(bundle: BundleOnDisk): Promise<{ file: File; manifest: ManifestColumns } | undefined> {
    const answer = await this.#ask({ kind: 'kept-manifest', bundle });
    if (answer.kind !== 'kept-manifest') return undefined;
    return { file: await fileIn('manifests', bundle.key), manifest: answer.manifest };
  }

  /** The files of a bundle: `absent` when its manifest is not here, `bad` when it is none, or not the one of this offer. */
  async tree(bundle: BundleOnDisk): Promise<TreeColumns | 'absent' | 'bad'> {
    const answer = await this.#ask({ kind: 'tree', bundle });
    if (answer.kind === 'tree') return answer.columns;
    return answer.kind === 'bad-manifest' ? 'bad' : 'absent';
  }

  /** Writes a ZIP of a received bundle; undefined when it was stopped. Rejects with `SinkError`. */
  async zip(
    what: { bundle: BundleOnDisk; blocks: Ranges; entries?: Ranges },
    { signal, onprogress }: { signal: AbortSignal; onprogress: (doneBytes: number) => void },
  ): Promise<File | undefined> {
    const job = this.#nextJob++;
    const stop = (): void => this.#port.post({ kind: 'stop-zip', job }, []);
    this.#zips.set(job, onprogress);
    signal.addEventListener('abort', stop);
    try {
      const answer = await this.#ask({ kind: 'zip', job, ...what });
      if (answer.kind === 'zip-stopped') return undefined;
      if (answer.kind !== 'zipped') throw new SinkError('storage', { cause: answer.kind });
      return await fileIn('temporary', answer.name);
    } finally {
      signal.removeEventListener('abort', stop);
      this.#zips.delete(job);
    }
  }

  /** Gives the room of a ZIP back. */
  async removeZip({ name }: File): Promise<void> {
    await this.#ask({ kind: 'remove-temporary', name });
  }

  /**
   * Bytes that can still be stored, to about one in a hundred. `estimate` alone is no help: so that nobody is recognised by it, Chromium tells
   * of 10 GiB, or of the disk rounded up, whatever is free.
   */
  async freeBytes(): Promise<number> {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    const answer = await this.#ask({ kind: 'measure-room', atMost: Math.max(0, quota - usage) });
    if (answer.kind !== 'room') throw unexpected(answer);
    return answer.bytes;
  }

  /** Whether so many bytes more can really be written: what the browser allows may be more than the disk has. */
  async hasRoom(bytes: number): Promise<boolean> {
    try {
      await this.#ask({ kind: 'try-room', bytes });
      return true;
    } catch (error) {
      if (error instanceof SinkError && error.kind === 'no-space') return false;
      throw error;
    }
  }

  async #openSource(ref: BlobRef, sizeBytes: number, file?: Blob): Promise<BlobSource | undefined> {
    const handle = this.#nextHandle++;
    const request = { kind: 'open-source', handle, key: keyOf(ref), sizeBytes } as const;
    const answer = await this.#ask(file === undefined ? request : { ...request, file });
    if (answer.kind === 'absent') return undefined;
    if (answer.kind !== 'opened') throw unexpected(answer);
    return new WorkerSource(this.#port, handle, answer.sizeBytes, LeafTable.fromPacked(new Uint8Array(answer.leaves)));
  }

  #ask(request: Request, transfer: Transferable[] = []): Promise<Answer> {
    return new Promise((settle, fail) => {
      if (this.#broken) {
        fail(new SinkError('storage'));
        return;
      }
      const id = this.#nextId++;
      this.#pending.set(id, { settle, fail });
      this.#port.post({ kind: 'request', id, request }, transfer);
    });
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'answer': {
        const waiting = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        const { answer } = message;
        if (answer.kind === 'storage-failed') waiting?.fail(new SinkError(answer.failure, { cause: answer.detail }));
        else if (answer.kind === 'source-failed')
          waiting?.fail(new SourceError(answer.failure, { cause: answer.detail }));
        else waiting?.settle(answer);
        return;
      }
      case 'written':
        this.#sinks.get(message.handle)?.written(message.block, message.writing, new Uint8Array(message.hash));
        return;
      case 'zip-progress':
        this.#zips.get(message.job)?.(message.doneBytes);
        return;
      case 'write-failed':
        this.#sinks.get(message.handle)?.failed(new SinkError(message.failure, { cause: message.detail }));
    }
  }

  /** The worker is gone: nothing that waits for it will be. */
  #break(): void {
    this.#broken = true;
    const error = new SinkError('storage');
    for (const { fail } of this.#pending.values()) fail(error);
    this.#pending.clear();
    for (const sink of this.#sinks.values()) sink.failed(error);
  }
}

/** Whether a file could not be opened because it is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof SinkError && error.cause instanceof DOMException && error.cause.name === 'NotFoundError';

/** A `File` of the private file system, of which nothing is read yet. Rejects with `SinkError` when it is not there. */
async function fileIn(area: 'blobs' | 'outbox' | 'manifests' | 'temporary', name: string): Promise<File> {
  try {
    const root = await navigator.storage.getDirectory();
    return await (await (await root.getDirectoryHandle(area)).getFileHandle(name)).getFile();
  } catch (error) {
    throw new SinkError('storage', { cause: error });
  }
}

const unexpected = (answer: Answer): Error => new Error(`the blob worker answered ${answer.kind}`);
