import { describe, expect, it } from 'vitest';
import { Rate } from './rate.ts';

describe('Rate', () => {
  it('says nothing before half a second was seen', () => {
    const rate = new Rate();
    expect(rate.bytesPerSecond(0)).toBeUndefined();
    rate.sample(0, 0);
    rate.sample(400, 1000);
    expect(rate.bytesPerSecond(400)).toBeUndefined();
    expect(rate.secondsLeft(400, 1000)).toBeUndefined();
  });

  it('is the mean over the last 4 s', () => {
    const rate = new Rate();
    for (let at = 0; at <= 10_000; at += 50) rate.sample(at, at < 5000 ? at * 10 : 50_000 + (at - 5000) * 2);
    expect(rate.bytesPerSecond(10_000)).toBeCloseTo(2000);
    expect(rate.secondsLeft(10_000, 4000)).toBeCloseTo(2);
  });

  it('falls to nothing when nothing moves, and forgets on reset', () => {
    const rate = new Rate();
    for (let at = 0; at <= 2000; at += 100) rate.sample(at, at * 10);
    const speeds = [2000, 3000, 4000, 5500, 6500].map((now) => rate.bytesPerSecond(now) ?? 0);
    expect(speeds).toEqual([...speeds].sort((a, b) => b - a));
    expect(speeds.at(-1)).toBe(0);
    expect(rate.secondsLeft(6500, 10)).toBeUndefined();
    rate.reset();
    expect(rate.bytesPerSecond(2000)).toBeUndefined();
  });
});
