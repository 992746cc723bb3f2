/** `npm start`: installs what is missing, builds what changed, serves. Needs nothing but Node, so that it runs on a fresh clone. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIsFresh, dependenciesAreFresh, noteDependencies, root } from './freshness.mjs';

if (Number(process.versions.node.split('.')[0]) < 20) {
  console.error(
    `Causeway needs Node 20 or newer; this is ${process.version}. Install a newer one from https://nodejs.org and start again.`,
  );
  process.exit(1);
}

if (!dependenciesAreFresh()) {
  console.log('Installing dependencies…');
  // The npm that runs this script, if any: there may be none in the PATH.
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  // The build needs the development dependencies, whatever NODE_ENV says.
  run(
    [...npm, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
    'The dependencies could not be installed; npm says above why.',
  );
  noteDependencies();
}

if (!buildIsFresh()) {
  console.log('Building…');
  run([process.execPath, join(root, 'scripts/build.mjs')], 'The build failed; see above.');
}

// In this process, so that signals reach the server.
const { running } = await import(pathToFileURL(join(root, 'dist/server/main.js')).href);
console.log(`Causeway is on ${process.env.PUBLIC_URL || running.url}`);
if (process.env.npm_lifecycle_event) stopWithParent();

/** npm puts a shell between itself and this process, which does not pass signals on: when npm is stopped, only the parent's end tells. */
function stopWithParent() {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, 500).unref();
}

function run([command, ...args], sentence) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32' && command === 'npm',
  });
  if (status === 0) return;
  console.error(error ? `${sentence} (${error.message})` : sentence);
  process.exit(1);
}
