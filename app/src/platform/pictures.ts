/**
 * Pictures drawn anew: whatever a file or a peer calls a picture is decoded as a raster image by the browser, drawn, and encoded again, so that
 * nothing but pixels of ours is ever shown. SVG is no raster image and is not decoded (`pictureSize` knows none).
 */
import { headBytes, pictureSize, type PictureSize } from './picture-size.ts';

export interface Redrawing {
  /** The longer edge is at most this; smaller pictures keep their size. */
  edgePixels: number;
  /** Of the WebP, 0 to 1. */
  quality: number;
  /** A picture that says it has more is not decoded: that takes four bytes for each. */
  maxPixels: number;
}

/** @returns undefined for what is no raster image of a known format, is too large, or cannot be decoded by this browser. */
export async function redraw(source: Blob, options: Redrawing): Promise<Blob | undefined> {
  const head = new Uint8Array(await source.slice(0, headBytes).arrayBuffer());
  const size = pictureSize(head);
  if (!size || size.width * size.height > options.maxPixels) return undefined;
  let picture: ImageBitmap;
  try {
    // Without a type: the browser goes by the bytes, which were looked at.
    picture = await createImageBitmap(source.slice(0, source.size, ''));
  } catch {
    return undefined; // not a picture after all, or one that this browser does not know
  }
  try {
    return await draw(picture, picture, options);
  } finally {
    picture.close();
  }
}

/** Draws something that is decoded into a WebP. */
export function draw(
  picture: CanvasImageSource,
  { width, height }: PictureSize,
  { edgePixels, quality }: Pick<Redrawing, 'edgePixels' | 'quality'>,
): Promise<Blob> {
  const scale = Math.min(1, edgePixels / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob({ type: 'image/webp', quality });
}
