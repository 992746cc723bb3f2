/**
 * Where the bytes of an offered file are on this device, best first: the File that was chosen in this page, the copy that was made when it
 * was attached, the handle that the browser gave. And where received bytes go.
 */
import type { Blobs } from '../../../engine/blobs.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import { SourceError } from '../../../engine/ports.ts';
import { fileKey } from '../../../engine/exchange/offer.ts';
import type { OfferId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import type { BlobStore } from './blob-store.ts';
import { strict, type AccountDatabase } from './database.ts';

export class DeviceBlobs implements Blobs {
  readonly #chosen = new Map<string, File>();

  constructor(
    private readonly store: BlobStore,
    private readonly db: AccountDatabase,
  ) {}

  /** Makes a file available under an offer, so that a reload needs no click where that is possible. Rejects with `SinkError` or `SourceError`. */
  async attach(
    offer: OfferId,
    file: number,
    chosen: File,
    options: { pasted: boolean; handle?: FileSystemFileHandle },
  ): Promise<void> {
    const key = fileKey(offer, file);
    if (options.handle) {
      const tx = this.db.transaction('handles', 'readwrite', strict);
      await Promise.all([tx.store.put(options.handle, key), tx.done]);
    }
    // A copy is what goes out: the file itself may be changed or deleted before it is asked for.
    if (options.pasted || chosen.size <= limits.copyOnAttachBytes) await this.store.copy({ offer, file }, chosen);
    else this.#chosen.set(key, chosen);
  }

  /** The person chose the file again. */
  provide(offer: OfferId, file: number, chosen: File): void {
    this.#chosen.set(fileKey(offer, file), chosen);
  }

  async openSource(offer: OfferId, file: number, sizeBytes: number) {
    const key = fileKey(offer, file);
    const chosen = this.#chosen.get(key);
    if (chosen) return this.store.openChosen({ offer, file }, chosen);
    const copy = await this.store.openCopy({ offer, file }, sizeBytes);
    if (copy) return copy;
    const handle = await this.db.get('handles', key);
    // Asking for permission needs a click; the screen then offers to choose the file again instead.
    if (handle && (await permissionOf(handle)) === 'granted')
      return this.store.openChosen({ offer, file }, await openHandle(handle));
    throw new SourceError('gone');
  }

  openSink(offer: OfferId, file: number, sizeBytes: number, blocks: Ranges) {
    return this.store.openSink({ offer, file }, sizeBytes, blocks);
  }

  async remove(offer: OfferId, file: number): Promise<void> {
    await this.db.delete('handles', fileKey(offer, file));
    await this.forget(offer, file);
  }

  /** The bytes alone: for when the database goes as a whole, and is closed. */
  async forget(offer: OfferId, file: number): Promise<void> {
    this.#chosen.delete(fileKey(offer, file));
    await this.store.remove({ offer, file });
  }
}

type WithPermission = FileSystemFileHandle & { queryPermission?(options: { mode: 'read' }): Promise<PermissionState> };
const permissionOf = async (handle: WithPermission): Promise<PermissionState> =>
  (await handle.queryPermission?.({ mode: 'read' })) ?? 'prompt';

async function openHandle(handle: FileSystemFileHandle): Promise<File> {
  try {
    return await handle.getFile();
  } catch (cause) {
    throw new SourceError('gone', { cause });
  }
}
