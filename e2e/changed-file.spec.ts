/** A file that is changed after it was offered is noticed by its size, its time, or its bytes, said by name on both sides, and never sent as a mixture. */
import { appendFile, open, stat, truncate, utimes } from 'node:fs/promises';
import { expect, sha256, test } from './support/test.ts';

const name = 'report.bin';
/** Over what is copied when it is attached. */
const size = 80 * 1024 * 1024;

test('a changed file stops, is refused in each disguise, and goes on as it was', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const path = await file(name, size);
  const original = await sha256(path);
  const offeredAt = new Date(Math.floor((await stat(path)).mtimeMs));
  await utimes(path, offeredAt, offeredAt);
  await alice.attach(path);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress(name), { intervals: [50] }).toBeGreaterThanOrEqual(5);

  // Another size, while it is read.
  await appendFile(path, 'more');
  await expect(alice.status(name)).toHaveText(/^Stopped: report\.bin was changed since it was offered/);
  await expect(bob.status(name)).toHaveText('Stopped: report.bin was changed since it was offered');
  const retry = alice.card(name).getByRole('button', { name: 'Retry' });
  const again = alice.card(name).getByLabel(`Choose ${name} again`);
  await retry.click();
  await again.setInputFiles(path);
  await expect(alice.status(name)).toHaveText(/^report\.bin was changed since it was offered/);

  // Of the right size, at another time.
  await truncate(path, size);
  await again.setInputFiles(path);
  await expect(alice.status(name)).toHaveText(/^report\.bin was changed since it was offered/);

  // Of the right size and time, with another first byte.
  const [first = 0] = await at0(path);
  await at0(path, first ^ 1);
  await utimes(path, offeredAt, offeredAt);
  await again.setInputFiles(path);
  await expect(alice.status(name)).toHaveText(/^Stopped: report\.bin was changed since it was offered/);

  await at0(path, first);
  await utimes(path, offeredAt, offeredAt);
  await retry.click();
  await again.setInputFiles(path);
  await expect(bob.status(name)).toHaveText(/^Received/, { timeout: 60_000 });
  await expect(alice.status(name)).toHaveText(/^Sent/);
  expect(await sha256((await bob.save(name)).path)).toBe(original);
});

/** The first byte of a file, after it was written if one is given. */
async function at0(path: string, byte?: number): Promise<Buffer> {
  const handle = await open(path, 'r+');
  try {
    if (byte !== undefined) await handle.write(Buffer.of(byte), 0, 1, 0);
    return (await handle.read(Buffer.alloc(1), 0, 1, 0)).buffer;
  } finally {
    await handle.close();
  }
}
