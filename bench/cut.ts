/** What does a cut of the line cost: how long until bytes become durable again, and how many were sent twice? */
import { countSent } from '../e2e/support/sent.ts';
import { Line, lineMissing } from './support/line.ts';
import { payloadRate, QUEUE_BYTES, RATE_BITS } from './support/line-question.ts';
import { Pair } from './support/pair.ts';
import { wait, type Question } from './support/question.ts';
import { bytesAt, median, perSecond, type Series } from './support/series.ts';
import { sparseFile, transferWhole } from './support/transfer.ts';

const MiB = 1024 * 1024;
const RTT_MS = 50;
const SIZE_BYTES = 160 * MiB;
const CUT_AFTER_MS = 10_000;
const CUT_FOR_MS = 5_000;

const question: Question = {
  name: 'cut',
  asks: 'The line is cut for 5 s in the middle of a transfer: how soon does it move again, and what is sent twice?',
  seconds: ({ quick }) => (quick ? 1 : 3) * 50 + 15,
  missing: lineMissing,
  measure: async (run) => {
    const line = await Line.create();
    try {
      const pair = await Pair.across(line);
      try {
        line.set({ rateBits: RATE_BITS, queueBytes: QUEUE_BYTES, delayMs: RTT_MS / 2 });
        const sentBytes = await countSent(pair.alice);
        const cuts: Cut[] = [];
        for (let round = 0; round < (run.quick ? 1 : 3); round++) {
          await pair.reload();
          const cut = await one(line, pair, sentBytes);
          run.say(
            `round ${round + 1}: moving after ${cut.movingMs} ms, ${(cut.twiceBytes / MiB).toFixed(1)} MiB sent twice`,
          );
          cuts.push(cut);
        }
        const movingMs = median(cuts.map((cut) => cut.movingMs));
        const twice = median(cuts.map((cut) => cut.twiceBytes)) / MiB;
        return {
          rows: [
            {
              what: 'from the return of the line to the next durable byte',
              target: 'within 3 s',
              measured: `${(movingMs / 1000).toFixed(1)} s`,
              reached: movingMs <= 3000,
            },
            {
              what: 'sent twice',
              target: 'at most 8 MiB',
              measured: `${twice.toFixed(1)} MiB`,
              reached: twice <= 8,
            },
          ],
          panels: cuts.slice(0, 1).map(({ series, startMs }) => ({
            title: `Cut for 5 s, RTT ${RTT_MS} ms`,
            unit: 'MB/s',
            level: { value: payloadRate / 1e6, label: 'payload rate of the line' },
            bands: [{ from: CUT_AFTER_MS / 1000, to: (CUT_AFTER_MS + CUT_FOR_MS) / 1000, label: 'cut' }],
            curves: [
              {
                label: 'Causeway',
                points: perSecond(series, startMs, series.at(-1)?.[0] ?? startMs).map(([x, y]) => [x + 0.5, y / 1e6]),
              },
            ],
          })),
          notes: [
            'Sent twice: what the sender’s page handed to its data channels for the file, less the file. Frames that are no content, under a hundredth, count as sent twice.',
          ],
        };
      } finally {
        await pair.close();
      }
    } finally {
      line.close();
    }
  },
};
export default question;

interface Cut {
  startMs: number;
  series: Series;
  movingMs: number;
  twiceBytes: number;
}

async function one(line: Line, pair: Pair, sentBytes: () => Promise<number>): Promise<Cut> {
  let returnedMs = 0;
  const before = await sentBytes();
  const { acceptedMs, series, doneMs } = await transferWhole(pair, sparseFile(SIZE_BYTES), async () => {
    await wait(CUT_AFTER_MS);
    line.cut();
    await wait(CUT_FOR_MS);
    line.restore();
    returnedMs = Date.now();
  });
  const atReturn = bytesAt(series, returnedMs);
  if (atReturn >= SIZE_BYTES) throw new Error('the file was through before the cut: it is too small for this machine');
  const moving = series.find(([t, bytes]) => t > returnedMs && bytes > atReturn)?.[0] ?? doneMs;
  return {
    startMs: acceptedMs,
    series,
    movingMs: moving - returnedMs,
    twiceBytes: (await sentBytes()) - before - SIZE_BYTES,
  };
}
