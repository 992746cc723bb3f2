import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toUtf8 } from '../../../protocol/bytes.ts';
import { limits } from '../../../protocol/limits.ts';
import { UniqueNames } from './unique-names.ts';

const nasty = JSON.parse(
  readFileSync(new URL('../../../protocol/fixtures/nasty-names.json', import.meta.url), 'utf8'),
) as string[];

const folded = (name: string): string => name.normalize('NFC').toLowerCase();
const takeAll = (raw: readonly string[], taken: string[] = []): string[] => {
  const names = new UniqueNames(taken);
  return raw.map((name) => names.take(name));
};

describe('names of one folder', () => {
  it.each([
    [
      ['a.txt', 'a.txt', 'a.txt'],
      ['a.txt', 'a (1).txt', 'a (2).txt'],
    ],
    [
      ['A.TXT', 'a.txt'],
      ['A.TXT', 'a (1).txt'],
    ],
    [
      ['é.txt', 'e\u0301.txt'],
      ['é.txt', 'é (1).txt'],
    ],
    [
      ['Straße', 'STRASSE'],
      ['Straße', 'STRASSE (1)'],
    ],
    [
      ['a.txt', 'a (1).txt', 'a.txt'],
      ['a.txt', 'a (1).txt', 'a (2).txt'],
    ],
    [
      ['..', '.', ''],
      ['file', 'file (1)', 'file (2)'],
    ],
    [
      ['CON', 'con'],
      ['_CON', '_con (1)'],
    ],
    [
      ['.profile', '.profile'],
      ['.profile', '.profile (1)'],
    ],
  ])('%j become %j', (raw, expected) => {
    expect(takeAll(raw)).toEqual(expected);
  });

  it('avoid what is there already, whatever its case', () => {
    expect(takeAll(['Photos', 'notes.md'], ['photos', 'NOTES.MD', 'notes (1).md'])).toEqual([
      'Photos (1)',
      'notes (2).md',
    ]);
  });

  it('fit a file system and differ, however hostile they come', () => {
    const raw = fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'binary', maxLength: 400 }));
    fc.assert(
      fc.property(fc.array(raw, { maxLength: 60 }), (names) => {
        const clean = takeAll([...names, ...names]);
        expect(new Set(clean.map(folded)).size).toBe(clean.length);
        expect(clean.filter((name) => toUtf8(name).length > limits.fileNameBytes)).toEqual([]);
        expect(clean.filter((name) => /[/\\]|^\.{0,2}$|[. ]$/.test(name))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });

  it('of 20,000 long twins are found without looking at each other', () => {
    const long = 'x'.repeat(300);
    const begun = performance.now();
    const clean = takeAll(Array.from({ length: 20_000 }, (_, index) => `${long}${index % 2}.bin`));
    expect(new Set(clean).size).toBe(20_000);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
