/** Everything with the keyboard alone: each stop is seen, and the focus is never lost on the way. */
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

const mostStops = 40;

interface Stop {
  name: string;
  /** Something shows where the focus is: on the control itself, its label or the box around it. */
  marked: boolean;
}

/** What has the focus. Runs in the page. */
function focused(): Stop | undefined {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement) || element === document.body) return undefined;
  const label =
    element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? element.labels?.[0] : undefined;
  const outlined = (one: Element | null | undefined): boolean => {
    const { outlineStyle, outlineWidth } = one ? getComputedStyle(one) : { outlineStyle: 'none', outlineWidth: '0' };
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  };
  return {
    name:
      element.getAttribute('aria-label') ??
      label?.textContent.trim() ??
      element.textContent.trim().replace(/\s+/g, ' '),
    marked: [element, label, element.parentElement].some(outlined),
  };
}

/** Presses Tab until the focus is where `name` says; whatever is passed must show that it has the focus. */
async function tabTo(page: Page, name: string | RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
  const passed: string[] = [];
  for (let press = 0; press < mostStops; press++) {
    await page.keyboard.press(key);
    const stop = await page.evaluate(focused);
    if (!stop) continue; // out of the page and in again
    expect(stop.marked, `"${stop.name}" shows that it has the focus`).toBe(true);
    if (typeof name === 'string' ? stop.name === name : name.test(stop.name)) return;
    passed.push(stop.name);
  }
  throw new Error(`no way to "${String(name)}" by ${key}; there were: ${passed.join(', ')}`);
}

const focus = (page: Page) => expect.poll(async () => (await page.evaluate(focused))?.name);

test('register, share, write, attach, accept, save, settings and log out without a mouse', async ({ visit, file }) => {
  const [alice, bob] = await Promise.all([
    visit({ handle: 'alice', displayName: 'Alice' }),
    visit({ handle: 'bob', displayName: 'Bob' }),
  ]);
  // From now on choosers are the test's: what opens one before it is waited for is not lost.
  alice.page.on('filechooser', () => undefined);
  for (const person of [alice, bob]) {
    const { page } = person;
    const { keyboard } = page;
    await expect(page.getByRole('button', { name: 'Create account' })).toBeVisible();
    await tabTo(page, 'Username');
    await keyboard.type('no spaces');
    await keyboard.press('Enter');
    // The first field that is wrong, to be written anew.
    await focus(page).toBe('Username');
    await keyboard.press('Control+A');
    await keyboard.type(person.handle);
    await tabTo(page, 'Password');
    await keyboard.type(person.password);
    await tabTo(page, 'Display name');
    await keyboard.type(person.displayName);
    await keyboard.press('Enter');
    await expect(page.getByRole('region', { name: 'Recovery code' })).toBeVisible();
    await focus(page).toBe('Keep your recovery code');
    await tabTo(page, 'I saved it');
    await keyboard.press('Enter');
    await person.ready();
    await focus(page).toBe('Causeway');
  }

  await tabTo(alice.page, 'Share with username');
  await alice.page.keyboard.type('bob');
  await alice.page.keyboard.press('Enter');
  await focus(alice.page).toBe('Message');
  await alice.page.keyboard.type('Hello Bob');
  await alice.page.keyboard.press('Enter');
  await expect(alice.messages).toContainText('Hello Bob');
  await focus(alice.page).toBe('Message');

  await expect(bob.page.getByRole('region', { name: 'Requests' })).toBeVisible();
  await tabTo(bob.page, 'Accept');
  await bob.page.keyboard.press('Enter');
  await focus(bob.page).toBe('Message');
  await expect(bob.messages).toContainText('Hello Bob');
  await bob.page.keyboard.type('two lines');
  await bob.page.keyboard.press('Shift+Enter');
  await bob.page.keyboard.type('in one message');
  await bob.page.keyboard.press('Enter');
  await expect(alice.messages).toContainText('two lines\nin one message');

  await tabTo(alice.page, 'Attach files', 'Shift+Tab');
  const [chooser] = await Promise.all([alice.page.waitForEvent('filechooser'), alice.page.keyboard.press('Enter')]);
  await chooser.setFiles([await file('first.bin', 200_000), await file('second.bin', 200_000)]);

  // The offer comes without taking the focus from the one who writes; Escape leads back there and leaves it waiting.
  await expect(bob.offer).toBeVisible();
  await focus(bob.page).toBe('Message');
  await tabTo(bob.page, 'Decline', 'Shift+Tab');
  await tabTo(bob.page, 'Accept', 'Shift+Tab');
  await bob.page.keyboard.press('Escape');
  await focus(bob.page).not.toBe('Accept');
  await expect(bob.offer).toBeVisible();
  await expect(bob.status('first.bin')).toHaveText('Waiting for your answer');
  await bob.offer.focus();
  await bob.page.keyboard.press('Enter');
  for (const name of ['first.bin', 'second.bin']) await expect(bob.status(name)).toHaveText('Received');
  await expect(bob.offer).toBeHidden();
  expect(await bob.page.evaluate(focused)).toBeDefined();
  await tabTo(bob.page, 'Save');
  const [download] = await Promise.all([bob.page.waitForEvent('download'), bob.page.keyboard.press('Enter')]);
  expect(download.suggestedFilename()).toBe('first.bin');
  await focus(bob.page).toBe('Save');

  // A button that went away leaves the focus near it.
  await tabTo(alice.page, 'Attach files', 'Shift+Tab');
  const [again] = await Promise.all([alice.page.waitForEvent('filechooser'), alice.page.keyboard.press('Space')]);
  await again.setFiles(await file('mistake.bin', 1000));
  await expect(alice.status('mistake.bin')).toHaveText('Waiting for Bob');
  await tabTo(alice.page, 'Cancel', 'Shift+Tab');
  await alice.page.keyboard.press('Enter');
  await expect(alice.status('mistake.bin')).toHaveText('Cancelled');
  await focus(alice.page).toBe('Message actions');

  await tabTo(alice.page, 'Settings', 'Shift+Tab');
  await alice.page.keyboard.press('Enter');
  // The button has the name of the screen that it opens, which comes a moment later.
  const title = alice.page.getByRole('heading', { name: 'Settings' });
  await expect(title).toBeFocused();
  await tabTo(alice.page, 'Delete my data on this device…');
  await alice.page.keyboard.press('Enter');
  await expect(alice.page.getByRole('alertdialog')).toBeVisible();
  await focus(alice.page).toBe('Cancel');
  await alice.page.keyboard.press('Escape');
  await expect(alice.page.getByRole('alertdialog')).toBeHidden();
  await focus(alice.page).toBe('Delete my data on this device…');
  await tabTo(alice.page, 'Back', 'Shift+Tab');
  await alice.page.keyboard.press('Enter');
  await expect(alice.page.getByRole('button', { name: 'Settings' })).toBeFocused();
  await alice.page.keyboard.press('Enter');
  await expect(title).toBeFocused();
  await tabTo(alice.page, 'Log out');
  await alice.page.keyboard.press('Enter');
  await expect(alice.page.getByRole('button', { name: 'Create account' })).toBeVisible();
  await focus(alice.page).toBe('Chat, and hand each other files of any size. Straight from device to device.');
});
