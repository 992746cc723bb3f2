/**
 * What a group is made of. It has two conversations. The **log** is the group's membership: plain entries, signed like all others, that every
 * member holds in full; its id is the hash of its first entry's content, so whoever knows the id knows who founded it. The **chat** is what
 * members say; its entries are encrypted under the group's keys. Which entries of the log count is decided by `engine/groups/membership.ts`.
 */
import * as v from 'valibot';
import { bytesOf, bytesUpTo, uint } from './codec.ts';
import { AccountId, DeviceId, InvitationId, PublicKey } from './ids.ts';
import { limits } from './limits.ts';
import { SignedDeviceList } from './people.ts';

/** Number of a group key: the first 6 bytes of its hash (`engine/groups/group-keys.ts`), never 0. It stands in the headers of entries. */
export const KeyNumber = v.pipe(uint(2 ** 48 - 1), v.minValue(1));

/** How long feeds are that count: entries from this length on do not. A device that is not named has length 0. */
export const FeedLengths = v.pipe(v.array(v.tuple([DeviceId, uint()])), v.maxLength(limits.feedsPerMember));
export type FeedLengths = v.InferOutput<typeof FeedLengths>;

const handle = v.pipe(v.string(), v.maxLength(limits.handleMaxLength));
const displayName = v.pipe(v.string(), v.maxLength(limits.displayNameMaxLength));
const lists = v.pipe(v.array(SignedDeviceList), v.minLength(1), v.maxLength(limits.listsPerGroupEntry));

/**
 * Who somebody is. In the log that is their root key: what the server says of an account changes nothing. `lists` is the chain of device lists
 * under this root from list 0 on.
 */
const identity = { account: AccountId, root: PublicKey, handle, displayName, lists };

/** Payloads of the log. Each is of the device that signed its entry. */
export const GroupPayload = v.variant('kind', [
  /** First entry of the founder's feed. The id of the log is SHA-256 over the domain `causeway/group/1` and CBOR `[account, root, nonce]`. */
  v.strictObject({ kind: v.literal('group-create'), ...identity, nonce: bytesOf(32) }),
  /** An admin invites: whoever can sign with the private half of `key` may be admitted. */
  v.strictObject({
    kind: v.literal('group-invite'),
    invitation: InvitationId,
    key: bytesOf(32),
    expiresAt: v.optional(uint()),
    uses: v.optional(v.pipe(uint(limits.membersPerGroup), v.minValue(1))),
    /** Only admins may admit by it. */
    approval: v.boolean(),
  }),
  /** An admin ends an invitation. */
  v.strictObject({ kind: v.literal('group-uninvite'), invitation: InvitationId }),
  /**
   * A member admits somebody. `proof` is the invitation key's signature under the domain `causeway/group-join/1` over CBOR
   * `[invitation, account, root]`.
   */
  v.strictObject({ kind: v.literal('group-admit'), ...identity, invitation: InvitationId, proof: bytesOf(64) }),
  /** Device lists of a member after those that the log has; it does not matter who carries them. */
  v.strictObject({ kind: v.literal('group-devices'), lists }),
  /** An admin removes a member, the owner anybody. Entries of the log and the chat beyond these lengths do not count. */
  v.strictObject({ kind: v.literal('group-remove'), root: PublicKey, log: FeedLengths, chat: FeedLengths }),
  /** The author leaves. */
  v.strictObject({ kind: v.literal('group-leave') }),
  /** The owner makes somebody an admin, or a member again: then what they decide beyond `log` does not count. */
  v.strictObject({ kind: v.literal('group-role'), root: PublicKey, admin: v.boolean(), log: FeedLengths }),
  /** The owner hands the group over; of the owner's own feeds `log` is the last that is an owner's word. */
  v.strictObject({ kind: v.literal('group-owner'), root: PublicKey, log: FeedLengths }),
  /** The owner ends the group. */
  v.strictObject({ kind: v.literal('group-delete') }),
  /** An admin names the group: `GroupFace` as CBOR, encrypted under the key. */
  v.strictObject({ kind: v.literal('group-face'), key: KeyNumber, box: bytesUpTo(limits.groupFaceBytes) }),
  /** A new key is in force. `before`: keys that were in force, each encrypted under the new one. */
  v.strictObject({
    kind: v.literal('group-key'),
    key: KeyNumber,
    before: v.pipe(v.array(v.tuple([KeyNumber, bytesUpTo(64)])), v.maxLength(limits.groupKeysBefore)),
  }),
  /** Keys for devices of members, each sealed to the device (HPKE). */
  v.strictObject({
    kind: v.literal('group-sealed'),
    sealed: v.pipe(
      v.array(v.tuple([KeyNumber, DeviceId, bytesUpTo(128)])),
      v.minLength(1),
      v.maxLength(limits.sealedPerEntry),
    ),
  }),
]);
export type GroupPayload = v.InferOutput<typeof GroupPayload>;

/** How a group looks; only its members can read it. */
export const GroupFace = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(limits.groupNameUnits)),
  /** A small raster picture (WebP, JPEG or PNG), decoded and drawn anew before it is shown. */
  picture: v.optional(bytesUpTo(limits.thumbnailBytes)),
});
export type GroupFace = v.InferOutput<typeof GroupFace>;
