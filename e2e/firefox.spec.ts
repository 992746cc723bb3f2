/** Two kinds of browser talk to each other, both ways: other WebRTC, other storage, other keys. */
import { watchProgress } from './support/progress-watch.ts';
import { expect, test } from './support/test.ts';

const MiB = 1024 * 1024;

test('Chromium and Firefox chat and hand each other files', async ({ pair, file }) => {
  const [alice, bob] = await pair({ firefox: true });
  await alice.say('hello Firefox');
  await expect(bob.messages).toContainText('hello Firefox');
  await bob.say('hello Chromium');
  await expect(alice.messages).toContainText('hello Chromium');
  for (const [from, to, name] of [
    [alice, bob, 'to-firefox.bin'],
    [bob, alice, 'from-firefox.bin'],
  ] as const) {
    await from.attach(await file(name, 8 * MiB));
    await to.offer.getByRole('button', { name: 'Accept' }).click();
    await expect(to.status(name)).toHaveText(/^Received/, { timeout: 60_000 });
    await expect(from.status(name)).toHaveText(/^Sent/);
  }
  // Firefox leaves in the middle, and takes up what it has.
  const path = await file('resumed.bin', 50 * MiB);
  const seen = await watchProgress(bob, 'resumed.bin');
  await alice.attach(path);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress('resumed.bin'), { intervals: [50] }).toBeGreaterThanOrEqual(10);
  const before = seen.length;
  await bob.page.reload();
  await bob.row('Alice').click();
  await expect(bob.status('resumed.bin')).toHaveText(/^Received/, { timeout: 60_000 });
  await expect(alice.status('resumed.bin')).toHaveText(/^Sent/);
  expect(seen.length).toBeGreaterThan(before);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(bob.problems).toEqual([]);
});
