/**
 * One process per data folder: a file with the process id and, where the system tells it, the time at which that process started, so that
 * a lock left by a killed server is taken over even when its id was given to somebody else. Does not see processes of other containers:
 * a folder shared between containers needs care of the operator.
 */
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { StoreOpenError } from './store.ts';

/** @returns what releases the lock. @throws StoreOpenError when a living process holds it. */
export async function acquireLock(path: string): Promise<() => Promise<void>> {
  const mine = identity(process.pid);
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        // Appears with its content or not at all.
        await link(fresh, path);
        return () => release(path, mine);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      await removeStale(path);
    }
  } finally {
    await rm(fresh, { force: true });
  }
  throw new StoreOpenError(`Another server is starting on ${path}. Start only one per data folder.`);
}

async function removeStale(path: string): Promise<void> {
  const content = await read(path);
  if (content === undefined) return;
  const pid = Number(content.split(' ', 1)[0]);
  if (alive(pid, content))
    throw new StoreOpenError(
      `Another server (process ${pid}) uses this data folder: ${path}. Stop it, or give this one a DATA_DIR of its own.`,
    );
  // Two servers may come to this together: whoever moved away something else than the stale lock puts it back and looks again.
  const aside = `${path}.stale-${process.pid}`;
  await rename(path, aside).catch(ignoreMissing);
  const moved = await read(aside);
  if (moved !== undefined && moved !== content) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

async function release(path: string, mine: string): Promise<void> {
  if ((await read(path)) === mine) await rm(path, { force: true });
}

/** Process id and start time in clock ticks since boot (field 22 of /proc/PID/stat); without /proc the id alone. */
function identity(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}\n`;
  } catch {
    return `${pid} \n`; // no /proc on this system, or no such process
  }
}

function alive(pid: number, content: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = content.split(' ')[1]?.trim();
  return !started || identity(pid) === content;
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ignoreMissing);
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return undefined;
}
