/** Two people whose networks let nothing through between them: a TURN server relays, and it is said. */
import { Network } from './support/network.ts';
import { Relay } from './support/relay.ts';
import { expect, sha256, test } from './support/test.ts';

const name = 'across.bin';
const MiB = 1024 * 1024;
const secret = 'a secret of this test alone';
const [aliceReaches, bobReaches] = [Network.hostOf(0), Network.hostOf(1)];

test.describe('through a relay', { tag: '@network' }, () => {
  test.skip(!Network.available(), 'needs root and iproute2 (ip netns)');
  test.skip(!Relay.available(), 'needs coturn (turnserver)');
  test.use({ serverEnv: { HOST: '0.0.0.0', TURN_SECRET: secret, TURN_URLS: Relay.url(aliceReaches) } });
  let alices: Network;
  let bobs: Network;
  let relay: Relay | undefined;
  const made: Network[] = [];
  test.beforeAll(async () => {
    made.push((alices = Network.create(0)));
    made.push((bobs = Network.create(1)));
    alices.cutOffFrom(bobs);
    bobs.cutOffFrom(alices);
    relay = await Relay.start(aliceReaches, secret, `${aliceReaches}-${bobReaches.replace(/\d+$/, '255')}`);
  });
  test.afterAll(async () => {
    try {
      await relay?.stop();
    } finally {
      for (const network of made) network.remove();
    }
  });

  test('a file goes over, whole, and both are told that it is relayed', async ({ server, join, file }) => {
    const url = (host: string) => `http://${host}:${server.port}`;
    const [alice, bob] = await Promise.all([
      join({ handle: 'alice', displayName: 'Alice', browser: { path: alices.browser, url: url(aliceReaches) } }),
      join({ handle: 'bob', displayName: 'Bob', browser: { path: bobs.browser, url: url(bobReaches) } }),
    ]);
    await alice.shareWith('bob');
    await bob.acceptRequest();
    await bob.row('Alice').click();
    await bob.limitSpeed('Download limit', '10'); // the way is shown as long as something runs
    const path = await file(name, 24 * MiB);
    await alice.attach(path);
    await bob.offer.getByRole('button', { name: 'Accept' }).click();
    await Promise.all(
      [alice, bob].map((person) => expect(person.card(name).getByText('Relayed', { exact: true })).toBeVisible()),
    );
    await expect(bob.status(name)).toHaveText(/^Received/, { timeout: 60_000 });
    await expect(alice.status(name)).toHaveText(/^Sent/);
    expect(await sha256((await bob.save(name)).path)).toBe(await sha256(path));
  });
});
