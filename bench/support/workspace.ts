/**
 * What a run leaves behind is nothing: one folder for everything temporary, and a list of things to undo that is worked off, newest first, however
 * the process ends short of SIGKILL. Undoing is synchronous, because nothing else runs while a process exits.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const undos: (() => void)[] = [];

/** Temporary files of this run. Persistent profiles are in it too, so it is on the disk of the system's temporary folder. */
export const workspace = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
process.env['TMPDIR'] = workspace;

process.on('exit', () => {
  for (const undo of undos.reverse()) undo();
  rmSync(workspace, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.on(signal, () => process.exit(code));

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
