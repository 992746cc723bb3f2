/** The picture that is shown on the whole screen, by offer and index; one place for the many pictures that can be pressed. */
import type { OfferId } from '../../protocol/ids.ts';

export interface PictureRef {
  offer: OfferId;
  file: number;
}

let shown = $state.raw<PictureRef>();

export const shownPicture = {
  get now(): PictureRef | undefined {
    return shown;
  },
  show({ offer, file }: PictureRef): void {
    shown = { offer, file };
  },
  close(): void {
    shown = undefined;
  },
};

export const isSamePicture = (a: PictureRef, b: PictureRef): boolean => a.offer === b.offer && a.file === b.file;
