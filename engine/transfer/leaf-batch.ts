/** What the offering device signs over consecutive leaf hashes, so that whoever has a batch can verify its blocks from any source. */
import type { Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import type { OfferId } from '../../protocol/ids.ts';

export const leafBatchMessage = (offer: OfferId, file: number, first: number, hashes: readonly Uint8Array[]): Bytes =>
  signedBytes('causeway/leaves/1', encodeCbor([offer, file, first, hashes]));
