/**
 * What is inside a sealed envelope. The sender signs the CBOR of `Envelope` without knowing more than the recipient's device id and seals
 * `[envelope bytes, signature]` to the recipient's X25519 key (HPKE base mode, RFC 9180). The recipient checks: signature by a certified
 * device of the account that the server names, `to` is itself, not expired, `nonce` not seen before.
 */
import * as v from 'valibot';
import { ApprovalBody } from './approval.ts';
import { bytesOf, uint } from './codec.ts';
import { DeviceId, LinkId, OfferId } from './ids.ts';
import { limits } from './limits.ts';
import { OfferedFile } from './entry.ts';

export const SignalBody = v.variant('kind', [
  v.strictObject({
    kind: v.literal('sdp'),
    link: LinkId,
    epoch: uint(),
    type: v.picklist(['offer', 'answer']),
    sdp: v.pipe(v.string(), v.maxLength(limits.sdpLength)),
  }),
  v.strictObject({
    kind: v.literal('ice'),
    link: LinkId,
    epoch: uint(),
    candidate: v.pipe(v.string(), v.maxLength(limits.candidateLength)),
    mid: v.nullable(v.pipe(v.string(), v.maxLength(16))),
    line: v.nullable(uint(64)),
  }),
]);
export type SignalBody = v.InferOutput<typeof SignalBody>;

export const KnockBody = v.variant('kind', [
  /** A file offer before the contact is accepted; thumbnails are left out, the feed brings them. */
  v.strictObject({
    kind: v.literal('offer'),
    offer: OfferId,
    files: v.pipe(v.array(OfferedFile), v.minLength(1), v.maxLength(limits.filesPerOffer)),
    offeredAt: uint(),
  }),
  v.strictObject({ kind: v.literal('withdraw'), offer: OfferId }),
  v.strictObject({ kind: v.literal('decline'), offer: OfferId }),
]);
export type KnockBody = v.InferOutput<typeof KnockBody>;

export const Envelope = v.strictObject({
  version: uint(255),
  from: DeviceId,
  to: DeviceId,
  nonce: bytesOf(16),
  expiresAt: uint(),
  body: v.union([SignalBody, KnockBody, ApprovalBody]),
});
export type Envelope = v.InferOutput<typeof Envelope>;
