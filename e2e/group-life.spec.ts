/** The life of a group, all of it from the screens of three people in browser profiles of their own. */
import type { Locator } from '@playwright/test';
import type { Person } from './support/person.ts';
import { expect, test } from './support/test.ts';

const name = 'Choir';
/** All three panes beside each other. */
const viewport = { width: 1280, height: 800 };

const about = (person: Person): Locator => person.page.getByRole('complementary', { name: 'About this group' });
const members = (person: Person): Locator =>
  about(person).getByRole('region', { name: 'Members' }).getByRole('listitem');
const heading = (person: Person): Locator => person.page.getByRole('heading', { level: 2, name, exact: true });
const out = (person: Person): Locator => person.page.getByText('You are not in this group any more.').first();

/** Presses a button and confirms what it asks. */
async function sure(person: Person, button: Locator): Promise<void> {
  const action = (await button.textContent()) ?? '';
  await button.click();
  await person.page.getByRole('alertdialog').getByRole('button', { name: action, exact: true }).click();
}

test('a group with a picture: people are let in and invited, made admin, removed; one leaves, and it is deleted', async ({
  join: register,
}) => {
  const [alice, bob, carol] = await Promise.all([
    register({ handle: 'alice', displayName: 'Alice', viewport }),
    register({ handle: 'bob', displayName: 'Bob', viewport }),
    register({ handle: 'carol', displayName: 'Carol', viewport }),
  ]);
  await alice.shareWith('carol');
  await carol.acceptRequest();
  await expect(alice.row('Carol')).toHaveAccessibleName(/online/);

  await alice.page.getByRole('button', { name: 'New group' }).click();
  const founding = alice.page.getByRole('dialog', { name: 'New group' });
  await founding.getByLabel('Picture').setInputFiles('public/icon-192.png');
  await founding.getByRole('textbox', { name: 'Group name' }).fill(name);
  await founding.getByRole('button', { name: 'Create group' }).click();
  await expect(heading(alice)).toBeVisible();

  await test.step('a stranger asks by code and is let in', async () => {
    await about(alice).getByRole('checkbox', { name: 'An admin lets each person in' }).check();
    await about(alice).getByRole('button', { name: 'New invitation' }).click();
    const code = await about(alice).getByRole('region', { name: 'Join code' }).locator('output').textContent();
    await bob.page.getByRole('button', { name: 'Join group' }).click();
    const joining = bob.page.getByRole('dialog', { name: 'Join group' });
    await joining.getByRole('textbox', { name: 'Join code' }).fill(code ?? '');
    await joining.getByRole('button', { name: 'Join', exact: true }).click();
    const waiting = bob.page.getByRole('region', { name: 'Groups that you asked to join' });
    await expect(waiting).toContainText('Waiting for an admin to let you in.');
    const asking = about(alice).getByRole('region', { name: 'Want to join' });
    await expect(asking).toContainText('@bob');
    await expect(members(alice)).toHaveCount(1);
    await expect(asking.getByRole('button', { name: 'Refuse' })).toHaveAccessibleDescription(/@bob/);
    await asking.getByRole('button', { name: 'Let in' }).click();
    await expect(heading(bob)).toBeVisible();
    await expect(waiting).toBeHidden();
  });

  // The picture went with the log of the group, and is one that can be drawn.
  const shown = about(bob).locator('svg.avatar image').first();
  await expect(shown).toHaveAttribute('href', /^blob:/);
  const widthOfPicture = await shown.evaluate(async (element) => {
    const image = new Image();
    image.src = element.getAttribute('href') ?? '';
    await image.decode();
    return image.naturalWidth;
  });
  expect(widthOfPicture).toBeGreaterThan(0);

  await test.step('a contact is sent an invitation and takes it', async () => {
    await about(alice).getByRole('combobox', { name: 'Invite a contact' }).selectOption({ label: 'Carol (@carol)' });
    await about(alice).getByRole('button', { name: 'Invite', exact: true }).click();
    await expect(alice.page.getByText('An invitation was sent to Carol.').first()).toBeAttached();
    await carol.row('Alice').click();
    await carol.messages.getByRole('link').click();
    const joining = carol.page.getByRole('dialog', { name: 'Join group' });
    await joining.getByRole('button', { name: 'Join', exact: true }).click();
    await expect(heading(carol)).toBeVisible();
    for (const person of [alice, bob, carol]) await expect(members(person)).toHaveCount(3);
  });

  await about(alice).getByRole('button', { name: 'Choices for Bob' }).click();
  await about(alice).getByRole('button', { name: 'Make admin' }).click();
  await expect(members(bob).filter({ hasText: '@bob' })).toContainText('Admin');
  await expect(about(bob).getByRole('region', { name: 'Invite people' })).toBeVisible();
  await carol.say('la la la');
  await expect(bob.messages).toContainText('la la la');

  await about(alice).getByRole('button', { name: 'Choices for Carol' }).click();
  await sure(alice, about(alice).getByRole('button', { name: 'Remove from group' }));
  await expect(out(carol)).toBeVisible();
  await expect(carol.page.getByRole('textbox', { name: 'Message' })).toHaveCount(0);
  for (const person of [alice, bob]) await expect(members(person)).toHaveCount(2);
  await alice.say('between us');
  await expect(bob.messages).toContainText('between us');

  await sure(bob, about(bob).getByRole('button', { name: 'Leave group' }));
  await expect(out(bob)).toBeVisible();
  await expect(members(alice)).toHaveCount(1);

  await sure(alice, about(alice).getByRole('button', { name: 'Delete group' }));
  await expect(alice.page.getByText('This group was deleted.').first()).toBeVisible();
  await expect(alice.page.getByRole('textbox', { name: 'Message' })).toHaveCount(0);
  await expect(carol.messages).not.toContainText('between us');
});
