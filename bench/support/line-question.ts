/**
 * The same measuring under several conditions of one line: the app, then yardsticks, one after the other, each on its own on the line. Shares are
 * of the line's payload rate, from second 10 on.
 */
import { Line, lineMissing } from './line.ts';
import { Pair } from './pair.ts';
import {
  megabytes,
  wait,
  type Answer,
  type Curve,
  type Extent,
  type Panel,
  type Question,
  type Row,
  type Run,
} from './question.ts';
import { rawChannel } from './raw-channel.ts';
import { median, perSecond, rateBetween, type Series } from './series.ts';
import { tcpFlow } from './tcp.ts';
import { sparseFile, transferFor } from './transfer.ts';

export const RATE_BITS = 80e6;
export const QUEUE_BYTES = 500 * 1024;
/**
 * What of the line's bytes can be payload of a data channel: a packet of Chromium's SCTP has 1,154 bytes of data within 1,238 of IP (measured by the
 * emulator: 20 IP, 8 UDP, 37 DTLS, 12 SCTP, 7 to 16 chunk header and padding).
 */
export const PAYLOAD_SHARE = 0.93;
export const payloadRate = (RATE_BITS / 8) * PAYLOAD_SHARE;
/** Start-up is not what is asked. */
export const SKIP_SECONDS = 10;
const GiB = 1024 ** 3;

type Yardstick = 'raw' | 'cubic' | 'bbr';
export interface Condition {
  rttMs: number;
  /** Share of the packets. */
  loss: number;
  /** Share of the payload rate. */
  target: number;
  maxQueueMs?: number;
  atLeast?: Yardstick;
  yardsticks: readonly Yardstick[];
  /** Asked in the quick form too. */
  quick?: boolean;
}

const titleOf = ({ rttMs, loss }: Condition): string => `RTT ${rttMs} ms${loss ? `, ${loss * 100} % loss` : ''}`;

interface Measured {
  label: string;
  startMs: number;
  series: Series;
  bytesPerSecond: number;
  queueMs: number;
}

export function question(of: { name: string; asks: string; conditions: Condition[] }): Question {
  const chosen = ({ quick, only, yardsticks }: Extent): Condition[] =>
    of.conditions
      .filter((condition) => (only === undefined ? !quick || condition.quick : titleOf(condition).includes(only)))
      .map((condition) => (yardsticks ? condition : { ...condition, yardsticks: [] }));
  return {
    name: of.name,
    asks: of.asks,
    seconds: (extent) =>
      chosen(extent).reduce((sum, { yardsticks }) => sum + (1 + yardsticks.length) * (lasts(extent.quick) + 6), 20),
    missing: lineMissing,
    measure: async (run) => {
      const line = await Line.create();
      try {
        const pair = await Pair.across(line);
        try {
          const answers: Answer[] = [];
          for (const condition of chosen(run)) answers.push(await measure(run, line, pair, condition));
          return { rows: answers.flatMap(({ rows }) => rows), panels: answers.flatMap(({ panels }) => panels ?? []) };
        } finally {
          await pair.close();
        }
      } finally {
        line.close();
      }
    },
  };
}

const lasts = (quick: boolean): number => (quick ? 25 : 60);

async function measure(run: Run, line: Line, pair: Pair, condition: Condition): Promise<Answer> {
  const seconds = lasts(run.quick);
  line.set({ rateBits: RATE_BITS, queueBytes: QUEUE_BYTES, delayMs: condition.rttMs / 2, loss: condition.loss });
  await pair.reload();
  const title = titleOf(condition);
  const note = (label: string, startMs: number, series: Series): Measured => {
    const from = startMs + SKIP_SECONDS * 1000;
    const to = startMs + seconds * 1000;
    const queueMs = median(line.between(from, to).flatMap(({ ab }) => ab.queueMs));
    const measured = { label, startMs, series, bytesPerSecond: rateBetween(series, from, to), queueMs };
    run.say(`${title}: ${label} ${figures(measured)}`);
    return measured;
  };

  const transfer = await transferFor(pair, sparseFile(GiB), seconds);
  const app = note('Causeway', transfer.acceptedMs, transfer.series);
  const others = new Map<Yardstick, Measured>();
  for (const yardstick of condition.yardsticks) {
    await wait(500 + 2 * condition.rttMs); // the line runs empty
    if (yardstick === 'raw') {
      const raw = await pair.withBarePages((a, b) => rawChannel(a, b, { highWaterBytes: 256 * 1024 }, { seconds }));
      others.set(yardstick, note('raw data channel', raw.startMs, raw.series));
    } else {
      const series = await tcpFlow(line, yardstick, seconds);
      others.set(yardstick, note(`TCP ${yardstick}`, series[0]?.[0] ?? Date.now(), series));
    }
  }
  const span = `${seconds} s`;
  const rows: Row[] = [
    {
      what: `${title}: Causeway, ${span}`,
      target: `at least ${condition.target.toFixed(2)} of the payload rate`,
      measured: figures(app),
      reached: app.bytesPerSecond / payloadRate >= condition.target,
    },
  ];
  if (condition.maxQueueMs !== undefined)
    rows.push({
      what: `${title}: delay that Causeway adds`,
      target: `under ${condition.maxQueueMs} ms in the median`,
      measured: `${app.queueMs.toFixed(1)} ms`,
      reached: app.queueMs < condition.maxQueueMs,
    });
  const least = condition.atLeast && others.get(condition.atLeast);
  if (least)
    rows.push({
      what: `${title}: Causeway beside ${least.label}`,
      target: 'at least as fast',
      measured: `${(app.bytesPerSecond / least.bytesPerSecond).toFixed(2)} times`,
      reached: app.bytesPerSecond >= least.bytesPerSecond,
    });
  for (const other of others.values())
    rows.push({ what: `${title}: ${other.label}, ${span}`, target: '', measured: figures(other) });
  return { rows, panels: [panel(title, [app, ...others.values()], seconds)] };
}

const figures = ({ bytesPerSecond, queueMs }: Measured): string =>
  `${megabytes(bytesPerSecond)} MB/s, ${(bytesPerSecond / payloadRate).toFixed(2)} of the payload rate, queue ${queueMs.toFixed(1)} ms`;

function panel(title: string, measured: Measured[], seconds: number): Panel {
  const curves: Curve[] = measured.map(({ label, series, startMs }) => ({
    label,
    points: perSecond(series, startMs, startMs + seconds * 1000).map(([second, rate]) => [second + 0.5, rate / 1e6]),
  }));
  return { title, unit: 'MB/s', curves, level: { value: payloadRate / 1e6, label: 'payload rate of the line' } };
}
