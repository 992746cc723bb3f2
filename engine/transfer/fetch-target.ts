/** What the receiver of a link fetches for: a file that has one source (`IncomingBlob`), or one source's part in a file that has several. */
import type { Bytes } from '../../protocol/bytes.ts';
import type { OfferId } from '../../protocol/ids.ts';
import type { Ranges } from './blocks.ts';
import type { SignedLeaves } from './leaf-batch.ts';

export type BlobState =
  | { kind: 'running' }
  | { kind: 'complete' }
  | { kind: 'failed'; reason: 'no-space' | 'storage' | 'verification' | 'changed' }
  | { kind: 'closed' };

export interface FetchTarget {
  readonly offer: OfferId;
  readonly file: number;
  readonly sizeBytes: number;
  /** Ed25519 public key of the offering device, which signs the leaves whoever sends the blocks. */
  readonly publicKey: Bytes;
  readonly state: BlobState;
  /** Leaves come as the offering device batched them, for this receiver or another one, and may cover blocks that were not asked for here. */
  readonly foreignBatches: boolean;
  /** Whoever fetches it watches how fast its sources are, and has others to turn to. */
  readonly ownDeadlines: boolean;
  /** Takes up to `maxRanges` ranges of missing blocks for a new stream, which gives them back by `release` or ends them one by one. */
  claim(maxRanges: number): Ranges;
  /** Blocks that a stream claimed and that did not come. */
  release(ranges: Ranges): void;
  /** Claimed blocks that this source cannot read, and will not send. The claim is over. */
  unreadable(ranges: Ranges): void;
  /** Part of a claimed block, as `BlobSink.write`. */
  write(block: number, offset: number, data: Bytes): void;
  /** SHA-256 of a block all of which was written; undefined when it cannot be known, and is not to be asked for. */
  hashOf(block: number): Promise<Bytes | undefined>;
  /** Ends a claimed block, whose claim is over in any case. `leaf` is one of the leaves of `signed`. */
  verify(block: number, hash: Bytes, leaf: Bytes, signed: SignedLeaves): Promise<'had' | 'missing' | 'failed'>;
  /** The source sent leaves that the offering device did not sign. Its link is closed for it. */
  forgedLeaves?(): void;
}

/** One source's part, which is asked for run by run. */
export interface SourceTarget extends FetchTarget {
  /** As `claim`, for a stream that is open: no block that it was asked for before. */
  claimMore(maxRanges: number): Ranges;
}
