/** A sink whose file the blob worker has open. */
import { concatBytes, type Bytes } from '../../../protocol/bytes.ts';
import type { SinkError, BlobSink, CommittedBlock } from '../../../engine/ports.ts';
import { blockLength } from '../../../engine/transfer/blocks.ts';
import type { SignedLeaves } from '../../../engine/transfer/leaf-batch.ts';
import { LEAF_BYTES, type LeafTable } from '../../../engine/transfer/leaf-table.ts';
import { packSignedLeaves, SIGNED_LEAVES_BYTES, unpackSignedLeaves } from '../workers/signed-leaves.ts';
import type { WorkerPort } from './worker-port.ts';

interface Hashing {
  /** Which writing of the block it is the hash of. */
  writing: number;
  promise: Promise<Bytes>;
  settle: (hash: Bytes) => void;
  fail: (error: SinkError) => void;
}

/** An honest sender needs 32, of 8 KiB. More are joined: a peer that sends a byte at a time must not cost an object for each. */
const partsMax = 64;

export class WorkerSink implements BlobSink {
  /** Blocks that are whole and not committed: their hash comes from the worker. */
  readonly #hashes = new Map<number, Hashing>();
  /** Parts of blocks that are not whole: the worker gets a block in one message, each of which costs as much as reading 64 KiB. */
  readonly #parts = new Map<number, Bytes[]>();
  /** Bytes of each block that is not written yet. */
  readonly #backlog = new Map<number, number>();
  #writings = 0;
  #failure: SinkError | undefined;
  #closed = false;
  backlogBytes = 0;

  constructor(
    private readonly port: WorkerPort,
    private readonly handle: number,
    readonly sizeBytes: number,
    private readonly known: LeafTable,
    private readonly onClose: () => void,
  ) {}

  leaves(): LeafTable {
    return this.known;
  }

  write(block: number, offset: number, data: Bytes): void {
    if (this.#failure !== undefined || this.#closed) return;
    const before = offset === 0 ? 0 : (this.#backlog.get(block) ?? 0);
    this.backlogBytes += before + data.length - (this.#backlog.get(block) ?? 0);
    this.#backlog.set(block, before + data.length);
    const begun = offset === 0 ? [] : (this.#parts.get(block) ?? []);
    const parts = begun.length < partsMax - 1 ? begun : [concatBytes(...begun)];
    parts.push(data);
    if (offset + data.length < blockLength(this.sizeBytes, block)) {
      this.#parts.set(block, parts);
      return;
    }
    this.#parts.delete(block);
    const writing = ++this.#writings;
    this.#hashes.set(block, hashing(writing));
    this.port.post(
      { kind: 'write', handle: this.handle, block, writing, parts },
      parts.map(({ buffer }) => buffer),
    );
  }

  hashOf(block: number): Promise<Bytes> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#hashes.get(block)?.promise ?? Promise.reject(new Error(`block ${block} is not whole`));
  }

  async commit(blocks: readonly CommittedBlock[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const hashes = new Uint8Array(blocks.length * LEAF_BYTES);
    blocks.forEach(({ hash }, i) => hashes.set(hash, i * LEAF_BYTES));
    const request = {
      kind: 'commit',
      handle: this.handle,
      blocks: blocks.map(({ block }) => block),
      hashes: hashes.buffer,
    } as const;
    const signed = packedOf(blocks);
    if (signed === undefined) await this.port.ask(request, [hashes.buffer]);
    else await this.port.ask({ ...request, signed }, [hashes.buffer, signed.records]);
    for (const { block, hash } of blocks) {
      this.known.set(block, hash);
      this.#hashes.delete(block);
    }
  }

  async read(block: number): Promise<{ data: Bytes; hash: Bytes }> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = await this.port.ask({ kind: 'read-back', handle: this.handle, block });
    if (answer.kind !== 'block') throw new Error(`the blob worker answered ${answer.kind}`);
    return { data: new Uint8Array(answer.data), hash: new Uint8Array(answer.hash) };
  }

  async signedLeaves(block: number): Promise<SignedLeaves | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = await this.port.ask({ kind: 'signed-leaves', handle: this.handle, block });
    if (answer.kind !== 'signed') throw new Error(`the blob worker answered ${answer.kind}`);
    return answer.record && unpackSignedLeaves(new Uint8Array(answer.record));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.onClose();
    await this.port.ask({ kind: 'close', handle: this.handle });
  }

  /** The worker wrote a block. The hash of a writing that was begun anew meanwhile says nothing about what is on disk. */
  written(block: number, writing: number, hash: Bytes): void {
    const waiting = this.#hashes.get(block);
    if (waiting?.writing !== writing) return;
    this.backlogBytes -= this.#backlog.get(block) ?? 0;
    this.#backlog.delete(block);
    waiting.settle(hash);
  }

  /** The worker writes nothing more. */
  failed(error: SinkError): void {
    this.#failure = error;
    this.backlogBytes = 0;
    this.#backlog.clear();
    this.#parts.clear();
    for (const { fail } of this.#hashes.values()) fail(error);
    this.#hashes.clear();
  }
}

/** Only a file that several devices have comes with signed leaves to keep. */
function packedOf(blocks: readonly CommittedBlock[]): { blocks: number[]; records: ArrayBuffer } | undefined {
  const kept = blocks.flatMap(({ block, signed }) => (signed ? [{ block, signed }] : []));
  if (kept.length === 0) return undefined;
  const records = new Uint8Array(kept.length * SIGNED_LEAVES_BYTES);
  kept.forEach(({ signed }, i) => packSignedLeaves(signed, records.subarray(i * SIGNED_LEAVES_BYTES)));
  return { blocks: kept.map(({ block }) => block), records: records.buffer };
}

function hashing(writing: number): Hashing {
  let settle!: (hash: Bytes) => void;
  let fail!: (error: SinkError) => void;
  const promise = new Promise<Bytes>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  promise.catch(() => undefined); // told to whoever asks by `hashOf`
  return { writing, promise, settle, fail };
}
