import { describe, expect, test } from 'vitest';
import { isWithinLimits } from './spoken.ts';

const MiB = 1024 * 1024;
const dayMs = 24 * 3600_000;
const now = 1_700_000_000_000;
const many = (count: number, member: string, sizeBytes: number, at: number) =>
  Array.from({ length: count }, () => ({ member, sizeBytes, at }));

describe('what is spoken in a group comes without asking', () => {
  test.each([
    ['up to a hundred times a day of one member', many(99, 'bob', 1, now), true],
    ['not more often', many(100, 'bob', 1, now), false],
    ['of another member then', many(100, 'cid', 1, now), true],
    ['again a day later', many(100, 'bob', 1, now - dayMs), true],
    ['once a clock is right that was ahead', many(100, 'bob', 1, now + 400 * dayMs), true],
    ['not beyond 64 MiB of one member', many(64, 'bob', MiB, now - 29 * dayMs), false],
    ['a month later it does', many(64, 'bob', MiB, now - 31 * dayMs), true],
    ['of another member while that is full', many(64, 'cid', MiB, now), true],
    ['not beyond 256 MiB of all', ['ann', 'cid', 'dan', 'eve'].flatMap((one) => many(64, one, MiB, now)), false],
  ])('%s', (_, before, expected) => {
    expect(isWithinLimits({ member: 'bob', sizeBytes: MiB }, before, now)).toBe(expected);
  });
});
