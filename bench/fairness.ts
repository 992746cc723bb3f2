/** Does the app share a line with somebody else, and take it back when it is alone again? Shares are of what the emulator delivered, by protocol. */
import { Line, lineMissing, type LineSample } from './support/line.ts';
import { QUEUE_BYTES, RATE_BITS } from './support/line-question.ts';
import { Pair } from './support/pair.ts';
import { megabytes, wait, type Question } from './support/question.ts';
import { rateBetween, type Series } from './support/series.ts';
import { tcpFlow } from './support/tcp.ts';
import { sparseFile, transferFor } from './support/transfer.ts';

const RTT_MS = 50;
/** Of its own rate before the other came. */
const FULL_SPEED = 0.9;

/** Seconds since Accept. The other's first seconds count: it is then that it is pushed aside, or pushes. */
const plan = (quick: boolean) => (quick ? { from: 12, to: 32, end: 45 } : { from: 15, to: 45, end: 60 });

const question: Question = {
  name: 'fairness',
  asks: 'What does a transfer leave to one TCP flow beside it, what does it get, and how soon is it back at full speed?',
  seconds: ({ quick }) => plan(quick).end + 25,
  missing: lineMissing,
  measure: async ({ quick }) => {
    const { from, to, end } = plan(quick);
    const line = await Line.create();
    try {
      const pair = await Pair.across(line);
      try {
        line.set({ rateBits: RATE_BITS, queueBytes: QUEUE_BYTES, delayMs: RTT_MS / 2 });
        await pair.reload();
        let endedMs = 0;
        const { acceptedMs } = await transferFor(pair, sparseFile(1024 ** 3), end, async () => {
          await wait(from * 1000);
          await tcpFlow(line, 'cubic', to - from);
          endedMs = Date.now();
        });
        const samples = line.between(acceptedMs, acceptedMs + end * 1000);
        const udp = delivered(samples, 'udp');
        const tcp = delivered(samples, 'tcp');
        const at = (second: number): number => acceptedMs + second * 1000;
        const mine = rateBetween(udp, at(from), endedMs);
        const theirs = rateBetween(tcp, at(from), endedMs);
        const share = mine / (RATE_BITS / 8);
        const before = rateBetween(udp, at(from - 5), at(from));
        const back = backAfter(udp, endedMs, before * FULL_SPEED);
        return {
          rows: [
            {
              what: `Causeway's share of the line beside TCP cubic, RTT ${RTT_MS} ms`,
              target: '0.25 to 0.55',
              measured: `${share.toFixed(2)} (${megabytes(mine)} MB/s; TCP ${megabytes(theirs)} MB/s)`,
              reached: share >= 0.25 && share <= 0.55,
            },
            {
              what: `back at ${FULL_SPEED} of its rate of before (${megabytes(before)} MB/s) after TCP ended`,
              target: 'within 5 s',
              measured: back === undefined ? `not within ${end - to} s` : `${back.toFixed(1)} s`,
              reached: back !== undefined && back <= 5,
            },
          ],
          panels: [
            {
              title: `Beside TCP cubic, RTT ${RTT_MS} ms`,
              unit: 'MB/s',
              level: { value: RATE_BITS / 8e6, label: 'rate of the line' },
              bands: [{ from, to, label: 'TCP sends' }],
              curves: [
                { label: 'Causeway', points: perHalfSecond(udp, acceptedMs, end) },
                { label: 'TCP cubic', points: perHalfSecond(tcp, acceptedMs, end) },
              ],
            },
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

const delivered = (samples: readonly LineSample[], protocol: 'udp' | 'tcp'): Series =>
  samples.map(({ t, ab }) => [t, ab.outBytes[protocol]]);

/** @returns seconds until the first whole second at the rate begins, or nothing when there is none. */
function backAfter(series: Series, fromMs: number, bytesPerSecond: number): number | undefined {
  const last = series.at(-1)?.[0] ?? 0;
  for (let t = fromMs; t + 1000 <= last; t += 100)
    if (rateBetween(series, t, t + 1000) >= bytesPerSecond) return (t - fromMs) / 1000;
  return undefined;
}

function perHalfSecond(series: Series, startMs: number, seconds: number): [number, number][] {
  return Array.from({ length: seconds * 2 - 1 }, (_, i) => [
    i / 2 + 0.25,
    rateBetween(series, startMs + i * 500, startMs + i * 500 + 500) / 1e6,
  ]);
}
