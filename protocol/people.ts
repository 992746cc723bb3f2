/**
 * People and their devices as the wire shows them. A device list is a hash chain: list n names the SHA-256 of list n - 1 and is signed
 * by a device of list n - 1 or by the account's root key; list 0 only by the root. Contacts pin the highest list they have verified.
 */
import * as v from 'valibot';
import { bytesOf, uint } from './codec.ts';
import { AccountId, DeviceId, PublicKey, Signature } from './ids.ts';
import { limits } from './limits.ts';
import { Handle } from './names.ts';

export const Device = v.strictObject({
  id: DeviceId,
  /** Ed25519: proves links, signs entries. */
  sign: PublicKey,
  /** X25519: sealed envelopes are encrypted to it. */
  agree: PublicKey,
  name: v.pipe(v.string(), v.maxLength(limits.deviceNameMaxLength)),
  addedAt: uint(),
});
export type Device = v.InferOutput<typeof Device>;

/** What is signed, as deterministic CBOR, under the domain `causeway/device-list/1`. */
export const DeviceListBody = v.strictObject({
  root: PublicKey,
  vault: PublicKey,
  number: uint(limits.deviceListsPerAccount),
  /** SHA-256 of the body of the list before; 32 zero bytes in list 0. */
  previous: bytesOf(32),
  devices: v.pipe(v.array(Device), v.minLength(1), v.maxLength(limits.devicesPerAccount)),
});
export type DeviceListBody = v.InferOutput<typeof DeviceListBody>;

export const SignedDeviceList = v.strictObject({
  /** `DeviceListBody` as deterministic CBOR, base64url. */
  body: v.pipe(v.string(), v.maxLength(8192)),
  signer: v.union([v.literal('root'), DeviceId]),
  signature: Signature,
});
export type SignedDeviceList = v.InferOutput<typeof SignedDeviceList>;

export const DisplayName = v.pipe(v.string(), v.maxLength(limits.displayNameMaxLength));
export const Email = v.pipe(v.string(), v.maxLength(limits.emailMaxLength), v.email());

/** What anybody who knows the exact handle may see. */
export const PublicAccount = v.object({
  id: AccountId,
  handle: Handle,
  displayName: DisplayName,
  /** The whole chain, list 0 first. */
  lists: v.pipe(v.array(SignedDeviceList), v.minLength(1), v.maxLength(limits.deviceListsPerAccount)),
});
export type PublicAccount = v.InferOutput<typeof PublicAccount>;

/**
 * How two accounts stand, seen from one of them: `outgoing` I asked, `incoming` I am asked, `accepted` both want it, `blocked` I blocked.
 * Who was declined or blocked goes on seeing `outgoing`.
 */
export const Relation = v.picklist(['none', 'outgoing', 'incoming', 'accepted', 'blocked']);
export type Relation = v.InferOutput<typeof Relation>;

export const Contact = v.object({
  account: PublicAccount,
  relation: Relation,
  /** When the relation last changed, milliseconds since 1970. */
  since: uint(),
  /** Devices online now. Empty unless `accepted`. */
  online: v.pipe(v.array(DeviceId), v.maxLength(limits.devicesPerAccount)),
  /** When the last device went offline; absent unless `accepted`. */
  lastSeenAt: v.optional(uint()),
});
export type Contact = v.InferOutput<typeof Contact>;

/** Somebody behind the same address who lets others there see them. */
export const NearbyPerson = v.object({
  account: AccountId,
  handle: Handle,
  displayName: DisplayName,
  /** Of the picture. Says the server: it is not verified before a request is sent. */
  root: PublicKey,
});
export type NearbyPerson = v.InferOutput<typeof NearbyPerson>;
