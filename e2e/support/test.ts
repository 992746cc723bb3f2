/** `test` with a server and people that are cleaned up, and with files to send. */
import { test as base, expect } from '@playwright/test';
import { createHash, randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Person, type PersonOptions } from './person.ts';
import { Server } from './server.ts';

interface Fixtures {
  server: Server;
  /** A registered person in a browser of their own. */
  join: (options: PersonOptions) => Promise<Person>;
  /** A browser with nobody logged in. */
  visit: (options: PersonOptions) => Promise<Person>;
  /** Two people who are contacts, each with the conversation open; the options are for the second one's browser. */
  pair: (options?: Partial<PersonOptions>) => Promise<[Person, Person]>;
  /** Writes a file of random bytes. */
  file: (name: string, sizeBytes: number) => Promise<string>;
}

export const test = base.extend<Fixtures & { people: Person[]; serverEnv: Record<string, string> }>({
  serverEnv: [{}, { option: true }],
  server: async ({ serverEnv }, use) => {
    const server = await Server.start(serverEnv);
    await use(server);
    await server.stop();
  },
  people: async ({}, use, info) => {
    const people: Person[] = [];
    await use(people);
    for (const person of people)
      if (info.status !== info.expectedStatus)
        await info.attach(`console of ${person.handle}`, { body: person.problems.join('\n') });
    await Promise.all(people.map((person) => person.close()));
  },
  visit: async ({ server, people }, use) => {
    await use(async (options) => {
      const person = await Person.visitor(server.url, options);
      people.push(person);
      return person;
    });
  },
  join: async ({ visit }, use) => {
    await use(async (options) => {
      const person = await visit(options);
      await person.createAccount();
      return person;
    });
  },
  pair: async ({ join: register }, use) => {
    await use(async (options = {}) => {
      const [alice, bob] = await Promise.all([
        register({ handle: 'alice', displayName: 'Alice' }),
        register({ handle: 'bob', displayName: 'Bob', ...options }),
      ]);
      await alice.shareWith('bob');
      await bob.acceptRequest();
      await bob.row('Alice').click();
      await expect(bob.page.getByRole('textbox', { name: 'Message' })).toBeVisible();
      await expect(alice.row('Bob')).toHaveAccessibleName(/online/);
      return [alice, bob];
    });
  },
  file: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'causeway-files-'));
    await use(async (name, sizeBytes) => {
      const path = join(folder, name);
      const handle = await open(path, 'w');
      const piece = Buffer.alloc(Math.min(sizeBytes, 4 * 1024 * 1024));
      for (let written = 0; written < sizeBytes; written += piece.length) {
        randomFillSync(piece);
        await handle.write(piece, 0, Math.min(piece.length, sizeBytes - written));
      }
      await handle.close();
      return path;
    });
    await rm(folder, { recursive: true });
  },
});

export { expect };

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
