/**
 * Who may change what the server knows of a group, pure. The server cannot read the group's log, so it keeps to what bounds the harm: nobody is
 * in a group who did not ask, and only admins take others out. What a lying member can do here ends at who is told that whom is online.
 */
import type { RosterChange } from '../../protocol/group-roster.ts';
import type { AccountId, AdmissionId, GroupId, InvitationId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { GroupOutcome, GroupRecord } from './store.ts';

export interface GroupBounds {
  /** How many groups an account is in. */
  groupsOf(account: AccountId): number;
  /** Whether a group has an open invitation with this id. */
  taken(invitation: InvitationId): boolean;
}

export function changeGroup(
  group: GroupRecord | undefined,
  id: GroupId,
  actor: AccountId,
  change: RosterChange,
  now: number,
  bounds: GroupBounds,
): GroupOutcome {
  const refused = (code: 'not-allowed' | 'too-large'): GroupOutcome => ({ kind: 'refused', code });
  const become = (after: GroupRecord | undefined): GroupOutcome => ({ kind: 'changed', before: group, after });
  const same: GroupOutcome = { kind: 'same', before: group, after: group };
  if (!group) {
    if (change.kind !== 'create') return refused('not-allowed');
    if (bounds.groupsOf(actor) >= limits.groupsPerAccount) return refused('too-large');
    return become({ id, members: [{ account: actor, role: 'owner' }], invitations: [], createdAt: now });
  }
  const role = roleOf(group, actor);
  if (role === undefined) return refused('not-allowed');
  const admin = role !== 'member';
  const others = (account: AccountId) => group.members.filter((member) => member.account !== account);
  switch (change.kind) {
    case 'create':
      return role === 'owner' ? same : refused('not-allowed');
    case 'open': {
      if (!admin) return refused('not-allowed');
      const open = group.invitations.filter(({ expiresAt = Infinity }) => expiresAt > now);
      if (open.some((one) => one.id === change.invitation)) return same;
      if (bounds.taken(change.invitation)) return refused('not-allowed');
      if (open.length >= limits.invitationsPerGroup) return refused('too-large');
      const { expiresAt } = change;
      const opened = { id: change.invitation, ...(expiresAt === undefined ? {} : { expiresAt }) };
      return become({ ...group, invitations: [...open, opened] });
    }
    case 'close': {
      if (!admin) return refused('not-allowed');
      const left = group.invitations.filter((one) => one.id !== change.invitation);
      return left.length === group.invitations.length ? same : become({ ...group, invitations: left });
    }
    case 'admit': {
      const { account, admission } = change;
      const known = group.members.find((member) => member.account === account);
      // Let in again before the server heard that they were out: from now on they are there by this admission.
      if (known && (admission === undefined || admission === known.admission)) return same;
      if (known) return become({ ...group, members: withAdmission(group, account, admission) });
      if (group.members.length >= limits.membersPerGroup) return refused('too-large');
      if (bounds.groupsOf(account) >= limits.groupsPerAccount) return refused('too-large');
      const admitted = { account, role: 'member' as const, ...(admission === undefined ? {} : { admission }) };
      return become({ ...group, members: [...group.members, admitted] });
    }
    case 'remove': {
      const theirs = roleOf(group, change.account);
      if (theirs === undefined) return same;
      const own = change.account === actor;
      if (!own && (theirs === 'owner' || !admin || (theirs === 'admin' && role !== 'owner')))
        return refused('not-allowed');
      const { admission } = group.members.find(({ account }) => account === change.account) ?? {};
      if (change.admissions && admission !== undefined && !change.admissions.includes(admission))
        return refused('not-allowed');
      const members = others(change.account);
      // An owner hands the group over before they go; a group of nobody else ends.
      if (theirs === 'owner' && members.length > 0) return refused('not-allowed');
      return become(members.length > 0 ? { ...group, members } : undefined);
    }
    case 'role': {
      const theirs = roleOf(group, change.account);
      if (role !== 'owner' || theirs === undefined || change.account === actor) return refused('not-allowed');
      if (theirs === change.role) return same;
      const members = group.members.map((member) => {
        if (member.account === change.account) return { ...member, role: change.role };
        return change.role === 'owner' && member.account === actor ? { ...member, role: 'admin' as const } : member;
      });
      return become({ ...group, members });
    }
    case 'delete':
      return role === 'owner' ? become(undefined) : refused('not-allowed');
  }
}

export const roleOf = (group: GroupRecord, account: AccountId) =>
  group.members.find((member) => member.account === account)?.role;

const withAdmission = (group: GroupRecord, account: AccountId, admission: AdmissionId | undefined) =>
  group.members.map((member) => (member.account === account ? { ...member, admission } : member));

/** What is left of a group when an account is deleted; nothing, when nobody is left. */
export function withoutMember(group: GroupRecord, account: AccountId): GroupRecord | undefined {
  const members = group.members.filter((member) => member.account !== account);
  return members.length > 0 ? { ...group, members } : undefined;
}
