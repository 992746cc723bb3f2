/**
 * What a run leaves behind is nothing: one folder for everything temporary, and a list of things to undo that is worked off, newest first, however
 * the process ends short of SIGKILL. Undoing is synchronous, because nothing else runs while a process exits.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const undos: (() => void)[] = [];
let folder: string | undefined;

process.on('exit', () => {
  for (const undo of undos.reverse())
    try {
      undo();
    } catch (error) {
      console.error(`Could not be cleaned up: ${String(error)}`); // the others still are
    }
});

/** @returns does it now, and not again at the end. */
export function atEnd(undo: () => void): () => void {
  undos.push(undo);
  return () => {
    const at = undos.indexOf(undo);
    if (at < 0) return;
    undos.splice(at, 1);
    undo();
  };
}

/** Temporary files of this run, in the system's temporary folder. */
export function workspace(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
    atEnd(() => {
      endProcessesIn(made);
      rmSync(made, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    });
    folder = made;
  }
  return folder;
}

/** Browsers, whose profiles are in there: at an exit nobody else ends them. */
function endProcessesIn(path: string): void {
  if (!existsSync('/proc')) return;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid) && pid !== process.pid && commandLine(pid).includes(path)) endProcess(pid);
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // else it ended meanwhile
  }
}

/** For the process of a bench alone: profiles and downloads of browsers go into the workspace, and a signal ends it in good order. */
export function ownProcess(): void {
  process.env['TMPDIR'] = workspace();
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.on(signal, () => process.exit(code));
}
