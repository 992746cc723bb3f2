/**
 * A feed entry: a signed header and a payload that can be dropped while the chain still verifies.
 * Order of a conversation: Lamport time, then device id, then sequence.
 */
import * as v from 'valibot';
import { bytesOf, bytesUpTo, uint } from './codec.ts';
import { AccountId, ConversationId, DeviceId, OfferId } from './ids.ts';
import { limits } from './limits.ts';
import { OwnChat, OwnDiscretion, OwnGroup, OwnPerson, OwnRead } from './own-facts.ts';

export const EntryHeader = v.strictObject({
  version: uint(255),
  conversation: ConversationId,
  device: DeviceId,
  /** 0 for the first entry of this device in this conversation. */
  sequence: uint(),
  /** SHA-256 of the previous header of this feed; 32 zero bytes at sequence 0. */
  previous: bytesOf(32),
  /** How far the author had the feeds of the others: [device, length]. */
  heads: v.pipe(v.array(v.tuple([DeviceId, uint()])), v.maxLength(64)),
  lamport: uint(),
  /** The author's clock, milliseconds since 1970. */
  wall: uint(),
  /** 0: the payload is protected by the link alone. */
  key: uint(),
  /** SHA-256 over salt and payload bytes. */
  payloadHash: bytesOf(32),
  payloadSize: uint(limits.payloadBytes),
});
export type EntryHeader = v.InferOutput<typeof EntryHeader>;

/**
 * [header bytes, Ed25519 signature of the authoring device under the domain `causeway/entry/1`, salt of 16 bytes, payload bytes]. An entry
 * whose payload was dropped travels with an empty salt and an empty payload: without the salt nobody can guess a short text from its hash.
 */
export const WireEntry = v.strictTuple([
  bytesUpTo(limits.headerBytes),
  bytesOf(64),
  bytesUpTo(16),
  bytesUpTo(limits.payloadBytes),
]);
export type WireEntry = v.InferOutput<typeof WireEntry>;

export const OfferedFile = v.pipe(
  v.strictObject({
    /** As the sender's file system has it; cleaned before it is shown or saved. */
    name: v.pipe(v.string(), v.maxLength(limits.fileNameUnits)),
    size: uint(limits.fileBytes),
    type: v.pipe(v.string(), v.maxLength(limits.mimeLength)),
    modifiedAt: v.optional(uint()),
    /** A small raster picture (WebP, JPEG or PNG), decoded and drawn anew before it is shown. */
    thumbnail: v.optional(bytesUpTo(limits.thumbnailBytes)),
    /** It was spoken for this conversation: how long it is, and how loud from its beginning to its end in equal steps. */
    voice: v.optional(v.strictObject({ durationMs: uint(limits.voiceMs), levels: bytesUpTo(limits.voiceLevels) })),
    /** It is a bundle (`manifest.ts`): `size` counts the manifest and all files behind it. */
    bundle: v.optional(
      v.strictObject({
        manifestBytes: v.pipe(uint(limits.manifestBytes), v.minValue(1)),
        files: uint(limits.bundleEntries),
        /** Empty ones, and those that hold something. */
        folders: uint(),
      }),
    ),
  }),
  v.check(
    ({ size, bundle }) => bundle === undefined || bundle.manifestBytes <= size,
    'a manifest larger than its bundle',
  ),
);
export type OfferedFile = v.InferOutput<typeof OfferedFile>;

const fileRef = { offer: OfferId, file: uint(limits.filesPerOffer - 1) };

const blockRanges = v.pipe(
  v.array(v.tuple([uint(0xffff_ffff), uint(0xffff_ffff)])),
  v.minLength(1),
  v.maxLength(limits.rangesPerAnswer),
);

/** An entry of the same conversation. */
export const EntryRef = v.strictObject({ device: DeviceId, sequence: uint() });
export type EntryRef = v.InferOutput<typeof EntryRef>;

const words = v.pipe(v.string(), v.minLength(1), v.maxLength(limits.textBytes));

/** Payloads that this version writes. A kind it does not know is kept, carried and shown as "needs a newer version". */
export const Payload = v.variant('kind', [
  v.strictObject({
    kind: v.literal('text'),
    text: words,
    /** The message that this one answers. */
    reply: v.optional(EntryRef),
    /** Whom its words name by `@handle`: they are told even where they asked for quiet. */
    mentions: v.optional(v.pipe(v.array(AccountId), v.minLength(1), v.maxLength(limits.mentionsPerText))),
    /** It disappears so long after it was sent, or on the devices of others after it was seen there. */
    expiresAfterMs: v.optional(v.pipe(uint(limits.expiryMs), v.minValue(1))),
  }),
  /** The author of a text replaces its words. Of several the last in the order counts; after a `delete` none does. */
  v.strictObject({ kind: v.literal('edit'), of: EntryRef, text: words }),
  /** The author of a text, or of an offer, takes it back, for everybody and for good. */
  v.strictObject({ kind: v.literal('delete'), of: EntryRef }),
  /** One emoji per person and message: the last in the order counts, and without `emoji` it is taken back. */
  v.strictObject({
    kind: v.literal('react'),
    to: EntryRef,
    emoji: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(limits.reactionUnits))),
  }),
  /** The person has seen the first `length` entries of these feeds. */
  v.strictObject({
    kind: v.literal('read'),
    upTo: v.pipe(v.array(v.tuple([DeviceId, uint()])), v.minLength(1), v.maxLength(limits.readFeeds)),
  }),
  /** From now on texts of this conversation carry this `expiresAfterMs`; 0 ends it. Of several the last in the order counts. */
  v.strictObject({ kind: v.literal('timer'), afterMs: uint(limits.expiryMs) }),
  v.strictObject({
    kind: v.literal('offer'),
    offer: OfferId,
    files: v.pipe(v.array(OfferedFile), v.minLength(1), v.maxLength(limits.filesPerOffer)),
  }),
  /** The recipient's answer to an offer. With `chosen`, only these files are accepted, and of a bundle only these blocks ([first, end), ascending). */
  v.strictObject({
    kind: v.literal('answer'),
    offer: OfferId,
    verdict: v.picklist(['accepted', 'declined']),
    chosen: v.optional(
      v.pipe(
        v.array(v.strictObject({ file: fileRef.file, blocks: v.optional(blockRanges) })),
        v.minLength(1),
        v.maxLength(limits.filesPerOffer),
      ),
    ),
  }),
  /** Either side ends one file for good. */
  v.strictObject({ kind: v.literal('cancel'), ...fileRef }),
  /** The sender binds a file of an offer to its Merkle root (RFC 9162 over the SHA-256 of the accepted blocks, in order). */
  v.strictObject({ kind: v.literal('close'), ...fileRef, root: bytesOf(32) }),
  /** The recipient has all that it accepted of the file, verified and durably written, with this root. */
  v.strictObject({ kind: v.literal('receipt'), ...fileRef, root: bytesOf(32) }),
  OwnRead,
  OwnPerson,
  OwnGroup,
  OwnChat,
  OwnDiscretion,
]);
export type Payload = v.InferOutput<typeof Payload>;
