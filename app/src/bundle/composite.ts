/**
 * One Blob over many files, of which nothing is read yet. The browser reads across them by itself, several times faster than one file after
 * the other (docs/decisions/0014). Made of parts of parts: naming 10,000 files to the browser in one go stops the page for half a second.
 */
import type { Breather } from './breathe.ts';

/** A part takes about 10 ms. */
const filesPerPart = 128;

export async function composite(manifest: Blob, files: readonly File[], { pause }: Breather): Promise<Blob> {
  const parts: Blob[] = [manifest];
  for (let at = 0; at < files.length; at += filesPerPart) {
    parts.push(new Blob(files.slice(at, at + filesPerPart)));
    await pause();
  }
  return new Blob(parts);
}
