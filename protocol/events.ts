/**
 * Socket.IO events. A client's event is `emit(name, request, ack)` and is answered with `Result<response>`; each has a schema for both.
 * Until `device:prove` succeeded only the events marked `anyDevice` are allowed.
 */
import * as v from 'valibot';
import { uint } from './codec.ts';
import { JoinVerdict, Roster, RosterChange, RosterMember } from './group-roster.ts';
import { Password, OwnAccount, WrappedRecord } from './http.ts';
import { AccountId, DeviceId, GroupId, InvitationId, PlaceId, RequestId, Signature } from './ids.ts';
import { limits } from './limits.ts';
import { Handle } from './names.ts';
import { Contact, Device, DisplayName, Email, NearbyPerson, PublicAccount, SignedDeviceList } from './people.ts';

/** A sealed envelope, base64url; the server cannot open it. */
export const SealedBox = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]+$/),
  v.maxLength(Math.ceil((limits.envelopeBytes * 4) / 3)),
);

const empty = v.strictObject({});
const nothing = v.null();
const NearbyPeople = v.pipe(v.array(NearbyPerson), v.maxLength(limits.nearbyPeople));

export const IceServer = v.object({
  urls: v.array(v.string()),
  username: v.optional(v.string()),
  credential: v.optional(v.string()),
});
export type IceServer = v.InferOutput<typeof IceServer>;

/** Events from a client, each with what it asks, what it gets, and whether an unproven device may send it. */
export const clientEvents = {
  /** Proves the device key over the challenge of `welcome` (domain `causeway/socket/1`, CBOR `[challenge, accountId, deviceId]`). Errors: unknown-device, not-allowed. */
  'device:prove': {
    request: v.strictObject({ device: DeviceId, signature: Signature }),
    response: v.object({ account: OwnAccount, contacts: v.array(Contact) }),
    anyDevice: true,
  },
  /** Appends a device list, signed by the root or a device of the list before. Repeating the newest list is a success. Errors: stale-list. */
  'devices:append': {
    request: v.strictObject({ list: SignedDeviceList }),
    response: nothing,
    anyDevice: true,
  },
  /** Replaces the root after the recovery code was lost. Contacts are told. Errors: wrong-credentials. */
  'identity:reset': {
    request: v.strictObject({ password: Password, wrapped: WrappedRecord, list: SignedDeviceList }),
    response: nothing,
    anyDevice: true,
  },
  /** Changes what is present in the request. */
  'account:update': {
    request: v.strictObject({
      displayName: v.optional(DisplayName),
      email: v.optional(v.union([Email, v.literal('')])),
    }),
    response: OwnAccount,
    anyDevice: false,
  },
  /** Finds a person by exact handle. Errors: unknown-handle, rate-limited. */
  'people:lookup': {
    request: v.strictObject({ handle: Handle }),
    response: PublicAccount,
    anyDevice: false,
  },
  /** Asks a person to become a contact; durable. Crossing requests accept each other. Errors: too-many-requests. */
  'contact:request': {
    request: v.strictObject({ account: AccountId }),
    response: Contact,
    anyDevice: false,
  },
  /** `remove` forgets the relation on both sides; `unblock` leaves none. */
  'contact:answer': {
    request: v.strictObject({
      account: AccountId,
      verdict: v.picklist(['accept', 'decline', 'block', 'unblock', 'remove']),
    }),
    response: Contact,
    anyDevice: false,
  },
  /** Which of these accounts were deleted: who is no contact any more may only have parted. An id is not to be guessed. */
  'people:departed': {
    request: v.strictObject({ accounts: v.pipe(v.array(AccountId), v.maxLength(limits.contactsPerAccount)) }),
    response: v.object({ departed: v.array(AccountId) }),
    anyDevice: false,
  },
  /**
   * Shows this person to those behind the same address who did the same, and those to this one, until `nearby:leave` or the end of the
   * connection. With `place` only if the connection still comes from there. Errors: elsewhere, nearby-full, nearby-unavailable, rate-limited.
   */
  'nearby:join': {
    request: v.strictObject({ place: v.optional(PlaceId) }),
    response: v.object({ place: PlaceId, people: NearbyPeople }),
    anyDevice: false,
  },
  'nearby:leave': { request: empty, response: nothing, anyDevice: false },
  /** SDP or ICE, sealed, to a device of an accepted contact, of a member of a shared group, or of one's own account; never kept. Errors: not-allowed, offline, rate-limited. */
  signal: {
    request: v.strictObject({ to: DeviceId, box: SealedBox }),
    response: nothing,
    anyDevice: false,
  },
  /**
   * A file offer, its withdrawal, or its decline, sealed, to a device of anybody whom the sender asked or who asked the sender. Kept in memory until
   * taken or `knockTtlMs`; the same `id` replaces. Answered alike whether the recipient is online, offline or has blocked the sender.
   */
  knock: {
    request: v.strictObject({ to: DeviceId, id: RequestId, box: SealedBox }),
    response: nothing,
    anyDevice: false,
  },
  /**
   * One step of a device's approval, sealed, between a browser that is logged in without being a device yet (`from` is what it wants to become;
   * its id is free) and a proven device of the same account, in either direction. Never kept. Errors: not-allowed, offline.
   */
  approval: {
    request: v.strictObject({ from: Device, to: DeviceId, box: SealedBox }),
    response: nothing,
    anyDevice: true,
  },
  /** The groups that this account is in. */
  'groups:mine': {
    request: empty,
    response: v.object({ groups: v.pipe(v.array(Roster), v.maxLength(limits.groupsPerAccount)) }),
    anyDevice: false,
  },
  /** Errors: not-allowed, too-large (a limit of the group or the account). */
  'groups:change': {
    request: v.strictObject({ group: GroupId, change: RosterChange }),
    response: nothing,
    anyDevice: false,
  },
  /** Public records of members, for their device lists. Errors: not-allowed. */
  'groups:people': {
    request: v.strictObject({
      group: GroupId,
      accounts: v.pipe(v.array(AccountId), v.minLength(1), v.maxLength(limits.membersPerAnswer)),
    }),
    response: v.object({ people: v.array(PublicAccount) }),
    anyDevice: false,
  },
  /**
   * Asks members who are online to let this account in. `proof` is the invitation key's signature (see `group.ts`); the server cannot check it.
   * Nothing is kept but that it was asked, for a while. Errors: unknown-invitation, offline (no member is there).
   */
  'groups:ask': {
    request: v.strictObject({ invitation: InvitationId, proof: Signature }),
    response: v.object({ group: GroupId }),
    anyDevice: false,
  },
  /** A member tells somebody who asked a moment ago that they are not in. Errors: not-allowed. */
  'groups:reply': {
    request: v.strictObject({ group: GroupId, account: AccountId, invitation: InvitationId, verdict: JoinVerdict }),
    response: nothing,
    anyDevice: false,
  },
  /** STUN and TURN servers; TURN credentials are short-lived and only for accounts with an accepted contact or a group of several. */
  'ice:servers': {
    request: empty,
    response: v.object({ iceServers: v.array(IceServer) }),
    anyDevice: false,
  },
} as const;

export type ClientEventName = keyof typeof clientEvents;
export type ClientRequest<Name extends ClientEventName> = v.InferInput<(typeof clientEvents)[Name]['request']>;
export type ClientResponse<Name extends ClientEventName> = v.InferOutput<(typeof clientEvents)[Name]['response']>;

const from = { account: AccountId, device: DeviceId };

/** Events from the server. None is acknowledged except `knock`, whose acknowledgement lets the server forget it. */
export const serverEvents = {
  /** First on every connection. `challenge` is 32 random bytes, base64url. */
  welcome: v.object({ protocol: uint(), challenge: v.string(), account: AccountId, serverTime: uint() }),
  /** A contact appeared or changed: relation, name, device lists. `relation: 'none'` removes it. */
  contact: Contact,
  /** Devices of an accepted contact, or of a member of a shared group, that are online now. `lastSeenAt` for contacts alone. */
  presence: v.object({ account: AccountId, online: v.array(DeviceId), lastSeenAt: v.optional(uint()) }),
  signal: v.object({ ...from, box: SealedBox }),
  knock: v.object({ ...from, id: RequestId, box: SealedBox }),
  /** Devices of one's own account: which are online, this one too, and when the others were last. After every proof, and when it changes. */
  devices: v.object({ online: v.array(DeviceId), seenAt: v.array(v.tuple([DeviceId, uint()])) }),
  /** A step of an approval, from the device or the browser that `from` describes; what it says of itself is not checked. */
  approval: v.object({ from: Device, box: SealedBox }),
  /** Who is nearby now, all of them, while one is shown there oneself. */
  nearby: v.object({ people: NearbyPeople }),
  /** This account is in a group now. */
  group: Roster,
  /** A member of a shared group joined, or what the server says of them changed. */
  'group:member': v.object({ group: GroupId, member: RosterMember }),
  /** Somebody is not in a group any more; of this account itself, it is out. */
  'group:left': v.object({ group: GroupId, account: AccountId }),
  /** Somebody asks to join. The member with `turn` 0 answers at once, the others only if nobody did. */
  'group:asked': v.object({
    group: GroupId,
    invitation: InvitationId,
    asker: PublicAccount,
    proof: Signature,
    turn: uint(limits.membersAsked - 1),
  }),
  /** What became of asking. */
  'group:replied': v.object({ group: GroupId, invitation: InvitationId, verdict: JoinVerdict }),
  /** Another connection of this device took over; this one is closed and must not reconnect by itself. */
  replaced: empty,
  /** The session ended: logged out elsewhere, or with `revoked` this device is not in the list of its account any more. */
  ended: v.object({ revoked: v.optional(v.boolean()) }),
  /** This account was deleted, from another of its devices; there is nothing to connect to any more. */
  deleted: empty,
  /** One's own account changed from another device. */
  account: OwnAccount,
} as const;

export type ServerEventName = keyof typeof serverEvents;
export type ServerEvent<Name extends ServerEventName> = v.InferOutput<(typeof serverEvents)[Name]>;
