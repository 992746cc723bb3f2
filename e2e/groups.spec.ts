/** A group of three, each in a browser profile of their own: founded, joined by link and by code, handed on by whoever is there. */
import type { Locator } from '@playwright/test';
import type { Person } from './support/person.ts';
import { expect, test } from './support/test.ts';

const log = (person: Person): Locator => person.messages;
const heading = (person: Person): Locator => person.page.getByRole('heading', { name: 'Choir' }).first();
const details = async (person: Person): Promise<Locator> => {
  await person.page.getByRole('button', { name: 'Details' }).first().click();
  return person.page.getByRole('complementary', { name: 'About this group' });
};

async function join(person: Person): Promise<void> {
  const dialog = person.page.getByRole('dialog', { name: 'Join group' });
  await dialog.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(heading(person)).toBeVisible({ timeout: 20_000 });
}

test('a group is founded, joined by link and by code, and its messages reach who comes later without their author', async ({
  join: register,
}) => {
  test.setTimeout(180_000);
  const [alice, bob, carol] = await Promise.all([
    register({ handle: 'alice', displayName: 'Alice' }),
    register({ handle: 'bob', displayName: 'Sam' }),
    register({ handle: 'carol', displayName: 'Sam' }),
  ]);
  await alice.page.getByRole('button', { name: 'New group' }).click();
  await alice.page.getByRole('textbox', { name: 'Group name' }).fill('Choir');
  await alice.page.getByRole('button', { name: 'Create group' }).click();
  await expect(heading(alice)).toBeVisible();
  await alice.say('welcome');

  const about = await details(alice);
  await about.getByRole('button', { name: 'New invitation' }).click();
  const output = about.getByRole('region', { name: 'Join code' }).locator('output');
  await expect(output).toHaveText(/^([0-9A-Z]{4}-){6}[0-9A-Z]{4}$/);
  await expect(about.getByRole('img', { name: 'QR code of the link' })).toBeVisible();
  const code = (await output.textContent()) ?? '';

  // By link: the secret is behind `#`, and does not stay in the address.
  await bob.page.goto(`${bob.url}/#join/${code}`);
  await expect(bob.page.getByRole('textbox', { name: 'Join code' })).toHaveValue(code);
  expect(bob.page.url()).not.toContain(code);
  await join(bob);
  await expect(log(bob)).toContainText('welcome');
  // By code.
  await carol.page.getByRole('button', { name: 'Join group' }).click();
  await carol.page.getByRole('textbox', { name: 'Join code' }).fill(code.toLowerCase());
  await join(carol);
  await expect(log(carol)).toContainText('welcome');

  await bob.say('from bob');
  await expect(log(carol)).toContainText('from bob');
  await carol.say('from carol');
  const members = about.getByRole('region', { name: 'Members' }).getByRole('listitem');
  await expect(members).toHaveCount(3);
  await expect(members.filter({ hasText: '@carol' })).toContainText('online');
  await about.getByRole('button', { name: 'Back' }).click();
  await expect(log(alice)).toContainText('from carol');
  // Two people of one name are told apart.
  await expect(log(alice)).toContainText('@bob');
  await expect(log(alice)).toContainText('@carol');

  // Carol is away while Alice writes, and Alice is gone when Carol comes back.
  await carol.context.close();
  await alice.say('while carol is away');
  await expect(log(bob)).toContainText('while carol is away');
  await expect(bob.page.getByText('3 members, 1 online').first()).toBeVisible({ timeout: 30_000 });
  for (const pid of alice.pids()) process.kill(pid, 'SIGKILL');
  const killedAt = Date.now();
  await expect(bob.page.getByText('3 members, 0 online').first()).toBeVisible({ timeout: 30_000 });
  expect(Date.now() - killedAt).toBeLessThan(30_000);
  await carol.launch();
  await carol.ready();
  await carol.row('Choir').click();
  await expect(log(carol)).toContainText('while carol is away', { timeout: 30_000 });
});
