import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let folder: string;
let server: TestServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-client-'));
  for (const path of ['client/assets', 'previous/assets']) await mkdir(join(folder, path), { recursive: true });
  await writeFile(join(folder, 'client/index.html'), '<!doctype html>app');
  for (const name of ['sw.js', 'manifest.webmanifest', 'assets/main-AbCd_123.js'])
    await writeFile(join(folder, 'client', name), 'new');
  await writeFile(join(folder, 'previous/assets/main-00000000.js'), 'old');
  await writeFile(join(folder, 'secret'), 'secret');
  server = await startTestServer({ CLIENT_DIR: join(folder, 'client') });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const get = async (path: string, method = 'GET') => {
  const response = await fetch(`${server.origin}${path}`, { method });
  return { status: response.status, cache: response.headers.get('cache-control'), text: await response.text() };
};
const forGood = 'public, max-age=31536000, immutable';

describe('the app', () => {
  it('is served with what may be kept', async () => {
    const app = { status: 200, cache: 'no-cache', text: '<!doctype html>app' };
    for (const path of ['/', '/index.html', '/people/anna', '/settings?x=1']) expect(await get(path)).toEqual(app);
    for (const path of ['/sw.js', '/manifest.webmanifest'])
      expect(await get(path)).toEqual({ status: 200, cache: 'no-cache', text: 'new' });
    expect(await get('/assets/main-AbCd_123.js')).toEqual({ status: 200, cache: forGood, text: 'new' });
    expect(await get('/assets/main-00000000.js')).toEqual({ status: 200, cache: forGood, text: 'old' });
  });

  it('ends at its folder, and where the API begins', async () => {
    for (const path of ['/assets/none-00000000.js', '/%2e%2e/secret', '/..%2fsecret', '/assets/%00.js'])
      expect((await get(path)).text).not.toContain('secret');
    expect((await get('/assets/none-00000000.js')).status).toBe(404);
    expect((await get('/api/people')).text).toBe('{"ok":false,"error":{"code":"malformed"}}');
    expect((await get('/socket.io/none')).text).not.toContain('app');
    expect((await get('/', 'DELETE')).status).toBe(405);
  });
});
