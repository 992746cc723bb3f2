import { describe, expect, test } from 'vitest';
import { deadlineMs, floorBytes, Trickle } from './trickle.ts';

/** Asks once a second for so long, with so many bytes before each; says when it was too slow first, in seconds. */
function slowAfter(
  seconds: number,
  bytesAt: (second: number) => number,
  due: (second: number) => boolean = () => true,
) {
  const trickle = new Trickle();
  for (let second = 0; second < seconds; second++) {
    trickle.moved(bytesAt(second));
    if (trickle.tooSlow(second * 1000, due(second))) return second;
  }
  return undefined;
}

describe('a peer', () => {
  test('that sends a byte now and then is too slow after the deadline', () => {
    expect(slowAfter(600, (second) => (second % 4 === 0 ? 1 : 0))).toBe(deadlineMs / 1000);
  });

  test('on a slow line is not, however long it takes', () => {
    expect(slowAfter(3600, () => (floorBytes * 1000) / deadlineMs + 1)).toBeUndefined();
  });

  test('that cannot send is not', () => {
    expect(
      slowAfter(
        600,
        () => 0,
        (second) => second % 20 !== 0,
      ),
    ).toBeUndefined();
  });

  test('is not blamed for what did not come while this side slept', () => {
    const trickle = new Trickle();
    expect(trickle.tooSlow(0, true)).toBe(false);
    expect(trickle.tooSlow(60_000, true)).toBe(false);
    expect(trickle.tooSlow(61_000, true)).toBe(false);
  });
});
