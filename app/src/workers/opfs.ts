/** Files of the origin's private file system, through synchronous access handles (this worker is the only one that opens them). */
export type Area = 'blobs' | 'outbox' | 'sources' | 'manifests' | 'temporary';

/** A browser lets go of the handles of a tab that was closed or reloaded only after a moment. */
const LOCKED_RETRY_MS = 50;
const LOCKED_PATIENCE_MS = 5000;

export async function folder(area: Area): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(area, { create: true });
}

/** Opens, and creates, a file for reading and writing. @throws DOMException */
export async function openHandle(area: Area, name: string): Promise<FileSystemSyncAccessHandle> {
  const file = await (await folder(area)).getFileHandle(name, { create: true });
  const giveUpAt = Date.now() + LOCKED_PATIENCE_MS;
  for (;;) {
    try {
      return await file.createSyncAccessHandle();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NoModificationAllowedError' || Date.now() > giveUpAt)
        throw error;
      await new Promise((resolve) => setTimeout(resolve, LOCKED_RETRY_MS));
    }
  }
}

export async function exists(area: Area, name: string): Promise<boolean> {
  try {
    await (await folder(area)).getFileHandle(name);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Removes a file; one that is not there is removed already. */
export async function removeFile(area: Area, name: string): Promise<void> {
  try {
    await (await folder(area)).removeEntry(name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

export async function filesOf(area: Area): Promise<{ name: string; sizeBytes: number }[]> {
  const files: { name: string; sizeBytes: number }[] = [];
  for await (const [name, entry] of (await folder(area)).entries()) {
    if (isFile(entry)) files.push({ name, sizeBytes: (await entry.getFile()).size });
  }
  return files;
}

/** Writes all of `bytes` at `at`. @throws DOMException `QuotaExceededError` also where the browser only writes less than asked. */
export function writeAll(handle: FileSystemSyncAccessHandle, bytes: Uint8Array<ArrayBuffer>, at: number): void {
  if (handle.write(bytes, { at }) !== bytes.length) throw new DOMException('short write', 'QuotaExceededError');
}

/** The whole content of a small file. */
export function readAll(handle: FileSystemSyncAccessHandle): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(handle.getSize());
  handle.read(bytes, { at: 0 });
  return bytes;
}

const isNotFound = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotFoundError';

/** What a failed access means for the person: no room, or anything else. */
export function storageFailure(error: unknown): { failure: 'no-space' | 'storage'; detail: string } {
  const quota = error instanceof DOMException && error.name === 'QuotaExceededError';
  return { failure: quota ? 'no-space' : 'storage', detail: String(error) };
}

const isFile = (entry: FileSystemHandle): entry is FileSystemFileHandle => entry.kind === 'file';
