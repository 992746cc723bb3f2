/**
 * What the page and the blob worker tell each other. Requests carry an id and are answered once; parts of blocks go without an answer of
 * their own, the worker tells when a block is written. All buffers are transferred.
 */
import type { Ranges } from '../../../engine/transfer/blocks.ts';

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
  | { kind: 'commit'; handle: Handle; blocks: number[]; hashes: Buffer }
  /** A `file` that was chosen; without one the copy in the outbox, whose size must be `sizeBytes`. */
  | { kind: 'open-source'; handle: Handle; key: BlobKey; sizeBytes: number; file?: File }
  | { kind: 'read'; handle: Handle; block: number }
  | { kind: 'close'; handle: Handle }
  /** Copies a file into the outbox; answered when it is durable. */
  | { kind: 'copy'; key: BlobKey; file: File }
  /** Removes what is received, copied and known of this file. Nothing of it may be open. */
  | { kind: 'remove'; key: BlobKey }
  | { kind: 'list' };

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
  | { kind: 'done' }
  | { kind: 'stored'; files: Stored[] }
  | { kind: 'storage-failed'; failure: StorageFailure; detail: string }
  | { kind: 'source-failed'; failure: SourceFailure; detail: string };

export type ToWorker =
  | { kind: 'request'; id: number; request: Request }
  /** `byteOffset` and `byteLength` say where in `buffer` the part is; `writing` comes back with the hash once the block is whole. */
  | {
      kind: 'write';
      handle: Handle;
      block: number;
      offset: number;
      writing: number;
      buffer: Buffer;
      byteOffset: number;
      byteLength: number;
    };

export type FromWorker =
  | { kind: 'answer'; id: number; answer: Answer }
  | { kind: 'written'; handle: Handle; block: number; writing: number; hash: Buffer }
  /** A part could not be written; nothing more will be on this handle. */
  | { kind: 'write-failed'; handle: Handle; failure: StorageFailure; detail: string };
