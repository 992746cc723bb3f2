/**
 * The dedicated worker that owns all file bytes of this device: it alone opens the private file system, assembles blocks, hashes, writes
 * and reads. Messages to one handle are worked in order. It decides nothing about transfers.
 */
import type { Answer, FromWorker, Handle, Request, ToWorker } from './blob-protocol.ts';
import { filesOf, removeFile, storageFailure, type Area } from './opfs.ts';
import { measureRoom, tryRoom } from './room.ts';
import { SinkFile } from './sink-file.ts';
import { copyToOutbox, isUnreadable, sourceFailure, SourceFile } from './source-file.ts';

/** What a bundle is asked for. */
type BundleRequest = Extract<Request, { kind: 'keep-manifest' | 'remove-manifest' | 'kept-manifest' | 'tree' | 'zip' }>;

declare const self: DedicatedWorkerGlobalScope;

const sinks = new Map<Handle, SinkFile>();
const sources = new Map<Handle, SourceFile>();
const zips = new Map<number, AbortController>();

const post = (message: FromWorker, transfer: Transferable[] = []) => self.postMessage(message, transfer);

self.onmessage = ({ data: message }: MessageEvent<ToWorker>) => {
  if (message.kind === 'write') {
    void writeBlock(message);
    return;
  }
  if (message.kind === 'stop-zip') {
    zips.get(message.job)?.abort();
    return;
  }
  const { id, request } = message;
  answer(request).then(
    (result) => post({ kind: 'answer', id, answer: result }, buffersOf(result)),
    (error: unknown) => post({ kind: 'answer', id, answer: failure(request, error) }),
  );
};

async function writeBlock({ handle, block, writing, parts }: Extract<ToWorker, { kind: 'write' }>): Promise<void> {
  const sink = sinks.get(handle);
  if (sink === undefined) return; // closed, or failed and told
  try {
    const hash = await sink.write(block, parts);
    post({ kind: 'written', handle, block, writing, hash }, [hash]);
  } catch (error) {
    sinks.delete(handle);
    sink.close();
    post({ kind: 'write-failed', handle, ...storageFailure(error) });
  }
}

async function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case 'open-sink': {
      const sink = await SinkFile.open(request.key, request.sizeBytes, request.blocks);
      sinks.set(request.handle, sink);
      return { kind: 'opened', leaves: sink.leaves().buffer, sizeBytes: request.sizeBytes };
    }
    case 'commit': {
      const sink = sinks.get(request.handle);
      if (sink === undefined) return { kind: 'storage-failed', failure: 'storage', detail: 'sink is closed' };
      if (request.signed) await sink.keepSigned(request.signed.blocks, new Uint8Array(request.signed.records));
      sink.commit(request.blocks, new Uint8Array(request.hashes));
      return { kind: 'done' };
    }
    case 'read-back': {
      const sink = sinks.get(request.handle);
      if (sink === undefined) return { kind: 'storage-failed', failure: 'storage', detail: 'sink is closed' };
      return { kind: 'block', ...(await sink.read(request.block)) };
    }
    case 'signed-leaves': {
      const sink = sinks.get(request.handle);
      if (sink === undefined) return { kind: 'storage-failed', failure: 'storage', detail: 'sink is closed' };
      const record = await sink.signedLeaves(request.block);
      return record === undefined ? { kind: 'signed' } : { kind: 'signed', record };
    }
    case 'open-source': {
      const { key, file, sizeBytes } = request;
      const source = file === undefined ? await SourceFile.openCopy(key, sizeBytes) : await SourceFile.open(key, file);
      if (source === undefined) return { kind: 'absent' };
      sources.set(request.handle, source);
      return { kind: 'opened', leaves: source.leaves().buffer, sizeBytes: source.sizeBytes };
    }
    case 'read': {
      const source = sources.get(request.handle);
      if (source === undefined) return { kind: 'source-failed', failure: 'gone', detail: 'source is closed' };
      return { kind: 'block', ...(await source.read(request.block)) };
    }
    case 'close':
      sinks.get(request.handle)?.close();
      sources.get(request.handle)?.close();
      sinks.delete(request.handle);
      sources.delete(request.handle);
      return { kind: 'done' };
    case 'copy':
      await copyToOutbox(request.key, request.file);
      return { kind: 'done' };
    case 'remove': {
      const names: [Area, string][] = [
        ['blobs', request.key],
        ['blobs', `${request.key}.leaves`],
        ['blobs', `${request.key}.signed`],
        ['outbox', request.key],
        ['sources', `${request.key}.leaves`],
      ];
      for (const [area, name] of names) await removeFile(area, name);
      return { kind: 'done' };
    }
    case 'keep-manifest':
    case 'remove-manifest':
    case 'kept-manifest':
    case 'tree':
    case 'zip':
      return answerBundle(request);
    case 'remove-temporary':
      if (request.name !== undefined) await removeFile('temporary', request.name);
      else for (const { name } of await filesOf('temporary')) await removeFile('temporary', name);
      return { kind: 'done' };
    case 'try-room':
      await tryRoom(request.bytes);
      return { kind: 'done' };
    case 'measure-room':
      return { kind: 'room', bytes: await measureRoom(request.atMost) };
    case 'list': {
      const areas = ['blobs', 'outbox'] as const;
      const lists = await Promise.all(
        areas.map(async (area) => (await filesOf(area)).map(({ name, sizeBytes }) => ({ key: name, area, sizeBytes }))),
      );
      return { kind: 'stored', files: lists.flat().filter(({ key }) => !/\.(leaves|signed)$/.test(key)) };
    }
  }
}

/** What is open of a bundle has its file locked: then it is read through that. */
const sinkOf = (key: string): SinkFile | undefined => [...sinks.values()].find((sink) => sink.key === key);

/** Bundles are rare: what they need is loaded with the first one. */
async function answerBundle(request: BundleRequest): Promise<Answer> {
  const manifests = await import('./bundle-manifests.ts');
  switch (request.kind) {
    case 'keep-manifest':
      return manifests.keep(request.key, request.manifest);
    case 'remove-manifest':
      await removeFile('manifests', request.key);
      return { kind: 'done' };
    case 'kept-manifest':
      return manifests.columns(request.bundle);
    case 'tree':
      return manifests.tree(request.bundle, sinkOf(request.bundle.key));
    case 'zip': {
      const { job } = request;
      const stop = new AbortController();
      zips.set(job, stop);
      try {
        const { writeZip } = await import('./bundle-zip.ts');
        const onprogress = (doneBytes: number) => post({ kind: 'zip-progress', job, doneBytes });
        return await writeZip(request, sinkOf(request.bundle.key), { signal: stop.signal, onprogress });
      } finally {
        zips.delete(job);
      }
    }
  }
}

function failure(request: Request, error: unknown): Answer {
  const ofSource = request.kind === 'read' || (request.kind === 'copy' && isUnreadable(error));
  return ofSource
    ? { kind: 'source-failed', ...sourceFailure(error) }
    : { kind: 'storage-failed', ...storageFailure(error) };
}

function buffersOf(result: Answer): Transferable[] {
  if (result.kind === 'tree') {
    const { names: _, ...columns } = result.columns;
    return Object.values(columns).map(({ buffer }) => buffer);
  }
  if (result.kind === 'opened') return [result.leaves];
  if (result.kind === 'signed') return result.record === undefined ? [] : [result.record];
  return result.kind === 'block' ? [result.data, result.hash] : [];
}
