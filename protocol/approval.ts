/**
 * Steps of the approval of a new device by an old one. They travel in sealed envelopes, and the server carries both keys, so what makes them
 * safe is the code that both screens show: the new device commits to a nonce before it learns the other's, and reveals it after.
 */
import * as v from 'valibot';
import { bytesOf } from './codec.ts';

const nonce = bytesOf(32);

export const ApprovalBody = v.variant('kind', [
  /** New to old. `commitment`: SHA-256 of the domain `causeway/approval-commitment/1` and CBOR `[device, nonce]`. */
  v.strictObject({ kind: v.literal('ask'), commitment: bytesOf(32) }),
  /** Old to new, before the nonce behind the commitment is known. */
  v.strictObject({ kind: v.literal('nonce'), nonce }),
  /** New to old: opens the commitment. From here on both know the code. */
  v.strictObject({ kind: v.literal('reveal'), nonce }),
  /** Either side ends it. `approved`: the device list with the new device is at the server. */
  v.strictObject({ kind: v.literal('verdict'), verdict: v.picklist(['approved', 'refused']) }),
]);
export type ApprovalBody = v.InferOutput<typeof ApprovalBody>;
