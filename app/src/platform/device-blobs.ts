/**
 * Where the bytes of an offered file, or bundle, are on this device, best first: the File that was chosen in this page, the copy that was made when it
 * was attached, the handle that the browser gave. And where received bytes go.
 */
import type { Blobs } from '../../../engine/blobs.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import { SinkError, SourceError, type BlobSource } from '../../../engine/ports.ts';
import { fileKey } from '../../../engine/exchange/offer.ts';
import { checkSame } from '../../../engine/transfer/same-source.ts';
import type { OfferId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import type { Chosen } from '../chosen-files.ts';
import type { Gathered } from '../bundle/gather.ts';
import { isSame } from '../same-file.ts';
import type { BlobRef, BlobStore } from './blob-store.ts';
import type { BundleProblem } from './bundle-problem.ts';
import type { OpenBundle } from './bundle-source.ts';
import { strict, type AccountDatabase } from './database.ts';

/** Loaded with the first bundle. */
const bundleSource = () => import('./bundle-source.ts');

/** What tells a file that was offered from another one. */
interface Described {
  size: number;
  modifiedAt?: number | undefined;
}

export class DeviceBlobs implements Blobs {
  readonly #chosen = new Map<string, File>();
  readonly #bundles = new Map<string, OpenBundle>();
  readonly #problems = new Map<string, BundleProblem[]>();

  constructor(
    private readonly store: BlobStore,
    private readonly db: AccountDatabase,
    /** Of a bundle that this device offered. */
    private readonly manifestBytesOf: (offer: OfferId, file: number) => number | undefined,
  ) {}

  /** Makes a file available under an offer, so that a reload needs no click where that is possible. Rejects with `SinkError` or `SourceError`. */
  async attach(
    offer: OfferId,
    file: number,
    chosen: File,
    options: { pasted: boolean; handle?: FileSystemFileHandle },
  ): Promise<void> {
    const key = fileKey(offer, file);
    if (options.handle) await this.#keepHandle(key, options.handle);
    // A copy is what goes out: the file itself may be changed or deleted before it is asked for.
    const copied = options.pasted || chosen.size <= limits.copyOnAttachBytes;
    if (!copied || !(await this.#copied({ offer, file }, chosen, options.pasted))) this.#chosen.set(key, chosen);
  }

  /** Makes the copy, if there is room; without it a file goes out from where it is, as a large one does, unless it is nowhere. Rejects like `attach`. */
  async #copied(ref: BlobRef, bytes: Blob, nowhereElse = false): Promise<boolean> {
    try {
      await this.store.copy(ref, bytes);
      return true;
    } catch (problem) {
      if (!(problem instanceof SinkError) || problem.kind !== 'no-space') throw problem;
      await this.store.remove(ref); // what was written of it
      if (nowhereElse) throw problem;
      return false;
    }
  }

  /** The person chose the file again. Rejects when the handle cannot be kept. */
  async provide(offer: OfferId, file: number, { file: chosen, handle }: Chosen): Promise<void> {
    const key = fileKey(offer, file);
    this.#chosen.set(key, chosen);
    if (handle) await this.#keepHandle(key, handle);
  }

  /** The file that was chosen is not the one any more: the person is to choose again, unless it lies as it was where it was picked. */
  async unchoose(offer: OfferId, file: number, offered: Described): Promise<void> {
    const key = fileKey(offer, file);
    this.#chosen.delete(key);
    this.#bundles.delete(key);
    const handle = await this.db.get('handles', key);
    if (!(handle instanceof FileSystemFileHandle) || (await permissionOf(handle)) !== 'granted') return;
    const now = await fileOf(handle);
    if (!now || !isSame(now, offered)) await this.db.delete('handles', key);
  }

  /**
   * Like `attach`, of a bundle; says how long its manifest became, or undefined when that is over its limit. Rejects like `attach`, and then
   * nothing of it is kept.
   */
  async attachBundle(offer: OfferId, file: number, gathered: Gathered): Promise<number | undefined> {
    const ref = { offer, file };
    const key = fileKey(offer, file);
    try {
      const bundle = await (await bundleSource()).packBundle(this.store, ref, gathered);
      if (!bundle) return undefined;
      if (bundle.blob.size > limits.copyOnAttachBytes || !(await this.#copied(ref, bundle.blob))) {
        this.#bundles.set(key, bundle);
        if (gathered.handle) await this.#keepHandle(key, gathered.handle);
      }
      return bundle.manifestBytes;
    } catch (error) {
      await this.store.remove(ref);
      await this.store.removeManifest(ref);
      throw error;
    }
  }

  /** The person chose the folder again. @returns one of its files when none is what was offered; of some the others are sent. */
  async provideBundle(
    offer: OfferId,
    file: number,
    offered: { manifestBytes: number; sizeBytes: number },
    again: Gathered,
  ): Promise<BundleProblem | undefined> {
    const key = fileKey(offer, file);
    const { repackBundle } = await bundleSource();
    const bundle = await repackBundle(this.store, { offer, file }, offered, again);
    if (!bundle) throw new SourceError('gone');
    if (!('blob' in bundle)) {
      this.#problems.set(key, [bundle]);
      return bundle;
    }
    this.#problems.delete(key);
    this.#bundles.set(key, bundle);
    if (again.handle) await this.#keepHandle(key, again.handle);
    return undefined;
  }

  /** The files of a bundle that cannot be read, as far as that was noticed. */
  problemsOf(offer: OfferId, file: number): readonly BundleProblem[] {
    return this.#problems.get(fileKey(offer, file)) ?? [];
  }

  async openSource(offer: OfferId, file: number, sizeBytes: number, modifiedAt?: number) {
    const ref = { offer, file };
    const key = fileKey(offer, file);
    const bundle = this.#bundles.get(key);
    if (bundle) return this.#openBundle(ref, bundle);
    const chosen = this.#chosen.get(key);
    if (chosen) return checked(await this.store.openChosen(ref, chosen));
    const copy = await this.store.openCopy(ref, sizeBytes);
    if (copy) return copy;
    const handle = await this.db.get('handles', key);
    // Asking for permission needs a click; the screen then offers to choose the file again instead.
    if (!handle || (await permissionOf(handle)) !== 'granted') throw new SourceError('gone');
    if (handle instanceof FileSystemFileHandle) {
      const now = await openHandle(handle);
      if (!isSame(now, { size: sizeBytes, modifiedAt })) throw new SourceError('changed');
      return checked(await this.store.openChosen(ref, now));
    }
    const again = await this.#gatherAgain(offer, file, sizeBytes, handle);
    if (!again) throw new SourceError('gone');
    return this.#openBundle(ref, again);
  }

  async hasSource(offer: OfferId, file: number): Promise<boolean> {
    const key = fileKey(offer, file);
    if (this.#bundles.has(key) || this.#chosen.has(key) || (await this.store.copyOf({ offer, file }))) return true;
    const handle = await this.db.get('handles', key);
    return handle !== undefined && (await permissionOf(handle)) === 'granted' && (await isThere(handle));
  }

  async hasOriginal(offer: OfferId, file: number, sizeBytes: number, modifiedAt?: number): Promise<boolean> {
    const handle = await this.db.get('handles', fileKey(offer, file));
    if (!(handle instanceof FileSystemFileHandle) || (await permissionOf(handle)) !== 'granted') return false;
    try {
      return isSame(await handle.getFile(), { size: sizeBytes, modifiedAt });
    } catch (error) {
      if (error instanceof DOMException) return false;
      throw error;
    }
  }

  /**
   * Asks the browser, which may ask the person, for a file or folder that was chosen before; to be called on a click.
   * @returns whether it is at hand again, or is another one now.
   */
  async askForSource(offer: OfferId, file: number, offered: Described): Promise<'here' | 'changed' | 'gone'> {
    const handle = await this.db.get('handles', fileKey(offer, file));
    if (!handle || ((await permissionOf(handle)) !== 'granted' && !(await mayRead(handle)))) return 'gone';
    if (handle instanceof FileSystemDirectoryHandle) return 'here'; // whatever is missing of it is said when it is read
    const now = await fileOf(handle);
    if (!now) return 'gone';
    return isSame(now, offered) ? 'here' : 'changed';
  }

  /**
   * A file that this device offered, if it can be read without a click; nothing of it is read yet.
   * @throws SourceError when it was moved or deleted.
   */
  async ownFile(offer: OfferId, file: number, offered: Described): Promise<File | undefined> {
    const key = fileKey(offer, file);
    const chosen = this.#chosen.get(key) ?? (await this.store.copyOf({ offer, file }));
    if (chosen) return chosen.size === offered.size ? chosen : undefined;
    const handle = await this.db.get('handles', key);
    if (!(handle instanceof FileSystemFileHandle) || (await permissionOf(handle)) !== 'granted') return undefined;
    const now = await openHandle(handle);
    return isSame(now, offered) ? now : undefined;
  }

  async #openBundle(ref: BlobRef, bundle: OpenBundle): Promise<BlobSource> {
    const key = fileKey(ref.offer, ref.file);
    const { BundleSource } = await bundleSource();
    const problems: BundleProblem[] = []; // what was changed may be as it was again
    this.#problems.set(key, problems);
    const opened = await this.store.openChosen(ref, bundle.blob);
    return checked(new BundleSource(opened, bundle, (problem) => problems.push(problem)));
  }

  /** Reads a folder again whose handle the browser still honours. */
  async #gatherAgain(
    offer: OfferId,
    file: number,
    sizeBytes: number,
    handle: FileSystemDirectoryHandle,
  ): Promise<OpenBundle | undefined> {
    const key = fileKey(offer, file);
    const manifestBytes = this.manifestBytesOf(offer, file);
    if (manifestBytes === undefined) return undefined;
    const again = await (await bundleSource()).gatherQuietly(handle);
    if (!again) return undefined;
    const problem = await this.provideBundle(offer, file, { manifestBytes, sizeBytes }, again);
    return problem ? undefined : this.#bundles.get(key);
  }

  async #keepHandle(key: string, handle: FileSystemFileHandle | FileSystemDirectoryHandle): Promise<void> {
    const tx = this.db.transaction('handles', 'readwrite', strict);
    await Promise.all([tx.store.put(handle, key), tx.done]);
  }

  openSink(offer: OfferId, file: number, sizeBytes: number, blocks: Ranges) {
    return this.store.openSink({ offer, file }, sizeBytes, blocks);
  }

  freeBytes(): Promise<number> {
    return this.store.freeBytes();
  }

  async hasRoom(bytes: number): Promise<boolean> {
    return (await this.store.freeBytes()) >= bytes && (await this.store.hasRoom(bytes));
  }

  removeCopy(offer: OfferId, file: number): Promise<void> {
    return this.store.remove({ offer, file });
  }

  async remove(offer: OfferId, file: number): Promise<void> {
    await this.db.delete('handles', fileKey(offer, file));
    await this.#forgetBytes(offer, file);
  }

  async erase(offer: OfferId, file: number): Promise<void> {
    await this.remove(offer, file);
    await this.store.removeManifest({ offer, file });
  }

  /** The bytes alone. The manifest of an offered bundle stays: what was sent can be looked at. */
  async #forgetBytes(offer: OfferId, file: number): Promise<void> {
    this.#chosen.delete(fileKey(offer, file));
    this.#bundles.delete(fileKey(offer, file));
    await this.store.remove({ offer, file });
  }

  /** All of it but what is in the database: for when that goes as a whole, and is closed. */
  async forget(offer: OfferId, file: number): Promise<void> {
    await this.#forgetBytes(offer, file);
    await this.store.removeManifest({ offer, file });
  }
}

async function checked(source: BlobSource): Promise<BlobSource> {
  try {
    await checkSame(source);
    return source;
  } catch (problem) {
    source.close();
    throw problem;
  }
}

type Asking = (options: { mode: 'read' }) => Promise<PermissionState>;
type WithPermission = FileSystemHandle & { queryPermission?: Asking; requestPermission?: Asking };
const permissionOf = async (handle: WithPermission): Promise<PermissionState> =>
  (await handle.queryPermission?.({ mode: 'read' })) ?? 'prompt';

async function mayRead(handle: WithPermission): Promise<boolean> {
  try {
    return (await handle.requestPermission?.({ mode: 'read' })) === 'granted';
  } catch (error) {
    // The click was too long ago for it, or is none to this browser.
    if (error instanceof DOMException) return false;
    throw error;
  }
}

const isThere = async (handle: FileSystemFileHandle | FileSystemDirectoryHandle): Promise<boolean> =>
  handle instanceof FileSystemDirectoryHandle || (await fileOf(handle)) !== undefined;

/** Undefined when it was moved or deleted, or may not be read. */
async function fileOf(handle: FileSystemFileHandle): Promise<File | undefined> {
  try {
    return await handle.getFile();
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

async function openHandle(handle: FileSystemFileHandle): Promise<File> {
  try {
    return await handle.getFile();
  } catch (cause) {
    throw new SourceError('gone', { cause });
  }
}
