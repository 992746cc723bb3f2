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
  const picture = alice.page.getByLabel('Picture');
  await picture.setInputFiles({ name: 'x.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') });
  await alice.page.getByRole('button', { name: 'Create group' }).click();
  await expect(alice.page.getByText('This browser cannot show that picture')).toBeVisible();
  await alice.page.getByRole('button', { name: 'Without this picture' }).click();
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
  await expect(about.getByRole('button', { name: 'Choices for Sam (@carol)' })).toBeVisible();
  await about.getByRole('button', { name: 'Back' }).click();
  await expect(log(alice)).toContainText('from carol');
  // Two people of one name are told apart.
  await expect(alice.row('Choir')).toContainText('Sam (@carol): from carol');
  await expect(log(alice)).toContainText('@bob');
  await expect(log(alice)).toContainText('@carol');

  // Who came is told in the chat, calmly; who is writing above it; who has read it on request.
  await expect(log(alice)).toContainText('Sam (@bob) and Sam (@carol) joined');
  await bob.page.getByRole('textbox', { name: 'Message' }).pressSequentially('wait');
  await expect(alice.page.getByText('Sam (@bob) is writing…')).toBeVisible();
  const own = log(alice).getByRole('button', { name: 'Message actions' }).first();
  await expect(own).toHaveAccessibleDescription(/welcome/);
  await own.focus();
  await own.press('Enter');
  const readBy = alice.page.getByRole('menuitem', { name: 'Read by 2 of 2' });
  await expect(readBy).toBeVisible({ timeout: 15_000 });
  await readBy.press('Enter');
  const readers = alice.page.getByRole('dialog', { name: 'Read by 2 of 2' });
  await expect(readers.getByRole('listitem')).toHaveText([/@bob/, /@carol/]);
  await readers.getByRole('button', { name: 'Close' }).click();
  // An invitation opens in this window.
  await bob.say(`here: ${bob.url}/#join/${code}`);
  await log(carol).getByRole('link', { name: code }).click();
  const dialog = carol.page.getByRole('dialog', { name: 'Join group' });
  await expect(dialog.getByRole('textbox', { name: 'Join code' })).toHaveValue(code);
  await carol.page.keyboard.press('Escape');
  expect(carol.context.pages()).toHaveLength(1);
  await carol.row('Choir').click();
  await carol.page.getByRole('button', { name: 'Options for Choir' }).click();
  await carol.page.getByRole('menuitem', { name: 'Mute' }).click();

  // Carol is away while Alice writes, and Alice is gone when Carol comes back.
  await carol.context.close();
  const field = alice.page.getByRole('textbox', { name: 'Message' });
  await field.pressSequentially('dear @sa');
  const choice = alice.page.getByRole('listbox', { name: 'People you can mention' });
  await expect(choice.getByRole('option')).toHaveText([/Sam @bob/, /Sam @carol/]);
  // Closed, it stays so for this mention, wherever the cursor goes.
  await field.press('Escape');
  await field.press('Home');
  await field.press('End');
  await expect(choice).toBeHidden();
  await field.fill('');
  await field.pressSequentially('dear @sa');
  await expect(choice.getByRole('option')).toHaveCount(2);
  await field.press('ArrowDown');
  await expect(choice.getByRole('option', { selected: true })).toContainText('@carol');
  await field.press('Enter');
  await expect(field).toHaveValue('dear @carol ');
  await field.pressSequentially('while you are away');
  await field.press('Enter');
  await expect(log(bob).locator('strong', { hasText: '@carol' })).toBeVisible();
  await expect(bob.page.getByText('3 members, 1 online').first()).toBeVisible({ timeout: 30_000 });
  for (const pid of alice.pids()) process.kill(pid, 'SIGKILL');
  const killedAt = Date.now();
  await expect(bob.page.getByText('3 members, 0 online').first()).toBeVisible({ timeout: 30_000 });
  expect(Date.now() - killedAt).toBeLessThan(30_000);
  await carol.launch();
  await carol.ready();
  // Whoever is named is told, where they asked for quiet too.
  await expect(carol.row('Choir')).toHaveAccessibleName(/muted.*you are mentioned/, { timeout: 30_000 });
  await carol.row('Choir').click();
  await expect(log(carol)).toContainText('dear @carol while you are away');
  // Without any network her browser starts with all of it, and finds what was written by whom.
  await carol.context.setOffline(true);
  await carol.page.reload();
  await carol.row('Choir').click();
  await expect(log(carol)).toContainText('dear @carol while you are away');
  await carol.page.getByRole('button', { name: 'Search (Ctrl+K)' }).click();
  await carol.page.getByRole('combobox', { name: 'Search' }).fill('welc');
  await expect(carol.page.getByRole('option', { name: /welcome/ })).toBeVisible({ timeout: 15_000 });
});
