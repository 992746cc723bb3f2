/** How chosen files become offers whose entries, and knocks to strangers, fit their limits. */
import { toUtf8 } from '../../../protocol/bytes.ts';
import { limits } from '../../../protocol/limits.ts';

/** CBOR around one file of an offer: keys, size, time; generously. */
const perFileBytes = 96;
/** Of an entry's payload, what names may take; the rest is for thumbnails. */
const namesInEntryBytes = limits.payloadBytes / 3;
/** A knock is sealed twice over and carries no thumbnails. */
const namesInKnockBytes = (limits.envelopeBytes * 2) / 3;
const thumbnailsInEntryBytes = limits.payloadBytes / 2;
/** Below this a thumbnail shows nothing. */
const smallestThumbnailBytes = 2 * 1024;

/** What an offer says of a file, in bytes. */
const describedBytes = ({ name, type }: { name: string; type: string }): number =>
  perFileBytes + toUtf8(name).length + toUtf8(type).length;

/** Splits files, in their order, into as few offers as fit. @param knock whether the offer has to fit a knock. */
export function intoOffers<T extends { file: { name: string; type: string } }>(
  files: readonly T[],
  knock: boolean,
): T[][] {
  const mostBytes = knock ? namesInKnockBytes : namesInEntryBytes;
  const offers: T[][] = [];
  let bytes = Infinity;
  for (const one of files) {
    const size = describedBytes(one.file);
    const open = offers.at(-1);
    if (open && bytes + size <= mostBytes && open.length < limits.filesPerOffer) {
      open.push(one);
      bytes += size;
    } else {
      offers.push([one]);
      bytes = size;
    }
  }
  return offers;
}

/** The most that each thumbnail of an offer of so many files may take; 0 for none. */
export function thumbnailBudget(files: number): number {
  const each = Math.min(limits.thumbnailBytes, Math.floor(thumbnailsInEntryBytes / files));
  return each < smallestThumbnailBytes ? 0 : each;
}
