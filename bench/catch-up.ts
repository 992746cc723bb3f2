/**
 * How soon does who was away have 10,000 messages? In two real browsers, from the first frame of the link to the last entry on the disk; and in a group
 * of three simulated people on the real engine, all of them on one processor.
 */
import { readPayload } from '../engine/feed/payload.ts';
import { Crowd } from '../engine/testing/crowd.ts';
import { realCrypto } from '../engine/testing/keys.ts';
import { World, type Machine } from '../engine/testing/world.ts';
import { Person } from '../e2e/support/person.ts';
import { Server } from '../e2e/support/server.ts';
import { noteMessages, type Noted } from './support/channel-notes.ts';
import type { Answer, Question, Row, Run } from './support/question.ts';
import { writeMessages } from './support/written.ts';

const fullMissed = 10_000;
const quickMissed = 1_000;
const catchUpMaxMs = 3_000;
const newestMaxMs = 2_000;
const loopback = { bytesPerSecond: 200e6, delayMs: 0.1, setupMs: 5, queueBytes: 64e6 };

const seconds = (ms: number | undefined): string =>
  ms === undefined ? 'did not happen' : `${(ms / 1000).toFixed(2)} s`;

const textOf = (number: number): string => `message ${number}: see you at seven, and bring the key of the hall`;

async function inBrowsers(entries: number, say: Run['say']): Promise<Row> {
  const server = await Server.start({});
  const people: Person[] = [];
  try {
    const ann = await Person.register(server.url, { handle: 'ann', displayName: 'Ann' });
    people.push(ann);
    const bob = await Person.register(server.url, { handle: 'bob', displayName: 'Bob' });
    people.push(bob);
    await ann.shareWith('bob');
    await bob.acceptRequest();
    await ann.say('first');
    await bob.row('Ann').click();
    await bob.messages.getByText('first').waitFor();
    await bob.page.goto('about:blank');
    const feed = await writeMessages(ann.page, entries, textOf);
    await ann.page.reload();
    await ann.ready();
    // Hers are taken in and can be searched: what she does with them is over.
    await ann.page.getByRole('button', { name: 'Search (Ctrl+K)' }).click();
    await ann.page.getByRole('combobox').fill(`message ${entries - 1}`);
    await ann.page.getByRole('option', { name: new RegExp(`message ${entries - 1}`) }).waitFor({ timeout: 120_000 });
    await ann.page.keyboard.press('Escape');
    say(`${entries} messages are written`);
    await bob.context.addInitScript(noteMessages);
    await bob.page.goto(server.url);
    const tookMs = await bob.page.evaluate(untilStored, feed);
    return {
      what: `${entries} entries for who was away, between two browsers on this machine: from the first frame of the link to the last entry on the disk`,
      target: `under ${catchUpMaxMs / 1000} s`,
      measured: `${seconds(tookMs)}, ${Math.round(entries / (tookMs / 1000))} a second`,
      reached: tookMs < catchUpMaxMs,
    };
  } finally {
    for (const person of people) await person.close();
    await server.stop();
  }
}

/** Runs in the page. Milliseconds from the first frame that came over a link until the feed is so long. */
async function untilStored(feed: { conversation: string; device: string; length: number }): Promise<number> {
  const database = (await indexedDB.databases()).find(({ name }) => name?.startsWith('causeway-'))?.name ?? '';
  for (;;) {
    const db = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(database);
      request.onsuccess = () => resolve(request.result);
    });
    const length = await new Promise<number>((resolve) => {
      const request = db.transaction('heads').objectStore('heads').get([feed.conversation, feed.device]) as IDBRequest<
        { length: number } | undefined
      >;
      request.onsuccess = () => resolve(request.result?.length ?? 0);
    });
    db.close();
    const now = performance.timeOrigin + performance.now();
    const [first] = (globalThis as { benchNoted?: Noted }).benchNoted?.received ?? [];
    if (length >= feed.length && first !== undefined) return now - first;
    await new Promise((next) => setTimeout(next, 20));
  }
}

async function inGroup(entries: number, say: Run['say']): Promise<Row[]> {
  const world = new World({ crypto: realCrypto, wires: loopback });
  const crowd = await Crowd.gather(world, 3);
  await world.run(60_000, () => crowd.complete);
  const [writer, away] = crowd.all;
  if (!away) throw new Error('nobody is away');
  await away.close();
  const group = crowd.groupOf(writer);
  for (let number = 0; group && number < entries; number++) await writer.engine.sendText(group.id, textOf(number));
  await world.run(5_000);
  say(`${entries} messages are written`);
  const startedAt = performance.now();
  await away.start();
  const taken = () => (group && away.running ? away.engine.conversations.taken(group.chat, writer.device) : 0);
  let newestMs: number | undefined;
  for (let tries = 0; tries < 100_000 && taken() < entries; tries++) {
    await world.run(10, () => taken() >= entries);
    if (newestMs === undefined && away.running && (await seesNewest(crowd, away, entries - 1)))
      newestMs = performance.now() - startedAt;
  }
  const tookMs = performance.now() - startedAt;
  const here = taken();
  const all: Row = {
    what: `${entries} encrypted entries for who was away, stored and taken in; both ends on one processor, stores in memory`,
    target: `under ${catchUpMaxMs / 1000} s`,
    measured: here < entries ? `only ${here}` : `${seconds(tookMs)}, ${Math.round(entries / (tookMs / 1000))} a second`,
    reached: here >= entries && tookMs < catchUpMaxMs,
  };
  const newest: Row = {
    what: 'The newest of them on the screen, of that time',
    target: `under ${newestMaxMs / 1000} s`,
    measured: seconds(newestMs),
    reached: (newestMs ?? Infinity) < newestMaxMs,
  };
  return [all, newest];
}

async function seesNewest(crowd: Crowd, machine: Machine, number: number): Promise<boolean> {
  const group = crowd.groupOf(machine);
  const [last] = group ? (await machine.engine.feeds.history(group.chat, 1)).slice(-1) : [];
  const payload = last && readPayload(last);
  return payload?.kind === 'text' && payload.text.startsWith(`message ${number}:`);
}

async function measure({ quick, say }: Run): Promise<Answer> {
  const missed = quick ? quickMissed : fullMissed;
  return {
    rows: [await inBrowsers(missed, say), ...(await inGroup(missed, say))],
    notes: [
      'Of the rows after the first: simulated people, each with the real engine: real signatures (Ed25519), AES-256-GCM, stores in memory. Two members who were there have the messages, one of them wrote them.',
    ],
  };
}

const question: Question = {
  name: 'catch-up',
  asks: 'How soon does who was away have 10,000 messages?',
  seconds: ({ quick }) => (quick ? 20 : 45),
  measure,
};
export default question;
