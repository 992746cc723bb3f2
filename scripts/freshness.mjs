/** What has to be done before a start: whether the dependencies are those of the lock file, and whether the build is that of the sources. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const lockStamp = join(root, 'node_modules/.causeway-lock');
const buildStamp = join(root, 'dist/.sources');

/** Everything that the build reads. */
const sources = [
  'app',
  'engine',
  'keys',
  'link',
  'protocol',
  'public',
  'signaling',
  'scripts/build.mjs',
  'scripts/freshness.mjs',
  'package.json',
  'package-lock.json',
  'svelte.config.js',
  'vite.config.ts',
  'tsconfig.base.json',
  'tsconfig.core.json',
  'tsconfig.app.json',
  'tsconfig.worker.json',
];

/** Native packages differ by platform, so a folder carried to another machine is installed anew. */
const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');

export function dependenciesAreFresh() {
  if (read(lockStamp) === lockHash()) return true;
  // Somebody ran npm by hand after the lock file changed: that is as good.
  const installed = modified(join(root, 'node_modules/.package-lock.json'));
  if (installed === undefined || installed < (modified(join(root, 'package-lock.json')) ?? 0)) return false;
  noteDependencies();
  return true;
}

export const noteDependencies = () => writeFileSync(lockStamp, lockHash());

export const buildIsFresh = () => read(buildStamp) === sourcesHash();

/** @param hash what `sourcesHash` said before the build began; an empty one marks the build as not done. */
export function noteBuild(hash) {
  mkdirSync(dirname(buildStamp), { recursive: true });
  writeFileSync(buildStamp, hash);
}

export function sourcesHash() {
  const hash = createHash('sha256');
  for (const source of sources)
    for (const file of filesOf(join(root, source)))
      hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function* filesOf(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() && !path.endsWith('.test.ts')) yield path;
  if (stat?.isDirectory()) for (const name of readdirSync(path).sort()) yield* filesOf(join(path, name));
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not there: not fresh
  }
}

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
