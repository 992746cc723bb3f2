/**
 * Signed leaves as they are kept beside a received file, one record of fixed length for each block: u32 number of leaves, u32 first block,
 * 64 bytes of signature, 32 bytes for each of at most `leafBatchBlocks` leaves; zero where there is no leaf. Each record stands alone: what
 * comes for one block changes nothing for another. Records cost 0.13 % of the file.
 */
import type { Bytes } from '../../../protocol/bytes.ts';
import { limits } from '../../../protocol/limits.ts';
import type { SignedLeaves } from '../../../engine/transfer/leaf-batch.ts';
import { LEAF_BYTES } from '../../../engine/transfer/leaf-table.ts';

const SIGNATURE_AT = 8;
const LEAVES_AT = SIGNATURE_AT + 64;
export const SIGNED_LEAVES_BYTES = LEAVES_AT + limits.leafBatchBlocks * LEAF_BYTES;

/** Writes the record into the beginning of `record`, which is zero. */
export function packSignedLeaves({ first, hashes, signature }: SignedLeaves, record: Bytes): void {
  const view = new DataView(record.buffer, record.byteOffset, SIGNED_LEAVES_BYTES);
  view.setUint32(0, hashes.length);
  view.setUint32(4, first);
  record.set(signature, SIGNATURE_AT);
  hashes.forEach((hash, i) => record.set(hash, LEAVES_AT + i * LEAF_BYTES));
}

export function unpackSignedLeaves(record: Bytes): SignedLeaves {
  const view = new DataView(record.buffer, record.byteOffset, SIGNED_LEAVES_BYTES);
  const hashes = Array.from({ length: Math.min(view.getUint32(0), limits.leafBatchBlocks) }, (_, i) =>
    record.slice(LEAVES_AT + i * LEAF_BYTES, LEAVES_AT + (i + 1) * LEAF_BYTES),
  );
  return { first: view.getUint32(4), hashes, signature: record.slice(SIGNATURE_AT, LEAVES_AT) };
}
