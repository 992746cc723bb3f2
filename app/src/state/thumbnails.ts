/** Pictures of files that were drawn anew and can be shown, and which files were chosen wrongly: small things of the screen, by file key. */
import type { Bytes } from '../../../protocol/bytes.ts';
import { pictureSize, type PictureSize } from '../platform/picture-size.ts';
import { safePicture } from '../platform/thumbnails.ts';

/** Chosen in place of a file: another one, or the same one that was changed meanwhile. */
export type WrongFile = 'other' | 'changed';

export class Thumbnails {
  readonly #urls = new Map<string, string | undefined>();
  readonly #sizes = new Map<string, PictureSize>();
  readonly #wrong = new Map<string, WrongFile>();

  constructor(
    private readonly changed: () => void,
    private readonly report: (problem: unknown) => void,
  ) {}

  url(key: string): string | undefined {
    return this.#urls.get(key);
  }

  /** In pixels of the thumbnail: its place is known before it is drawn. */
  size(key: string): PictureSize | undefined {
    return this.#sizes.get(key);
  }

  /** Draws a thumbnail once; it is there a moment later. */
  show(key: string, bytes: Bytes): void {
    if (this.#urls.has(key)) return;
    this.#urls.set(key, undefined);
    const size = pictureSize(bytes);
    if (size) this.#sizes.set(key, size);
    safePicture(bytes).then((picture) => {
      // Released meanwhile: nobody would let go of the address.
      if (!picture || !this.#urls.has(key)) return;
      this.#urls.set(key, URL.createObjectURL(picture));
      this.changed();
    }, this.report);
  }

  wrong(key: string): WrongFile | undefined {
    return this.#wrong.get(key);
  }

  setWrong(key: string, wrong: WrongFile | undefined): void {
    if (wrong) this.#wrong.set(key, wrong);
    else this.#wrong.delete(key);
    this.changed();
  }

  release(): void {
    for (const url of this.#urls.values()) if (url !== undefined) URL.revokeObjectURL(url);
    this.#urls.clear();
    this.#sizes.clear();
  }
}
