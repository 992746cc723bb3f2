import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DeviceId } from '../../protocol/ids.ts';
import { compareEntries, type Position } from './order.ts';

const at = (lamport: number, device: string, sequence: number): Position => ({
  lamport,
  device: device as DeviceId,
  sequence,
});
const position = fc
  .tuple(fc.nat(3), fc.constantFrom('A', 'Z', '_', 'a', '-'), fc.nat(2))
  .map(([lamport, device, sequence]) => at(lamport, device, sequence));

it('is Lamport time, then device by code unit, then sequence', () => {
  const ordered = [at(1, 'Z', 5), at(2, '-', 0), at(2, 'A', 9), at(2, '_', 0), at(2, 'a', 1), at(2, 'a', 2)];
  expect(ordered.toReversed().sort(compareEntries)).toEqual(ordered);
});

it('is one order however the entries came', () => {
  fc.assert(
    fc.property(fc.array(position), fc.array(fc.nat()), (positions, keys) => {
      const shuffled = positions
        .map((value, i) => ({ value, key: keys[i % Math.max(1, keys.length)] ?? 0 }))
        .sort((a, b) => a.key - b.key);
      const values = shuffled.map(({ value }) => value);
      expect(values.sort(compareEntries)).toEqual(positions.sort(compareEntries));
    }),
  );
});
