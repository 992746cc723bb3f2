/**
 * What does a file for 8 members of a group cost its sender's line? Nine browsers with the built app; what the sender hands to its data channels is
 * counted from outside the app.
 */
import { expect } from '@playwright/test';
import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Person } from '../e2e/support/person.ts';
import { countSent } from '../e2e/support/sent.ts';
import { Server } from '../e2e/support/server.ts';
import { megabytes, type Question } from './support/question.ts';
import { workspace } from './support/workspace.ts';

const MiB = 1024 * 1024;
const MEMBERS = 8;
/** The sender sending all of it to every second one would be 4. */
const MAX_TIMES = 2.5;
/** Nine browsers on two cores. */
const PATIENCE_MS = 600_000;
const NAME = 'film.bin';
const GROUP = 'Choir';
const sizeOf = (quick: boolean): number => (quick ? 16 : 64) * MiB;

const question: Question = {
  name: 'group-file',
  asks: `What does the sender upload when ${MEMBERS} members of a group download a file at once?`,
  seconds: ({ quick }) => (quick ? 120 : 240),
  measure: async ({ quick, say }) => {
    const bytes = sizeOf(quick);
    const server = await Server.start();
    const people: Person[] = [];
    try {
      const sender = await Person.register(server.url, { handle: 'alice', displayName: 'Alice' });
      people.push(sender);
      const sent = await countSent(sender);
      await sender.ready();
      const code = await sender.foundGroup(GROUP);
      const members: Person[] = [];
      for (let i = 1; i <= MEMBERS; i++) {
        const member = await Person.register(server.url, { handle: `member${i}`, displayName: `Member ${i}` });
        people.push(member);
        members.push(member);
        await member.joinGroup(code, GROUP);
      }
      await sender.attach(randomFile(bytes));
      for (const member of members)
        await expect(member.status(NAME)).toHaveText('Not downloaded', { timeout: PATIENCE_MS });
      say(`${MEMBERS} members see the file`);
      const sentBefore = await sent();
      const startedMs = Date.now();
      const doneMs = await Promise.all(
        members.map(async (member) => {
          await member.card(NAME).getByRole('button', { name: 'Download', exact: true }).click();
          await expect(member.status(NAME)).toHaveText('Received', { timeout: PATIENCE_MS });
          return Date.now() - startedMs;
        }),
      );
      await expect(sender.status(NAME)).toHaveText(`${MEMBERS} of ${MEMBERS} have it`, { timeout: PATIENCE_MS });
      const times = ((await sent()) - sentBefore) / bytes;
      const lastMs = Math.max(...doneMs);
      return {
        rows: [
          {
            what: `${bytes / MiB} MiB to ${MEMBERS} members at once: uploaded by the sender`,
            target: `under ${MAX_TIMES} times the file`,
            measured: `${times.toFixed(2)} times`,
            reached: times < MAX_TIMES,
          },
          {
            what: 'The first has it, the last has it',
            target: '',
            measured: `${(Math.min(...doneMs) / 1000).toFixed(1)} s, ${(lastMs / 1000).toFixed(1)} s: ${megabytes((bytes * MEMBERS * 1000) / lastMs)} MB/s in all`,
          },
        ],
        notes: ['Everything that the sender hands to data channels counts: also proofs, haves and messages.'],
      };
    } finally {
      await Promise.all(people.map((person) => person.close()));
      await server.stop();
    }
  },
};
export default question;

/** @returns its path; no two blocks are the same. */
function randomFile(bytes: number): string {
  const path = join(workspace(), NAME);
  writeFileSync(path, randomFillSync(Buffer.allocUnsafe(bytes)));
  return path;
}
