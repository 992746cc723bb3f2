/**
 * The whole way through the built app, in two persistent profiles on loopback: from the click on Accept to the receiver's verified, durable
 * file, beside the best raw data channel between the same two browsers in the same run. Then a file of 4 GiB + 1 byte, for the sizes beyond
 * 32 bits, and the memory of both tabs.
 *
 * Options by environment: BENCH_MIB (1024), BENCH_RUNS (3), BENCH_LARGE=0 to leave the large file out.
 */
import { expect } from '@playwright/test';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createHash, randomFillSync } from 'node:crypto';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Person } from '../e2e/support/person.ts';
import { Server } from '../e2e/support/server.ts';
import { MemoryWatch } from './memory.ts';
import { rawChannel } from './raw-channel.ts';

const MiB = 1024 * 1024;
const sizeBytes = Number(process.env['BENCH_MIB'] ?? 1024) * MiB;
const runs = Number(process.env['BENCH_RUNS'] ?? 3);
const large = process.env['BENCH_LARGE'] !== '0';

const inMegabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const folder = await mkdtemp(join(tmpdir(), 'causeway-bench-'));
const server = await Server.start();
const [alice, bob] = await Promise.all([
  Person.register(server.url, { handle: 'alice', displayName: 'Alice' }),
  Person.register(server.url, { handle: 'bob', displayName: 'Bob' }),
]);
try {
  await alice.shareWith('bob');
  await bob.acceptRequest();
  await bob.row('Alice').click();
  await expect(alice.row('Bob')).toHaveAccessibleName(/online/);

  const raw: number[] = [];
  const whole: number[] = [];
  const firstByte: number[] = [];
  let aliceMemory = 0;
  let bobMemory = 0;
  for (let run = 0; run < runs; run++) {
    raw.push(await betweenBlankPages(sizeBytes));
    const sent = await send(`run-${run}.bin`, sizeBytes);
    whole.push(sent.bytesPerSecond);
    firstByte.push(sent.firstByteMs);
    aliceMemory = Math.max(aliceMemory, sent.aliceMemory);
    bobMemory = Math.max(bobMemory, sent.bobMemory);
    console.log(
      `run ${run + 1}: raw ${inMegabytes(raw.at(-1) ?? 0)} MB/s, whole way ${inMegabytes(sent.bytesPerSecond)} MB/s, first percent shown after ${sent.firstByteMs.toFixed(0)} ms`,
    );
  }
  const ratios = whole.map((speed, run) => speed / (raw[run] ?? speed));
  console.table({
    'raw data channel, MB/s': { median: inMegabytes(median(raw)), all: raw.map(inMegabytes).join(' ') },
    'whole way, MB/s': { median: inMegabytes(median(whole)), all: whole.map(inMegabytes).join(' ') },
    'ratio whole way / raw': {
      median: median(ratios).toFixed(2),
      all: ratios.map((ratio) => ratio.toFixed(2)).join(' '),
    },
    'Accept to the first percent shown, ms': {
      median: median(firstByte).toFixed(0),
      all: firstByte.map((ms) => ms.toFixed(0)).join(' '),
    },
    "sender's tab, MB": { median: '', all: inMegabytes(aliceMemory) },
    "receiver's tab, MB": { median: '', all: inMegabytes(bobMemory) },
  });
  if (large) {
    const bytes = 4 * 1024 * MiB + 1;
    const sent = await send('four-gib-and-one.bin', bytes);
    const saved = await bob.save('four-gib-and-one.bin');
    if ((await sha256(saved.path)) !== (await sha256(sent.path)))
      throw new Error('the saved file is not the one that was sent');
    console.table({
      '4 GiB + 1 byte, MB/s': { value: inMegabytes(sent.bytesPerSecond) },
      'saved file': { value: 'SHA-256 equal' },
      "sender's tab, MB": { value: inMegabytes(sent.aliceMemory) },
      "receiver's tab, MB": { value: inMegabytes(sent.bobMemory) },
    });
  }
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${alice.context.browser()?.version() ?? 'Chromium'}`,
  );
} finally {
  await Promise.all([alice.close(), bob.close()]);
  await server.stop();
  await rm(folder, { recursive: true });
}

interface Sent {
  path: string;
  bytesPerSecond: number;
  firstByteMs: number;
  aliceMemory: number;
  bobMemory: number;
}

/** Sends a fresh file of random bytes and waits until both sides are done with it. */
async function send(name: string, bytes: number): Promise<Sent> {
  const path = join(folder, name);
  await fill(path, bytes);
  await alice.attach(path);
  const accept = bob.offer.getByRole('button', { name: 'Accept' });
  await expect(accept).toBeVisible();
  const memory = [new MemoryWatch(alice), new MemoryWatch(bob)] as const;
  // Timed inside the page: what the driver needs to look is not part of it.
  const timed = bob.page.evaluate(async (file) => {
    const card = () =>
      document.querySelector(`[role=group][aria-label=${JSON.stringify(file)}]`) ??
      [...document.querySelectorAll('[role=group]')].find((group) => group.textContent.includes(file));
    const button = [...document.querySelectorAll('section button')].find(
      (one) => one.textContent.trim() === 'Accept',
    ) as HTMLButtonElement;
    const start = performance.now();
    button.click();
    let first = 0;
    for (;;) {
      await new Promise((next) => setTimeout(next, 10));
      const text = card()?.querySelector('[role=status]')?.textContent.trim() ?? '';
      const done = Number(card()?.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow') ?? 0);
      if (!first && (done > 0 || text.startsWith('Received'))) first = performance.now() - start;
      if (text.startsWith('Received')) return { ms: performance.now() - start, first };
    }
  }, name);
  const { ms, first } = await timed;
  await expect(alice.status(name)).toHaveText(/^Sent/, { timeout: 60_000 });
  const [aliceMemory, bobMemory] = memory.map((watch) => watch.stop());
  return {
    path,
    bytesPerSecond: (bytes / ms) * 1000,
    firstByteMs: first,
    aliceMemory: aliceMemory ?? 0,
    bobMemory: bobMemory ?? 0,
  };
}

async function fill(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(16 * MiB);
  for (let written = 0; written < bytes; written += piece.length) {
    randomFillSync(piece);
    await file.write(piece, 0, Math.min(piece.length, bytes - written));
  }
  await file.close();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

async function betweenBlankPages(bytes: number): Promise<number> {
  const [from, to] = await Promise.all([alice.context.newPage(), bob.context.newPage()]);
  try {
    return await rawChannel(from, to, bytes);
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}
