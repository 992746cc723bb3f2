/**
 * Makes the pictures of the README: the built app in real browsers, people who write and send, the window at 1280 and 390 pixels, light and
 * dark. Run by `npm run screenshots`; writes to docs/images.
 */
import { chromium, expect, type Page } from '@playwright/test';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromiumFlags, chromiumPath, Person } from '../e2e/support/person.ts';
import { Server } from '../e2e/support/server.ts';

const images = resolve('docs/images');
const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const MiB = 1024 * 1024;

/** A lake in the evening, drawn by the browser, so that the thumbnail is of a real JPEG and nobody's photograph. */
const picture = `<body style="margin:0"><svg xmlns="http://www.w3.org/2000/svg" width="1600" height="1067" viewBox="0 0 1600 1067">
<defs>
  <linearGradient id="sky" x2="0" y2="1"><stop offset="0" stop-color="#2b4a73"/><stop offset=".55" stop-color="#e0946d"/><stop offset="1" stop-color="#f9d9a4"/></linearGradient>
  <linearGradient id="lake" x2="0" y2="1"><stop offset="0" stop-color="#e9b98b"/><stop offset=".4" stop-color="#7d8ba1"/><stop offset="1" stop-color="#1f3a5a"/></linearGradient>
  <radialGradient id="sun"><stop offset="0" stop-color="#fff6d8"/><stop offset=".3" stop-color="#ffe6a8"/><stop offset="1" stop-color="#ffe6a800"/></radialGradient>
</defs>
<rect width="1600" height="640" fill="url(#sky)"/>
<circle cx="1040" cy="520" r="230" fill="url(#sun)"/>
<path d="M0 640V470l170-140 130 95 190-210 210 230 130-90 210 180 160-115 200 120 200-110v210z" fill="#5c6c8f"/>
<path d="M0 640v-90l220-100 240 110 260-80 200 100 300-60 380 70v50z" fill="#34466a"/>
<rect y="640" width="1600" height="427" fill="url(#lake)"/>
<g fill="#ffe9bd" opacity=".75"><rect x="930" y="672" width="230" height="7" rx="3"/><rect x="965" y="708" width="150" height="7" rx="3"/><rect x="900" y="752" width="270" height="8" rx="4"/><rect x="985" y="806" width="120" height="9" rx="4"/></g>
<path d="M250 850q150 60 330 0l-30 52q-130 30-262 0z" fill="#14263d"/><path d="M405 850V640l118 190z" fill="#f5ecdf"/><path d="M395 838V690l-72 140z" fill="#dfd0c0"/>
</svg></body>`;

const folder = await mkdtemp(join(tmpdir(), 'causeway-screenshots-'));
await mkdir(images, { recursive: true });
const server = await Server.start();
const people: Person[] = [];

try {
  const photo = await drawPhoto('Evening on the lake.jpg');
  const june = await drawPhoto('June morning.jpg', 'hue-rotate(-28deg) brightness(1.18) saturate(1.2)');
  const plan = await file('Cabin plan.pdf', 2.3 * MiB);
  const songs = await file('Songs for the drive.zip', 184 * MiB);
  const film = await file('Summer at the lake, 4K.mov', 2900 * MiB);

  const mira = await enter('mira', 'Mira Holm');
  const jonas = await enter('jonas', 'Jonas Lind');
  await chatAndLeave('aiko', 'Aiko Tanaka', mira, ['Landed! See you on Saturday.']);
  await chatAndLeave('sam.reed', 'Sam Reed', mira, ['The printer works again', 'No idea why.']);

  await mira.shareWith('jonas');
  await jonas.acceptRequest();
  await jonas.row('Mira').click();
  await expect(mira.row('Jonas')).toHaveAccessibleName(/online/);

  await mira.say('Morning! Did you get home all right?');
  await hears(jonas, 'Did you get home');
  await jonas.say('Just after midnight. The ferry was late, but what a sky.');
  await send(jonas, mira, photo);
  await mira.say('Oh, that one goes on the wall.');
  await mira.say('Here is the plan of the cabin, and the songs that I promised.');
  await send(mira, jonas, plan);

  // What is offered and not answered yet, on the side that is asked.
  await mira.attach(songs);
  await expect(jonas.offer).toContainText('Songs for the drive.zip');
  await shoot(jonas.page, 'offer-1280-dark', desktop, 'dark');
  await shoot(jonas.page, 'offer-390-light', phone, 'light');
  await jonas.page.setViewportSize(desktop);
  await jonas.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(mira.status('Songs for the drive.zip')).toHaveText(/^Sent/, { timeout: 60_000 });

  // A transfer under way, on the sending side.
  await send(mira, jonas, june);
  await mira.say('The same spot in June. Now the film, it is three gigabytes 😅');
  await jonas.say('No hurry, I have coffee.');
  await hears(mira, 'I have coffee');
  await mira.attach(film);
  await jonas.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => mira.progress('Summer at the lake, 4K.mov'), { timeout: 120_000 }).toBeGreaterThan(9);
  await shoot(mira.page, 'chat-1280-light', desktop, 'light');
  await shoot(mira.page, 'chat-390-dark', phone, 'dark');
  await mira.card('Summer at the lake, 4K.mov').getByRole('button', { name: 'Cancel' }).click();

  for (const person of [mira, jonas]) if (person.problems.length > 0) throw new Error(person.problems.join('\n'));
} finally {
  await Promise.all(people.map((person) => person.close()));
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function enter(handle: string, displayName: string): Promise<Person> {
  const person = await Person.register(server.url, { handle, displayName, viewport: desktop });
  people.push(person);
  return person;
}

/** Somebody else in the list of people: says something and goes offline. */
async function chatAndLeave(handle: string, displayName: string, to: Person, said: string[]): Promise<void> {
  const person = await enter(handle, displayName);
  await person.shareWith(to.handle);
  await to.acceptRequest();
  for (const text of said) await person.say(text);
  await expect(to.row(displayName)).toContainText(said.at(-1) ?? '');
  await person.close();
}

async function hears(person: Person, text: string): Promise<void> {
  await expect(person.messages).toContainText(text);
}

async function send(from: Person, to: Person, path: string): Promise<void> {
  const name = path.slice(folder.length + 1);
  await from.attach(path);
  await to.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(from.status(name)).toHaveText(/^Sent/, { timeout: 60_000 });
}

async function shoot(page: Page, name: string, size: typeof phone, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  // Nothing under the pointer, and the newest at the bottom.
  await page.mouse.move(0, 0);
  await page.getByRole('log', { name: 'Messages' }).evaluate((log) => log.scrollTo({ top: log.scrollHeight }));
  // What moves once has come to rest, and that is painted; what moves for ever is held still below.
  await page.evaluate(async () => {
    const once = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(once.map(({ finished }) => finished));
    await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
  });
  await page.screenshot({ path: join(images, `${name}.png`), animations: 'disabled', caret: 'hide' });
}

/** A file that takes no room on the disk. */
async function file(name: string, sizeBytes: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, '');
  await truncate(path, Math.round(sizeBytes));
  return path;
}

async function drawPhoto(name: string, filter = 'none'): Promise<string> {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumFlags });
  const page = await browser.newPage({ viewport: { width: 1600, height: 1067 } });
  await page.setContent(picture);
  await page.evaluate((value) => (document.body.style.filter = value), filter);
  const path = join(folder, name);
  await page.screenshot({ path, type: 'jpeg', quality: 90 });
  await browser.close();
  return path;
}
