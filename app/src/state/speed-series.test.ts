import { describe, expect, it } from 'vitest';
import { SpeedSeries, stepMs, steps } from './speed-series.ts';

const start = 1_000_000 * stepMs;

describe('the speed of the last two minutes', () => {
  it('is the mean of each step, the newest last', () => {
    const series = new SpeedSeries();
    series.sample(start, { down: 10, up: 1 });
    series.sample(start + 500, { down: 30, up: 1 });
    series.sample(start + stepMs, { down: 5, up: 0 });
    const { down, up } = series.at(start + stepMs);
    expect([down.length, up.length]).toEqual([steps, steps]);
    expect([down.slice(-3), up.slice(-3)]).toEqual([
      [0, 20, 5],
      [0, 1, 0],
    ]);
  });

  it('goes on without samples, and is empty after two minutes', () => {
    const series = new SpeedSeries();
    series.sample(start, { down: 10, up: 0 });
    expect(series.at(start + 10 * stepMs).down.at(-11)).toBe(10);
    expect(series.any(start + (steps - 1) * stepMs)).toBe(true);
    expect(series.any(start + steps * stepMs)).toBe(false);
  });

  it('forgets what is older, and what a clock that was set back left in the future', () => {
    const series = new SpeedSeries();
    series.sample(start, { down: 10, up: 0 });
    series.sample(start + 1000 * stepMs, { down: 20, up: 0 });
    series.sample(start, { down: 30, up: 0 });
    expect(series.at(start).down.filter((speed) => speed > 0)).toEqual([30]);
  });
});
