import { describe, expect, it } from 'vitest';
import { ago, day, daysBetween, duration, playTime, shortMoment, size, stamp } from './format.ts';

describe('size', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1000, '1 kB'],
    [1500, '1.5 kB'],
    [12_345, '12.3 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [64 * 1024 ** 2, '67.1 MB'],
    [2 ** 32 + 1, '4.29 GB'],
    [9e12, '9 TB'],
    [Number.MAX_SAFE_INTEGER, '9.01 PB'],
    [-5, '0 bytes'],
  ])('%d is %s', (bytes, words) => {
    expect(size(bytes)).toBe(words);
  });
});

describe('duration', () => {
  it.each([
    [0, '1 sec'],
    [59, '59 sec'],
    [60, '1 min'],
    [3599, '1 hr'],
    [4800, '1 hr 20 min'],
    [86_400, '1 day'],
    [200_000, '2 days'],
  ])('%d seconds are %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });
});

describe('moments', () => {
  const now = new Date(2026, 7, 5, 14, 30).getTime();
  const at = (...parts: [number, number, number, number, number]): number => new Date(...parts).getTime();

  it('counts calendar days, not spans of 24 hours', () => {
    expect(daysBetween(at(2026, 7, 4, 23, 59), at(2026, 7, 5, 0, 1))).toBe(1);
    expect(daysBetween(at(2026, 7, 5, 0, 1), now)).toBe(0);
  });

  it.each([
    [at(2026, 7, 5, 9, 5), '9:05 AM', 'Today'],
    [at(2026, 7, 4, 23, 0), 'Yesterday', 'Yesterday'],
    [at(2026, 7, 1, 9, 0), 'Saturday', 'Saturday, August 1'],
    [at(2026, 2, 1, 9, 0), 'Mar 1', 'Sunday, March 1'],
    [at(2024, 7, 4, 9, 0), '8/4/24', 'August 4, 2024'],
    // A clock that runs ahead of ours: shown as a time, never as "in 2 days".
    [at(2026, 7, 7, 9, 5), '9:05 AM', 'Friday, August 7'],
  ])('%d', (moment, short, long) => {
    expect(shortMoment(moment, now).replace(/\s/gu, ' ')).toBe(short);
    expect(day(moment, now)).toBe(long);
  });

  it.each([
    [now + 60_000, 'now'],
    [now - 20_000, 'now'],
    [now - 5 * 60_000, '5 minutes ago'],
    [now - 2 * 3_600_000, '2 hours ago'],
    [at(2026, 7, 4, 14, 0), 'yesterday'],
  ])('%d is %s', (moment, words) => {
    expect(ago(moment, now)).toBe(words);
  });
});

it.each([
  [0, '0:00'],
  [7_999, '0:07'],
  [750_000, '12:30'],
  [900_000, '15:00'],
])('a place %d ms into a sound is %s', (ms, words) => expect(playTime(ms)).toBe(words));

it('a stamp in a file name sorts as time does, and has no sign that a file system refuses', () => {
  expect(stamp(new Date(2026, 7, 4, 9, 5, 1).getTime())).toBe('2026-08-04 09.05.01');
});
