/** The parts in C, built with the system's compiler when they are first needed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** As far up from this source as from the bundle in `dist/bench`. */
export const root = join(import.meta.dirname, '../..');
const sources = join(root, 'bench/native');
const built = join(root, 'dist/bench/native');

/** @returns the path of the program. @throws Error with the compiler's words. */
export function native(name: 'emulator' | 'tcp-flow'): string {
  const source = join(sources, `${name}.c`);
  const program = join(built, name);
  const builtAt = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (builtAt < statSync(source).mtimeMs) {
    mkdirSync(built, { recursive: true });
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source], { stdio: 'pipe' });
  }
  return program;
}
