/**
 * What the server knows of a group: an opaque id, which accounts are in it and as what, and the ids of open invitations. It needs that to say
 * who is online and to pass signals on; who is in the group for its members is in the group's log alone.
 */
import * as v from 'valibot';
import { uint } from './codec.ts';
import { AccountId, AdmissionId, DeviceId, GroupId, InvitationId } from './ids.ts';
import { limits } from './limits.ts';
import { Handle } from './names.ts';
import { DisplayName } from './people.ts';

export const GroupRole = v.picklist(['owner', 'admin', 'member']);
export type GroupRole = v.InferOutput<typeof GroupRole>;

export const RosterMember = v.object({
  account: AccountId,
  handle: Handle,
  displayName: DisplayName,
  role: GroupRole,
  /** Device lists in the account's chain: more than the log has means that there is something to fetch. */
  lists: uint(limits.deviceListsPerAccount),
  online: v.pipe(v.array(DeviceId), v.maxLength(limits.devicesPerAccount)),
});
export type RosterMember = v.InferOutput<typeof RosterMember>;

export const Roster = v.object({
  group: GroupId,
  members: v.pipe(v.array(RosterMember), v.maxLength(limits.membersPerGroup)),
  /** In the answer to an admin: those that people may ask to join by. */
  invitations: v.optional(v.pipe(v.array(InvitationId), v.maxLength(limits.invitationsPerGroup))),
});
export type Roster = v.InferOutput<typeof Roster>;

/** What a member may have the server change; who may do what is in `signaling/store/groups.ts`. */
export const RosterChange = v.variant('kind', [
  /** A new group with this account as its owner. Repeating it is a success. */
  v.strictObject({ kind: v.literal('create') }),
  /** An admin: people may ask to join by this invitation. */
  v.strictObject({ kind: v.literal('open'), invitation: InvitationId, expiresAt: v.optional(uint()) }),
  v.strictObject({ kind: v.literal('close'), invitation: InvitationId }),
  /** A member: somebody who asked to join a moment ago is one now. */
  v.strictObject({ kind: v.literal('admit'), account: AccountId, admission: v.optional(AdmissionId) }),
  /**
   * An admin, or the account itself. With `admissions` only while the account is there by one of these: whoever has been away, and knows none
   * but older ones, removes nobody who was let in again meanwhile.
   */
  v.strictObject({
    kind: v.literal('remove'),
    account: AccountId,
    admissions: v.optional(v.pipe(v.array(AdmissionId), v.maxLength(limits.admissionsPerRemoval))),
  }),
  /** The owner. `owner` hands the group over. */
  v.strictObject({ kind: v.literal('role'), account: AccountId, role: GroupRole }),
  /** The owner. */
  v.strictObject({ kind: v.literal('delete') }),
]);
export type RosterChange = v.InferOutput<typeof RosterChange>;

/** What becomes of a request to join, where it is not admitted at once. */
export const JoinVerdict = v.picklist(['waiting', 'refused']);
export type JoinVerdict = v.InferOutput<typeof JoinVerdict>;
