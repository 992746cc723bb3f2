import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder, moved, nextOf, type Move, type Queued } from './queue.ts';

const MiB = 1024 * 1024;
const minute = 60_000;
const one = (key: string, at: number, leftBytes = 100 * MiB, file = 0): Queued => ({ key, at, file, leftBytes });
const keys = (queued: readonly Queued[]) => queued.map(({ key }) => key).join('');

describe('the line', () => {
  it('is by time of the offer, then by place in it', () => {
    expect(keys(inOrder([one('c', 2), one('b', 1, 100 * MiB, 1), one('a', 1)], []))).toBe('abc');
  });

  it('lets small files go before larger ones of the last ten minutes, and no older ones', () => {
    const small = (at: number) => one('s', at, MiB);
    expect(keys(inOrder([one('l', 0), small(9 * minute)], []))).toBe('sl');
    expect(keys(inOrder([one('l', 0), small(11 * minute)], []))).toBe('ls');
  });

  it('is by the order of the person before all else', () => {
    expect(keys(inOrder([one('a', 1), one('b', 2, MiB), one('c', 3)], ['c', 'gone', 'a']))).toBe('cab');
  });
});

describe('the next one', () => {
  const huge = (key: string) => one(key, 1, 2048 * MiB);

  it('comes when a place is free', () => {
    expect(nextOf([one('b', 2)], [one('a', 1)], 1, [])).toBeUndefined();
    expect(nextOf([one('b', 2)], [one('a', 1)], 2, [])?.key).toBe('b');
  });

  it('is not one more huge file when only one place is left', () => {
    expect(nextOf([huge('c')], [huge('a'), huge('b')], 3, [])).toBeUndefined();
    expect(nextOf([huge('c'), one('d', 5)], [huge('a'), huge('b')], 3, [])?.key).toBe('d');
  });

  it('is a huge one where there is one place in all, or where the person said so', () => {
    expect(nextOf([huge('a')], [], 1, [])?.key).toBe('a');
    expect(nextOf([huge('c')], [huge('a'), huge('b')], 3, ['c'])?.key).toBe('c');
    expect(nextOf([huge('c')], [huge('a'), huge('b')], 3, ['a'])?.key).toBe('c');
  });
});

describe('moving', () => {
  it('names no more than it must', () => {
    const line = ['a', 'b', 'c', 'd'];
    expect(moved([], line, 'c', 'top')).toEqual(['c']);
    expect(moved([], line, 'c', 'up')).toEqual(['a', 'c']);
    expect(moved([], line, 'a', 'down')).toEqual(['b', 'a']);
  });

  it('keeps those that are not in the line now, before it', () => {
    expect(moved(['x', 'b'], ['b', 'a'], 'a', 'up')).toEqual(['x', 'a', 'b']);
  });

  it('does nothing at the ends, nor with what is not in line', () => {
    for (const [key, move] of [
      ['a', 'up'],
      ['b', 'down'],
      ['x', 'top'],
    ] as const)
      expect(moved(['b'], ['a', 'b'], key, move)).toEqual(['b']);
  });

  it('makes exactly the line that was asked for, however often', () => {
    const moves = fc.array(fc.tuple(fc.nat(7), fc.constantFrom<Move>('top', 'up', 'down')), { maxLength: 30 });
    const sizes = fc.array(fc.constantFrom(MiB, 100 * MiB), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(sizes, moves, (leftBytes, all) => {
        const queued = leftBytes.map((bytes, n) => one('abcdefgh'.charAt(n), n, bytes));
        let order: string[] = [];
        for (const [n, move] of all) {
          const line = inOrder(queued, order).map(({ key }) => key);
          const key = 'abcdefgh'.charAt(n);
          const from = line.indexOf(key);
          const to = move === 'top' ? 0 : move === 'up' ? Math.max(0, from - 1) : Math.min(7, from + 1);
          order = moved(order, line, key, move);
          expect(inOrder(queued, order).map((each) => each.key)).toEqual(line.toSpliced(from, 1).toSpliced(to, 0, key));
        }
      }),
    );
  });
});
