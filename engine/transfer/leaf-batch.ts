/** What the offering device signs over consecutive leaf hashes, so that whoever has a batch can verify its blocks from any source. */
import type { Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import type { OfferId } from '../../protocol/ids.ts';

export const leafBatchMessage = (offer: OfferId, file: number, first: number, hashes: readonly Uint8Array[]): Bytes =>
  signedBytes('causeway/leaves/1', encodeCbor([offer, file, first, hashes]));

/** Leaves of the blocks from `first` on, with the signature of the offering device: what proves a block whoever sends it. */
export interface SignedLeaves {
  first: number;
  hashes: readonly Bytes[];
  signature: Bytes;
}
