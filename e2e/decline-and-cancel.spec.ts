/** An offer can be declined, and either side can end a transfer; both see how it ended. */
import { truncate } from 'node:fs/promises';
import { expect, test } from './support/test.ts';

const MiB = 1024 * 1024;

test('an offer is declined, a running transfer is cancelled by either side, and the link is good for the next', async ({
  pair,
  file,
}) => {
  const [alice, bob] = await pair();
  await alice.attach(await file('unwanted.bin', 3 * MiB));
  await bob.offer.getByRole('button', { name: 'Decline' }).click();
  await expect(bob.status('unwanted.bin')).toHaveText(/^Declined/);
  await expect(alice.status('unwanted.bin')).toHaveText(/^Declined/);
  await expect(bob.offer).toBeHidden();
  for (const person of [alice, bob]) {
    const name = `cancelled by ${person.handle}.bin`;
    const path = await file(name, 0);
    await truncate(path, 300 * MiB);
    await alice.attach(path);
    await bob.offer.getByRole('button', { name: 'Accept' }).click();
    await expect.poll(() => bob.progress(name), { intervals: [50] }).toBeGreaterThan(0);
    await person.card(name).getByRole('button', { name: 'Cancel' }).click();
    await expect(alice.status(name)).toHaveText(/^Cancelled/);
    await expect(bob.status(name)).toHaveText(/^Cancelled/);
    await expect(bob.card(name).getByRole('button', { name: 'Save' })).toBeHidden();
  }
  await alice.attach(await file('next.bin', 2 * MiB));
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status('next.bin')).toHaveText(/^Received/);
  await expect(alice.status('next.bin')).toHaveText(/^Sent/);
});

test('a file is paused and resumed by either side, and the other one sees by whom', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await bob.limitSpeed('Download limit', '20'); // it is not to be over before both have paused it
  const path = await file('paused.bin', 66 * MiB);
  await alice.attach(path);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress('paused.bin'), { intervals: [50] }).toBeGreaterThan(2);
  await bob.card('paused.bin').getByRole('button', { name: 'Pause' }).click();
  await expect(bob.status('paused.bin')).toHaveText('Paused');
  await expect(alice.status('paused.bin')).toHaveText('Paused by Bob');
  const shown = await alice.progress('paused.bin');
  await alice.page.reload();
  await alice.row('Bob').click();
  // What the file needs is asked at once, not when Bob goes on and nobody may be there.
  await alice.card('paused.bin').getByLabel('Choose paused.bin again').setInputFiles(path);
  await expect(alice.status('paused.bin')).toHaveText('Paused by Bob');
  expect(await alice.progress('paused.bin')).toBeGreaterThanOrEqual(shown);
  await bob.card('paused.bin').getByRole('button', { name: 'Resume' }).click();
  await alice.card('paused.bin').getByRole('button', { name: 'Pause' }).click();
  await expect(alice.status('paused.bin')).toHaveText('Paused');
  await expect(bob.status('paused.bin')).toHaveText('Paused by Alice');
  await alice.card('paused.bin').getByRole('button', { name: 'Resume' }).click();
  await expect(bob.status('paused.bin')).toHaveText(/^Received/, { timeout: 60_000 });
  await expect(alice.status('paused.bin')).toHaveText(/^Sent/);
});
