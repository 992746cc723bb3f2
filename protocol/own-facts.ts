/**
 * What the devices of one account tell each other: payloads of the conversation of an account with itself. In any other conversation, or by
 * anybody else, they mean nothing.
 */
import * as v from 'valibot';
import { uint } from './codec.ts';
import { AccountId, ConversationId, DeviceId, GroupId, PublicKey } from './ids.ts';
import { limits } from './limits.ts';
import { Device } from './people.ts';

/** A conversation was read up to these lengths of the feeds of others. What is read stays read: facts of all devices add up. */
export const OwnRead = v.strictObject({
  kind: v.literal('own-read'),
  conversation: ConversationId,
  upTo: v.pipe(v.array(v.tuple([DeviceId, uint()])), v.maxLength(limits.feedsPerConversation)),
});

/** This account is in a group, or about to be: `log` is the id of its log. */
export const OwnGroup = v.strictObject({ kind: v.literal('own-group'), log: ConversationId });

/** What this account wants of a conversation: of several the last in the order of the conversation with oneself counts. */
export const OwnChat = v.strictObject({
  kind: v.literal('own-chat'),
  /** The other person, or the group. */
  about: v.union([AccountId, GroupId]),
  pinned: v.boolean(),
  muted: v.boolean(),
  archived: v.boolean(),
});
export type OwnChat = v.InferOutput<typeof OwnChat>;

/** Whether others learn what this account has read, and that it is writing. The last one counts, like that of a conversation. */
export const OwnDiscretion = v.strictObject({
  kind: v.literal('own-discretion'),
  read: v.boolean(),
  typing: v.boolean(),
});
export type OwnDiscretion = v.InferOutput<typeof OwnDiscretion>;

/** A person as a device of the account has pinned them. */
export const OwnPerson = v.strictObject({
  kind: v.literal('own-person'),
  account: AccountId,
  handle: v.pipe(v.string(), v.maxLength(limits.handleMaxLength)),
  displayName: v.pipe(v.string(), v.maxLength(limits.displayNameMaxLength)),
  since: uint(),
  root: PublicKey,
  /** Number and SHA-256 (base64url) of the pinned device list. */
  number: uint(limits.deviceListsPerAccount),
  hash: v.pipe(v.string(), v.length(43)),
  /** Every device that was ever certified, and which of them the pinned list names. */
  devices: v.pipe(v.array(Device), v.maxLength(limits.devicesPerOwnPerson)),
  current: v.pipe(v.array(DeviceId), v.maxLength(limits.devicesPerAccount)),
  /** Conversations under earlier keys, oldest first. */
  earlier: v.pipe(v.array(ConversationId), v.maxLength(limits.deviceListsPerAccount)),
  keysChangedAt: v.optional(uint()),
  keysAcknowledged: v.optional(v.boolean()),
  /** When the person compared the safety number, or took that back; with the root key that was compared. */
  verified: v.optional(v.strictObject({ root: v.optional(PublicKey), at: uint() })),
});
export type OwnPerson = v.InferOutput<typeof OwnPerson>;
