/** Kills a writing process at a hundred points, and looks each time whether what it had acknowledged is there (invariant 4). */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DurableFile, writeSteps, type WriteStep } from './durable-file.ts';
import type { Acknowledged } from './killed-writer.ts';
import { openLowdbStore } from './lowdb-store.ts';
import { relationOf } from './relations.ts';
import type { Store } from './store.ts';

const kills = Number(process.env['CAUSEWAY_KILLS'] ?? 100);
/** At a time: most of the time goes into waiting for the disk. */
const chains = 4;

let base: string;
let program: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'causeway-kill-'));
  program = join(base, 'writer.mjs');
  // Bundled once: a start with a transpiler takes longer than everything else here.
  await build({
    entryPoints: [join(import.meta.dirname, 'killed-writer.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
});
afterAll(() => rm(base, { recursive: true }));

interface Kill {
  step?: WriteStep;
  passes: number;
  afterMs: number;
}

/** @returns what was acknowledged before the end. */
function writeUntilKilled(folder: string, { step, passes, afterMs }: Kill): Promise<Acknowledged[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, folder, ...(step ? [step, String(passes)] : [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // The time runs from the first acknowledgement, so that every kill hits a process at work.
      if (said === '' && !step) setTimeout(() => child.kill('SIGKILL'), afterMs);
      said += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.once('close', (_code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`ended by itself: ${complaint}`));
      else
        resolve(
          said
            .split('\n')
            .slice(0, -1)
            .map((line) => JSON.parse(line) as Acknowledged),
        );
    });
  });
}

async function missing(store: Store, done: readonly Acknowledged[]): Promise<Acknowledged[]> {
  const lost: Acknowledged[] = [];
  for (const one of done) {
    let there: boolean;
    if (one.kind === 'account') there = (await store.account(one.id)) !== undefined;
    else if (one.kind === 'name') there = Number((await store.account(one.id))?.displayName) >= one.atLeast;
    else if (one.kind === 'asked') there = relationOf(await store.pair(one.from, one.to), one.from) === 'outgoing';
    else there = (await store.session(one.session)) === undefined;
    if (!there) lost.push(one);
  }
  return lost;
}

async function chain(number: number): Promise<{ acknowledged: number; lost: Acknowledged[] }> {
  const folder = join(base, `chain-${number}`);
  const done: Acknowledged[] = [];
  const lost: Acknowledged[] = [];
  for (let i = number; i < kills; i += chains) {
    // Six of ten at a named step, the others whenever.
    const step = i % 10 < 6 ? writeSteps[i % writeSteps.length] : undefined;
    // The first write of an empty folder makes no backup; steps of later writes do.
    const kill: Kill = { passes: (i >> 2) % 3, afterMs: Math.random() * 40, ...(step ? { step } : {}) };
    done.push(...(await writeUntilKilled(folder, kill)));
    const store = await openLowdbStore({ folder });
    lost.push(...(await missing(store, done)));
    if (store.size().accounts > 0)
      expect(await new DurableFile(join(folder, 'causeway.store.bak')).read()).not.toBeNull();
    await store.close();
  }
  return { acknowledged: done.length, lost };
}

describe('the embedded store', () => {
  it(`keeps every acknowledged change when killed ${kills} times`, { timeout: 60_000 + kills * 500 }, async () => {
    const results = await Promise.all(Array.from({ length: chains }, (_, number) => chain(number)));
    expect(results.flatMap((result) => result.lost)).toEqual([]);
    expect(results.reduce((sum, result) => sum + result.acknowledged, 0)).toBeGreaterThan(kills);
  });
});
