/** A file in a group of three, each in a browser profile of their own: fetched from each other, and again when who offered it is gone. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join as joinPath } from 'node:path';
import { look } from './support/look.ts';
import type { Person } from './support/person.ts';
import { countSent } from './support/sent.ts';
import { expect, sha256, test } from './support/test.ts';
import { readZip } from './support/zip.ts';

const MiB = 1024 * 1024;
const name = 'song.bin';

const download = (person: Person, label = 'Download', of = name) =>
  person.card(of).getByRole('button', { name: label, exact: true }).click();

test('a file of a group comes from its members, and stays when who offered it is gone', async ({
  join: register,
  file,
}) => {
  const [alice, bob, carol] = await Promise.all([
    register({ handle: 'alice', displayName: 'Alice' }),
    register({ handle: 'bob', displayName: 'Bob' }),
    register({ handle: 'carol', displayName: 'Carol' }),
  ]);
  const sent = await countSent(alice);
  await alice.ready();
  const code = await alice.foundGroup('Choir');
  await Promise.all([bob.joinGroup(code, 'Choir'), carol.joinGroup(code, 'Choir')]);

  // So slow that the others have time to give each other what they got.
  await alice.limitSpeed('Upload limit', '1');
  const path = await file(name, 6 * MiB);
  await alice.attach(path);
  await expect(alice.status(name)).toHaveText('0 of 2 have it');
  await expect(bob.status(name)).toHaveText('Not downloaded');
  await expect(bob.offer).toBeHidden();

  await Promise.all([download(bob), download(carol)]);
  await expect(alice.status(name)).toHaveText(/^Sending/);
  await expect(alice.card(name)).toContainText(/ sent.*\/s/);
  await expect(alice.page.getByRole('button', { name: 'Transfers, 1 running' })).toBeVisible();
  // How much of it will go out, nobody knows.
  await expect(alice.page).toHaveTitle('Choir · Causeway');
  for (const person of [bob, carol]) await expect(person.status(name)).toHaveText('Received', { timeout: 20_000 });
  // Twice the file would be each of them from her alone.
  expect(await sent()).toBeLessThan(1.6 * 6 * MiB);
  await expect(alice.status(name)).toHaveText('2 of 2 have it');

  // A folder is open for the others yet when it is saved at once.
  const songs = joinPath(dirname(path), 'Songs');
  await mkdir(songs);
  await writeFile(joinPath(songs, 'one.txt'), 'la la la');
  await alice.attachFolder(songs);
  await download(bob, 'Download', 'Songs');
  await expect(bob.status('Songs')).toHaveText('Received', { timeout: 20_000 });
  const entries = await readZip((await bob.save('Songs')).path);
  expect(entries.map(({ data }) => data.toString())).toEqual(['la la la']);

  // Deleted by her it is gone from whoever has it, and from whoever could have fetched it.
  const folder = alice.messages.locator('.line').filter({ has: alice.card('Songs') });
  await folder.hover();
  await folder.getByRole('button', { name: 'Message actions' }).click();
  await alice.page.getByRole('menuitem', { name: 'Delete' }).click();
  const sure = alice.page.getByRole('alertdialog', { name: 'Delete this folder for everybody?' });
  await sure.getByRole('button', { name: 'Delete' }).click();
  for (const person of [alice, bob, carol]) {
    await expect(person.messages).toContainText('This message was deleted');
    await expect(person.card('Songs')).toHaveCount(0);
  }

  const expected = await sha256(path);
  expect(await sha256((await bob.save(name)).path)).toBe(expected);
  await carol.card(name).getByRole('button', { name: 'Who has it' }).click();
  await expect(carol.card(name)).toContainText(/On this device\. (Alice and Bob|Bob and Alice) have a copy\./);
  await carol.card(name).getByRole('button', { name: 'Remove from this device' }).click();
  await expect(carol.card(name)).toContainText('Not on this device.');
  await expect(alice.status(name)).toHaveText('1 of 2 have it');

  await alice.context.close();
  await download(carol, 'Download again');
  await expect(carol.status(name)).toHaveText('Received', { timeout: 20_000 });
  expect(await sha256((await carol.save(name)).path)).toBe(expected);

  await carol.card(name).getByRole('button', { name: 'Remove from this device' }).click();
  await bob.context.close();
  await expect(carol.status(name)).toHaveText(/Nobody who is online has it now$/, { timeout: 20_000 });
  await look(carol.page, 'a file of a group');
});
