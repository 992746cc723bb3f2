import { describe, expect, it } from 'vitest';
import { limits } from '../../../protocol/limits.ts';
import { packSignedLeaves, SIGNED_LEAVES_BYTES, unpackSignedLeaves } from './signed-leaves.ts';

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

describe('a record of signed leaves', () => {
  it.each([1, 3, limits.leafBatchBlocks])('comes back as it was with %i leaves, also between others', (count) => {
    const signed = {
      first: 0xffff_fff0,
      hashes: Array.from({ length: count }, (_, i) => bytes(32, i + 1)),
      signature: bytes(64, 9),
    };
    const records = new Uint8Array(3 * SIGNED_LEAVES_BYTES);
    packSignedLeaves(signed, records.subarray(SIGNED_LEAVES_BYTES));
    expect(unpackSignedLeaves(records.subarray(SIGNED_LEAVES_BYTES))).toEqual(signed);
    expect(records.subarray(0, SIGNED_LEAVES_BYTES).every((byte) => byte === 0)).toBe(true);
    expect(records.subarray(2 * SIGNED_LEAVES_BYTES).every((byte) => byte === 0)).toBe(true);
  });

  it('takes no more leaves from a damaged record than a batch has', () => {
    expect(unpackSignedLeaves(bytes(SIGNED_LEAVES_BYTES, 255)).hashes).toHaveLength(limits.leafBatchBlocks);
  });
});
