/** Days are those of the person's clock on the wall: around midnight, where days have 23 or 25 hours, and wherever they are. */
import { afterAll, describe, expect, it } from 'vitest';
import { daysBetween } from './format.ts';
import { messageRows } from './message-rows.ts';
import type { MessageItem } from './state/views/messages.ts';

const before = process.env.TZ;
afterAll(() => {
  if (before === undefined) delete process.env.TZ;
  else process.env.TZ = before;
});

const message = (at: string): MessageItem => ({
  key: at,
  at: Date.parse(at),
  mine: true,
  author: 'Ann',
  kind: 'deleted',
});
/** How many messages stand under each divider. */
function days(...at: string[]): number[] {
  const counts: number[] = [];
  for (const row of messageRows(at.map(message), 0, -1))
    if (row.kind === 'day') counts.push(0);
    else counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
  return counts;
}

describe.each([
  ['Europe/Zurich', '2026-03-28T22:59:59Z', '2026-03-28T23:00:00Z', '2026-03-29T21:59:59Z', '2026-03-29T22:00:00Z'],
  ['Europe/Zurich', '2026-10-24T21:59:59Z', '2026-10-24T22:00:00Z', '2026-10-25T22:59:59Z', '2026-10-25T23:00:00Z'],
  ['America/New_York', '2026-03-08T04:59:59Z', '2026-03-08T05:00:00Z', '2026-03-09T03:59:59Z', '2026-03-09T04:00:00Z'],
  // Where clocks change at midnight, one day begins at one o'clock.
  ['America/Santiago', '2026-09-06T03:59:59Z', '2026-09-06T04:00:00Z', '2026-09-07T02:59:59Z', '2026-09-07T03:00:00Z'],
  ['Asia/Kathmandu', '2026-01-01T18:14:59Z', '2026-01-01T18:15:00Z', '2026-01-02T18:14:59Z', '2026-01-02T18:15:00Z'],
  [
    'Pacific/Kiritimati',
    '2026-01-01T09:59:59Z',
    '2026-01-01T10:00:00Z',
    '2026-01-02T09:59:59Z',
    '2026-01-02T10:00:00Z',
  ],
])('in %s', (zone, lastBefore, first, last, firstAfter) => {
  it(`the day from ${first} to ${last} is one`, () => {
    process.env.TZ = zone;
    expect(days(lastBefore, first, last, firstAfter)).toEqual([1, 2, 1]);
    const distance = (a: string, b: string) => daysBetween(Date.parse(a), Date.parse(b));
    expect([distance(lastBefore, first), distance(first, last), distance(last, firstAfter)]).toEqual([1, 0, 1]);
    expect(distance(lastBefore, firstAfter)).toBe(2);
  });
});

it('a day of which the order of the conversation comes back has a divider of its own each time', () => {
  process.env.TZ = 'UTC';
  expect(days('2026-01-02T10:00:00Z', '2026-01-01T23:00:00Z', '2026-01-02T11:00:00Z')).toEqual([1, 1, 1]);
});
