/** A new version of the app waits until the person takes it. */
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect } from './support/test.ts';
import { Server } from './support/server.ts';

const built = new URL('../dist/client', import.meta.url).pathname;

const test = base.extend<{ client: string }>({
  client: async ({}, use) => {
    const client = await mkdtemp(join(tmpdir(), 'causeway-client-'));
    await cp(built, client, { recursive: true });
    await use(client);
    await rm(client, { recursive: true });
  },
  server: async ({ client }, use) => {
    const server = await Server.start({ CLIENT_DIR: client });
    await use(server);
    await server.stop();
  },
});

test('a new version is offered, and loaded at a click', async ({ client, server, join: register }) => {
  const alice = await register({ handle: 'alice' });
  const { page } = alice;
  const worker = () => page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state);
  await expect.poll(worker).toBe('activated');
  await appendFile(join(client, 'sw.js'), '\n// a newer one');
  await rm(join(client, 'sw.js.br'), { force: true });
  await rm(join(client, 'sw.js.gz'), { force: true });
  await server.kill('SIGTERM');
  await server.up();
  await page.evaluate(async () => {
    await (await navigator.serviceWorker.ready).update();
  });
  const load = page.getByRole('button', { name: 'Load it' });
  await expect(load).toBeVisible();
  await Promise.all([page.waitForEvent('load'), load.click()]);
  await alice.ready();
  await expect(load).toBeHidden();
});
