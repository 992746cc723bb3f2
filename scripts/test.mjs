/**
 * `npm test`: all that CI runs, on a fresh checkout too. Installs what is missing: npm packages, and as root on Debian the system packages;
 * otherwise it says what to install. Each step must pass; the last line sums up the tests.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { dependenciesAreFresh, noteDependencies, root } from './freshness.mjs';

/** What the tests use beside npm packages, and the Debian package that has it. */
const tools = [
  { command: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', debian: 'chromium', why: 'the browser of the journeys' },
  {
    command: process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr',
    debian: 'firefox-esr',
    why: 'the other browser of the journeys',
  },
  { command: 'turnserver', debian: 'coturn', why: 'the relay between people who cannot reach each other' },
  { command: 'ip', debian: 'iproute2', why: 'networks of their own, whose cable a test pulls' },
];
const results = join(root, 'test-results');

process.chdir(root);
installPackages();
installTools();
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const bin = (name) => join(root, 'node_modules/.bin', name);
// Each of them keeps one core busy.
await sideBySide(
  [
    ['Types: core', bin('tsc'), ['-p', 'tsconfig.core.json']],
    ['Types: worker', bin('tsc'), ['-p', 'tsconfig.worker.json']],
    ['Types: node', bin('tsc'), ['-p', 'tsconfig.node.json']],
    ['Types: app', bin('svelte-check'), ['--tsconfig', 'tsconfig.app.json', '--fail-on-warnings']],
    ['Format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
  ],
  [['Lint', bin('eslint'), ['.']]],
);
step('Unit and property tests', bin('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile=${join(results, 'unit.json')}`,
]);
step('Build', process.execPath, ['scripts/build.mjs']);
// Playwright empties its own folder first, so its report lies beside it.
step('Journeys', bin('playwright'), ['test', '--reporter=list,json'], {
  PLAYWRIGHT_JSON_OUTPUT_NAME: join(results, 'journeys.json'),
});
sumUp();

function installPackages() {
  if (dependenciesAreFresh()) return;
  console.log('\n# Installing npm packages');
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  noteDependencies();
}

function installTools() {
  const missing = tools.filter(({ command }) => !has(command));
  if (missing.length === 0) return;
  const packages = missing.map(({ debian }) => debian);
  if (process.getuid?.() === 0 && has('apt-get')) {
    console.log(`\n# Installing ${packages.join(', ')}`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], env);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], env);
    return;
  }
  for (const { command, debian, why } of missing)
    console.error(`Missing: ${command} (${why}). On Debian or Ubuntu: sudo apt-get install ${debian}`);
  process.exit(1);
}

function has(command) {
  return command.startsWith('/') ? existsSync(command) : spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
}

function step(title, command, args, env = {}) {
  if (title) console.log(`\n# ${title}`);
  run(command, args, env);
}

/** Rows of steps, each row in order; what a step says is shown when it has ended. Ends the process when one failed, after all rows did. */
async function sideBySide(...rows) {
  const failed = await Promise.all(
    rows.map(async (row) => {
      for (const [title, command, args] of row) {
        const { status, said } = await finish(command, args);
        console.log(`\n# ${title}\n${said.trimEnd()}`);
        if (status !== 0) return `Failed: ${command} ${args.join(' ')}`;
      }
      return undefined;
    }),
  );
  const faults = failed.filter(Boolean);
  if (faults.length === 0) return;
  console.error(faults.join('\n'));
  process.exit(1);
}

function finish(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    child.once('error', (error) => resolve({ status: 1, said: `${command}: ${error.message}` }));
    child.once('close', (status) => resolve({ status, said }));
  });
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (status === 0) return;
  console.error(error ? `${command}: ${error.message}` : `\nFailed: ${command} ${args.join(' ')}`);
  process.exit(status ?? 1);
}

function sumUp() {
  const unit = JSON.parse(readFileSync(join(results, 'unit.json'), 'utf8'));
  const { stats } = JSON.parse(readFileSync(join(results, 'journeys.json'), 'utf8'));
  const passed = unit.numPassedTests + stats.expected + stats.flaky;
  if (stats.flaky > 0) console.log(`\n${stats.flaky} of the journeys needed a second try: see "flaky" above.`);
  const failed = unit.numFailedTests + stats.unexpected;
  const skipped = unit.numPendingTests + stats.skipped;
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}
