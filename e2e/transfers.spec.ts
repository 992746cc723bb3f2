/** Rules, the line, the screen of all transfers, and what is seen of them beside the page. `SCREENS=folder` keeps pictures. */
import AxeBuilder from '@axe-core/playwright';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from './support/test.ts';
import type { Person } from './support/person.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const wide = { width: 1280, height: 800 };

/** Offers one file and accepts it, so that the next one is another offer. */
async function hand(from: Person, to: Person, path: string): Promise<void> {
  await from.attach(path);
  await to.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(to.offer).toBeHidden();
}

async function oneAtATime(person: Person, limit: 'Upload limit' | 'Download limit'): Promise<void> {
  await person.page.getByRole('button', { name: 'Settings' }).click();
  await person.page.getByLabel('Files at a time').selectOption('1');
  await setLimit(person, limit, '1');
  await person.page.getByRole('button', { name: 'Back' }).locator('visible=true').click();
}

/** In megabytes per second; the settings must be open. Small files then take long enough, on a fast machine too. */
async function setLimit(person: Person, which: 'Upload limit' | 'Download limit', megabytes: string): Promise<void> {
  const field = person.page.getByLabel(which);
  await field.fill(megabytes);
  await field.press('Tab');
}

/** The badge of an installed app and the lock that keeps the screen on are nothing that a page could ask for: what the app says of them is noted. */
async function watchBeside({ page }: Person): Promise<void> {
  await page.evaluate(() => {
    const noted = { badge: 0, awake: 0 };
    const badge = (running: number) => {
      noted.badge = running;
      return Promise.resolve();
    };
    const release = () => {
      noted.awake--;
      return Promise.resolve();
    };
    const request = () => {
      noted.awake++;
      return Promise.resolve({ released: false, release });
    };
    Object.assign(navigator, { setAppBadge: badge, clearAppBadge: () => badge(0) });
    Object.assign(navigator.wakeLock, { request });
    Object.assign(window, { noted });
  });
}

const beside = ({ page }: Person): Promise<unknown> =>
  page.evaluate(() => ({ ...(window as { noted?: object }).noted }));

const openTransfers = (person: Person) => person.page.getByRole('button', { name: /^Transfers/ }).click();

test('a rule accepts documents of somebody who is verified, up to its size', async ({ pair, file }) => {
  const [alice, bob] = await pair({ viewport: wide });
  await alice.page.setViewportSize(wide);
  const byItself = bob.page.getByRole('switch', { name: 'Accept files by itself' });
  await expect(byItself).toBeDisabled();
  await expect(bob.page.getByText('Compare it with Alice first')).toBeVisible();

  const numbers = [];
  for (const person of [alice, bob]) {
    await person.page.getByRole('button', { name: 'Compare the safety number' }).click();
    const number = person.page.getByRole('group', { name: 'Safety number' });
    await expect(number).toHaveText(/^(\s*\d{5}){12}\s*$/);
    numbers.push((await number.textContent())?.replace(/\s/g, ''));
  }
  expect(numbers[0]).toBe(numbers[1]);
  await bob.page.getByRole('button', { name: 'They are the same' }).click();
  await expect(bob.page.getByText('End-to-end encrypted, verified')).toBeVisible();
  await byItself.click();
  await expect(byItself).toBeChecked();
  await bob.page.getByLabel('Up to, per offer').selectOption('1 MB');

  await bob.page.getByLabel('Everything').click();
  for (const kind of ['Pictures', 'Video', 'Audio']) await bob.page.getByLabel(kind).uncheck();
  await expect(bob.page.getByLabel('Documents')).toBeChecked();

  await alice.attach(await file('small.pdf', 500 * KiB));
  await expect(bob.status('small.pdf')).toHaveText(/^Received/);
  await expect(bob.card('small.pdf')).toContainText('Accepted by your rule');
  await expect(alice.status('small.pdf')).toHaveText(/^Sent/);

  for (const [name, sizeBytes] of [
    ['large.pdf', 2 * MiB],
    ['small.exe', 5 * KiB],
  ] as const) {
    await alice.attach(await file(name, sizeBytes));
    await expect(bob.offer).toContainText(name);
    await bob.offer.getByRole('button', { name: 'Decline' }).click();
    await expect(bob.status(name)).toHaveText(/^Declined/);
  }

  // What follows from it outlives a reload, and ends with it.
  await bob.page.reload();
  await bob.row('Alice').click();
  await expect(byItself).toBeChecked();
  await bob.page.getByRole('button', { name: 'Not verified any more' }).click();
  await expect(byItself).toBeDisabled();
  await alice.attach(await file('again.bin', 500 * KiB));
  await expect(bob.offer).toContainText('again.bin');
  await expect(bob.status('again.bin')).toHaveText('Waiting for your answer');
});

test('one at a time: the others wait in line, in an order that can be changed', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await watchBeside(bob);
  await oneAtATime(bob, 'Download limit');
  await hand(alice, bob, await file('first.bin', 100 * MiB));
  await hand(alice, bob, await file('second.bin', 6 * MiB));
  await hand(alice, bob, await file('third.bin', 3 * MiB));
  await expect(bob.status('first.bin')).toHaveText('Receiving');
  await expect(bob.status('second.bin')).toHaveText('Waiting in line');
  await expect(bob.status('third.bin')).toHaveText('Waiting in line');
  await expect(bob.page).toHaveTitle(/^\d+ % · Causeway$/);
  await expect.poll(() => beside(bob)).toEqual({ badge: 1, awake: 1 });

  await openTransfers(bob);
  const places = bob.page.getByText(/^\d in line$/);
  await expect(places).toHaveText(['1 in line', '2 in line']);
  const top = bob.page.getByRole('button', { name: 'Move third.bin to the top' });
  await top.focus();
  await bob.page.keyboard.press('Enter');
  await expect(bob.page.getByText('third.bin is number 1 in line')).toBeAttached();
  await expect(top).toHaveAttribute('aria-disabled', 'true');

  await test.step('leaving asks while something runs', async () => {
    const asked = bob.page.waitForEvent('dialog');
    await bob.page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
  });

  await bob.card('first.bin').getByRole('button', { name: 'Cancel' }).click();
  await expect(bob.status('third.bin')).toHaveText(/^Rec/);
  await expect(bob.status('second.bin')).not.toHaveText(/^Received/);

  await bob.page.getByRole('button', { name: 'Pause all' }).click();
  await expect(bob.status('second.bin')).toHaveText('Paused');
  await expect(alice.status('second.bin')).not.toHaveText('Sending');
  await expect(bob.page).toHaveTitle('Alice · Causeway');
  await expect.poll(() => beside(bob)).toEqual({ badge: 0, awake: 0 });
  await expect(bob.page.locator('link[rel="icon"]')).toHaveAttribute('href', /favicon\.svg$/);
  await bob.page.getByRole('button', { name: 'Resume all' }).click();
  await expect(bob.status('second.bin')).toHaveText('Receiving');
  await expect(bob.page.locator('link[rel="icon"]')).toHaveAttribute('href', /^blob:/);
  for (const name of ['second.bin', 'third.bin'])
    await expect(bob.status(name)).toHaveText(/^Received/, { timeout: 60_000 });

  await bob.page.getByRole('button', { name: 'Clear finished' }).click();
  await expect(bob.page.getByRole('heading', { name: 'Nothing on its way' })).toBeVisible();
  await bob.row('Alice').click();
  await expect(bob.status('third.bin')).toHaveText(/^Received/);
});

test('the line of a sender: its order counts, and lasts over a reload', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await oneAtATime(alice, 'Upload limit');
  const first = await file('first.bin', 0);
  await truncate(first, 600 * MiB);
  await hand(alice, bob, first);
  // Copied when they are attached, so that a reload needs no click.
  await hand(alice, bob, await file('second.bin', 5 * MiB));
  await hand(alice, bob, await file('third.bin', 5 * MiB));
  await expect(alice.status('second.bin')).toHaveText('Waiting in line');
  await openTransfers(alice);
  await expect(alice.page.getByText(/^\d in line$/)).toHaveText(['1 in line', '2 in line']);
  await alice.page.getByRole('button', { name: 'Move third.bin up' }).click();
  const down = alice.page.getByRole('button', { name: 'Move third.bin up' });
  await expect(down).toHaveAttribute('aria-disabled', 'true');
  alice.page.on('dialog', (dialog) => void dialog.accept());
  await alice.page.reload();
  await alice.row('Bob').click();
  await expect(alice.status('first.bin')).toHaveText('To go on, choose the file again');
  await expect(alice.status('third.bin')).toHaveText(/^(Sending|Almost done|Sent)/);
  await expect(alice.status('second.bin')).not.toHaveText(/^Sent/);
  await expect(alice.status('second.bin')).toHaveText(/^Sent/);
  await expect(alice.status('third.bin')).toHaveText(/^Sent/);
});

test('the screen of transfers is readable, on a phone and on a desk, light and dark', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const look = async (name: string) => {
    for (const viewport of [{ width: 390, height: 844 }, wide])
      for (const colorScheme of ['light', 'dark'] as const) {
        await bob.page.setViewportSize(viewport);
        await bob.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const where = `${name}-${viewport.width}-${colorScheme}`;
        if (process.env['SCREENS']) await bob.page.screenshot({ path: join(process.env['SCREENS'], `${where}.png`) });
        const { violations } = await new AxeBuilder({ page: bob.page })
          .setLegacyMode()
          .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
          .analyze();
        expect
          .soft(
            violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
            where,
          )
          .toEqual([]);
        const sideways = await bob.page.evaluate(() =>
          [document.documentElement, ...document.querySelectorAll('.scroll')].some(
            (element) => element.scrollWidth > element.clientWidth,
          ),
        );
        expect.soft(sideways, where).toBe(false);
      }
  };
  await openTransfers(bob);
  await expect(bob.page.getByRole('heading', { name: 'Nothing on its way' })).toBeVisible();
  await look('transfers-empty');
  await bob.page.setViewportSize(wide);
  await bob.row('Alice').click();
  await bob.page.getByRole('button', { name: 'Compare the safety number' }).click();
  await bob.page.getByRole('button', { name: 'They are the same' }).click();
  await bob.page.getByRole('button', { name: 'Compare the safety number' }).click();
  await bob.page.getByRole('switch', { name: 'Accept files by itself' }).click();
  await bob.page.getByLabel('Everything').click();
  await expect(bob.page.getByLabel('Documents')).toBeChecked();
  await bob.page.getByLabel('Up to, per offer').selectOption('1 MB');
  await bob.page.setViewportSize({ width: 390, height: 844 });
  await bob.page.getByRole('button', { name: 'Details', exact: true }).click();
  await bob.page.getByLabel('Documents').scrollIntoViewIfNeeded();
  await look('trust');
  await bob.page.setViewportSize(wide);
  await bob.page.getByRole('button', { name: 'Settings' }).click();
  await bob.page.getByLabel('Download limit').fill('many');
  await bob.page.keyboard.press('Tab');
  await expect(bob.page.getByText('Enter a number above 0')).toBeVisible();
  await bob.page.getByLabel('Download limit').fill('');
  await look('settings-transfers');
  await bob.page.setViewportSize(wide);
  await bob.row('Alice').click();
  await oneAtATime(bob, 'Download limit');
  await hand(
    alice,
    bob,
    await file('notes from the whole long winter, second and much corrected version.zip', 20 * KiB),
  );
  for (const name of ['film.mkv', 'second part.mkv', 'third part.mkv']) {
    const path = await file(name, 0);
    await truncate(path, 200 * MiB);
    await hand(alice, bob, path);
  }
  await expect(bob.status('film.mkv')).toHaveText('Receiving');
  await openTransfers(bob);
  await expect(bob.page.getByText('2 in line')).toBeVisible();
  await expect(bob.page.getByRole('img', { name: /^Speed of the last two minutes/ })).toBeVisible();
  await expect(bob.card('film.mkv')).toContainText(/\d.*\/s/);
  await look('transfers-running');
});
