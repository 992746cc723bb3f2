/** A file goes across: offered, accepted, streamed, verified, saved, and nothing of it passes the server. */
import { stat } from 'node:fs/promises';
import { expect, sha256, test } from './support/test.ts';

const MiB = 1024 * 1024;

test('64 MiB with a name outside ASCII arrive byte for byte, and the server moves less than 1 MB', async ({
  server,
  pair,
  file,
}) => {
  const [alice, bob] = await pair();
  const name = 'Příliš žluťoučký kůň – 日本語 🚀.bin';
  const path = await file(name, 64 * MiB);
  const before = server.movedBytes();
  await alice.attach(path);
  await expect(bob.offer).toContainText(name);
  await expect(alice.status(name)).toHaveText(/^Waiting for Bob/);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status(name)).toHaveText(/^Received/, { timeout: 90_000 });
  await expect(alice.status(name)).toHaveText(/^Sent/);
  expect(server.movedBytes() - before).toBeLessThan(1_000_000);
  const saved = await bob.save(name);
  expect(saved.name).toBe(name);
  expect((await stat(saved.path)).size).toBe(64 * MiB);
  expect(await sha256(saved.path)).toBe(await sha256(path));
  expect(alice.problems).toEqual([]);
  expect(bob.problems).toEqual([]);
});
