/** Deleting one's account, and one's data on a device: what goes, what stays, what others see. */
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

/** Names of all that the app keeps in this browser. */
const leftIn = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const files: string[] = [];
    for await (const name of root.keys()) files.push(name);
    return [
      ...(await indexedDB.databases()).map(({ name = '' }) => name),
      ...files,
      ...Object.keys(localStorage),
      ...(await caches.keys()),
    ];
  });

test('an account is deleted everywhere, its contacts keep the conversation, and its name stays taken', async ({
  server,
  pair,
  visit,
  file,
}) => {
  const [alice, bob] = await pair();
  await alice.say('keep this');
  await alice.attach(await file('kept.bin', 50_000));
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status('kept.bin')).toHaveText('Received');
  const second = await visit({ handle: 'alice', displayName: 'Alice' });
  await second.logIn();
  await second.page.getByLabel('Recovery code').fill(alice.recoveryCode);
  await second.page.getByRole('button', { name: 'Use this code' }).click();
  await second.row('Bob').click();
  await expect(second.messages).toContainText('keep this');

  const { page } = alice;
  expect((await leftIn(page)).length).toBeGreaterThan(2);
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Delete my account…' }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog).toContainText('@alice');
  await dialog.getByLabel('Password', { exact: true }).fill('not the password');
  await dialog.getByRole('button', { name: 'Delete my account' }).click();
  await expect(dialog.getByRole('alert')).toContainText('wrong');
  await dialog.getByLabel('Password', { exact: true }).fill(alice.password);
  await dialog.getByRole('button', { name: 'Delete my account' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Your account is deleted');
  expect(await leftIn(page)).toEqual([]);
  expect((await alice.context.cookies()).map(({ name }) => name)).toEqual([]);

  await expect(bob.page.getByText('Alice deleted their account').first()).toBeVisible();
  await expect(bob.messages).toContainText('keep this');
  await expect(bob.page.getByRole('textbox', { name: 'Message' })).toBeHidden();
  await expect(bob.page.getByText(/keys.*changed/)).toBeHidden();
  await expect(second.page.getByText('This account was deleted').first()).toBeVisible();
  await expect(second.messages).toContainText('keep this');
  await second.page.reload();
  await expect(second.page.getByText('This account was deleted').first()).toBeVisible();
  await second.page.getByRole('button', { name: 'Settings' }).click();
  await second.page.getByRole('button', { name: 'Delete my data on this device…' }).click();
  await second.page.getByRole('alertdialog').getByRole('button', { name: 'Delete my data on this device' }).click();
  await expect(second.page.getByRole('heading', { level: 1 })).toHaveText('Your account is deleted');
  expect(await leftIn(second.page)).toEqual([]);

  await page.getByRole('button', { name: 'Begin anew' }).click();
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByLabel('Username', { exact: true }).fill('a1ice');
  await page.getByLabel('Password', { exact: true }).fill(alice.password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByText(/taken/).first()).toBeVisible();

  // The other way round: the data of a device goes, without a server too, and the account stays.
  await server.kill();
  await bob.page.getByRole('button', { name: 'Settings' }).click();
  await bob.page.getByRole('button', { name: 'Delete my data on this device…' }).click();
  await bob.page.getByRole('alertdialog').getByRole('button', { name: 'Delete my data on this device' }).click();
  await expect(bob.page.getByRole('heading', { level: 1 })).toHaveText('Your data here is deleted');
  await expect(bob.page.getByText('The server did not answer')).toBeVisible();
  expect(await leftIn(bob.page)).toEqual([]);
  await server.up();
  await bob.page.getByRole('button', { name: 'Begin anew' }).click();
  await bob.logIn();
  await expect(bob.page.getByRole('heading', { level: 1 })).toHaveText('Approve this device');
});
