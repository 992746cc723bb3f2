/** What the screens show of a group: who is in it, who may come in, and the groups that were asked for. */
import type { AccountId } from '../../../../protocol/ids.ts';

export interface MemberRow {
  account: AccountId;
  handle: string;
  displayName: string;
  /** Another member has the same name. */
  namesake?: true;
  avatarSeed: string;
  role: 'owner' | 'admin' | 'member';
  me: boolean;
  online: boolean;
  /** The account was deleted. */
  departed: boolean;
  mayRemove: boolean;
  mayChangeRole: boolean;
}

export interface InvitationView {
  invitation: string;
  /** Where this device has the secret. */
  code?: string;
  link?: string;
  approval: boolean;
  used: number;
  uses?: number;
  expiresAt?: number;
}

export interface GroupView {
  name: string;
  pictureUrl?: string;
  role: 'owner' | 'admin' | 'member';
  /** `out`: this account left, or was removed. */
  standing: 'in' | 'out' | 'deleted';
  members: MemberRow[];
  /** Of an admin: open invitations, and who waits to be let in. */
  invitations: InvitationView[];
  asking: { account: AccountId; handle: string; displayName: string; avatarSeed: string }[];
  /** Contacts who are no members. */
  contacts: { account: AccountId; handle: string; displayName: string; avatarSeed: string }[];
}

/** A group that this account asked to join. */
export interface JoiningRow {
  invitation: string;
  /** How its code begins: all that is known of a group before one is in it. */
  begins: string;
  standing: 'asking' | 'waiting' | 'refused' | 'gone';
}
