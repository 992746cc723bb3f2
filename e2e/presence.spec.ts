/** Who is online is true when a browser closes, is killed or freezes: never a ghost for longer than 30 s. */
import { expect, test } from './support/test.ts';

for (const [how, signal] of [
  ['killed', 'SIGKILL'],
  ['frozen', 'SIGSTOP'],
] as const) {
  test(`a ${how} browser is offline within 30 s`, async ({ pair }) => {
    const [alice, bob] = await pair();
    const pids = bob.pids();
    expect(pids.length).toBeGreaterThan(2);
    for (const pid of pids) process.kill(pid, signal);
    const since = Date.now();
    try {
      await expect(alice.row('Bob')).toHaveAccessibleName(/offline/, { timeout: 30_000 });
    } finally {
      if (signal === 'SIGSTOP') for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
    test.info().annotations.push({ type: 'seconds until offline', description: String((Date.now() - since) / 1000) });
    if (signal === 'SIGSTOP') await expect(alice.row('Bob')).toHaveAccessibleName(/Bob.*online/, { timeout: 30_000 });
  });
}
