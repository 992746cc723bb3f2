import { describe, expect, it } from 'vitest';
import type { Group } from '../../../engine/groups/group.ts';
import type { GroupEvent } from '../../../engine/groups/membership.ts';
import { text } from '../text.ts';
import { eventItems } from './group-events.ts';

const minuteMs = 60_000;
const noon = new Date(2026, 4, 1, 12).getTime();

const member = (account: string, displayName: string) => ({ account, root: account, handle: account, displayName });
const people = [member('ann', 'Ann'), member('bob', 'Sam'), member('carol', 'Sam'), member('dave', 'Dave')];

/** @param happened minutes after noon, what, to whom, by whom. */
function groupOf(happened: [number, GroupEvent['what'], string, string?][]): Group {
  const events = happened.map(([minutes, what, who, by], sequence) => ({
    lamport: sequence,
    device: 'device',
    sequence,
    at: noon + minutes * minuteMs,
    what,
    who,
    ...(by === undefined ? {} : { by }),
  }));
  const everyone = new Map(people.map((one) => [one.root, one]));
  const membership = { events, everyone, members: everyone };
  return {
    version: 1,
    roster: new Map(),
    membership,
    memberBy: (account: string) => everyone.get(account),
  } as unknown as Group;
}
const lines = (group: Group, messages: number[] = [], from = 0, to = Infinity): string[] =>
  eventItems(
    group,
    'dave' as never,
    from,
    to,
    messages.map((minutes) => noon + minutes * minuteMs),
  ).map((item) => text.groups.event(item));

describe('what happened in a group', () => {
  it('is told in calm lines, namesakes apart, and what one did oneself as such', () => {
    const group = groupOf([
      [0, 'created', 'ann'],
      [0, 'named', 'ann'],
      [1, 'joined', 'dave', 'ann'],
      [2, 'joined', 'bob', 'ann'],
      [3, 'joined', 'carol', 'ann'],
      [4, 'made-admin', 'dave', 'ann'],
      [5, 'removed', 'bob', 'dave'],
      [6, 'named', 'dave'],
      [7, 'left', 'carol'],
    ]);
    expect(lines(group)).toEqual([
      'Ann created the group',
      'You joined',
      'Sam (@bob) and Sam (@carol) joined',
      'Ann made you an admin',
      'You removed Sam (@bob)',
      'You changed the name or picture of the group',
      'Sam (@carol) left',
    ]);
  });

  it('keeps those apart between whom something was said, or a night lies', () => {
    const group = groupOf([
      [0, 'joined', 'ann'],
      [2, 'joined', 'bob'],
      [3, 'joined', 'carol'],
      [24 * 60, 'joined', 'carol'],
    ]);
    expect(lines(group, [1])).toEqual(['Ann joined', 'Sam (@bob) and Sam (@carol) joined', 'Sam (@carol) joined']);
  });

  it('is told within the page that is shown', () => {
    const group = groupOf([
      [0, 'created', 'ann'],
      [5, 'joined', 'bob'],
      [9, 'left', 'bob'],
    ]);
    expect(lines(group, [], noon + 4 * minuteMs, noon + 6 * minuteMs)).toEqual(['Sam (@bob) joined']);
  });

  it('does not list everybody of many', () => {
    const group = groupOf([
      [1, 'joined', 'ann'],
      [2, 'joined', 'bob'],
      [3, 'joined', 'carol'],
      [4, 'joined', 'ann'],
    ]);
    expect(lines(group)).toEqual(['Ann, Sam (@bob) and 2 others joined']);
  });
});
