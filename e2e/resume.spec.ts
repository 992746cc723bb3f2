/** Nothing is lost: a transfer goes on from the blocks it has, whoever reloads, crashes or loses the network. */
import { expect, sha256, test } from './support/test.ts';
import { Network } from './support/network.ts';
import type { Person } from './support/person.ts';

const MiB = 1024 * 1024;
const name = 'big.bin';

/** Offers a file, accepts it, and waits until a part of it is there. */
async function begin(alice: Person, bob: Person, path: string, percent: number): Promise<void> {
  await alice.attach(path);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress(name), { intervals: [50] }).toBeGreaterThanOrEqual(percent);
}

async function arrives(alice: Person, bob: Person, path: string): Promise<void> {
  await expect(bob.status(name)).toHaveText(/^Received/, { timeout: 90_000 });
  await expect(alice.status(name)).toHaveText(/^Sent/);
  expect(await sha256((await bob.save(name)).path)).toBe(await sha256(path));
}

/** What a person sees first after coming back is no less than before. */
async function notLessThan(person: Person, before: number): Promise<void> {
  await expect(person.card(name)).toBeVisible();
  const shown = await person.progress(name);
  if (shown >= 0) expect(shown).toBeGreaterThanOrEqual(before);
}

test('the receiver reloads: it goes on by itself from what it has', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const path = await file(name, 250 * MiB);
  await begin(alice, bob, path, 10);
  const before = await bob.progress(name);
  await bob.page.reload();
  await bob.row('Alice').click();
  await notLessThan(bob, before);
  await arrives(alice, bob, path);
});

test('the sender reloads: a file that was copied goes on by itself', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const path = await file(name, 64 * MiB);
  await begin(alice, bob, path, 5);
  await alice.page.reload();
  await alice.row('Bob').click();
  await arrives(alice, bob, path);
});

test('the sender reloads: a larger file is asked for by name, a wrong one is refused, and it goes on', async ({
  pair,
  file,
}) => {
  const [alice, bob] = await pair();
  const path = await file(name, 250 * MiB);
  await begin(alice, bob, path, 10);
  const before = await alice.progress(name);
  await alice.page.reload();
  await alice.row('Bob').click();
  await notLessThan(alice, before);
  const again = alice.card(name).getByLabel(`Choose ${name} again`);
  await again.setInputFiles(await file('other.bin', 1 * MiB));
  await expect(alice.card(name)).toContainText(/not the same|another|different/i);
  await again.setInputFiles(path);
  await arrives(alice, bob, path);
});

test('the receiver is killed: it goes on when it is back', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const path = await file(name, 250 * MiB);
  await begin(alice, bob, path, 10);
  for (const pid of bob.pids()) process.kill(pid, 'SIGKILL');
  await bob.context.close().catch(() => undefined);
  await bob.launch();
  await bob.row('Alice').click();
  await arrives(alice, bob, path);
});

test('the server is killed in the middle: the transfer does not notice, and nothing is forgotten', async ({
  server,
  pair,
  file,
}) => {
  const [alice, bob] = await pair();
  const path = await file(name, 250 * MiB);
  await begin(alice, bob, path, 5);
  await server.kill();
  await arrives(alice, bob, path);
  await server.up();
  await expect(alice.row('Bob')).toHaveAccessibleName(/Bob.*online/, { timeout: 30_000 });
  await alice.say('still here');
  await expect(bob.messages).toContainText('still here');
});

test.describe('with a cable to pull', () => {
  test.skip(!Network.available(), 'needs root and iproute2 (ip netns)');
  let network: Network;
  test.beforeAll(() => {
    network = Network.create();
  });
  test.afterAll(() => network.remove());
  test.use({ serverEnv: { HOST: '0.0.0.0' } });

  test('the network is cut for ten seconds: the transfer goes on by itself', async ({ server, pair, file }) => {
    const [alice, bob] = await pair({
      browser: { path: network.browser, url: `http://${network.host}:${server.port}` },
    });
    const path = await file(name, 250 * MiB);
    await begin(alice, bob, path, 5);
    network.pull();
    await expect(bob.card(name)).not.toContainText(/MB\/s/, { timeout: 15_000 });
    await new Promise((next) => setTimeout(next, 5_000));
    network.plug();
    await arrives(alice, bob, path);
  });
});
