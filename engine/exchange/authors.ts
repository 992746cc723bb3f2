/** Whose device wrote an entry, and which devices may write into a conversation. */
import type { AccountId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { LocalAccount } from '../devices/local-account.ts';
import type { Group } from '../groups/group.ts';
import type { Groups } from '../groups/groups.ts';
import type { PersonOf } from '../messages/messages.ts';
import type { People, Person } from '../people/people.ts';

export interface AuthorsPorts {
  account: LocalAccount;
  people: People;
  groups: Groups;
}

export class Authors {
  constructor(private readonly ports: AuthorsPorts) {}

  /** The devices whose entries a conversation takes, each with its public signing key, base64url. */
  of(conversation: ConversationId): ReadonlyMap<DeviceId, string> {
    const { account, people, groups } = this.ports;
    const group = groups.of(conversation);
    if (group) return group.authors;
    const theirs = people.byConversation(conversation)?.everyDevice ?? [];
    return new Map([...theirs, ...account.everyDevice].map((device): [DeviceId, string] => [device.id, device.sign]));
  }

  /** Two people write in a direct conversation: a device of neither chain is one of this account from before its keys were replaced. */
  personOf(person: Person): PersonOf {
    const { account } = this.ports;
    const theirs = new Set(person.everyDevice.map(({ id }) => id));
    return (device) => (!account.isMine(device) && theirs.has(device) ? person.account : account.id);
  }

  /** Whose device it is in a group; of nobody when the log does not know it. */
  memberOf(group: Group): PersonOf {
    const { account } = this.ports;
    return (device) => (account.isMine(device) ? account.id : (group.accountOf(device) ?? ('' as AccountId)));
  }
}
