/**
 * `npm run bench -- [QUESTION…] [--quick] [--only CONDITION] [--app-only] [--continue]`: builds what is not built, then measures and writes tables and pictures. Nothing of it is a
 * test. What there is to ask: bench/README.md.
 */
import { spawn, spawnSync } from 'node:child_process';
import { build } from 'esbuild';
import { buildIsFresh, root } from './freshness.mjs';

process.chdir(root);
if (!buildIsFresh()) {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
// Sources and bundle lie equally deep, so that both find the root.
const outfile = 'dist/bench/main.js';
await build({
  entryPoints: ['bench/support/main.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
const child = spawn(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: 'inherit' });
// The terminal tells both; this one waits for the other to clean up.
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => process.exit(code ?? 1));
