import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import * as v from 'valibot';
import { toUtf8 } from './bytes.ts';
import { limits } from './limits.ts';
import { fileName, foldHandle, Handle, shownName } from './names.ts';

const RUNS = process.env['CAUSEWAY_LONG'] === '1' ? 100_000 : 10_000;
const corpus = JSON.parse(readFileSync(new URL('fixtures/nasty-names.json', import.meta.url), 'utf8')) as string[];

/** One path segment that cannot leave its folder, be a device, or look like something else, on any system. */
function expectSafe(name: string): void {
  expect(name).not.toBe('');
  expect(name).not.toMatch(/^\.+$/);
  expect(name).not.toMatch(/[/\\:*?"<>|\u2044\u2215\u29f8\uff0f\uff3c]/);
  expect(name).not.toMatch(
    /\p{Cc}|\p{Cs}|\p{Bidi_Control}|\p{Zl}|\p{Zp}|[\u200b-\u200d\u2060\ufeff\u{e0000}-\u{e007f}]/u,
  );
  expect(name).not.toMatch(/[. ]$|^ /);
  expect(name).not.toMatch(/^(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i);
  expect(toUtf8(name).length).toBeLessThanOrEqual(limits.fileNameBytes);
  expect(name.normalize('NFC')).toBe(name);
  // Cleaned once is cleaned: both sides of a link agree on it.
  expect(fileName(name)).toBe(name);
}

describe('fileName', () => {
  it(`makes each of ${corpus.length} nasty names safe`, () => {
    expect(corpus.length).toBeGreaterThanOrEqual(300);
    for (const raw of corpus) {
      try {
        expectSafe(fileName(raw));
      } catch (error) {
        throw new Error(`${JSON.stringify(raw)} became ${JSON.stringify(fileName(raw))}`, { cause: error });
      }
    }
  });

  const pieces = fc.constantFrom(
    ...[
      '/',
      '\\',
      '..',
      '.',
      ' ',
      ':',
      '\u202e',
      '\u200b',
      'con',
      'NUL',
      'lpt1',
      '\u0000',
      '\u001b',
      'x',
      '.txt',
      '\ud800',
      '\u0301',
      '\u0338',
    ],
    ...['é', '写', '\u{1f4a9}', 'a'.repeat(100), '\u0344', '\u1100', '\u1161', '$', '~', '-'],
  );
  const nasty = fc
    .array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 30 })
    .map((parts) => parts.join(''));

  it(`makes ${RUNS} generated names safe`, () => {
    fc.assert(
      fc.property(nasty, (raw) => expectSafe(fileName(raw))),
      { numRuns: RUNS },
    );
  }, 600_000);

  it.each([
    ['Bericht März.pdf', 'Bericht März.pdf'],
    ['写真.jpg', '写真.jpg'],
    ['archive.tar.gz', 'archive.tar.gz'],
    ['.htaccess', '.htaccess'],
    ['a/b', 'a_b'],
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['CON.txt', '_CON.txt'],
    ['..', 'file'],
    ['', 'file'],
    ['x'.repeat(300) + '.txt', 'x'.repeat(251) + '.txt'],
  ])('%s becomes %s', (raw, clean) => {
    expect(fileName(raw)).toBe(clean);
  });
});

describe('shownName', () => {
  it('is one line of visible characters, as long as asked', () => {
    for (const raw of corpus) {
      const shown = shownName(raw, 64);
      expect(shown.length).toBeLessThanOrEqual(64);
      expect(shown).not.toMatch(/\p{Cc}|\p{Cs}|\p{Bidi_Control}|\p{Zl}|\p{Zp}/u);
      expect(shown).toBe(shown.trim());
    }
  });
});

describe('joiners', () => {
  const family = '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}';
  const dark = '\u{1f468}\u{1f3ff}\u200d\u{1f680}';
  const flag = '\u{1f3f3}\ufe0f\u200d\u{1f308}';

  it.each([family, dark, flag, `The ${family} family`])('%s stays whole where it is shown', (name) => {
    expect(shownName(name)).toBe(name);
    expect(fileName(name)).toBe(name.replace(/\u200d/g, ''));
  });

  it.each([
    ['al\u200dice', 'alice'],
    ['\u200dalice\u200d', 'alice'],
    ['\u{1f469}\u200d', '\u{1f469}'],
    ['\u{1f469}\u200d\u200d\u{1f467}', '\u{1f469}\u{1f467}'],
    ['\u{1f469}\u200dalice', '\u{1f469}alice'],
    ['1\u200d\u{1f467}', '1\u{1f467}'],
    ['a\ufe0f\u200d\u{1f467}', 'a\ufe0f\u{1f467}'],
  ])('that join nothing are taken out of %j', (raw, shown) => {
    expect(shownName(raw)).toBe(shown);
  });

  it('are not left at the end of a name that is cut', () => {
    for (let length = 1; length <= family.length; length++) expect(shownName(family, length)).not.toMatch(/\u200d$/);
  });

  it(`of ${RUNS} generated names join two pictures, and cleaning again changes nothing`, () => {
    const pieces = fc.constantFrom('\u200d', '\u{1f469}', '\u{1f3ff}', '\ufe0f', 'a', ' ', '1', '\u200b', '\u0301');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const shown = shownName(parts.join(''));
        expect(shown.replace(/(\u{1f469}\ufe0f?|\u{1f3ff})\u200d(?=\u{1f469}|\u{1f3ff})/gu, '$1')).not.toContain(
          '\u200d',
        );
        expect(shownName(shown)).toBe(shown);
      }),
      { numRuns: RUNS },
    );
  });
});

it('takes no longer for a name of dots than its length says: a folder has 250,000 of them', () => {
  const bestMs = (name: string): number =>
    Math.min(
      ...Array.from({ length: 20 }, () => {
        const since = performance.now();
        for (let i = 0; i < 10; i++) fileName(name);
        return performance.now() - since;
      }),
    );
  const plainMs = bestMs(`${'ab'.repeat(500)}c`);
  for (const name of ['.'.repeat(1000), '. '.repeat(500)]) expect(bestMs(`${name}c`)).toBeLessThan(20 * plainMs);
});

describe('Handle', () => {
  it.each(['abc', 'A.B-c_9', 'x'.repeat(32)])('takes %s', (raw) => {
    expect(v.parse(Handle, raw)).toBe(raw.toLowerCase());
  });

  it.each(['ab', '', '___', 'x'.repeat(33), 'a b', 'ä12', 'abc\n', 'abc\u200b', 'a/b', '<b>', 'аbc'])(
    'refuses %j',
    (raw) => {
      expect(v.safeParse(Handle, raw).success).toBe(false);
    },
  );

  it.each([
    ['paul', 'pau1'],
    ['paul', 'paui'],
    ['bob', 'b0b'],
    ['ann.lee', 'annlee'],
    ['ann_lee', 'ann-lee'],
  ])('%s and %s look alike', (a, b) => {
    expect(foldHandle(v.parse(Handle, a))).toBe(foldHandle(v.parse(Handle, b)));
  });
});
