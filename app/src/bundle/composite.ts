/**
 * One Blob over many files, of which nothing is read yet. The browser reads across them by itself, several times faster than one file after
 * the other (docs/decisions/0014). Made of parts of parts: naming 10,000 files to the browser in one go stops the page for half a second.
 */
import type { Breather } from './breathe.ts';

/** A part takes about 10 ms. */
const filesPerPart = 128;

export async function composite(manifest: Blob, files: readonly Blob[], { pause }: Breather): Promise<Blob> {
  const parts: Blob[] = [manifest];
  for (let at = 0; at < files.length; at += filesPerPart) {
    parts.push(new Blob(files.slice(at, at + filesPerPart)));
    await pause();
  }
  return new Blob(parts);
}

const zerosBytes = 4 * 1024 * 1024;

/** Takes the place of a file that is not there, so that the others keep theirs. Its bytes are never sent. */
export function gap(sizeBytes: number): Blob {
  const zeros = new Blob([new Uint8Array(Math.min(sizeBytes, zerosBytes))]);
  const parts = Array.from({ length: Math.floor(sizeBytes / zerosBytes) }, () => zeros);
  return new Blob([...parts, zeros.slice(0, sizeBytes % zerosBytes)]);
}
