import { describe, expect, it } from 'vitest';
import { messageRows } from './message-rows.ts';
import type { MessageItem } from './state/views/messages.ts';

const minute = 60_000;
const noon = new Date(2026, 7, 5, 12, 0).getTime();
const said = (key: string, at: number, mine: boolean): MessageItem => ({
  key,
  at,
  mine,
  author: mine ? 'me' : 'ada',
  kind: 'text',
  text: key,
  delivery: 'sent',
  edited: false,
  disappears: false,
  reactions: [],
});
const shape = (items: MessageItem[], from = 0, firstUnread = -1): string[] =>
  messageRows(items, from, firstUnread).map((row) =>
    row.kind === 'item' ? `${row.first ? '[' : ''}${row.key}${row.last ? ']' : ''}` : row.kind,
  );

describe('messageRows', () => {
  it('joins a run of one author and parts it at a pause, another author, and midnight', () => {
    const items = [
      said('a', noon, true),
      said('b', noon + minute, true),
      said('c', noon + 10 * minute, true),
      said('d', noon + 11 * minute, false),
      said('e', noon + 24 * 60 * minute, false),
    ];
    expect(shape(items)).toEqual(['day', '[a', 'b]', '[c]', '[d]', 'day', '[e]']);
  });

  it('puts the unread mark before the first unread one and parts the run there', () => {
    const items = [said('a', noon, false), said('b', noon + minute, false)];
    expect(shape(items, 0, 1)).toEqual(['day', '[a]', 'unread', '[b]']);
  });

  it('draws only from the given index, with its day above', () => {
    const items = [said('a', noon, false), said('b', noon + minute, false), said('c', noon + 2 * minute, false)];
    expect(shape(items, 1, 0)).toEqual(['day', '[b', 'c]']);
  });

  it('has unique keys', () => {
    const items = Array.from({ length: 50 }, (_, i) => said(`k${i}`, noon + i * 600 * minute, i % 2 === 0));
    const keys = messageRows(items, 0, 3).map((row) => row.key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
