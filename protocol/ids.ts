/** Branded ids and their schemas. On the wire and in memory an id is base64url text. */
import * as v from 'valibot';

const id = <Brand extends string>(bytes: number, brand: Brand) =>
  v.pipe(v.string(), v.length(Math.ceil((bytes * 4) / 3)), v.regex(/^[A-Za-z0-9_-]+$/), v.brand(brand));

/** 16 random bytes, given by the server at registration; survives a change of keys. */
export const AccountId = id(16, 'AccountId');
export type AccountId = v.InferOutput<typeof AccountId>;

/** The first 16 bytes of SHA-256 over the device's two public keys: a device cannot lend its id to other keys. */
export const DeviceId = id(16, 'DeviceId');
export type DeviceId = v.InferOutput<typeof DeviceId>;

/** 16 random bytes, chosen by the device that rings. */
export const LinkId = id(16, 'LinkId');
export type LinkId = v.InferOutput<typeof LinkId>;

/** 16 random bytes, chosen by the device that offers files. */
export const OfferId = id(16, 'OfferId');
export type OfferId = v.InferOutput<typeof OfferId>;

/** SHA-256; for a direct conversation over both root keys. */
export const ConversationId = id(32, 'ConversationId');
export type ConversationId = v.InferOutput<typeof ConversationId>;

/** A network as the server sees it, for who wants to be found nearby: a hash that means nothing after the server was started anew. */
export const PlaceId = id(16, 'PlaceId');
export type PlaceId = v.InferOutput<typeof PlaceId>;

/** Marks a repeated request as the same one. */
export const RequestId = id(16, 'RequestId');
export type RequestId = v.InferOutput<typeof RequestId>;

/** A public key (Ed25519 or X25519), 32 bytes. */
export const PublicKey = id(32, 'PublicKey');
export type PublicKey = v.InferOutput<typeof PublicKey>;

/** An Ed25519 signature, 64 bytes. */
export const Signature = id(64, 'Signature');
export type Signature = v.InferOutput<typeof Signature>;

/** What the server calls a group: the first 16 bytes of SHA-256 over the domain `causeway/group-id/1` and the id of the group's log. */
export const GroupId = id(16, 'GroupId');
export type GroupId = v.InferOutput<typeof GroupId>;

/** A person or a group: whose conversation it is. Both are random, so neither is ever the other's. */
export type ChatId = AccountId | GroupId;

/** What the server knows of an admission: the first 16 bytes of the SHA-256 of the header of the `group-admit` entry. */
export const AdmissionId = id(16, 'AdmissionId');
export type AdmissionId = v.InferOutput<typeof AdmissionId>;

/** What the server knows of an invitation: derived from its secret, which it does not know. */
export const InvitationId = id(16, 'InvitationId');
export type InvitationId = v.InferOutput<typeof InvitationId>;
