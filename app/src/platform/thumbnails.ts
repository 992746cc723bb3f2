/** Small previews. Outgoing: a picture, or a frame of a video, is drawn into a small WebP. Incoming: what a peer calls a thumbnail is drawn anew. */
import type { Bytes } from '../../../protocol/bytes.ts';
import { mediaKind } from '../media-kind.ts';
import { draw, redraw } from './pictures.ts';

const edgePixels = 320;
/** Decoding a picture takes its pixels times four in memory; larger files are not previewed. */
const maxSourceBytes = 48 * 1024 * 1024;
const maxSourcePixels = 100e6;
/** What is sent as a thumbnail is far below; a larger one is meant to fill memory. */
const maxThumbnailPixels = 1e6;
/** A video that shows nothing until then goes without. */
const frameTimeoutMs = 3000;
/** Many videos begin with black. */
const frameAtSeconds = 1;

/** @returns at most `mostBytes`; undefined when the file is neither picture nor video that this browser can draw, or not that small. */
export async function makeThumbnail(file: File, mostBytes: number): Promise<Bytes | undefined> {
  if (mostBytes === 0) return undefined;
  for (const quality of [0.7, 0.4, 0.1]) {
    const small = await smallPicture(file, quality);
    if (!small) return undefined;
    if (small.size <= mostBytes) return new Uint8Array(await small.arrayBuffer());
  }
  return undefined;
}

function smallPicture(file: File, quality: number): Promise<Blob | undefined> {
  if (mediaKind(file) === 'video') return frameOf(file, quality);
  if (!file.type.startsWith('image/') || file.size > maxSourceBytes) return Promise.resolve(undefined);
  return redraw(file, { edgePixels, quality, maxPixels: maxSourcePixels });
}

/** @returns a picture drawn anew; undefined when the bytes are no raster image. */
export const safePicture = (bytes: Bytes): Promise<Blob | undefined> =>
  redraw(new Blob([bytes]), { edgePixels, quality: 0.9, maxPixels: maxThumbnailPixels });

async function frameOf(file: File, quality: number): Promise<Blob | undefined> {
  const video = document.createElement('video');
  const url = URL.createObjectURL(file);
  try {
    video.muted = true;
    video.preload = 'auto';
    video.src = url;
    const { signal, done } = deadline();
    try {
      if (!(await happens(video, 'loadeddata', signal))) return undefined;
      const seconds = Math.min(frameAtSeconds, video.duration / 2);
      // Of a stream that was recorded the end is not known, and the beginning does.
      if (Number.isFinite(seconds) && seconds > 0) {
        video.currentTime = seconds;
        if (!(await happens(video, 'seeked', signal))) return undefined;
      }
      const size = { width: video.videoWidth, height: video.videoHeight };
      return size.width > 0 && size.height > 0 ? await draw(video, size, { edgePixels, quality }) : undefined;
    } finally {
      done();
    }
  } finally {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(url);
  }
}

function deadline(): { signal: AbortSignal; done: () => void } {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), frameTimeoutMs);
  return { signal: stop.signal, done: () => clearTimeout(timer) };
}

/** Whether it happens before the video fails or the time is over. */
function happens(video: HTMLVideoElement, event: 'loadeddata' | 'seeked', signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    video.addEventListener(event, () => resolve(true), { once: true });
    video.addEventListener('error', () => resolve(false), { once: true });
    signal.addEventListener('abort', () => resolve(false), { once: true });
  });
}
