/**
 * How long does it take from the click on Accept until something is durable? The first message that each side gives to and gets from a data channel
 * after the click is noted by wrapping the browser's own interface before the app starts; so the time between the two, which is the network's and the
 * browser's, can be told from what the app does before, between and after.
 */
import { expect, type Page } from '@playwright/test';
import { noteMessages, type Noted } from './support/channel-notes.ts';
import { Pair } from './support/pair.ts';
import { type Question } from './support/question.ts';
import { median } from './support/series.ts';
import { sparseFile, transferWhole } from './support/transfer.ts';

const MiB = 1024 * 1024;
/** Large enough that the first durable byte is not the end. */
const SIZE_BYTES = 8 * MiB;

const question: Question = {
  name: 'first-byte',
  asks: 'How long from the click on Accept to the first durable byte on loopback, and how much of it is our own code?',
  seconds: ({ quick }) => 15 + (quick ? 5 : 15) * 2,
  measure: async ({ quick, say }) => {
    const pair = await Pair.onLoopback();
    try {
      for (const { context } of [pair.alice, pair.bob]) await context.addInitScript(noteMessages);
      await pair.reload();
      const rounds: { allMs: number; wiresMs: number }[] = [];
      for (let round = 0; round < (quick ? 5 : 15); round++) {
        const { acceptedMs, series } = await transferWhole(pair, sparseFile(SIZE_BYTES), undefined, 60_000, 2);
        const durableMs = series.find(([, bytes]) => bytes > 0)?.[0] ?? NaN;
        const [atSender, atReceiver] = await Promise.all([pair.alice, pair.bob].map(({ page }) => noted(page)));
        const after = (times: readonly number[] | undefined, since: number): number =>
          times?.find((t) => t >= since) ?? NaN;
        const asked = after(atReceiver?.sent, acceptedMs);
        const heard = after(atSender?.received, asked);
        const answered = after(atSender?.sentData, heard);
        const came = after(atReceiver?.receivedData, answered);
        rounds.push({ allMs: durableMs - acceptedMs, wiresMs: heard - asked + (came - answered) });
        say(
          `round ${round + 1}: ${(durableMs - acceptedMs).toFixed(0)} ms = ask ${(asked - acceptedMs).toFixed(0)}, wire ${(heard - asked).toFixed(0)}, ` +
            `first data given ${(answered - heard).toFixed(0)}, wire ${(came - answered).toFixed(0)}, rest of the block, hash, write ${(durableMs - came).toFixed(0)}`,
        );
      }
      const all = median(rounds.map(({ allMs }) => allMs));
      const own = median(rounds.map(({ allMs, wiresMs }) => allMs - wiresMs));
      return {
        rows: [
          {
            what: `Accept to the first durable byte, median of ${rounds.length}`,
            target: 'under 300 ms',
            measured: `${all.toFixed(0)} ms`,
            reached: all < 300,
          },
          {
            what: 'of it not between the two browsers',
            target: 'under 100 ms',
            measured: `${own.toFixed(0)} ms`,
            reached: own < 100,
          },
        ],
        notes: [
          'The second row has in it what the disk takes to flush. The link was open already, as it is when an offer has just come over it.',
        ],
      };
    } finally {
      await pair.close();
    }
  },
};
export default question;

async function noted(page: Page): Promise<Noted> {
  const times = await page.evaluate(() => (globalThis as { benchNoted?: Noted }).benchNoted);
  expect(times, 'the page was loaded with the notes').toBeDefined();
  return times as Noted;
}
