/**
 * What a raster picture says of its own size, read from its first bytes. Decoding takes four bytes for each pixel, and a file of a few KiB can
 * claim billions of them: nothing is decoded before this was asked. What is none of these formats has no size and is never decoded.
 */
import type { Bytes } from '../../../protocol/bytes.ts';

export interface PictureSize {
  width: number;
  height: number;
}

/** Enough for the headers of every format, with the colour profile and the maker's notes of a camera before them. */
export const headBytes = 1024 * 1024;

const text = (bytes: Bytes, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

/** @returns undefined for what is no PNG, GIF, JPEG, WebP, BMP or AVIF, or is cut off before its size. */
export function pictureSize(bytes: Bytes): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const size = sizeIn(bytes, view);
    return size && size.width > 0 && size.height > 0 ? size : undefined;
  } catch (problem) {
    if (problem instanceof RangeError) return undefined; // it ends before its size
    throw problem;
  }
}

function sizeIn(bytes: Bytes, view: DataView): PictureSize | undefined {
  const start = text(bytes, 0, 4);
  if (start === '\x89PNG') return { width: view.getUint32(16), height: view.getUint32(20) };
  if (start === 'GIF8') return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (start.startsWith('BM')) return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
  if (start.startsWith('\xff\xd8\xff')) return jpegSize(view);
  if (start === 'RIFF' && text(bytes, 8, 4) === 'WEBP') return webpSize(text(bytes, 12, 4), view);
  if (text(bytes, 4, 4) === 'ftyp' && ['avif', 'avis'].includes(text(bytes, 8, 4))) return avifSize(bytes, view);
  return undefined;
}

/** ITU-T T.81, B.1.1.3: segments of a marker and a length; a start of frame (all of 0xC0 to 0xCF but three) has the size. */
function jpegSize(view: DataView): PictureSize | undefined {
  for (let at = 2; view.getUint8(at) === 0xff;) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at += 1;
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    else at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** RFC 9649: the canvas of the extended format, or the frame of the lossy or the lossless one. */
function webpSize(chunk: string, view: DataView): PictureSize | undefined {
  const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  if (chunk === 'VP8X') return { width: uint24(24) + 1, height: uint24(27) + 1 };
  if (chunk === 'VP8 ') return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (chunk !== 'VP8L') return undefined;
  const bits = view.getUint32(21, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

/** ISO/IEC 23008-12, 6.5.3: the largest of all spatial extents, tiles and small pictures have theirs too. */
function avifSize(bytes: Bytes, view: DataView): PictureSize | undefined {
  let found: PictureSize | undefined;
  for (let at = 12; at + 16 <= bytes.length; at++) {
    if (bytes[at] !== 0x69 || text(bytes, at, 4) !== 'ispe') continue;
    const [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (!found || width * height > found.width * found.height) found = { width, height };
  }
  return found;
}
