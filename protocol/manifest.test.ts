import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCbor } from './codec.ts';
import { limits } from './limits.ts';
import { decodeManifest, encodeManifest, paddedManifest, type ManifestEntry } from './manifest.ts';

const segment = fc.string({ minLength: 1, maxLength: 20 }).filter((s) => !s.includes('/') && s !== '.' && s !== '..');
const where = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('/'));
const entry: fc.Arbitrary<ManifestEntry> = fc.oneof(
  where.map((path) => ({ kind: 'folder' as const, path })),
  fc.record({ kind: fc.constant('file' as const), path: where, sizeBytes: fc.nat() }),
  fc.record({ kind: fc.constant('file' as const), path: where, sizeBytes: fc.nat(), modifiedAt: fc.nat() }),
);
const total = (entries: readonly ManifestEntry[]): number =>
  entries.reduce((sum, one) => sum + (one.kind === 'file' ? one.sizeBytes : 0), 0);

describe('a manifest', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 50 }), (entries) => {
        expect(decodeManifest(encodeManifest(entries), total(entries))).toEqual(entries);
      }),
    );
  });

  it('may be followed by zeros up to the end of its block, and by nothing else', () => {
    const entries: ManifestEntry[] = [{ kind: 'file', path: 'empty', sizeBytes: 0 }];
    const padded = paddedManifest(encodeManifest(entries));
    expect(padded).toHaveLength(limits.blockBytes);
    expect(decodeManifest(padded, 0)).toEqual(entries);
    padded[padded.length - 1] = 1;
    expect(() => decodeManifest(padded, 0)).toThrow('more than one value');
  });

  it.each([
    ['a path to the root', [['/etc/passwd', 1]], 1, 'leaves its bundle'],
    ['a path upwards', [['a/../../b', 1]], 1, 'leaves its bundle'],
    ['a path to itself', [['a/./b', 1]], 1, 'leaves its bundle'],
    ['an empty segment', [['a//b', 1]], 1, 'leaves its bundle'],
    ['a path that ends in a separator', [['a/', 1]], 1, 'leaves its bundle'],
    ['an empty path', [['', 1]], 1, 'malformed'],
    ['no entries', [], 0, 'malformed'],
    ['sizes that do not add up', [['a', 1]], 2, 'add up'],
    ['a size below zero', [['a', -1]], -1, 'malformed'],
    [
      'too many segments',
      [
        [
          Array(limits.pathDepth + 1)
            .fill('a')
            .join('/'),
          1,
        ],
      ],
      1,
      'too many segments',
    ],
    ['a long path', [['a'.repeat(limits.pathUnits + 1), 1]], 1, 'malformed'],
    ['another shape', { a: 1 }, 1, 'malformed'],
  ])('with %s is refused', (_, value, contentBytes, message) => {
    expect(() => decodeManifest(encodeCbor(value), contentBytes)).toThrow(message);
  });

  it('over its limit is refused before it is looked at', () => {
    expect(() => decodeManifest(new Uint8Array(limits.manifestBytes + 1), 0)).toThrow('manifest of');
  });
});
