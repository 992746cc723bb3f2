/** Room on the disk, found out by trying: no browser tells what is really free. Both leave nothing behind. */
import { openHandle, removeFile, writeAll } from './opfs.ts';

const area = 'sources';
const name = 'room';
/** The search ends when this little is not known: of what is free, and at least in bytes. */
const precision = 0.01;
const precisionBytes = 1024 * 1024;

/** Rejects as `writeAll` when `bytes` more do not fit. */
export function tryRoom(bytes: number): Promise<void> {
  return withFile((handle) => {
    const piece = new Uint8Array(1024 * 1024);
    for (let at = 0; at < bytes; at += piece.length) writeAll(handle, piece.subarray(0, bytes - at), at);
    handle.flush();
  });
}

/**
 * The largest file of at most `atMost` bytes that the browser would allow. A file that is only made longer is not written, but its length
 * counts. It is all done in one turn, so that no other file of this worker meets the room while it is taken.
 */
export function measureRoom(atMost: number): Promise<number> {
  return withFile((handle) => {
    if (allows(handle, atMost)) return atMost;
    let fits = 0;
    let tooMuch = atMost;
    while (tooMuch - fits > Math.max(precisionBytes, precision * fits)) {
      const between = Math.floor((fits + tooMuch) / 2);
      if (allows(handle, between)) fits = between;
      else tooMuch = between;
    }
    return fits;
  });
}

function allows(handle: FileSystemSyncAccessHandle, bytes: number): boolean {
  try {
    handle.truncate(bytes);
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'QuotaExceededError') return false;
    throw error;
  }
}

async function withFile<T>(use: (handle: FileSystemSyncAccessHandle) => T): Promise<T> {
  const handle = await openHandle(area, name);
  try {
    return use(handle);
  } finally {
    handle.truncate(0);
    handle.close();
    await removeFile(area, name);
  }
}
