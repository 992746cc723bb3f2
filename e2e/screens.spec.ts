/**
 * Every screen with what two people really did: readable by machines (axe), nothing too small to read or to touch, nothing wider than the
 * screen, on a phone and on a desk, light and dark. `SCREENS=folder` keeps a picture of each.
 */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, test } from './support/test.ts';

const MiB = 1024 * 1024;
const widths = [
  { width: 390, height: 844 },
  { width: 1280, height: 800 },
] as const;
const schemes = ['light', 'dark'] as const;
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const pictures = process.env['SCREENS'];

/** What is wrong with the layout of what is visible now, in words. Runs in the page. */
function layoutFaults(touch: boolean): string[] {
  const faults: string[] = [];
  const called = (element: Element): string =>
    `<${element.localName} class="${element.getAttribute('class') ?? ''}"> "${(element.getAttribute('aria-label') ?? element.textContent).trim().slice(0, 40)}"`;
  const seen = (element: Element): boolean =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    !element.closest('.visually-hidden, [aria-hidden="true"]');
  for (const element of document.querySelectorAll('body, body *')) {
    if (!element.checkVisibility() || element.closest('svg, .visually-hidden')) continue;
    const scrolls = /auto|scroll/.test(getComputedStyle(element).overflowX) || element === document.body;
    if (scrolls && element.scrollWidth > element.clientWidth) faults.push(`scrolls sideways: ${called(element)}`);
    const { left, right, width } = element.getBoundingClientRect();
    if (width > 0 && (left < -0.5 || right > innerWidth + 0.5))
      faults.push(`wider than the screen: ${called(element)}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { parentElement: parent, textContent } = texts.currentNode;
    if (!parent || !textContent?.trim() || !seen(parent)) continue;
    const size = parseFloat(getComputedStyle(parent).fontSize);
    if (size < 14) faults.push(`text of ${size} px: ${called(parent)}`);
  }
  // Less motion was asked for.
  for (const animation of document.getAnimations()) {
    const { duration } = animation.effect?.getComputedTiming() ?? {};
    if (typeof duration === 'number' && duration > 10) faults.push(`moves for ${duration} ms: ${animation.playState}`);
  }
  if (touch)
    for (const control of document.querySelectorAll('button, a[href]:not(.rich a), input, textarea, [role="button"]')) {
      const labelled =
        control instanceof HTMLInputElement &&
        (control.classList.contains('visually-hidden') || /checkbox|radio/.test(control.type));
      const target = labelled ? control.labels?.[0] : control;
      if (!target?.checkVisibility()) continue;
      const { width, height } = target.getBoundingClientRect();
      // The placing of a pixel may cost a hundredth of it.
      if (width < 43.9 || height < 43.9)
        faults.push(`target of ${Math.round(width)} x ${Math.round(height)} px: ${called(target)}`);
    }
  return faults;
}

/** Looks at the screen that is shown now, in both sizes and both themes. */
async function look(page: Page, name: string): Promise<void> {
  await test.step(name, async () => {
    for (const viewport of widths) {
      await page.setViewportSize(viewport);
      for (const colorScheme of schemes) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const where = `${name}, ${viewport.width} px, ${colorScheme}`;
        if (pictures)
          await page.screenshot({
            path: join(pictures, `${name.replaceAll(' ', '-')}-${viewport.width}-${colorScheme}.png`),
          });
        const axe = new AxeBuilder({ page }).setLegacyMode();
        // Colours are all that differs in the dark.
        const { violations } = await (
          colorScheme === 'light' ? axe.withTags(rules) : axe.withRules('color-contrast')
        ).analyze();
        const found = violations.map(
          ({ id, nodes }) =>
            `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary ?? ''}`).join('\n')}`,
        );
        expect.soft(found, where).toEqual([]);
        if (colorScheme === 'light')
          expect.soft(await page.evaluate(layoutFaults, viewport.width === 390), where).toEqual([]);
      }
    }
  });
}

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
  await look(page, 'nobody yet');
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
  await look(bob.page, 'conversation with done declined cancelled');

  // Big enough to run until it was looked at; empty, so that it costs no disk.
  const film = await file('film.mkv', 0);
  await truncate(film, 6 * 1024 * MiB);
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
  await bob.card(name).getByRole('button', { name: 'Open first day' }).click();
  await expect(bob.card(name)).toContainText('Not chosen');
  await look(bob.page, 'list of a folder');
  await expect(alice.status(name)).toHaveText('Sent');
  await alice.page.getByRole('button', { name: 'Show files' }).click();
  await expect(alice.card(name)).toContainText('notes.txt');
  await look(alice.page, 'list of a sent folder');
});
