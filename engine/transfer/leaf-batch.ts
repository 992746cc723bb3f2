/** What the offering device signs over consecutive leaf hashes, so that whoever has a batch can verify its blocks from any source. */
import { concatBytes, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import type { OfferId } from '../../protocol/ids.ts';

const DOMAIN = concatBytes(toUtf8('causeway/leaves/1'), [0]);

export const leafBatchMessage = (offer: OfferId, file: number, first: number, hashes: readonly Uint8Array[]): Bytes =>
  concatBytes(DOMAIN, encodeCbor([offer, file, first, hashes]));
