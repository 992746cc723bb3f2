/** What happened in a group, as calm lines among its messages: who came, who went, who may do what. From its log, like all that is shown of it. */
import type { Group } from '../../../engine/groups/group.ts';
import type { GroupEvent } from '../../../engine/groups/membership.ts';
import type { AccountId, PublicKey } from '../../../protocol/ids.ts';
import { nameIn } from './member-names.ts';
import type { MessageItem } from './view.ts';

type EventItem = Extract<MessageItem, { kind: 'event' }>;

/** Several who joined one after the other are one line. */
const together = (one: GroupEvent, next: GroupEvent): boolean => one.what === 'joined' && next.what === 'joined';

/** Events between two times, oldest first; what lies beside each other in the log without a message between is not known here. */
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
  let before: GroupEvent | undefined;
  for (const event of shown.toSorted((a, b) => a.at - b.at)) {
    const last = items.at(-1);
    const apart = before && messageTimes.some((at) => at > (before?.at ?? 0) && at <= event.at);
    if (last && before && together(before, event) && !apart) last.who.push(nameOf(group, event.who));
    else items.push(itemOf(group, own, event));
    before = event;
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
