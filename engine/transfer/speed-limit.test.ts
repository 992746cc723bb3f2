import { describe, expect, test } from 'vitest';
import { SpeedLimit } from './speed-limit.ts';

const KiB = 1024;
const bytesPerSecond = 1000 * KiB;

function limited(rate = bytesPerSecond) {
  const limit = new SpeedLimit();
  limit.set(0, rate);
  return limit;
}

/** Takes chunks as long as it may, as a link does that has much to send. */
function takeAll(limit: SpeedLimit, now: number, who: object, chunkBytes: number): number {
  let taken = 0;
  while (limit.waitMs(now, who) === 0) {
    limit.take(chunkBytes, who);
    taken += chunkBytes;
  }
  return taken;
}

describe('several that send', () => {
  test.each([
    ['small chunks', 8 * KiB, bytesPerSecond],
    ['whole chunks', 64 * KiB, bytesPerSecond],
    ['chunks that are long in debt', 64 * KiB, 100 * KiB],
  ])('get the same, though one always asks first and another comes late: %s', (_, chunkBytes, rate) => {
    const limit = limited(rate);
    const [first, second, late] = [{}, {}, {}];
    const taken = new Map<object, number>();
    const run = (fromMs: number, toMs: number, whos: object[]) => {
      for (const who of whos) taken.set(who, 0);
      for (let now = fromMs; now < toMs; now += 10)
        for (const who of whos) taken.set(who, (taken.get(who) ?? 0) + takeAll(limit, now, who, chunkBytes));
      return whos.map((who) => taken.get(who) ?? 0);
    };
    const fair = (shares: number[], ms: number) => {
      const whole = (rate * ms) / 1000;
      for (const share of shares) expect(Math.abs(share / whole - 1 / shares.length)).toBeLessThan(0.1);
    };
    fair(run(0, 20_000, [first]), 20_000);
    fair(run(20_000, 60_000, [first, second]), 40_000);
    fair(run(60_000, 120_000, [first, second, late]), 60_000);
  });

  test('one whose own line is slow holds nobody back', () => {
    const limit = limited();
    const [slow, fast] = [{}, {}];
    let taken = 0;
    for (let now = 0; now < 20_000; now += 10) {
      if (now % 100 === 0 && limit.waitMs(now, slow) === 0) limit.take(1 * KiB, slow);
      taken += takeAll(limit, now, fast, 16 * KiB);
    }
    expect(taken).toBeGreaterThan(0.9 * 20 * bytesPerSecond);
  });
});

describe('several that receive', () => {
  test('one who wants little of it holds nobody back, and gets what it wants', () => {
    const limit = limited();
    const [little, much] = [{}, {}];
    const taken = { little: 0, much: 0 };
    for (let now = 0; now < 20_000; now += 100) {
      for (const [who, name, wanted] of [
        [much, 'much', 500 * KiB],
        [little, 'little', (2 * KiB * (now + 100)) / 100 - taken.little],
      ] as const) {
        const bytes = limit.shareBytes(now, who, wanted);
        limit.take(bytes, who);
        taken[name] += bytes;
      }
    }
    expect(taken.little).toBeGreaterThan(0.95 * 20 * 20 * KiB);
    expect(taken.much).toBeGreaterThan(0.9 * 20 * bytesPerSecond);
  });
});

test('nothing is held back without a limit', () => {
  const limit = new SpeedLimit();
  expect(limit.waitMs(0, {})).toBe(0);
  expect(limit.shareBytes(0, {}, 7 * KiB)).toBe(7 * KiB);
});
