/** People behind the same address find each other when both want it, and not before or after. */
import { expect, test } from './support/test.ts';
import type { Person } from './support/person.ts';

const panel = ({ page }: Person) => page.getByRole('region', { name: 'People nearby' });
const showMe = ({ page }: Person) => page.getByRole('switch', { name: 'Show me to people nearby' });

test('two who want it see each other and become contacts without typing a username; off is off, and so is a killed browser', async ({
  join,
}) => {
  const [alice, bob] = await Promise.all([
    join({ handle: 'alice', displayName: 'Alice' }),
    join({ handle: 'bob', displayName: 'Bob' }),
  ]);
  for (const { page } of [alice, bob]) await page.getByRole('button', { name: /^People nearby/ }).click();
  await expect(showMe(alice)).not.toBeChecked();
  await expect(panel(alice)).toContainText('your name, your username and your picture');
  await showMe(alice).check();
  await expect(panel(alice)).toContainText('Nobody else here');
  await expect(panel(bob)).not.toContainText('Alice');
  await showMe(bob).check();
  await expect(panel(alice)).toContainText('@bob');
  await expect(panel(bob)).toContainText('@alice');
  await showMe(bob).uncheck();
  await expect(panel(alice)).not.toContainText('@bob');
  await expect(panel(bob)).not.toContainText('@alice');
  await showMe(bob).check();
  await panel(alice).getByRole('button', { name: 'Send request' }).click();
  await expect(panel(alice)).toContainText('Request sent');
  await bob.acceptRequest();
  await expect(alice.row('Bob')).toHaveAccessibleName(/online/);
  await expect(panel(alice)).toContainText('Nobody else here');

  const cat = await join({ handle: 'cat' });
  await cat.page.getByRole('button', { name: /^People nearby/ }).click();
  await showMe(cat).check();
  await expect(panel(cat)).toContainText('@alice');
  for (const pid of alice.pids()) process.kill(pid, 'SIGKILL');
  await expect(panel(cat)).not.toContainText('@alice', { timeout: 25_000 });
  await expect(panel(cat)).toContainText('@bob');
  await bob.page.reload();
  await expect(panel(cat)).not.toContainText('@bob');
});
