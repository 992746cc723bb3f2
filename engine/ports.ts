/**
 * The ports of the engine: everything that it cannot do itself comes in here. Each has a memory adapter in `engine/testing`, and a
 * conformance suite that every adapter passes.
 */
import type { Bytes } from '../protocol/bytes.ts';
import type { Frame } from '../protocol/frame.ts';
import type { ConversationId, DeviceId } from '../protocol/ids.ts';
import type { SignedLeaves } from './transfer/leaf-batch.ts';
import type { LeafTable } from './transfer/leaf-table.ts';

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs `run` once after `delayMs`; the function that comes back cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

export interface Random {
  bytes(length: number): Bytes;
}

/** Keys and signatures are raw bytes: Ed25519 public keys 32, signatures 64, SHA-256 32. */
export interface Hashes {
  sha256(data: Uint8Array): Promise<Bytes>;
}

export interface Signatures {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

/** This device's own keys; the private halves stay inside the adapter. */
export interface DeviceKeys {
  readonly id: DeviceId;
  sign(message: Uint8Array): Promise<Bytes>;
}

/** One stored entry: the encoded header, its hash, and the decoded parts that order and merge need. */
export interface StoredEntry {
  conversation: ConversationId;
  device: DeviceId;
  sequence: number;
  lamport: number;
  /** The author's clock, clamped to when it came in where it was ahead. */
  wall: number;
  /** Whether `wall` was clamped. */
  clamped: boolean;
  /** The entry as it travels (CBOR of `WireEntry`). */
  wire: Bytes;
  /** SHA-256 of the header. */
  hash: Bytes;
  /** What the payload says, where it travels encrypted under a key of the conversation. Never leaves the device. */
  plain?: Bytes;
}

/** Feeds of one account on this device. Writes resolve after they are durable. */
export interface FeedStore {
  /** Heads of all feeds of a conversation. */
  heads(conversation: ConversationId): Promise<Map<DeviceId, { length: number; hash: Bytes; lamport: number }>>;
  /** Entries `from` to `from + limit - 1` of one feed, in sequence. */
  range(conversation: ConversationId, device: DeviceId, from: number, limit: number): Promise<StoredEntry[]>;
  /** All-or-nothing; entries continue their feeds (the engine checked). Rejects when an entry is already there with another hash. */
  append(entries: readonly StoredEntry[]): Promise<void>;
  /** A conversation in its order, the newest `limit` before `before` (all when absent), oldest first. */
  history(
    conversation: ConversationId,
    limit: number,
    before?: { lamport: number; device: DeviceId; sequence: number },
  ): Promise<StoredEntry[]>;
  /** The oldest `limit` entries after a place in that order, which need not be that of an entry, oldest first. */
  historyAfter(
    conversation: ConversationId,
    limit: number,
    after: { lamport: number; device: DeviceId; sequence: number },
  ): Promise<StoredEntry[]>;
  /** Writes entries that are there, with the same hash, over themselves: their payloads were dropped. Ignores what is not there. */
  replace(entries: readonly StoredEntry[]): Promise<void>;
}

/** The bytes of a file that is being sent. Reads may fail with `SourceError`. */
export interface BlobSource {
  readonly sizeBytes: number;
  /** Leaf hashes that earlier reads left behind, also those before a reload. The adapter keeps those of its reads by itself. */
  leaves(): LeafTable;
  /** Reads block `index` and its SHA-256; the buffer is the caller's. */
  read(index: number): Promise<{ data: Bytes; hash: Bytes }>;
  close(): void;
}

/**
 * Why a source cannot be read: `gone` no access any more, `changed` not the same file as offered, `part-changed` a block of a bundle with bytes of a file
 * that is not the same: other blocks can be read.
 */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  constructor(
    readonly kind: 'gone' | 'changed' | 'part-changed',
    options?: { cause: unknown },
  ) {
    super(kind, options);
  }
}

/** Why a sink cannot be written. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
  constructor(
    readonly kind: 'no-space' | 'storage',
    options?: { cause: unknown },
  ) {
    super(kind, options);
  }
}

export interface CommittedBlock {
  block: number;
  hash: Bytes;
  signed?: SignedLeaves | undefined;
}

/**
 * The file that is being received, with its have-set beside it. A block is *have* when `commit` of it has resolved (invariant 2).
 * The adapter keeps leaf hashes durably, so `have` is right after a crash at any point.
 */
export interface BlobSink {
  readonly sizeBytes: number;
  /** Leaf hashes of the blocks that are had. `commit` adds to this same table. */
  leaves(): LeafTable;
  /**
   * Writes part of a block; the buffer behind `data` is handed over whole (transferred). Parts of one block come in order of offset; a
   * part at offset 0 begins the block anew. Blocks that are had are not written again.
   */
  write(block: number, offset: number, data: Bytes): void;
  /** Resolves to the SHA-256 of the block as it was last written, asked once all its parts were handed over. Rejects with `SinkError`. */
  hashOf(block: number): Promise<Bytes>;
  /**
   * Makes the blocks durable and then, with these hashes, had. Signed leaves that come with a block are kept beside it, durable before the
   * block is had. Rejects with `SinkError`.
   */
  commit(blocks: readonly CommittedBlock[]): Promise<void>;
  /** Reads a block that is had; the hash is of what was read. The buffer is the caller's. Rejects with `SinkError`. */
  read(block: number): Promise<{ data: Bytes; hash: Bytes }>;
  /** The signed leaves that were committed with a block that is had. Rejects with `SinkError`. */
  signedLeaves(block: number): Promise<SignedLeaves | undefined>;
  /** Bytes handed to `write` and not yet written. */
  readonly backlogBytes: number;
  close(): Promise<void>;
}

/** One proven connection of a link. */
export interface LanePort {
  /** Queues a frame; control frames overtake chunks that wait in the adapter, never each other. The buffer is the caller's again afterwards. */
  send(frame: Bytes): void;
  /** Bytes queued in the data channel and the adapter. */
  readonly bufferedBytes: number;
  /** Calls `run` once, when `bufferedBytes` is at or under `lowBytes` (128 KiB when absent). */
  whenDrained(run: () => void, lowBytes?: number): void;
}

/** What is told of the lanes beside lane 0. */
export interface LaneEvents {
  opened(number: number, lane: LanePort): void;
  /** Nothing of it comes any more; what it had under way may have arrived or not. */
  closed(number: number): void;
  /** A chunk or an ack. Throws ProtocolError for the peer's fault; the link is then closed. */
  frame(number: number, frame: Exclude<Frame, { type: 'control' }>): void;
}

/** The lanes of a link beside lane 0, numbered from 1. */
export interface LanesPort {
  /** Told once; lanes that are open already are told at once. */
  listen(events: LaneEvents): void;
  /** How many lanes in all this side would like, from now on; there may be more, for the other side's sake, or fewer. */
  want(count: number): void;
}

/** A proven link to one device, as the engine sees it: its own frames are those of lane 0. */
export interface LinkPort extends LanePort {
  readonly device: DeviceId;
  /** Absent where a link has lane 0 alone. */
  readonly lanes?: LanesPort;
}
