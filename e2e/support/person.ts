/** A person in a real browser profile of their own, who does things by the names that the app gives to its parts. */
import { expect, chromium, firefox, type BrowserContext, type Locator, type Page } from '@playwright/test';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const chromiumPath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
export const firefoxPath = process.env['FIREFOX_PATH'] ?? '/usr/bin/firefox-esr';
export const chromiumFlags = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // Where mDNS names do not resolve (containers) two local browsers would not find each other. A process in reserve for a tab to come is no part of
  // what the app takes.
  '--disable-features=WebRtcHideLocalIpsWithMdns,SpareRendererForSitePerProcess',
];

export interface PersonOptions {
  handle: string;
  displayName?: string;
  password?: string;
  viewport?: { width: number; height: number };
  /** Another browser than the system's Chromium, for example one in a network of its own, and where it finds the server. */
  browser?: { path: string; url: string };
  /** Where the profile lies: another place than the usual one for temporary files. */
  folder?: string;
  /** A microphone that beeps, which the page may use. */
  microphone?: boolean;
  /** Firefox instead, in a profile that ends with it. */
  firefox?: boolean;
}

export class Person {
  page!: Page;
  context!: BrowserContext;
  recoveryCode = '';
  readonly problems: string[] = [];

  private constructor(
    readonly url: string,
    readonly profile: string,
    readonly handle: string,
    readonly displayName: string,
    readonly password: string,
    private readonly viewport: { width: number; height: number },
    private readonly browserPath: string,
    private readonly microphone: boolean,
  ) {}

  /** A browser with the app open and nobody logged in. */
  static async visitor(url: string, options: PersonOptions): Promise<Person> {
    const profile = await mkdtemp(join(options.folder ?? tmpdir(), 'causeway-profile-'));
    const { handle, displayName = '', password = 'correct horse battery', browser } = options;
    const viewport = options.viewport ?? { width: 1000, height: 760 };
    const person = new Person(
      browser?.url ?? url,
      profile,
      handle,
      displayName,
      password,
      viewport,
      options.firefox ? 'firefox' : (browser?.path ?? chromiumPath),
      options.microphone ?? false,
    );
    await person.launch();
    return person;
  }

  /** A browser with a registered, logged-in person. */
  static async register(url: string, options: PersonOptions): Promise<Person> {
    const person = await Person.visitor(url, options);
    await person.createAccount();
    return person;
  }

  async launch(): Promise<void> {
    if (this.browserPath === 'firefox') {
      // The Debian build is driven over WebDriver BiDi; it has no persistent contexts.
      const browser = await firefox.launch({ channel: 'moz-firefox', executablePath: firefoxPath });
      this.context = await browser.newContext({ viewport: this.viewport });
      this.context.on('close', () => void browser.close());
      await this.openPage();
      return;
    }
    this.context = await chromium.launchPersistentContext(this.profile, {
      executablePath: this.browserPath,
      // Over http only localhost is a secure context by itself.
      args: [
        ...chromiumFlags,
        `--unsafely-treat-insecure-origin-as-secure=${this.url}`,
        ...(this.microphone ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'] : []),
      ],
      viewport: this.viewport,
      acceptDownloads: true,
    });
    await this.openPage();
  }

  async openPage(): Promise<Page> {
    this.page = this.context.pages()[0] ?? (await this.context.newPage());
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(message.text());
    });
    this.page.on('pageerror', (error) => this.problems.push(error.stack ?? String(error)));
    await this.page.goto(this.url);
    return this.page;
  }

  async createAccount(): Promise<void> {
    const { page } = this;
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByLabel('Username', { exact: true }).fill(this.handle);
    await page.getByLabel('Password', { exact: true }).fill(this.password);
    if (this.displayName) await page.getByLabel('Display name', { exact: true }).fill(this.displayName);
    await page.getByRole('button', { name: 'Create account' }).click();
    const region = page.getByRole('region', { name: 'Recovery code' });
    await expect(region).toBeVisible();
    this.recoveryCode = /([0-9A-Z]{4}-){6}[0-9A-Z]{4}/.exec((await region.textContent()) ?? '')?.[0] ?? '';
    expect(this.recoveryCode).not.toBe('');
    await page.getByRole('button', { name: 'I saved it' }).click();
    await this.ready();
  }

  async logIn(password = this.password): Promise<void> {
    const { page } = this;
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByLabel('Username', { exact: true }).fill(this.handle);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  async ready(): Promise<void> {
    await expect(this.page.getByRole('textbox', { name: 'Share with username' })).toBeVisible();
  }

  async shareWith(handle: string): Promise<void> {
    const box = this.page.getByRole('textbox', { name: 'Share with username' });
    await box.fill(handle);
    await box.press('Enter');
    await expect(this.page.getByRole('textbox', { name: 'Message' })).toBeVisible();
  }

  async acceptRequest(): Promise<void> {
    await this.page.getByRole('region', { name: 'Requests' }).getByRole('button', { name: 'Accept' }).first().click();
  }

  /** Founds a group and leaves its conversation open. @returns a code to join it */
  async foundGroup(name: string): Promise<string> {
    await this.page.getByRole('button', { name: 'New group' }).click();
    await this.page.getByRole('textbox', { name: 'Group name' }).fill(name);
    await this.page.getByRole('button', { name: 'Create group' }).click();
    await this.page.getByRole('button', { name: 'Details' }).first().click();
    const about = this.page.getByRole('complementary', { name: 'About this group' });
    await about.getByRole('button', { name: 'New invitation' }).click();
    const code = await about.getByRole('region', { name: 'Join code' }).locator('output').textContent();
    await about.getByRole('button', { name: 'Back' }).click();
    return code ?? '';
  }

  /** Joins by link and leaves the group's conversation open. */
  async joinGroup(code: string, name: string): Promise<void> {
    await this.page.goto(`${this.url}/#join/${code}`);
    await this.page
      .getByRole('dialog', { name: 'Join group' })
      .getByRole('button', { name: 'Join', exact: true })
      .click();
    await expect(this.page.getByRole('heading', { name }).first()).toBeVisible({ timeout: 20_000 });
  }

  /** The row of somebody in the list of people. */
  row(name: string): Locator {
    return this.page
      .getByRole('button', { name: new RegExp(`^${escape(name)}`) })
      .or(this.page.getByRole('link', { name: new RegExp(`^${escape(name)}`) }))
      .first();
  }

  async say(text: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Message' }).fill(text);
    await this.page.getByRole('button', { name: 'Send' }).click();
  }

  get messages(): Locator {
    return this.page.getByRole('log', { name: 'Messages' });
  }

  async attach(paths: string | string[]): Promise<void> {
    await this.page.getByLabel('Attach files').setInputFiles(paths);
  }

  /** A folder as the plain input takes it: without the empty folders in it. */
  async attachFolder(path: string): Promise<void> {
    await this.page.getByLabel('Attach folder').setInputFiles(path);
  }

  /** Drops files or folders on the conversation, as a file manager does. Chromium alone. */
  async drop(...paths: string[]): Promise<void> {
    const devtools = await this.context.newCDPSession(this.page);
    const box = await this.messages.boundingBox();
    const at = { x: (box?.x ?? 0) + 50, y: (box?.y ?? 0) + 50 };
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await devtools.send('Input.dispatchDragEvent', { type, ...at, data });
    await devtools.detach();
  }

  /** In megabytes per second, over all transfers; empty for none. */
  async limitSpeed(which: 'Upload limit' | 'Download limit', megabytes: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Settings' }).click();
    await this.page.getByLabel(which).fill(megabytes);
    await this.page.getByLabel(which).press('Tab');
    await this.page.getByRole('button', { name: 'Back', exact: true }).locator('visible=true').click();
  }

  get offer(): Locator {
    return this.page.getByRole('region', { name: 'Incoming file offer' });
  }

  card(fileName: string): Locator {
    return this.page.getByRole('group', { name: fileName, exact: true });
  }

  status(fileName: string): Locator {
    return this.card(fileName).getByRole('status');
  }

  /** Progress of a running file, 0 to 100. */
  async progress(fileName: string): Promise<number> {
    const bar = this.card(fileName).getByRole('progressbar');
    if ((await bar.count()) === 0) return -1;
    return Number(await bar.getAttribute('aria-valuenow', { timeout: 2000 }).catch(() => '-1'));
  }

  /** Presses Save and gives the downloaded file's path and suggested name. */
  async save(fileName: string): Promise<{ path: string; name: string }> {
    const [download] = await Promise.all([
      this.page.waitForEvent('download', { timeout: 60_000 }), // a folder is packed first
      this.card(fileName).getByRole('button', { name: 'Save', exact: true }).click(),
    ]);
    return { path: await download.path(), name: download.suggestedFilename() };
  }

  /** All processes of this browser. */
  pids(): number[] {
    return browserPids(this.profile);
  }

  async close(): Promise<void> {
    await this.context.close().catch(() => undefined); // a killed browser is closed already
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** All processes of the browser with this profile. */
function browserPids(profile: string): number[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      parent: 0,
      command: read(`/proc/${name}/cmdline`),
      stat: read(`/proc/${name}/stat`),
    }))
    .map((one) => ({ ...one, parent: Number(/\) \S (\d+)/.exec(one.stat)?.[1]) }));
  const found = new Set(
    commands.filter(({ command }) => command.includes(`--user-data-dir=${profile}`)).map(({ pid }) => pid),
  );
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const { pid, parent } of commands) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process ended meanwhile
  }
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
