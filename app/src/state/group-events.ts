/** What happened in a group, as calm lines among its messages: who came, who went, who may do what. From its log, like all that is shown of it. */
import type { Group } from '../../../engine/groups/group.ts';
import type { GroupEvent } from '../../../engine/groups/membership.ts';
import type { AccountId, PublicKey } from '../../../protocol/ids.ts';
import { daysBetween } from '../format.ts';
import { nameIn } from './member-names.ts';
import type { MessageItem } from './views/messages.ts';

type EventItem = Extract<MessageItem, { kind: 'event' }>;

/** Others who joined one after the other on one day are one line. */
const together = (line: EventItem, next: EventItem): boolean =>
  [line, next].every(({ what, mine }) => what === 'joined' && !mine) && daysBetween(line.at, next.at) === 0;

/** Events between two times, oldest first. @param messageTimes of the messages that are shown: what lies between two events keeps them apart. */
export function eventItems(
  group: Group,
  own: AccountId,
  from: number,
  to: number,
  messageTimes: readonly number[],
): EventItem[] {
  const events = group.membership?.events ?? [];
  // A group is named as it is founded: that says nothing beside its creation.
  const first = events.find(({ what }) => what === 'named');
  const shown = events.filter((event) => event !== first && event.at >= from && event.at <= to);
  const items: EventItem[] = [];
  let lastAt = 0;
  for (const event of shown.toSorted((a, b) => a.at - b.at)) {
    const [line, next] = [items.at(-1), itemOf(group, own, event)];
    const apart = messageTimes.some((at) => at > lastAt && at <= event.at);
    if (line && together(line, next) && !apart) line.who.push(...next.who);
    else items.push(next);
    lastAt = event.at;
  }
  return items;
}

function itemOf(group: Group, own: AccountId, event: GroupEvent): EventItem {
  const { what, who, by, at, device, sequence } = event;
  const mine = accountOf(group, who) === own;
  const byMe = by !== undefined && accountOf(group, by) === own;
  return {
    key: `event/${device}/${sequence}`,
    at,
    mine,
    author: '',
    kind: 'event',
    what,
    who: [nameOf(group, who)],
    byMe,
    ...(by === undefined ? {} : { doneBy: nameOf(group, by) }),
  };
}

const accountOf = (group: Group, root: PublicKey): AccountId | undefined =>
  group.membership?.everyone.get(root)?.account;

function nameOf(group: Group, root: PublicKey): string {
  const account = accountOf(group, root);
  return account === undefined ? '' : nameIn(group, account);
}
