/**
 * Builds the app into dist/client and the server into dist/server. Hashed files of earlier builds go to dist/previous for two weeks, for
 * pages that are still open, and what compresses well is compressed once, here.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build as bundle } from 'esbuild';
import { build as buildApp } from 'vite';
import { noteBuild, root, sourcesHash } from './freshness.mjs';

const client = join(root, 'dist/client');
const previous = join(root, 'dist/previous');
const keepPreviousMs = 14 * 24 * 3600_000;

const hash = sourcesHash();
noteBuild('');
keepAssets();
await buildApp({ configFile: join(root, 'vite.config.ts'), logLevel: 'warn' });
await Promise.all([compressFiles(), bundleServer()]);
noteBuild(hash);

function keepAssets() {
  const from = join(client, 'assets');
  const to = join(previous, 'assets');
  if (existsSync(to))
    for (const name of readdirSync(to))
      if (Date.now() - statSync(join(to, name)).mtimeMs > keepPreviousMs) rmSync(join(to, name));
  if (!existsSync(from)) return;
  const now = new Date();
  for (const name of readdirSync(from)) {
    cpSync(join(from, name), join(to, name));
    utimesSync(join(to, name), now, now);
  }
}

async function bundleServer() {
  await bundle({
    absWorkingDir: root,
    entryPoints: ['signaling/main.ts'],
    outfile: 'dist/server/main.js',
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: true,
    logLevel: 'warning',
  });
}

async function compressFiles() {
  const files = readdirSync(client, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(?:js|css|html|svg|json|webmanifest|wasm)$/.test(name),
  );
  for (const name of files) {
    const bytes = readFileSync(join(client, name));
    if (bytes.length < 1024) continue;
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
    writeFileSync(join(client, `${name}.br`), await promisify(brotliCompress)(bytes, { params }));
    writeFileSync(join(client, `${name}.gz`), await promisify(gzip)(bytes, { level: 9 }));
  }
}
