/**
 * One file, or the accepted part of it, that is being received, for as long as its sink is open; the links that fetch it share this one.
 *
 * Every block is in one place: had, being committed, claimed by a stream of some link, or missing. A block is had only after its hash was
 * checked and the sink made it durable (invariant 2); verified blocks are committed in groups: while one commit runs, the next one gathers.
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { SinkError, type BlobSink, type Clock, type Hashes } from '../ports.ts';
import { BlockSet } from './block-set.ts';
import { rangesBytes, type Ranges } from './blocks.ts';
import type { BlobState, FetchTarget } from './fetch-target.ts';
import type { SignedLeaves } from './leaf-batch.ts';
import { RootBuilder } from './merkle.ts';
import { RankedBlocks } from './ranked-blocks.ts';
import type { IncomingEvent } from './transfer-events.ts';

const REPORT_MS = 250;
/** A block that is bad twice is no accident. */
const STRIKES = 2;

export interface IncomingBlobParts {
  offer: OfferId;
  file: number;
  sink: BlobSink;
  /** The blocks to fetch: those that were accepted. */
  wanted: Ranges;
  /** Ed25519 public key of the offering device, which signs the leaves whoever sends the blocks. */
  publicKey: Bytes;
  clock: Clock;
  hashes: Hashes;
  report(event: IncomingEvent): void;
  /** A defect, or the root could not be hashed. */
  fault(error: unknown): void;
}

interface Verified {
  block: number;
  hash: Bytes;
  signed?: SignedLeaves | undefined;
  settle: (outcome: 'had' | 'failed') => void;
}

export class IncomingBlob implements FetchTarget {
  readonly sizeBytes: number;
  /** With one source it signs for this receiver what it sends to it. */
  readonly foreignBatches = false;
  readonly ownDeadlines = false;
  readonly #wanted: RankedBlocks;
  #state: BlobState = { kind: 'running' };
  /** Had, being committed or claimed: all that is not to be asked for. */
  readonly #taken: BlockSet;
  readonly #have: BlockSet;
  /** Of `#taken`, those that the source cannot read. */
  readonly #unreadable = new BlockSet();
  readonly #strikes = new Map<number, number>();
  readonly #builder: RootBuilder;
  #verified: Verified[] = [];
  #committing: Promise<void> | undefined;
  #onHad: ((blocks: readonly number[]) => void) | undefined;
  #movedBytes = 0;
  #reportedAt = 0;

  constructor(private readonly parts: IncomingBlobParts) {
    this.sizeBytes = parts.sink.sizeBytes;
    this.#wanted = new RankedBlocks(parts.wanted);
    this.#have = new BlockSet();
    for (const block of parts.sink.leaves().blocks())
      if (this.#wanted.rankOf(block) !== undefined) this.#have.add(block);
    this.#taken = new BlockSet(this.#have.ranges());
    this.#builder = new RootBuilder(parts.hashes, parts.sink.leaves(), this.#wanted);
  }

  get offer(): OfferId {
    return this.parts.offer;
  }

  get file(): number {
    return this.parts.file;
  }

  get sink(): BlobSink {
    return this.parts.sink;
  }

  get publicKey(): Bytes {
    return this.parts.publicKey;
  }

  get state(): BlobState {
    return this.#state;
  }

  /** Bytes that are had. */
  get doneBytes(): number {
    return rangesBytes(this.sizeBytes, this.#have.ranges());
  }

  get haveRanges(): Ranges {
    return this.#have.ranges();
  }

  /** Blocks that are neither had nor being committed nor claimed. */
  get missing(): Ranges {
    const missing = new BlockSet(this.#wanted.ranges);
    for (const [first, end] of this.#taken.ranges()) missing.delete(first, end);
    return missing.ranges();
  }

  /** Calls `run` with blocks as they become had. One listener. */
  whenHad(run: (blocks: readonly number[]) => void): void {
    this.#onHad = run;
  }

  /** Reports where the file stands; a file that is had already, or empty, completes. Call once, before it is given to a link. */
  start(): void {
    this.#reportProgress();
    this.#advance();
  }

  /** Takes up to `maxRanges` ranges of missing blocks for a stream, which gives them back by `release` or ends them one by one. */
  claim(maxRanges: number): Ranges {
    if (this.#state.kind !== 'running') return [];
    const ranges = this.missing.slice(0, maxRanges);
    for (const [first, end] of ranges) this.#taken.add(first, end);
    return ranges;
  }

  /** Blocks that a stream claimed and that did not come. */
  release(ranges: Ranges): void {
    for (const [first, end] of ranges) this.#taken.delete(first, end);
  }

  /** Ends the claim of blocks that do not come while this blob is open: `failed` with `changed` when all others are had. */
  unreadable(ranges: Ranges): void {
    for (const [first, end] of ranges) this.#unreadable.add(first, end);
    this.#failIfRestIsHad();
  }

  /** Hands part of a claimed block to the sink; as `BlobSink.write`. */
  write(block: number, offset: number, data: Bytes): void {
    this.#movedBytes += data.length;
    this.parts.sink.write(block, offset, data);
    if (this.parts.clock.now() - this.#reportedAt >= REPORT_MS) this.#reportProgress();
  }

  /** SHA-256 of a block all of which was written; undefined when the sink failed. */
  async hashOf(block: number): Promise<Bytes | undefined> {
    try {
      return await this.parts.sink.hashOf(block);
    } catch (error) {
      this.#sinkFailed(error);
      return undefined;
    }
  }

  /**
   * Ends a claimed block: with the right hash it is committed and then `had`, with another one it is thrown away and `missing` again; the
   * second time the blob is `failed`. The claim is over in any case.
   */
  async verify(block: number, hash: Bytes, leaf: Bytes): Promise<'had' | 'missing' | 'failed'> {
    if (this.#state.kind !== 'running') return 'failed';
    return equalBytes(hash, leaf) ? this.commit(block, hash) : this.#bad(block);
  }

  /** Makes a block had whose hash was checked. `signed`: leaves to keep beside it, so that it can be served to others. */
  async commit(block: number, hash: Bytes, signed?: SignedLeaves): Promise<'had' | 'failed'> {
    if (this.#state.kind !== 'running') return 'failed';
    return new Promise((settle) => {
      this.#verified.push({ block, hash, signed, settle });
      this.#committing ??= this.#commitAll();
    });
  }

  /** Ends the work and closes the sink; commits that run are finished first. */
  async close(): Promise<void> {
    if (this.#state.kind === 'running') this.#state = { kind: 'closed' };
    await this.#committing;
    await this.parts.sink.close();
  }

  #bad(block: number): 'missing' | 'failed' {
    const strikes = (this.#strikes.get(block) ?? 0) + 1;
    this.#strikes.set(block, strikes);
    this.#taken.delete(block);
    this.parts.report({ kind: 'bad-block', block });
    if (strikes < STRIKES) return 'missing';
    this.#fail('verification');
    return 'failed';
  }

  async #commitAll(): Promise<void> {
    while (this.#verified.length > 0) {
      const group = this.#verified.splice(0);
      const outcome = this.#state.kind === 'failed' ? 'failed' : await this.#commit(group);
      for (const { settle } of group) settle(outcome);
    }
    this.#committing = undefined;
  }

  async #commit(group: readonly Verified[]): Promise<'had' | 'failed'> {
    try {
      await this.parts.sink.commit(group);
    } catch (error) {
      this.#sinkFailed(error);
      return 'failed';
    }
    for (const { block } of group) this.#have.add(block);
    this.#onHad?.(group.map(({ block }) => block));
    if (this.#state.kind === 'closed') return 'had';
    this.#reportProgress();
    this.#advance();
    this.#failIfRestIsHad();
    return 'had';
  }

  #advance(): void {
    this.#tryComplete().catch((error: unknown) => this.parts.fault(error));
  }

  async #tryComplete(): Promise<void> {
    await this.#builder.advance();
    if (this.#have.count < this.#wanted.count || this.#state.kind !== 'running') return;
    this.#state = { kind: 'complete' };
    const root = await this.#builder.root();
    this.parts.report({ kind: 'complete', root });
  }

  #sinkFailed(error: unknown): void {
    if (!(error instanceof SinkError)) this.parts.fault(error);
    this.#fail(error instanceof SinkError ? error.kind : 'storage');
  }

  #failIfRestIsHad(): void {
    const { count } = this.#unreadable;
    if (count > 0 && this.#have.count + count >= this.#wanted.count) this.#fail('changed');
  }

  #fail(reason: 'no-space' | 'storage' | 'verification' | 'changed'): void {
    if (this.#state.kind !== 'running') return;
    this.#state = { kind: 'failed', reason };
    this.parts.report({ kind: 'failed', reason });
  }

  #reportProgress(): void {
    this.#reportedAt = this.parts.clock.now();
    this.parts.report({ kind: 'progress', doneBytes: this.doneBytes, movedBytes: this.#movedBytes });
  }
}
