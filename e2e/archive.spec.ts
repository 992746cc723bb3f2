/** A conversation leaves as files that anybody can read, and comes back with what was signed. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, sha256, test } from './support/test.ts';
import { readZip } from './support/zip.ts';

async function download(page: Page, button: Locator): Promise<{ path: string; name: string }> {
  const [got] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return { path: await got.path(), name: got.suggestedFilename() };
}

test('a conversation is exported as a page with its files and as JSON, and the JSON is taken back, once', async ({
  pair,
  visit,
  file,
}) => {
  const [alice, bob] = await pair();
  await alice.say('<script>document.title = "hacked"</script> & more');
  const path = await file('report.bin', 40_000);
  await alice.attach(path);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status('report.bin')).toHaveText('Received');
  await bob.say('thanks');
  await expect(alice.messages).toContainText('thanks');

  await bob.page.getByRole('button', { name: 'Details' }).click();
  const zip = await download(bob.page, bob.page.getByRole('button', { name: 'Export as web page' }));
  expect(zip.name).toMatch(/^Causeway alice \d{4}-\d\d-\d\d\.zip$/);
  const folder = join(dirname(path), 'unpacked');
  for (const { name, data } of await readZip(zip.path)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), data);
  }
  expect(await sha256(`${folder}/files/report.bin`)).toBe(await sha256(path));
  const reader = await bob.context.newPage();
  await reader.goto(`file://${folder}/index.html`);
  await expect(reader).toHaveTitle('Conversation with Alice');
  await expect(reader.getByText('<script>document.title')).toBeVisible();
  await expect(reader.getByText('thanks')).toBeVisible();
  await expect(reader.getByRole('link', { name: 'report.bin' })).toBeVisible();
  expect(await reader.evaluate(() => getComputedStyle(document.body).maxWidth)).toBe('704px');
  await reader.close();

  await alice.page.getByRole('button', { name: 'Details' }).click();
  const json = await download(alice.page, alice.page.getByRole('button', { name: 'Export as JSON' }));
  const archive = JSON.parse(await readFile(json.path, 'utf8')) as { messages: { kind: string; text?: string }[] };
  expect(archive.messages.map(({ kind, text }) => text ?? kind)).toEqual([
    '<script>document.title = "hacked"</script> & more',
    'files',
    'thanks',
  ]);
  const kept = join(folder, 'kept.json');
  await copyFile(json.path, kept); // a download goes with its browser
  // A new browser of Alice, and nobody there who could hand the history over.
  await bob.context.close();
  const alone = await visit({ handle: 'alice', displayName: 'Alice' });
  await alice.context.close();
  await alone.logIn();
  await alone.page.getByLabel('Recovery code').fill(alice.recoveryCode);
  await alone.page.getByRole('button', { name: 'Use this code' }).click();
  await alone.row('Bob').click();
  await expect(alone.messages).not.toContainText('thanks');
  await alone.page.getByRole('button', { name: 'Details' }).click();
  const input = alone.page.locator('input[type=file][accept*=json]');
  await input.setInputFiles(kept);
  await expect(alone.page.getByText('3 messages were added.')).toBeVisible();
  await input.setInputFiles(kept);
  await expect(alone.page.getByText('Nothing new was in it.')).toBeVisible();
  await input.setInputFiles(path);
  await expect(alone.page.getByText('not a conversation that was exported')).toBeVisible();
  await alone.page.getByRole('complementary', { name: 'Details' }).getByRole('button', { name: 'Back' }).click();
  await expect(alone.messages).toContainText('thanks');
});
