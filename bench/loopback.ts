/**
 * Is the app as fast as the browser's data channel can be? The whole way, from the click on Accept to the verified and durable file, beside the best
 * bare channel and the loops of two other programs, between the same two browsers, in turns whose order changes.
 */
import { Pair } from './support/pair.ts';
import { filePizzaLoop, pairDropLoop } from './support/loops-of-others.ts';
import { megabytes, type Question, type Run } from './support/question.ts';
import { rawChannel } from './support/raw-channel.ts';
import { median } from './support/series.ts';
import { sparseFile, transferWhole } from './support/transfer.ts';

const MiB = 1024 * 1024;
const sizeOf = (quick: boolean): number => (quick ? 256 : 1024) * MiB;
const ROUNDS = 3;

const question: Question = {
  name: 'loopback',
  asks: 'How near does the whole way through the app come to a bare data channel, and how far ahead of others is it?',
  // At the rates that were seen once: 30 MB/s, twice 35, 19, 12; then Firefox.
  seconds: ({ quick }) => Math.round((ROUNDS * sizeOf(quick) * (1 / 30 + 2 / 35 + 1 / 19 + 1 / 12)) / 1e6 + 60),
  measure: async (run) => {
    const rates = await inTurns(run);
    const best = rates.window.map((rate, round) => Math.max(rate, rates.highWater[round] ?? 0));
    const ratio = (to: readonly number[]): number => median(rates.app.map((rate, round) => rate / (to[round] ?? NaN)));
    const row = (what: string, to: readonly number[], target: number) => ({
      what: `whole way / ${what}, median of ${ROUNDS}`,
      target: `at least ${target}`,
      measured: ratio(to).toFixed(2),
      reached: ratio(to) >= target,
    });
    const plain = (what: string, of: readonly number[]) => ({
      what: `${what}, MB/s`,
      target: '',
      measured: `${megabytes(median(of))} (${of.map(megabytes).join(', ')})`,
    });
    return {
      rows: [
        row('best bare channel', best, 0.95),
        row("PairDrop's loop", rates.pairDrop, 1.8),
        row("FilePizza's loop", rates.filePizza, 2.8),
        plain(`whole way, ${sizeOf(run.quick) / MiB} MiB`, rates.app),
        plain('bare channel, at most 512 KiB not acknowledged', rates.window),
        plain('bare channel, queue of 256 KiB', rates.highWater),
        plain("PairDrop's loop", rates.pairDrop),
        plain("FilePizza's loop", rates.filePizza),
        plain('whole way, from Chromium to Firefox', [await toFirefox(run)]),
      ],
    };
  },
};
export default question;

type Contestant = 'app' | 'window' | 'highWater' | 'pairDrop' | 'filePizza';

async function inTurns(run: Run): Promise<Record<Contestant, number[]>> {
  const rates: Record<Contestant, number[]> = { app: [], window: [], highWater: [], pairDrop: [], filePizza: [] };
  const bytes = sizeOf(run.quick);
  const pair = await Pair.onLoopback();
  try {
    const raw = async (filling: Parameters<typeof rawChannel>[2]): Promise<number> => {
      const { startMs, endMs } = await pair.withBarePages((a, b) => rawChannel(a, b, filling, { bytes }));
      return (bytes / (endMs - startMs)) * 1000;
    };
    const contestants: Record<Contestant, () => Promise<number>> = {
      app: async () => {
        const { acceptedMs, doneMs } = await transferWhole(pair, sparseFile(bytes));
        return (bytes / (doneMs - acceptedMs)) * 1000;
      },
      window: () => raw({ windowBytes: 512 * 1024 }),
      highWater: () => raw({ highWaterBytes: 256 * 1024 }),
      pairDrop: () => pair.withBarePages((a, b) => pairDropLoop(a, b, sparseFile(bytes))),
      filePizza: () => pair.withBarePages((a, b) => filePizzaLoop(a, b, sparseFile(bytes))),
    };
    for (let round = 0; round < ROUNDS; round++) {
      const order = Object.keys(contestants) as Contestant[];
      for (const contestant of round % 2 === 0 ? order : order.reverse()) {
        const rate = await contestants[contestant]();
        rates[contestant].push(rate);
        run.say(`round ${round + 1}: ${contestant} ${megabytes(rate)} MB/s`);
      }
    }
  } finally {
    await pair.close();
  }
  return rates;
}

async function toFirefox({ quick }: Run): Promise<number> {
  const bytes = (quick ? 64 : 256) * MiB;
  const pair = await Pair.onLoopback({ firefox: true });
  try {
    const { acceptedMs, doneMs } = await transferWhole(pair, sparseFile(bytes));
    return (bytes / (doneMs - acceptedMs)) * 1000;
  } finally {
    await pair.close();
  }
}
