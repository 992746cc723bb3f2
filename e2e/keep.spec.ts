/** What a device keeps, and what happens when the browser keeps it no more, or puts it back to what it was. */
import type { Page } from '@playwright/test';
import { expect, sha256, test } from './support/test.ts';

/** Another page of the same origin, which has nothing of the app open. */
const aside = (page: Page, url: string) => page.goto(new URL('/healthz', url).href);

test('files are cleared, by hand and by the browser: cards say so, and the rest stays', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const paths = [await file('first.bin', 90_000), await file('second.bin', 60_000), await file('third.bin', 30_000)];
  await alice.attach(paths);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  for (const name of ['first.bin', 'second.bin', 'third.bin']) await expect(bob.status(name)).toHaveText('Received');

  const { page } = bob;
  await page.getByRole('button', { name: 'Settings' }).click();
  const row = page.getByRole('button', { name: 'Files of Alice', exact: true });
  await expect(row).toContainText('180 kB in 3 files');
  await row.click();
  const files = page.getByRole('list', { name: 'Files of Alice' }).getByRole('listitem');
  await expect(files).toHaveText([/first\.bin.*never saved/, /second\.bin/, /third\.bin/]);
  await page.getByLabel('Keep at most this much of received files').fill('0,01');
  await page.getByLabel('Keep at most this much of received files').press('Tab');
  await expect(page.getByText('Enter a number of at least 0.1')).toBeVisible();
  await page.getByRole('button', { name: 'Remove first.bin from this device' }).click();
  const dialog = page.getByRole('alertdialog');
  await expect(dialog).toContainText('1 of them was never saved or opened');
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await expect(row).toContainText('90 kB in 2 files');
  await page.getByRole('button', { name: 'Back' }).first().click();
  await expect(bob.status('first.bin')).toHaveText('Not on this device any more');
  await bob.card('first.bin').getByRole('button', { name: 'Download again' }).click();
  await expect(bob.status('first.bin')).toHaveText('Received');

  // The browser removes one of the two that are left.
  await page.evaluate(async () => {
    const blobs = await (await navigator.storage.getDirectory()).getDirectoryHandle('blobs');
    for await (const [name, entry] of blobs.entries())
      if (entry.kind === 'file' && (await entry.getFile()).size === 60_000) await blobs.removeEntry(name);
  });
  await bob.card('second.bin').getByRole('button', { name: 'Save', exact: true }).click();
  await expect(bob.status('second.bin')).toHaveText('Not on this device any more: this browser removed it');
  await page.reload();
  await bob.row('Alice').click();
  await expect(bob.status('second.bin')).toHaveText(/this browser removed it$/);
  expect(await sha256((await bob.save('third.bin')).path)).toBe(await sha256(paths[2] ?? ''));

  // A browser that removed everything but its cookies: the messages come back from whom they were exchanged with.
  await bob.say('before');
  await expect(alice.messages).toContainText('before');
  await aside(page, bob.url);
  await page.evaluate(async () => {
    for (const { name = '' } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
    const root = await navigator.storage.getDirectory();
    for await (const name of root.keys()) await root.removeEntry(name, { recursive: true });
  });
  await page.goto(bob.url);
  await expect(page.getByRole('alert')).toContainText('This browser removed Causeway’s data');
  await page.getByLabel('Recovery code').fill(bob.recoveryCode);
  await page.getByRole('button', { name: 'Use this code' }).click();
  await bob.row('Alice').click();
  await expect(bob.messages).toContainText('before');
});

test('a profile that is set back contradicts itself: both are told, and it goes on as a new device', async ({
  pair,
}) => {
  const [alice, bob] = await pair();
  await bob.say('one');
  await expect(alice.messages).toContainText('one');
  const { page } = bob;
  await bob.say('two');
  await expect(alice.messages).toContainText('two');
  await aside(alice.page, alice.url);
  await aside(page, bob.url);
  // The last entry of the feed with Alice, and that it was delivered, are forgotten.
  await page.evaluate(async () => {
    const names = (await indexedDB.databases()).map(({ name = '' }) => name);
    const name = names.find((one) => one.startsWith('causeway-')) ?? '';
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error('IndexedDB'));
      });
    const db = await done(indexedDB.open(name));
    const store = (of: string) => db.transaction(of, 'readwrite').objectStore(of);
    const self = (await done(store('identity').get('self'))) as { device: { id: string } };
    type Entry = { conversation: string; device: string; sequence: number; hash: Uint8Array; lamport: number };
    const mine = ((await done(store('entries').getAll())) as Entry[]).filter(({ device }) => device === self.device.id);
    const longest = mine.toSorted((a, b) => b.sequence - a.sequence)[0];
    if (!longest) throw new Error('nothing was written');
    const { conversation, device, sequence } = longest;
    const before = mine.find((one) => one.conversation === conversation && one.sequence === sequence - 1);
    await done(store('entries').delete([conversation, device, sequence]));
    await done(store('heads').put({ ...before, length: sequence }));
    const records = (await done(store('records').getAll())) as { table: string; key: string; record: unknown }[];
    for (const { table, key, record } of records)
      if (table === 'deliveries') await done(store('records').delete([table, key]));
      else if (table === 'summaries' && key === conversation) {
        const summary = record as { taken: [string, number][] };
        const taken = summary.taken.map(([who, length]) => [who, who === device ? sequence : length]);
        await done(store('records').put({ table, key, record: { ...summary, taken } }));
      }
    db.close();
  });
  await page.goto(bob.url);
  await bob.row('Alice').click();
  await bob.say('another two');
  await alice.page.goto(alice.url);
  await alice.row('Bob').click();
  await expect(alice.messages).toContainText(/Part of what Bob’s device .* wrote contradicts itself/);
  await expect(bob.messages).toContainText('This browser was set back to an earlier state');
  await expect(alice.messages).toContainText('Bob added a device');
  await bob.say('here again');
  await expect(alice.messages).toContainText('here again');
  await expect(alice.messages).not.toContainText('another two');
});
