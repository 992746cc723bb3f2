/** Turns the entries of a conversation into what is drawn: entries with their neighbours known, separators between days, the unread mark. */
import type { MessageItem } from './state/views/messages.ts';
import { daysBetween } from './format.ts';

export type MessageRow =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'unread'; key: string }
  /** `first` and `last` of a run of one author without a long pause. */
  | { kind: 'item'; key: string; item: MessageItem; first: boolean; last: boolean };

const pauseMs = 5 * 60_000;

function joined(a: MessageItem | undefined, b: MessageItem | undefined): boolean {
  const said = (item: MessageItem) => item.kind !== 'notice' && item.kind !== 'event';
  if (!a || !b || !said(a) || !said(b)) return false;
  return (
    a.mine === b.mine &&
    a.author === b.author &&
    a.by?.handle === b.by?.handle &&
    b.at - a.at < pauseMs &&
    daysBetween(a.at, b.at) === 0
  );
}

/** Draws from index `from` on. `firstUnread` is an index into all of `items`, -1 for none. */
export function messageRows(items: readonly MessageItem[], from: number, firstUnread: number): MessageRow[] {
  const rows: MessageRow[] = [];
  for (let i = from; i < items.length; i++) {
    const item = items[i];
    if (!item) continue;
    const before = i > from ? items[i - 1] : undefined;
    if (!before || daysBetween(before.at, item.at) !== 0)
      rows.push({ kind: 'day', key: `day ${item.key}`, at: item.at });
    if (i === firstUnread) rows.push({ kind: 'unread', key: 'unread' });
    rows.push({
      kind: 'item',
      key: item.key,
      item,
      first: i === firstUnread || !joined(before, item),
      last: i + 1 === firstUnread || !joined(item, items[i + 1]),
    });
  }
  return rows;
}
