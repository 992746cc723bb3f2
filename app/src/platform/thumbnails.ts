/**
 * Small previews. Outgoing: a picture is drawn into a small WebP. Incoming: what a peer calls a thumbnail is decoded as a raster image and drawn
 * anew, so that nothing but pixels of ours is ever shown.
 */
import type { Bytes } from '../../../protocol/bytes.ts';

const edgePixels = 320;
/** Decoding a picture takes its pixels times four in memory; larger files are not previewed. */
const maxSourceBytes = 48 * 1024 * 1024;
const rasterTypes = /^image\/(png|jpeg|webp|gif|avif|bmp)$/;

/** @returns at most `mostBytes`; undefined when the file is no picture that this browser can draw, or not that small. */
export async function makeThumbnail(file: File, mostBytes: number): Promise<Bytes | undefined> {
  if (mostBytes === 0 || !rasterTypes.test(file.type) || file.size > maxSourceBytes) return undefined;
  for (const quality of [0.7, 0.4, 0.1]) {
    const small = await redraw(file, quality);
    if (!small) return undefined;
    if (small.size <= mostBytes) return new Uint8Array(await small.arrayBuffer());
  }
  return undefined;
}

/** @returns a picture drawn anew; undefined when the bytes are no raster image. */
export const safePicture = (bytes: Bytes): Promise<Blob | undefined> => redraw(new Blob([bytes]), 0.9);

async function redraw(source: Blob, quality: number): Promise<Blob | undefined> {
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(source);
  } catch {
    return undefined; // not a picture, or one that this browser does not know
  }
  try {
    const scale = Math.min(1, edgePixels / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(
      Math.max(1, Math.round(picture.width * scale)),
      Math.max(1, Math.round(picture.height * scale)),
    );
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: 'image/webp', quality });
  } finally {
    picture.close();
  }
}
