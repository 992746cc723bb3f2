/** Who is online is true when a browser closes, is killed or freezes: never a ghost for longer than 30 s. */
import { withNetwork } from './support/cable.ts';
import { expect, test } from './support/test.ts';

test('a frozen browser is offline within 30 s, and so is a killed one', async ({ pair }) => {
  const [alice, bob] = await pair();
  const signalled = (signal: NodeJS.Signals): void => {
    const pids = bob.pids();
    expect(pids.length).toBeGreaterThan(2);
    for (const pid of pids) process.kill(pid, signal);
  };
  const offline = async (how: string): Promise<void> => {
    const since = Date.now();
    await expect(alice.row('Bob')).toHaveAccessibleName(/offline/, { timeout: 30_000 });
    const description = `${how}: ${(Date.now() - since) / 1000}`;
    test.info().annotations.push({ type: 'seconds until offline', description });
  };
  signalled('SIGSTOP');
  try {
    await offline('frozen');
  } finally {
    signalled('SIGCONT');
  }
  await expect(alice.row('Bob')).toHaveAccessibleName(/Bob.*online/, { timeout: 30_000 });
  signalled('SIGKILL');
  await offline('killed');
});

test.describe('with a cable to pull', { tag: '@network' }, () => {
  const cable = withNetwork();

  test('a pulled cable is seen at both ends within 30 s, and its end too', async ({ server, pair }) => {
    const network = cable();
    const browser = { path: network.browser, url: `http://${network.host}:${server.port}` };
    const [alice, bob] = await pair({ browser });
    const without = bob.page.getByText('No connection to the server.');
    await expect(without).toBeHidden();
    network.pull();
    await Promise.all([
      expect(alice.row('Bob')).toHaveAccessibleName(/offline/, { timeout: 30_000 }),
      expect(without).toBeVisible({ timeout: 30_000 }),
      expect(bob.row('Alice')).toHaveAccessibleName(/offline/, { timeout: 30_000 }),
    ]);
    network.plug();
    await expect(alice.row('Bob')).toHaveAccessibleName(/Bob.*online/, { timeout: 30_000 });
    await expect(bob.row('Alice')).toHaveAccessibleName(/Alice.*online/, { timeout: 30_000 });
    await expect(without).toBeHidden();
  });
});
