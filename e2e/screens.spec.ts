/**
 * Every screen with what people really did, on a phone and on a desk, light and dark. `SCREENS=folder` keeps a picture of each.
 */
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { look } from './support/look.ts';
import { expect, test } from './support/test.ts';

const MiB = 1024 * 1024;
test('the screens of one person: welcome, recovery code, nobody yet, settings, another tab, a new browser', async ({
  visit,
}) => {
  const alice = await visit({ handle: 'alice', displayName: 'Alice Liddell' });
  const { page } = alice;
  const submit = page.locator('form').getByRole('button', { name: 'Create account' });
  await look(page, 'create');
  await page.getByLabel('Username', { exact: true }).fill('no spaces');
  await submit.click();
  await expect(page.getByText('A username has 3 to 32')).toBeVisible();
  await look(page, 'create with errors');
  await page.reload();
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByLabel('Username', { exact: true }).fill('alice');
  await page.getByLabel('Password', { exact: true }).fill('not her password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('alert')).toContainText('wrong');
  await look(page, 'log in with an error');
  await page.reload();
  await page.getByLabel('Username', { exact: true }).fill(alice.handle);
  await page.getByLabel('Password', { exact: true }).fill(alice.password);
  await page.getByLabel('Display name', { exact: true }).fill(alice.displayName);
  await submit.click();
  await expect(page.getByRole('region', { name: 'Recovery code' })).toBeVisible();
  await look(page, 'recovery code');
  await page.getByRole('button', { name: 'I saved it' }).click();
  await alice.ready();
  await look(page, 'nobody yet', { panes: true });
  await page.getByRole('button', { name: 'Settings' }).click();
  await expect(page.getByText('of', { exact: false }).getByText(/used$/)).toBeVisible();
  await look(page, 'settings');
  await page.getByRole('button', { name: 'Delete my data on this device…' }).click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  await look(page, 'remove from this device');

  const second = await alice.context.newPage();
  await second.goto(alice.url);
  await expect(second.getByRole('button', { name: 'Use here' })).toBeVisible();
  await look(second, 'another tab');

  const elsewhere = await visit({ handle: 'alice' });
  await elsewhere.logIn();
  await expect(elsewhere.page.getByRole('heading', { level: 1 })).toHaveText('Approve this device');
  await elsewhere.page.getByLabel('Recovery code').fill('AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA');
  await elsewhere.page.getByRole('button', { name: 'Use this code' }).click();
  await expect(elsewhere.page.getByRole('alert')).toContainText('not the recovery code');
  await look(elsewhere.page, 'new browser');
  await elsewhere.page.getByRole('button', { name: 'Continue without it' }).click();
  await look(elsewhere.page, 'new browser without the code');
});

test('the screens of two people: request, offer, conversation with files in every state', async ({
  join: register,
  file,
}) => {
  const [alice, bob] = await Promise.all([
    register({ handle: 'alice', displayName: 'Alice Liddell' }),
    register({ handle: 'bob', displayName: 'Bob' }),
  ]);
  await alice.shareWith('bob');
  await expect(bob.page.getByRole('region', { name: 'Requests' })).toContainText('Alice');
  await look(bob.page, 'request');
  await look(alice.page, 'request sent');
  await bob.acceptRequest();
  await expect(alice.row('Bob')).toHaveAccessibleName(/online/);
  await alice.say('Good morning! Here are the pictures of the lake.');
  await bob.say(
    'Thank you. Was it cold?\nI still have the map:\nhttps://example.org/a/very/long/address/that/does/not/break/anywhere/at/all/0123456789',
  );
  await alice.say('🥶');
  await bob.say('مرحبا، كيف حالك؟');

  const picture = await file('lake at dawn.png', 1);
  await writeFile(picture, await alice.page.screenshot());
  await alice.attach([
    picture,
    await file('notes from the whole long winter, second and much corrected version.final.txt', 20_000),
  ]);
  await expect(bob.offer).toBeVisible();
  await look(bob.page, 'offer');
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(alice.status('lake at dawn.png')).toHaveText('Sent');
  await alice.attach(await file('unwanted.pdf', 3 * MiB));
  await bob.offer.getByRole('button', { name: 'Decline' }).click();
  await expect(alice.status('unwanted.pdf')).toHaveText('Declined');
  await alice.attach(await file('taken back.zip', MiB));
  await alice.card('taken back.zip').getByRole('button', { name: 'Cancel' }).click();
  await expect(bob.status('taken back.zip')).toHaveText(/^Cancelled/);
  await look(bob.page, 'conversation with done declined cancelled', { panes: true });

  // So slow that it runs until it was looked at, and leaves the processor to those who look; empty, so that it costs no disk.
  await alice.limitSpeed('Upload limit', '1');
  const film = await file('film.mkv', 0);
  await truncate(film, 90 * MiB);
  await alice.attach(film);
  await look(alice.page, 'conversation with waiting');
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress('film.mkv')).toBeGreaterThan(0);
  await look(bob.page, 'conversation with running');
  await bob.card('film.mkv').getByRole('button', { name: 'Pause' }).click();
  await expect(alice.status('film.mkv')).toHaveText(/^Paused by/);
  await look(bob.page, 'conversation with paused');
  await bob.card('film.mkv').getByRole('button', { name: 'Resume' }).click();
  await expect(bob.status('film.mkv')).toHaveText('Receiving');
  await alice.page.reload();
  await alice.row('Bob').click();
  await expect(alice.status('film.mkv')).toHaveText('To go on, choose the file again');
  await look(alice.page, 'conversation with needs file');
  await alice.page.setViewportSize({ width: 390, height: 844 });
  await alice.page.getByRole('button', { name: 'Details' }).click();
  await look(alice.page, 'details');
  await alice.page.setViewportSize({ width: 390, height: 844 });
  await alice.page.getByRole('button', { name: 'Back' }).locator('visible=true').click();
  await alice.page.getByRole('button', { name: 'Back' }).locator('visible=true').click();
  await look(alice.page, 'people');
});

test('the screens of folders: offer, choosing from it, the list of a received one', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const folder = join(dirname(await file('start', 1)), 'Summer at the lake, with everybody who came along');
  for (const [path, sizeBytes] of [
    ['first day/arrival.jpg', 3 * MiB],
    ['first day/evening on the terrace, seen from the boat house.jpg', 2 * MiB],
    ['maps/way there.pdf', 700_000],
    ['notes.txt', 1200],
  ] as const) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), '');
    await truncate(join(folder, path), sizeBytes);
  }
  const name = basename(folder);
  await alice.attachFolder(folder);
  await expect(bob.offer).toBeVisible();
  await look(bob.page, 'offer of a folder');
  await bob.offer.getByRole('button', { name: 'Choose…' }).click();
  const dialog = bob.page.getByRole('dialog');
  await expect(dialog).toContainText('4 files chosen');
  await dialog.getByRole('button', { name: 'Open first day' }).click();
  await dialog.getByRole('checkbox', { name: 'arrival.jpg' }).uncheck();
  await look(bob.page, 'choose from a folder');
  await dialog.getByRole('button', { name: 'Accept chosen' }).click();
  await expect(bob.status(name)).toHaveText('Received');
  await bob.page.getByRole('button', { name: 'Show files' }).click();
  const list = bob.card(name).getByRole('region', { name: `Files of ${name}` });
  await expect(list.getByRole('listitem').first()).toBeVisible();
  const rows = await list.getByRole('listitem').count();
  // What can be done with it is below the last row, not below an empty box.
  expect((await list.boundingBox())?.height).toBeLessThan(48 * rows);
  await bob.card(name).getByRole('button', { name: 'Open first day' }).click();
  await expect(bob.card(name)).toContainText('Not chosen');
  await look(bob.page, 'list of a folder');
  await expect(alice.status(name)).toHaveText('Sent');
  await alice.page.getByRole('button', { name: 'Show files' }).click();
  await expect(alice.card(name)).toContainText('notes.txt');
  await look(alice.page, 'list of a sent folder');
});

test('the screens of a group and of a message: founding, inviting, joining, members, the menu, reactions, search', async ({
  join: register,
}) => {
  const [alice, bob] = await Promise.all([
    register({ handle: 'alice', displayName: 'Alice Liddell' }),
    register({ handle: 'bob', displayName: 'Bob' }),
  ]);
  const group = 'Choir of the old harbour, Tuesday evenings';
  await alice.page.getByRole('button', { name: 'New group' }).click();
  await alice.page.getByRole('textbox', { name: 'Group name' }).fill(group);
  await look(alice.page, 'new group');
  await alice.page.getByRole('button', { name: 'Create group' }).click();
  await expect(alice.page.getByRole('heading', { name: group }).first()).toBeVisible();
  await alice.say('Welcome, everybody.');
  await alice.page.setViewportSize({ width: 390, height: 844 });
  await alice.page.getByRole('button', { name: 'Details' }).first().click();
  const about = alice.page.getByRole('complementary', { name: 'About this group' });
  await about.getByRole('button', { name: 'New invitation' }).click();
  const code = (await about.getByRole('region', { name: 'Join code' }).locator('output').textContent()) ?? '';
  await look(alice.page, 'group with an invitation');

  await bob.page.goto(`${bob.url}/#join/${code}`);
  const dialog = bob.page.getByRole('dialog', { name: 'Join group' });
  await expect(dialog).toBeVisible();
  await look(bob.page, 'join group');
  await dialog.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(bob.messages).toContainText('Welcome');
  await bob.say('Good to be here! Which page?');
  await expect(about.getByRole('region', { name: 'Members' }).getByRole('listitem')).toHaveCount(2);
  await look(alice.page, 'members of a group');

  const welcome = bob.messages.locator('.line').filter({ hasText: 'Welcome' }).last();
  await welcome.hover();
  await welcome.getByRole('button', { name: 'Message actions' }).click();
  await expect(bob.page.getByRole('menu')).toBeVisible();
  await look(bob.page, 'menu of a message');
  await bob.page.getByRole('menuitem', { name: 'Reply' }).click();
  await look(bob.page, 'composing a reply');
  await bob.say('Thank you.');
  await bob.page.keyboard.press('Control+k');
  await bob.page.getByRole('combobox', { name: 'Search' }).fill('welc');
  await expect(bob.page.getByRole('listbox').getByRole('option').first()).toBeVisible();
  await look(bob.page, 'search');
});

test('the screens of people nearby and of several devices: the panel, the comparing code on both, the list of devices', async ({
  join: register,
  visit,
}) => {
  const alice = await register({ handle: 'alice', displayName: 'Alice Liddell' });
  await alice.page.getByRole('button', { name: /^People nearby/ }).click();
  await alice.page.getByRole('switch', { name: 'Show me to people nearby' }).check();
  await look(alice.page, 'people nearby');
  await alice.page.keyboard.press('Escape');
  const second = await visit({ handle: 'alice' });
  await second.logIn();
  await second.page.getByRole('button', { name: /^Ask / }).click();
  await expect(second.page.getByLabel('Comparing code')).toHaveText(/^\d{4} \d{4}$/);
  const asked = alice.page.getByRole('alertdialog', { name: /new device/i });
  await expect(asked).toBeVisible();
  await look(second.page, 'waiting for approval');
  await look(alice.page, 'a new device asks');
  await asked.getByRole('button', { name: 'Approve' }).click();
  await second.ready();
  await second.page.getByRole('button', { name: 'Settings' }).first().click();
  await expect(second.page.getByRole('list', { name: 'Devices' }).getByRole('listitem')).toHaveCount(2);
  await second.page.getByRole('list', { name: 'Devices' }).scrollIntoViewIfNeeded();
  await look(second.page, 'list of devices');
});
