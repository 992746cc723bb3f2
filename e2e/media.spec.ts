/** What is seen and heard where it stands in a conversation: pictures, video, voice messages, emoji. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

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

/** A picture of stripes and a short film of them, made by the browser. */
async function recorded(page: Page): Promise<{ picture: Buffer; film: Buffer }> {
  const made = await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1500, 1000];
    const paint = (shift: number) => {
      const context = canvas.getContext('2d');
      for (let x = 0; context && x < 1500; x += 50) {
        context.fillStyle = `hsl(${x / 5 + shift} 60% 50%)`;
        context.fillRect(x, 0, 50, 1000);
      }
    };
    paint(0);
    const text = async (blob: Blob | null): Promise<string> =>
      btoa(Array.from(new Uint8Array((await blob?.arrayBuffer()) ?? []), (byte) => String.fromCharCode(byte)).join(''));
    const picture = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg'));
    [canvas.width, canvas.height] = [320, 180];
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: 'video/webm;codecs=vp8' });
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    for (let frame = 0; frame < 12; frame++) {
      paint(frame * 20);
      await new Promise(requestAnimationFrame);
    }
    recorder.stop();
    await stopped;
    return { picture: await text(picture), film: await text(new Blob(parts)) };
  });
  return { picture: Buffer.from(made.picture, 'base64'), film: Buffer.from(made.film, 'base64') };
}

/** How many files this browser keeps: received ones, and copies of sent ones. */
const kept = (page: Page): Promise<number[]> =>
  page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const counts = ['blobs', 'outbox'].map(async (name) => {
      const folder = await root.getDirectoryHandle(name, { create: true });
      let files = 0;
      for await (const one of folder.keys()) if (!one.includes('.')) files++;
      return files;
    });
    return Promise.all(counts);
  });

test('pictures and video are shown where they stand, without anything moving, and open large; what is no picture is not', async ({
  pair,
}) => {
  const [alice, bob] = await pair();
  const { picture, film } = await recorded(alice.page);
  await alice.page.getByLabel('Attach files').setInputFiles([
    { name: 'stripes.jpg', mimeType: 'image/jpeg', buffer: picture },
    { name: 'more.jpg', mimeType: 'image/jpeg', buffer: picture },
    { name: 'film.webm', mimeType: 'video/webm', buffer: film },
    { name: 'liar.png', mimeType: 'image/png', buffer: Buffer.from('<svg onload="document.title=1"/>') },
    {
      name: 'drawing.svg',
      mimeType: 'image/svg+xml',
      buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    },
  ]);
  const place = bob.card('stripes.jpg').locator('.place');
  await expect(place.locator('img')).toBeVisible();
  const before = await place.boundingBox();
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  const enlarge = bob.card('stripes.jpg').getByRole('button', { name: 'Enlarge stripes.jpg' });
  await expect(enlarge.locator('img')).toBeVisible();
  const after = await place.boundingBox();
  expect([after?.width, after?.height]).toEqual([before?.width, before?.height]);
  expect((after?.width ?? 0) / (after?.height ?? 1)).toBeCloseTo(1.5, 1);
  await expect(bob.status('drawing.svg')).toHaveText(/^Received/);
  for (const name of ['liar.png', 'drawing.svg']) await expect(bob.card(name).locator('img, video')).toHaveCount(0);
  // What is shown was drawn here: it is not the file.
  const shown = await enlarge.locator('img').evaluate(async (img: HTMLImageElement) => {
    const answer = await fetch(img.src).catch(() => undefined);
    return { src: img.src.slice(0, 5), natural: img.naturalWidth, fetched: answer !== undefined };
  });
  expect(shown).toEqual({ src: 'blob:', natural: 800, fetched: false });

  // The sender sees them as well, from the copy that was made.
  await expect(alice.card('more.jpg').getByRole('button', { name: 'Enlarge more.jpg' }).locator('img')).toBeVisible();
  const video = bob.card('film.webm').locator('video');
  await expect(video).toHaveAttribute('poster', /^blob:/);
  await expect.poll(() => video.evaluate((player: HTMLVideoElement) => player.videoWidth)).toBe(320);
  await video.evaluate((player: HTMLVideoElement) => player.play());
  await expect.poll(() => video.evaluate((player: HTMLVideoElement) => player.currentTime)).toBeGreaterThan(0);
  await accessible(bob.page);

  await enlarge.press('Enter');
  const dialog = bob.page.getByRole('dialog', { name: 'stripes.jpg' });
  await expect(dialog.getByRole('img', { name: 'stripes.jpg' })).toHaveJSProperty('naturalWidth', 1500);
  await expect(dialog).toContainText('1 of 3');
  await accessible(bob.page);
  await bob.page.keyboard.press('ArrowRight');
  const next = bob.page.getByRole('dialog', { name: 'more.jpg' });
  await expect(next.getByRole('img', { name: 'more.jpg' })).toBeVisible();
  const [download] = await Promise.all([
    bob.page.waitForEvent('download'),
    next.getByRole('button', { name: 'Save' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('more.jpg');
  await bob.page.keyboard.press('Escape');
  await expect(bob.page.getByRole('dialog')).toHaveCount(0);
  await expect(enlarge).toBeFocused();
});

test('a voice message is recorded, comes without asking and is played; an emoji is found by name, and is offered first then', async ({
  pair,
}) => {
  const [alice, bob] = await pair({ microphone: true });
  const { page } = bob;
  await page.getByRole('button', { name: 'Record a voice message' }).click();
  await expect(page.getByRole('timer')).toHaveText('0:01');
  await accessible(page);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('textbox', { name: 'Message' })).toBeFocused();

  await page.getByRole('button', { name: 'Record a voice message' }).click();
  await expect(page.getByRole('timer')).toHaveText('0:02');
  await page.getByRole('button', { name: 'Send voice message' }).click();
  const card = alice.page.getByRole('group', { name: /^Voice message .*\.weba$/ });
  await expect(card.getByRole('status')).toHaveText(/^Received/);
  await expect(alice.offer).toHaveCount(0);
  expect(await card.locator('rect').count()).toBeGreaterThan(15);
  await card.getByRole('button', { name: 'Speed 1×' }).click();
  await card.getByRole('button', { name: 'Play voice message' }).click();
  const sound = card.locator('audio');
  await expect.poll(() => sound.evaluate((player: HTMLAudioElement) => player.currentTime)).toBeGreaterThan(0.3);
  expect(await sound.evaluate((player: HTMLAudioElement) => player.playbackRate)).toBe(1.5);
  await expect(card.getByRole('button', { name: 'Play voice message' })).toBeVisible();
  await card.getByRole('slider', { name: 'Position' }).fill('1500');
  await expect.poll(() => sound.evaluate((player: HTMLAudioElement) => player.currentTime)).toBeGreaterThan(1.4);

  // Deleted for everybody: what was received leaves the disk as well.
  expect(await kept(alice.page)).toEqual([1, 0]);
  const spoken = bob.messages
    .locator('.line')
    .filter({ has: page.getByRole('button', { name: 'Play voice message' }) });
  await spoken.hover();
  await spoken.getByRole('button', { name: 'Message actions' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  const dialog = page.getByRole('alertdialog', { name: 'Delete this voice message for everybody?' });
  await expect(dialog).toContainText('Whoever saved a copy still has it');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  for (const person of [alice, bob]) {
    await expect(person.messages).toContainText('This message was deleted');
    await expect(person.page.getByRole('group', { name: /^Voice message/ })).toHaveCount(0);
    await expect.poll(() => kept(person.page)).toEqual([0, 0]);
  }

  await alice.page.getByRole('button', { name: 'Emoji' }).click();
  const picker = alice.page.getByRole('dialog', { name: 'Choose an emoji' });
  await picker.getByRole('searchbox', { name: 'Search emoji' }).fill('avoc');
  await alice.page.keyboard.press('Enter');
  await accessible(alice.page);
  await alice.page.keyboard.press('Escape');
  await expect(alice.page.getByRole('textbox', { name: 'Message' })).toBeFocused();
  await expect(alice.page.getByRole('textbox', { name: 'Message' })).toHaveValue('🥑');
  await alice.page.keyboard.press('Enter');
  const line = bob.messages.locator('.line').filter({ hasText: '🥑' });
  await line.hover();
  await line.getByRole('button', { name: 'Message actions' }).click();
  await page.getByRole('menuitem', { name: 'More emoji' }).click();
  await page.getByRole('searchbox', { name: 'Search emoji' }).fill('unicorn');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(alice.messages.getByRole('button', { name: '🦄 Bob' })).toBeVisible();
  await line.getByRole('button', { name: 'Message actions' }).click();
  await page.getByRole('menuitem', { name: 'More emoji' }).click();
  await expect(page.getByRole('region', { name: 'Recent' }).getByRole('button')).toHaveAccessibleName('unicorn');
});
