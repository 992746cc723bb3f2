/** Port of the bytes of files on this device, named by offer and index. Adapter: `app/src/platform/blob-store.ts` (OPFS), memory in `engine/testing`. */
import type { OfferId } from '../protocol/ids.ts';
import type { BlobSink, BlobSource } from './ports.ts';
import type { Ranges } from './transfer/blocks.ts';

export interface Blobs {
  /**
   * Rejects with `SourceError`: `gone` when this device has no access to the file any more, `changed` when it is not the one that was offered
   * with this size and time (milliseconds since 1970, where known).
   */
  openSource(offer: OfferId, file: number, sizeBytes: number, modifiedAt?: number): Promise<BlobSource>;
  /** Whether an offered file is at hand without asking the person. Nothing of it is read: it may still prove to be another one by now. */
  hasSource(offer: OfferId, file: number): Promise<boolean>;
  /**
   * Whether a file that was offered with this size and time (milliseconds since 1970, where known) is still where the person has it, unchanged, and can
   * be read there after a reload too, without asking them: of its copy nothing would be lost.
   */
  hasOriginal(offer: OfferId, file: number, sizeBytes: number, modifiedAt?: number): Promise<boolean>;
  /**
   * Opens or continues. Only `blocks` are written and need room; opened again with more blocks behind them it keeps what it has.
   * Rejects with `SinkError`.
   */
  openSink(offer: OfferId, file: number, sizeBytes: number, blocks: Ranges): Promise<BlobSink>;
  /** Bytes that can still be stored, to about one in a hundred. */
  freeBytes(): Promise<number>;
  /** Whether so many bytes more can be written here now. It may write to find out: ask seldom. */
  hasRoom(bytes: number): Promise<boolean>;
  /** Removes the copy of a source; nothing of it may be open. Where the original can be read, it still can. */
  removeCopy(offer: OfferId, file: number): Promise<void>;
  /** Forgets what is kept of this file: a copy of the source, a half or whole received file. */
  remove(offer: OfferId, file: number): Promise<void>;
  /** The same, and what says which files a bundle was made of. The files themselves are their person's. */
  erase(offer: OfferId, file: number): Promise<void>;
}
