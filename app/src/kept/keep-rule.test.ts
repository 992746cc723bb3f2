import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OfferId } from '../../../protocol/ids.ts';
import { overLimit, type HeldFile } from './keep-rule.ts';

const held = (file: number, sizeBytes: number, usedAt?: number): HeldFile => ({
  offer: 'o'.repeat(22) as OfferId,
  file,
  sizeBytes,
  usedAt,
});
const removed = (files: HeldFile[], atMostBytes?: number) =>
  overLimit(files, atMostBytes === undefined ? {} : { atMostBytes }).remove.map(({ file }) => file);

describe('the limit of received files', () => {
  const files = [held(0, 40, 30), held(1, 40), held(2, 40, 10), held(3, 0, 1), held(4, 40, 20)];

  it('removes nothing without a limit, or within it', () => {
    expect(removed(files)).toEqual([]);
    expect(removed(files, 160)).toEqual([]);
  });

  it('removes what was saved or opened longest ago first, no more than it takes', () => {
    expect(removed(files, 159)).toEqual([2]);
    expect(removed(files, 120)).toEqual([2]);
    expect(removed(files, 119)).toEqual([2, 4]);
  });

  it('never removes what was neither saved nor opened, and says by how much that is too much', () => {
    expect(overLimit(files, { atMostBytes: 10 })).toMatchObject({ unsavedOverBytes: 30 });
    expect(removed(files, 10)).toEqual([2, 4, 0]);
  });

  it('holds for whatever there is', () => {
    const any = fc.array(fc.record({ sizeBytes: fc.nat(100), usedAt: fc.option(fc.nat(), { nil: undefined }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(any, fc.nat(1500), (some, atMostBytes) => {
        const all = some.map(({ sizeBytes, usedAt }, file) => held(file, sizeBytes, usedAt));
        const { remove, unsavedOverBytes } = overLimit(all, { atMostBytes });
        const rest = all.filter((file) => !remove.includes(file));
        const bytes = rest.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        expect(bytes - Math.max(0, unsavedOverBytes)).toBeLessThanOrEqual(atMostBytes);
        for (const { usedAt } of remove) expect(usedAt).toBeDefined();
        if (unsavedOverBytes > 0)
          expect(rest.every(({ usedAt, sizeBytes }) => usedAt === undefined || sizeBytes === 0)).toBe(true);
        const last = remove.at(-1);
        if (last) expect(bytes + last.sizeBytes).toBeGreaterThan(atMostBytes);
      }),
    );
  });
});
