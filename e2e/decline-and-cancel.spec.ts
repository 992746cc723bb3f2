/** An offer can be declined, and either side can end a transfer; both see how it ended. */
import { expect, test } from './support/test.ts';

const MiB = 1024 * 1024;

test('a declined file says so on both sides', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await alice.attach(await file('unwanted.bin', 3 * MiB));
  await bob.offer.getByRole('button', { name: 'Decline' }).click();
  await expect(bob.status('unwanted.bin')).toHaveText(/^Declined/);
  await expect(alice.status('unwanted.bin')).toHaveText(/^Declined/);
  await expect(bob.offer).toBeHidden();
});

for (const who of ['sender', 'receiver'] as const) {
  test(`a running transfer is cancelled by the ${who}`, async ({ pair, file }) => {
    const [alice, bob] = await pair();
    await alice.attach(await file('long.bin', 300 * MiB));
    await bob.offer.getByRole('button', { name: 'Accept' }).click();
    await expect.poll(() => bob.progress('long.bin')).toBeGreaterThan(0);
    const person = who === 'sender' ? alice : bob;
    await person.card('long.bin').getByRole('button', { name: 'Cancel' }).click();
    await expect(alice.status('long.bin')).toHaveText(/^Cancelled/);
    await expect(bob.status('long.bin')).toHaveText(/^Cancelled/);
    await expect(bob.card('long.bin').getByRole('button', { name: 'Save' })).toBeHidden();
    // The link is still good for what comes next.
    await alice.attach(await file('next.bin', 2 * MiB));
    await bob.offer.getByRole('button', { name: 'Accept' }).click();
    await expect(bob.status('next.bin')).toHaveText(/^Received/);
    await expect(alice.status('next.bin')).toHaveText(/^Sent/);
  });
}

test('a file is paused and resumed by either side, and the other one sees by whom', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const path = await file('paused.bin', 300 * MiB);
  await alice.attach(path);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress('paused.bin')).toBeGreaterThan(2);
  await bob.card('paused.bin').getByRole('button', { name: 'Pause' }).click();
  await expect(bob.status('paused.bin')).toHaveText('Paused');
  await expect(alice.status('paused.bin')).toHaveText('Paused by Bob');
  const shown = await alice.progress('paused.bin');
  await alice.page.reload();
  await alice.row('Bob').click();
  await expect(alice.status('paused.bin')).toHaveText('Paused by Bob');
  expect(await alice.progress('paused.bin')).toBeGreaterThanOrEqual(shown);
  await bob.card('paused.bin').getByRole('button', { name: 'Resume' }).click();
  await alice.card('paused.bin').getByLabel('Choose paused.bin again').setInputFiles(path);
  await alice.card('paused.bin').getByRole('button', { name: 'Pause' }).click();
  await expect(alice.status('paused.bin')).toHaveText('Paused');
  await expect(bob.status('paused.bin')).toHaveText('Paused by Alice');
  await alice.card('paused.bin').getByRole('button', { name: 'Resume' }).click();
  await expect(bob.status('paused.bin')).toHaveText(/^Received/, { timeout: 60_000 });
  await expect(alice.status('paused.bin')).toHaveText(/^Sent/);
});
