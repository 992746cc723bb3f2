import { describe, expect, it } from 'vitest';
import { toBase64 } from '../../protocol/bytes.ts';
import type { PublicKey } from '../../protocol/ids.ts';
import { hashes, seededRandom } from '../testing/keys.ts';
import { safetyNumber } from './safety-number.ts';

const key = (seed: number) => toBase64(seededRandom(seed).bytes(32)) as PublicKey;

describe('the safety number', () => {
  it('is sixty digits in groups of five, the same on both sides', async () => {
    const [mine, theirs] = await Promise.all([
      safetyNumber(key(1), key(2), hashes),
      safetyNumber(key(2), key(1), hashes),
    ]);
    expect(mine).toEqual(theirs);
    expect(mine).toHaveLength(12);
    for (const group of mine) expect(group).toMatch(/^\d{5}$/);
  });

  it('stays what it is: two versions of the app must agree', async () => {
    const zeros = toBase64(new Uint8Array(32)) as PublicKey;
    const ones = toBase64(new Uint8Array(32).fill(1)) as PublicKey;
    expect((await safetyNumber(zeros, ones, hashes)).join(' ')).toMatchInlineSnapshot(
      `"53631 58142 86338 57306 10733 81549 84661 99510 75543 13867 22602 04393"`,
    );
  });

  it('is another one with another key on either side', async () => {
    const all = await Promise.all([1, 2, 3].map((seed) => safetyNumber(key(seed), key(4), hashes)));
    expect(new Set(all.map((groups) => groups.join(''))).size).toBe(3);
  });
});
