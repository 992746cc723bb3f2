/**
 * What the page and the blob worker tell each other. Requests carry an id and are answered once; blocks to write go without an answer of
 * their own, the worker tells when one is written. All buffers are transferred.
 */
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import type { TreeColumns } from '../bundle/bundle-tree.ts';
import type { ManifestColumns } from '../bundle/match-again.ts';

type Buffer = ArrayBuffer;

/** Names one file of one offer; safe as a file name (`OfferId` is base64url). */
export type BlobKey = string;

export type StorageFailure = 'no-space' | 'storage';
export type SourceFailure = 'gone' | 'changed';

/** Chosen by the page, so that it can go on without waiting. */
export type Handle = number;

export type Request =
  /** Of the file of `sizeBytes` only these blocks ([first, end), ascending) are stored. */
  | { kind: 'open-sink'; handle: Handle; key: BlobKey; sizeBytes: number; blocks: Ranges }
  /** `signed`: packed signed leaves (`signed-leaves.ts`) of some of the blocks, one record after the other; absent when there are none. */
  | { kind: 'commit'; handle: Handle; blocks: number[]; hashes: Buffer; signed?: { blocks: number[]; records: Buffer } }
  | { kind: 'read-back'; handle: Handle; block: number }
  | { kind: 'signed-leaves'; handle: Handle; block: number }
  /** A `file` (or many as one) that was chosen; without one the copy in the outbox, whose size must be `sizeBytes`. */
  | { kind: 'open-source'; handle: Handle; key: BlobKey; sizeBytes: number; file?: Blob }
  | { kind: 'read'; handle: Handle; block: number }
  | { kind: 'close'; handle: Handle }
  /** Copies a file into the outbox; answered when it is durable. */
  | { kind: 'copy'; key: BlobKey; file: Blob }
  /** Removes what is received, copied and known of this file. Nothing of it may be open. */
  | { kind: 'remove'; key: BlobKey }
  /** Writes so many bytes and removes them again: answered by `storage-failed` `no-space` when they do not fit. */
  | { kind: 'try-room'; bytes: number }
  /** How much could be written, found out without writing. */
  | { kind: 'measure-room'; atMost: number }
  | { kind: 'list' }
  /** Encodes and keeps the manifest of a bundle that is offered. It stays until `remove-manifest`, also after the bundle was sent. */
  | { kind: 'keep-manifest'; key: BlobKey; manifest: ManifestColumns }
  | { kind: 'remove-manifest'; key: BlobKey }
  /** The manifest of an offered bundle as it was kept. */
  | { kind: 'kept-manifest'; bundle: BundleOnDisk }
  | { kind: 'tree'; bundle: BundleOnDisk }
  /**
   * Writes a ZIP of files of a received bundle into a temporary file. `entries`: indices in the manifest ([first, end), ascending), all when
   * absent; `blocks`: what of it is stored. Stopped by `stop-zip` with the same `job`.
   */
  | { kind: 'zip'; job: number; bundle: BundleOnDisk; blocks: Ranges; entries?: Ranges }
  /** Removes one temporary file; without a name what earlier pages left behind. */
  | { kind: 'remove-temporary'; name?: string };

/** Where the manifest of a bundle is, and what it must fit. */
export interface BundleOnDisk {
  key: BlobKey;
  /** `manifests`: a bundle of this device; `blobs`: one that is, or was, received. */
  area: 'manifests' | 'blobs';
  manifestBytes: number;
  /** All its files together. */
  contentBytes: number;
}

export interface Stored {
  key: BlobKey;
  area: 'blobs' | 'outbox';
  sizeBytes: number;
}

export type Answer =
  /** `leaves`: packed leaf hashes, 32 bytes a block, zero where not known. */
  | { kind: 'opened'; leaves: Buffer; sizeBytes: number }
  /** There is no whole copy in the outbox. */
  | { kind: 'absent' }
  | { kind: 'block'; data: Buffer; hash: Buffer }
  /** Absent when none were committed with the block. */
  | { kind: 'signed'; record?: Buffer }
  | { kind: 'done' }
  | { kind: 'stored'; files: Stored[] }
  | { kind: 'manifest'; manifestBytes: number }
  | { kind: 'kept-manifest'; manifest: ManifestColumns }
  | { kind: 'tree'; columns: TreeColumns }
  /** It is no manifest, or not the one that was offered. */
  | { kind: 'bad-manifest'; detail: string }
  /** Name of the temporary file. */
  | { kind: 'zipped'; name: string }
  | { kind: 'zip-stopped' }
  | { kind: 'room'; bytes: number }
  | { kind: 'storage-failed'; failure: StorageFailure; detail: string }
  | { kind: 'source-failed'; failure: SourceFailure; detail: string };

export type ToWorker =
  | { kind: 'request'; id: number; request: Request }
  | { kind: 'stop-zip'; job: number }
  /** A whole block in parts, one after the other; `writing` comes back with its hash. */
  | { kind: 'write'; handle: Handle; block: number; writing: number; parts: Uint8Array<ArrayBuffer>[] };

export type FromWorker =
  | { kind: 'answer'; id: number; answer: Answer }
  | { kind: 'written'; handle: Handle; block: number; writing: number; hash: Buffer }
  | { kind: 'zip-progress'; job: number; doneBytes: number }
  /** A block could not be written; nothing more will be on this handle. */
  | { kind: 'write-failed'; handle: Handle; failure: StorageFailure; detail: string };
