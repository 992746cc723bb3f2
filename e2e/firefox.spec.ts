/** Two kinds of browser talk to each other, both ways: other WebRTC, other storage, other keys. */
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
    await from.attach(await file(name, 20 * MiB));
    await to.offer.getByRole('button', { name: 'Accept' }).click();
    await expect(to.status(name)).toHaveText(/^Received/, { timeout: 60_000 });
    await expect(from.status(name)).toHaveText(/^Sent/);
  }
  expect(bob.problems).toEqual([]);
});
