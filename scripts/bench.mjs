/** Builds, then runs the benches named on the command line, or all of them, one after the other. They print tables; nothing here is a test. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const run = (command, args) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};

const all = readdirSync('bench')
  .filter((name) => /^[a-z-]+\.ts$/.test(name) && !['raw-channel.ts', 'memory.ts'].includes(name))
  .map((name) => name.replace('.ts', ''));
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`There is no bench called ${unknown.join(', ')}. There are: ${all.join(', ')}.`);
  process.exit(2);
}
run(process.execPath, ['scripts/build.mjs']);
for (const name of wanted.length > 0 ? wanted : all) {
  console.log(`\n# ${name}`);
  const outfile = `dist/bench/${name}.js`;
  await build({
    entryPoints: [`bench/${name}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  run(process.execPath, [outfile]);
}
