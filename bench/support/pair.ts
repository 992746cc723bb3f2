/** Two people in two persistent browser profiles with the built app, contacts of each other: on loopback, or at the two ends of a line. */
import { expect, type Page } from '@playwright/test';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromiumPath, Person, type PersonOptions } from '../../e2e/support/person.ts';
import { Server } from '../../e2e/support/server.ts';
import type { Line } from './line.ts';
import { root } from './native.ts';
import { atEnd, workspace } from './workspace.ts';

const port = 8080;

export class Pair {
  private constructor(
    /** The sender, at side a. */
    readonly alice: Person,
    /** The receiver, at side b. */
    readonly bob: Person,
    private readonly stopServer: () => Promise<void>,
  ) {}

  static async onLoopback(bobsBrowser: Partial<PersonOptions> = {}): Promise<Pair> {
    const server = await Server.start();
    const stop = atEnd(() => void server.kill());
    return Pair.#meet(server.url, {}, bobsBrowser, async () => {
      await server.stop();
      stop();
    });
  }

  /** The server is on side a: what Bob has of it crosses the line too. */
  static async across(line: Line): Promise<Pair> {
    const url = `http://${line.address('a')}:${port}`;
    const server = line.run('a', process.execPath, [join(root, 'dist/server/main.js')], {
      HOST: line.address('a'),
      PORT: String(port),
      DATA_DIR: mkdtempSync(join(workspace(), 'server-')),
    });
    await new Promise<void>((listens, ended) => {
      createInterface(server.stdout).on('line', (text) => text.includes('"listening"') && listens());
      server.once('exit', (code) => ended(new Error(`the server ended (${code ?? 'killed'})`)));
    });
    const browser = (side: 'a' | 'b') => ({ browser: { path: line.wrapper(side, chromiumPath), url } });
    return Pair.#meet(url, browser('a'), browser('b'), async () => {
      server.kill('SIGTERM');
      await once(server, 'exit');
    });
  }

  static async #meet(
    url: string,
    alices: Partial<PersonOptions>,
    bobs: Partial<PersonOptions>,
    stopServer: () => Promise<void>,
  ): Promise<Pair> {
    const [alice, bob] = await Promise.all([
      Person.register(url, { handle: 'alice', displayName: 'Alice', ...alices }),
      Person.register(url, { handle: 'bob', displayName: 'Bob', ...bobs }),
    ]);
    await alice.shareWith('bob');
    await bob.acceptRequest();
    const pair = new Pair(alice, bob, stopServer);
    await pair.#openConversation();
    return pair;
  }

  /** Both begin anew, with links that know nothing of the line from before. */
  async reload(): Promise<void> {
    await Promise.all([this.alice.page.reload(), this.bob.page.reload()]);
    await this.#openConversation();
  }

  /** Runs with two empty pages in the same two browsers. */
  async withBarePages<T>(use: (sender: Page, receiver: Page) => Promise<T>): Promise<T> {
    const pages = await Promise.all([this.alice.context.newPage(), this.bob.context.newPage()]);
    try {
      return await use(...pages);
    } finally {
      await Promise.all(pages.map((page) => page.close()));
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.alice.close(), this.bob.close()]);
    await this.stopServer();
  }

  async #openConversation(): Promise<void> {
    const open = (person: Person, other: string) =>
      expect(async () => {
        await person.row(other).click();
        await expect(person.page.getByRole('textbox', { name: 'Message' })).toBeVisible();
      }).toPass({ timeout: 30_000 });
    await Promise.all([open(this.alice, 'Bob'), open(this.bob, 'Alice')]);
    await expect(this.alice.row('Bob')).toHaveAccessibleName(/online/, { timeout: 30_000 });
  }
}
