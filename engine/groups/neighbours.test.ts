import { describe, expect, it } from 'vitest';
import { toBase64 } from '../../protocol/bytes.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { seededRandom } from '../testing/keys.ts';
import { neighbours, turnOf } from './neighbours.ts';

const devices = (count: number, seed: number): DeviceId[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => toBase64(random.bytes(16)) as DeviceId);
};

const linksOf = (all: readonly DeviceId[]) => new Map(all.map((device) => [device, neighbours(device, all, 'salt')]));

/** Steps that it takes at most until what one device says has reached all. */
function reach(links: ReturnType<typeof linksOf>, from: DeviceId): number {
  const all = [...links.keys()];
  const reached = new Set([from]);
  let edge = [from];
  for (let steps = 0; ; steps++) {
    if (reached.size === all.length) return steps;
    edge = edge.flatMap((device) => [...(links.get(device) ?? [])]).filter((device) => !reached.has(device));
    if (edge.length === 0) return Infinity;
    for (const device of edge) reached.add(device);
  }
}

describe('neighbours', () => {
  it.each([1, 2, 3, 5, 12, 60])('connect all of %i', (count) => {
    const all = devices(count, count);
    const links = linksOf(all);
    for (const device of all) expect(reach(links, device)).toBeLessThan(count);
  });

  it('are few, and reach 200 in a few steps', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const all = devices(200, seed);
      const links = linksOf(all);
      const counts = [...links.values()].map(({ size }) => size);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(4);
      expect(Math.max(...counts)).toBeLessThanOrEqual(16);
      expect(counts.reduce((sum, one) => sum + one, 0) / all.length).toBeLessThan(6.1);
      for (const device of all.slice(0, 20)) expect(reach(links, device)).toBeLessThanOrEqual(6);
    }
  });

  it('have each other as neighbours', () => {
    const all = devices(50, 3);
    for (const device of all)
      for (const other of neighbours(device, all, 's')) expect(neighbours(other, all, 's').has(device)).toBe(true);
  });

  it('are the same for the same devices in any order, and none is oneself', () => {
    const all = devices(30, 9);
    const [self] = all as [DeviceId];
    expect(neighbours(self, all.toReversed(), 's')).toEqual(neighbours(self, all, 's'));
    expect(neighbours(self, all, 's').has(self)).toBe(false);
    expect(neighbours(self, all, 't')).not.toEqual(neighbours(self, all, 's'));
  });

  it('take turns that are the same for all who see the same devices online', () => {
    const all = devices(30, 9);
    const turns = all.map((device) => turnOf(device, all, 's'));
    expect(turns.toSorted((a, b) => a - b)).toEqual(all.map((_, index) => index));
    expect(all.map((device) => turnOf(device, all.toReversed(), 's'))).toEqual(turns);
  });
});
