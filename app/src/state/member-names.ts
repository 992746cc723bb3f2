/** What members of a group are called where nothing but a name fits: two of one name are told apart by their handles. */
import type { Group } from '../../../engine/groups/group.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { shownName } from '../../../protocol/names.ts';
import { withHandle } from '../text.ts';

export interface MemberFace {
  account: AccountId;
  handle: string;
  /** Never empty. */
  name: string;
  avatarSeed: string;
}

export function faceOf(group: Group, account: AccountId): MemberFace | undefined {
  const member = group.memberBy(account);
  if (!member) return undefined;
  const { handle, displayName } = group.roster.get(account) ?? member;
  return { account, handle, name: shownName(displayName) || handle, avatarSeed: member.root };
}

/** How many members have each name, counted once for each state of a group. */
const counted = new WeakMap<Group, { version: number; names: ReadonlyMap<string, number> }>();

function namesOf(group: Group): ReadonlyMap<string, number> {
  const known = counted.get(group);
  if (known?.version === group.version) return known.names;
  const names = new Map<string, number>();
  for (const account of group.membership?.members.keys() ?? []) {
    const name = faceOf(group, account)?.name ?? '';
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  counted.set(group, { version: group.version, names });
  return names;
}

/** Whether another member has the same name. */
export function hasNamesake(group: Group, account: AccountId): boolean {
  const name = faceOf(group, account)?.name ?? '';
  // Who left is told apart from who has the same name now.
  return (namesOf(group).get(name) ?? 0) > (group.membership?.members.has(account) ? 1 : 0);
}

/** With the handle where several members have the same name. */
export function nameIn(group: Group, account: AccountId): string {
  const face = faceOf(group, account);
  if (!face) return '';
  return hasNamesake(group, account) ? withHandle(face.name, face.handle) : face.name;
}
