/** Where one talks: with a person, or in a group. Screens know either by one id; both are 16 random bytes, so neither is ever the other's. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { Group } from '../../../engine/groups/group.ts';
import type { Person } from '../../../engine/people/people.ts';
import type { AccountId, ConversationId, DeviceId, GroupId } from '../../../protocol/ids.ts';
import { shownName } from '../../../protocol/names.ts';
import { nameIn } from './member-names.ts';

export interface Talk {
  account: AccountId;
  conversation: ConversationId;
  /** Under earlier keys, oldest first. */
  earlier: readonly ConversationId[];
  person?: Person;
  group?: Group;
}

/** Whoever wrote something, told apart from namesakes by handle and picture. */
export interface Author {
  mine: boolean;
  name: string;
  /** Where nothing but a name fits: with the handle where members of a group have the same name. */
  apart?: string;
  by?: { handle: string; avatarSeed: string };
}

export const chatKey = (group: GroupId): AccountId => group as string as AccountId;
export const groupKey = (account: AccountId): GroupId => account as string as GroupId;

const ofGroup = (group: Group): Talk => ({
  account: chatKey(group.id),
  conversation: group.chat,
  earlier: [],
  group,
});
const ofPerson = (person: Person): Talk => ({
  account: person.account,
  conversation: person.conversation,
  earlier: person.earlier,
  person,
});

export function talkOf(engine: Causeway, account: AccountId): Talk | undefined {
  const group = engine.groups.byId(groupKey(account));
  if (group) return ofGroup(group);
  const person = engine.people.get(account);
  return person && ofPerson(person);
}

export function talkIn(engine: Causeway, conversation: ConversationId): Talk | undefined {
  const group = engine.groups.byChat(conversation);
  if (group) return ofGroup(group);
  const person = engine.people.byConversation(conversation);
  return person && ofPerson(person);
}

export const allTalks = (engine: Causeway): Talk[] => [
  ...engine.people.all().map(ofPerson),
  ...engine.groups.all().map(ofGroup),
];

/** Whether somebody else wrote it. */
export function isTheirs(engine: Causeway, { person, group }: Talk): (device: DeviceId) => boolean {
  if (group) return (device) => !engine.isMine(device);
  const personOf = person && engine.personOf(person);
  return (device) => personOf?.(device) === person?.account;
}

/** @param author names of this person and, with one other, of that one. */
export function authorsOf(
  engine: Causeway,
  { person, group }: Talk,
  author: { mine: string; theirs: string },
): (device: DeviceId) => Author {
  const mine: Author = { mine: true, name: author.mine };
  if (group)
    return (device) => {
      if (engine.isMine(device)) return mine;
      const account = group.accountOf(device);
      const member = account === undefined ? undefined : group.memberBy(account);
      if (!member) return { mine: false, name: '' };
      const { handle, displayName } = group.roster.get(member.account) ?? member;
      const name = shownName(displayName) || handle;
      const apart = nameIn(group, member.account);
      return { mine: false, name, apart, by: { handle, avatarSeed: member.root } };
    };
  if (!person) return () => mine;
  if (engine.people.isSelf(person.account)) {
    // Among one's own devices this one is one side, and the name of a device says who wrote.
    const names = new Map(person.everyDevice.map(({ id, name }) => [id, shownName(name)]));
    return (device) => ({ mine: device === engine.device, name: names.get(device) || author.theirs });
  }
  const personOf = engine.personOf(person);
  return (device) => (personOf(device) === person.account ? { mine: false, name: author.theirs } : mine);
}
