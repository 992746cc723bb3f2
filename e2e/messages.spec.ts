/** Messages: what people do with them after they were sent, how they are found again, and what a conversation can be set to. */
import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { limits } from '../protocol/limits.ts';
import { expect, test } from './support/test.ts';
import type { Person } from './support/person.ts';

const bubble = (person: Person, words: string): Locator =>
  person.messages.locator('.line').filter({ hasText: words }).last();

/** Opens the menu of a message and chooses. */
async function choose(person: Person, words: string, action: string): Promise<void> {
  const line = bubble(person, words);
  await line.hover();
  await line.getByRole('button', { name: 'Message actions' }).click();
  await person.page.getByRole('menuitem', { name: action, exact: true }).click();
}

async function accessible(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page })
      .setLegacyMode()
      .withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'])
      .analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`)).toEqual([]);
  }
}

test('reply, edit, react and delete for everybody; the menu works by keyboard alone, and gives the focus back', async ({
  pair,
}) => {
  const [alice, bob] = await pair();
  await bob.say('first');
  await bob.say('second');
  await expect(alice.messages).toContainText('second');
  const second = bubble(alice, 'second').getByRole('button', { name: 'Message actions' });
  await second.focus();
  await alice.page.keyboard.press('ArrowUp');
  const first = bubble(alice, 'first').getByRole('button', { name: 'Message actions' });
  await expect(first).toBeFocused();
  await alice.page.keyboard.press('Enter');
  await expect(alice.page.getByRole('menu', { name: 'Message actions' })).toBeVisible();
  await accessible(alice.page);
  await alice.page.keyboard.press('Escape');
  await expect(first).toBeFocused();
  await alice.page.keyboard.press('Enter');
  await expect(alice.page.getByRole('menuitem', { name: 'React with 👍' })).toBeFocused();
  await alice.page.keyboard.press('Enter');
  await expect(bubble(bob, 'first').getByRole('button', { name: '👍 Alice' })).toBeVisible();

  await alice.say('Shall we meet at the lake?');
  await expect(bob.messages).toContainText('lake');

  await choose(bob, 'lake', 'Reply');
  await bob.say('Yes, at noon');
  const reply = bubble(alice, 'Yes, at noon');
  await expect(reply.getByRole('button', { name: /^Go to the message of Alice/ })).toContainText('Shall we meet');

  await choose(bob, 'Yes, at noon', 'Edit');
  const box = bob.page.getByRole('textbox', { name: 'Message' });
  await expect(box).toHaveValue('Yes, at noon');
  await box.fill('Yes, at one');
  await box.press('Enter');
  await expect(bubble(alice, 'Yes, at one')).toContainText('edited');
  await expect(alice.messages).not.toContainText('at noon');
  await expect(box).toHaveValue('');

  await choose(alice, 'Yes, at one', 'React with 🎉');
  const mark = bubble(bob, 'Yes, at one').getByRole('button', { name: '🎉 Alice' });
  await expect(mark).toBeVisible();
  await choose(alice, 'Yes, at one', 'React with 👍');
  await expect(bubble(bob, 'Yes, at one').getByRole('button', { name: '👍 Alice' })).toBeVisible();
  await expect(mark).toHaveCount(0);
  await accessible(bob.page);
  await bubble(alice, 'Yes, at one').getByRole('button', { name: '👍 Alice' }).click();
  await expect(bubble(bob, 'Yes, at one').getByRole('button', { name: '👍 Alice' })).toHaveCount(0);

  await choose(bob, 'Yes, at one', 'Delete');
  const dialog = bob.page.getByRole('alertdialog');
  await expect(dialog).toContainText('everybody');
  await accessible(bob.page);
  await dialog.getByRole('button', { name: 'Delete' }).click();
  for (const person of [alice, bob]) {
    await expect(person.messages).toContainText('This message was deleted');
    await expect(person.messages).not.toContainText('at one');
  }
  // It is gone from the disk as well, not only from the screen.
  await alice.page.reload();
  await alice.row('Bob').click();
  await expect(alice.messages).toContainText('This message was deleted');
  await expect(alice.messages).not.toContainText('at one');
});

test('that somebody is writing is seen, and that a message was read, unless it is turned off', async ({ pair }) => {
  const [alice, bob] = await pair();
  await alice.say('one');
  await expect(alice.messages.getByText('delivered and read', { exact: true })).toBeAttached();
  await bob.page.getByRole('textbox', { name: 'Message' }).pressSequentially('hmm');
  await expect(alice.page.getByText('Bob is writing…')).toBeVisible();
  await expect(alice.page.getByText('Bob is writing…')).toBeHidden({ timeout: 15_000 });

  await bob.page.getByRole('button', { name: 'Settings' }).click();
  await bob.page.getByRole('checkbox', { name: 'Read receipts' }).uncheck();
  await accessible(bob.page);
  await bob.page.getByRole('button', { name: 'Back' }).locator('visible=true').click();
  await alice.say('two');
  await expect(bob.messages).toContainText('two');
  await expect(bubble(alice, 'two').getByText('delivered', { exact: true })).toBeAttached();
  await bob.say('three');
  await expect(alice.messages).toContainText('three');
  await expect(bubble(bob, 'three').getByText('delivered', { exact: true })).toBeAttached();
  await bob.page.reload();
  await bob.page.getByRole('button', { name: 'Settings' }).click();
  await expect(bob.page.getByRole('checkbox', { name: 'Read receipts' })).not.toBeChecked();
  await expect(bubble(alice, 'two').getByText('delivered and read', { exact: true })).toHaveCount(0);
});

test('drafts survive a reload, each conversation its own; pin, mute and archive stay, and an archived one comes back', async ({
  pair,
  join: register,
}) => {
  const [alice, bob] = await pair();
  const carol = await register({ handle: 'carol', displayName: 'Carol' });
  const box = alice.page.getByRole('textbox', { name: 'Message' });
  await box.fill('not finished yet');
  await alice.shareWith('carol');
  await expect(box).toHaveValue('');
  await box.fill('something else');
  await alice.row('Bob').click();
  await expect(box).toHaveValue('not finished yet');
  await alice.row('Carol').click();
  await expect(box).toHaveValue('something else');
  await alice.page.reload();
  await alice.row('Bob').click();
  await expect(box).toHaveValue('not finished yet');
  await box.press('Enter');
  await expect(box).toHaveValue('');
  await alice.row('Carol').click();
  await expect(box).toHaveValue('something else');

  // An edit goes on where it was left, and what could not be sent is still there.
  await alice.row('Bob').click();
  await choose(alice, 'not finished yet', 'Edit');
  await box.fill('nearly finished');
  await alice.page.getByRole('button', { name: 'Settings' }).click();
  await expect(alice.page.getByRole('heading', { name: 'Settings' })).toBeVisible();
  await alice.row('Carol').click();
  await expect(box).toHaveValue('something else');
  await box.press('Enter');
  await expect(alice.messages).toContainText('something else');
  await alice.row('Bob').click();
  await expect(box).toHaveValue('nearly finished');
  await box.press('Escape');
  await expect(box).toHaveValue('');
  const tooLong = 'o'.repeat(limits.textBytes + 1);
  await box.fill(tooLong);
  await box.press('Enter');
  await expect(alice.page.getByText('That is too long')).toBeVisible();
  await alice.row('Carol').click();
  await expect(box).toHaveValue('');
  await alice.row('Bob').click();
  await expect(box).toHaveValue(tooLong);
  await box.fill('');
  await alice.row('Carol').click();

  await carol.acceptRequest();
  await carol.row('Alice').click();
  const rows = alice.page.getByRole('list', { name: 'Conversations' }).getByRole('listitem');
  await expect(rows.first()).toContainText('Carol');
  const option = async (name: string, action: string) => {
    await alice.row(name).hover();
    await alice.page.getByRole('button', { name: `Options for ${name}` }).click();
    await alice.page.getByRole('menuitem', { name: action, exact: true }).click();
  };
  await option('Bob', 'Pin to the top');
  await expect(rows.first()).toContainText('Bob');
  await option('Carol', 'Archive');
  await option('Bob', 'Mute');
  await expect(rows).toHaveCount(1);
  await alice.page.reload();
  await expect(alice.row('Bob')).toHaveAccessibleName(/pinned.*muted/);
  await expect(rows).toHaveCount(1);
  await accessible(alice.page);
  await carol.say('hello again');
  await expect(rows).toHaveCount(2);
  // A muted one stays where it was put.
  await option('Bob', 'Archive');
  await expect(rows).toHaveCount(1);
  await bob.say('psst');
  await alice.page.getByRole('button', { name: 'Archived (1)' }).click();
  await expect(alice.row('Bob')).toContainText('psst');
  await expect(rows).toHaveCount(1);
});

test('everything is reached by Ctrl+K and the keyboard alone; an old message is found without a network', async ({
  pair,
  server,
}) => {
  const [alice, bob] = await pair();
  await bob.say('Remember the zucchini');
  await expect(alice.messages).toContainText('zucchini');
  const { keyboard } = alice.page;
  const openPalette = async () => {
    await keyboard.press('Control+k');
    await expect(alice.page.getByRole('combobox', { name: 'Search' })).toBeFocused();
  };
  await openPalette();
  await keyboard.type('zucch');
  await expect(alice.page.getByRole('option', { name: /zucchini/ })).toBeVisible();
  await keyboard.press('Enter');
  await expect(alice.messages.locator('.found')).toContainText('zucchini');
  await openPalette();
  await keyboard.type('open sett');
  await expect(alice.page.getByRole('option', { name: 'Open settings' })).toBeVisible();
  await keyboard.press('Enter');
  await expect(alice.page.getByRole('heading', { name: 'Settings' })).toBeVisible();
  await openPalette();
  await keyboard.type('bob');
  await expect(alice.page.getByRole('option', { name: /Bob/ }).first()).toBeVisible();
  await keyboard.press('Enter');
  await expect(alice.page.getByRole('textbox', { name: 'Message' })).toBeVisible();
  await keyboard.press('Control+k');
  await keyboard.press('Escape');
  await expect(alice.page.getByRole('combobox')).toHaveCount(0);

  await alice.say('The secret ingredient is CARDAMOM');
  for (let i = 0; i < 60; i++) await alice.say(`filler ${i}`);
  await expect(bob.messages).toContainText('filler 59');
  await server.kill();
  await bob.context.setOffline(true);
  await bob.page.getByRole('button', { name: 'Search (Ctrl+K)' }).click();
  await bob.page.getByRole('combobox', { name: 'Search' }).fill('cardam secret');
  const found = bob.page.getByRole('option', { name: /CARDAMOM/ });
  await expect(found).toBeVisible();
  await accessible(bob.page);
  await found.click();
  const message = bubble(bob, 'CARDAMOM').locator('.bubble');
  await expect(message).toBeInViewport();
  await expect(message).toHaveClass(/found/);
  await bob.page.getByRole('button', { name: 'Go to the newest' }).click();
  await expect(bubble(bob, 'filler 59')).toBeInViewport();
  await bob.page.getByRole('button', { name: 'Search in this conversation' }).click();
  await bob.page.getByRole('combobox').fill('filler 33');
  await expect(bob.page.getByRole('option', { name: /filler 33/ })).toBeVisible();
  await bob.page.getByRole('combobox').fill('nobody said this');
  await expect(bob.page.getByText('Nothing found')).toBeVisible();
  await bob.page.keyboard.press('Escape');
  // Where the details stand beside the conversation, going to a date leaves it open; the digits of a year go nowhere.
  await bob.page.setViewportSize({ width: 1280, height: 760 });
  const date = bob.page.getByLabel('Go to a date');
  await date.pressSequentially('01012020');
  await expect(date).toHaveValue('2020-01-01');
  await bob.page.waitForTimeout(300); // it would have gone there by now
  await expect(bubble(bob, 'filler 59')).toBeInViewport();
  await date.press('Enter');
  await expect(bubble(bob, 'zucchini')).toBeInViewport();
  // What is chosen in the calendar, at once.
  await bob.page.getByRole('button', { name: 'Go to the newest' }).click();
  await date.press('Space');
  await date.fill('2020-01-02');
  await expect(bubble(bob, 'zucchini')).toBeInViewport();
  await expect(bob.page.getByRole('textbox', { name: 'Message' })).toBeVisible();
});

test('links lead where they say, nothing that is written becomes part of the page; messages disappear in time', async ({
  pair,
}) => {
  const [alice, bob] = await pair();
  await alice.say('<img src=x onerror="document.title=1"> javascript:alert(1) https://example.org/a and `code <b>`');
  await expect(bob.messages).toContainText('<img src=x onerror="document.title=1"> javascript:alert(1)');
  const links = bob.messages.getByRole('link');
  await expect(links).toHaveCount(1);
  await expect(links).toHaveAttribute('href', 'https://example.org/a');
  await expect(links).toHaveAttribute('rel', 'noopener noreferrer');
  await expect(bob.messages.locator('img, b')).toHaveCount(0);
  await expect(bob.messages.locator('code')).toHaveText('code <b>');
  await alice.say('https://аpple.com');
  await expect(bob.messages).toContainText('(xn--pple-43d.com)');

  await alice.page.clock.install();
  await alice.page.getByRole('button', { name: 'Details' }).click();
  await alice.page.getByRole('combobox', { name: 'Disappearing messages' }).selectOption('5 minutes');
  await alice.page.getByRole('button', { name: 'Back' }).locator('visible=true').click();
  await expect(bob.messages).toContainText('disappear after 5 min');
  await alice.say('soon gone');
  await expect(bob.messages).toContainText('soon gone');
  await expect(bubble(alice, 'soon gone')).toContainText('disappears');
  await alice.page.clock.runFor(6 * 60_000);
  await expect(alice.messages).not.toContainText('soon gone');
});
