import { expect, it } from 'vitest';
import { loudness, squeezed } from './loudness.ts';

it('tells silence from a tone, and never says more than all', () => {
  expect(loudness(new Float32Array(100))).toBe(0);
  expect(loudness(Float32Array.of(0.1, -0.1, 0.1, -0.1))).toBeCloseTo(0.4);
  expect(loudness(Float32Array.of(1, -1))).toBe(1);
  expect(loudness(new Float32Array(0))).toBe(0);
});

it('squeezes many moments into as many steps as fit, and keeps the loud ones', () => {
  const levels = Array.from({ length: 1000 }, (_, i) => (i === 500 ? 0.8 : 0.2));
  const steps = squeezed(levels, 64);
  expect(steps).toHaveLength(64);
  expect(Math.max(...steps)).toBe(255);
  expect([...steps].filter((step) => step === 64)).toHaveLength(63);
});

it('has fewer steps for what is short, and silence stays low', () => {
  expect([...squeezed([0.1, 0.2, 0.4], 64)]).toEqual([64, 128, 255]);
  expect([...squeezed([0, 0.001], 64)]).toEqual([0, 5]);
  expect(squeezed([], 64)).toHaveLength(0);
});
