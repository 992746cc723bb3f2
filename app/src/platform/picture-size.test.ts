import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64 } from '../../../protocol/bytes.ts';
import { pictureSize } from './picture-size.ts';

const plain = (base64: string) => fromBase64(base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''));

const pictures: [string, string, { width: number; height: number }][] = [
  ['GIF', 'R0lGODlhAwAFAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', { width: 3, height: 5 }],
  ['PNG', 'iVBORw0KGgoAAAANSUhEUgAAAAQAAAACCAYAAAB/qH1jAAAAEklEQVR42mNk+M9Qz4AEGJE5AEHoAgHW', { width: 4, height: 2 }],
  ['lossy WebP', 'UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA', { width: 1, height: 1 }],
  ['lossless WebP', 'UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', { width: 1, height: 1 }],
  ['extended WebP', 'UklGRgoAAABXRUJQVlA4WAoAAAAQAAAABwAAAwAA', { width: 8, height: 4 }],
];

describe('the size that a picture says it has', () => {
  it.each(pictures)('is read from a %s', (_, base64, size) => {
    expect(pictureSize(plain(base64))).toEqual(size);
  });

  it('is read from a JPEG behind other segments', () => {
    const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc2, 0, 11, 8, 1, 0x2c, 2, 0x58, 1);
    expect(pictureSize(jpeg)).toEqual({ width: 600, height: 300 });
  });

  it('of an AVIF is the largest that is in it', () => {
    const ascii = (letters: string) => Array.from(letters, (letter) => letter.charCodeAt(0));
    const extent = (width: number, height: number) => [0, 0, 0, 20, ...ascii('ispe'), 0, 0, 0, 0, 0, 0, 0, width, 0, 0, 0, height]; // prettier-ignore
    const avif = Uint8Array.from([0, 0, 0, 16, ...ascii('ftypavif'), ...extent(16, 9), ...extent(160, 90), ...extent(1, 1)]); // prettier-ignore
    expect(pictureSize(avif)).toEqual({ width: 160, height: 90 });
  });

  it.each([
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="5" height="5"/>'],
    ['HTML', '<!doctype html><img>'],
    ['XML before an SVG', '<?xml version="1.0"?><svg/>'],
    ['nothing', ''],
  ])('is none of %s', (_, words) => {
    expect(pictureSize(new TextEncoder().encode(words))).toBeUndefined();
  });

  it('is never more than read: whatever follows a signature, it answers', () => {
    const starts = ['iVBORw0KGgo', '_9j_', 'R0lGODlh', 'UklGRgAAAABXRUJQVlA4WA', 'AAAAIGZ0eXBhdmlm'];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 200 }), (start, rest) => {
        const head = plain(`${start}${'='.repeat((4 - (start.length % 4)) % 4)}`);
        const size = pictureSize(Uint8Array.of(...head, ...rest));
        expect(size === undefined || (size.width > 0 && size.height > 0)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
