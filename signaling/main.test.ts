/** The server as a process: exit codes, sentences, signals. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Person } from './testing.ts';

let folder: string;
let children: ChildProcess[] = [];
/** Bundled once as `npm run build` does it; within node_modules, where its packages are found. */
const program = join(import.meta.dirname, '../node_modules/.cache/causeway-test/main.mjs');
beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, 'main.ts')],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-main-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await rm(folder, { recursive: true });
});

function launch(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const log: Record<string, unknown>[] = [];
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const url = new Promise<string>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      log.push(entry);
      if (entry['msg'] === 'listening') resolve(String(entry['url']));
    });
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, complaint }));
  return { child, url, ended, log };
}

describe('the process', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends gracefully on %s: clients come back by themselves, everything is there',
    async (signal) => {
      const first = launch();
      const anna = await new Person(await first.url, 'anna').register();
      await anna.connect();
      first.child.kill(signal);
      expect(await anna.socket.next('#disconnect')).toBe('transport close');
      expect(await first.ended).toEqual({ code: 0, complaint: '' });
      expect(await readdir(folder)).not.toContain('causeway.lock');
      const text = JSON.stringify(first.log);
      for (const secret of ['anna', anna.account.id, '127.0.0.1', anna.device.device.id, folder])
        expect(text).not.toContain(secret);

      const second = launch();
      anna.browser.origin = await second.url;
      expect((await anna.connect()).account.handle).toBe('anna');
      anna.socket.close();
      second.child.kill('SIGKILL');
      await second.ended;
      const third = launch();
      anna.browser.origin = await third.url;
      expect((await anna.browser.call('GET', '/api/session')).result.ok).toBe(true);
    },
  );

  it('says each wrong setting in a sentence and exits with 2', async () => {
    const { code, complaint } = await launch({ PORT: 'http', PUBLIC_URL: 'causeway.example', TURN_SECRET: 'short' })
      .ended;
    expect(code).toBe(2);
    expect(complaint.trim().split('\n')).toEqual([
      'PORT must be a whole number from 0 to 65535 (0 takes any free port); it is "http".',
      'PUBLIC_URL must be an address such as https://causeway.example, without a path; it is "causeway.example".',
      'TURN_SECRET must be at least 16 characters long.',
    ]);
  });

  it('refuses a damaged store, a used port and a used folder, with a sentence and 1', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    expect(await launch({ PORT: String(port) }).ended).toMatchObject({
      code: 1,
      complaint: expect.stringMatching(/^Port \d+ on 127.0.0.1 is in use\..*\n$/) as string,
    });
    blocker.close();

    const running = launch();
    await running.url;
    expect(await launch().ended).toMatchObject({
      code: 1,
      complaint: expect.stringMatching(/^Another server \(process \d+\) uses this data folder/) as string,
    });
    running.child.kill('SIGTERM');
    await running.ended;

    await writeFile(join(folder, 'causeway.store'), 'rubbish');
    expect(await launch().ended).toMatchObject({
      code: 1,
      complaint: expect.stringMatching(/is damaged .* cp ".*causeway.store.bak"/) as string,
    });
  });
});
