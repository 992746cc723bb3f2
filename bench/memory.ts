/** Does memory stay small and flat, however large the file is? */
import { statfsSync } from 'node:fs';
import { MemoryWatch } from './support/memory.ts';
import { Pair } from './support/pair.ts';
import { megabytes, type Question, type Row } from './support/question.ts';
import { sparseFile, transferWhole } from './support/transfer.ts';
import { workspace } from './support/workspace.ts';

const GiB = 1024 ** 3;
const MAX_BYTES = 300e6;
/** Growth from the first fifth to the end that still counts as flat: what a garbage collector lets lie about. */
const FLAT_BYTES = 50e6;
/** Looking at what is durable reads 1.3 MB of a file this large: seldom, or it would be measured itself. */
const LOOK_EVERY_MS = 30_000;
const sizeOf = (quick: boolean): number => (quick ? 1 : 10) * GiB;

const question: Question = {
  name: 'memory',
  asks: 'How much memory do the tabs and workers of both sides use while a large file is sent, and does it grow?',
  seconds: ({ quick }) => Math.round(sizeOf(quick) / 30e6) + 30,
  missing: () => (process.platform === 'linux' ? undefined : 'needs /proc, for the memory of other processes'),
  measure: async ({ quick }) => {
    const bytes = sizeOf(quick);
    const { bavail, bsize } = statfsSync(workspace());
    // The receiver's copy; the source is holes.
    if (bavail * bsize < bytes * 1.2 + 2 * GiB)
      return { rows: [], notes: [`Left out: needs ${Math.ceil((bytes * 1.2) / GiB + 2)} GiB free in ${workspace()}.`] };
    const pair = await Pair.onLoopback();
    try {
      const watches = { sender: new MemoryWatch(pair.alice), receiver: new MemoryWatch(pair.bob) };
      const { acceptedMs, doneMs } = await transferWhole(pair, sparseFile(bytes), undefined, 3600_000, LOOK_EVERY_MS);
      for (const watch of Object.values(watches)) watch.stop();
      const sides = Object.entries(watches);
      const rows = sides.flatMap(([side, watch]): Row[] => [
        {
          what: `${side}: most, ${bytes / GiB} GiB`,
          target: `under ${megabytes(MAX_BYTES)} MB`,
          measured: `${megabytes(watch.highestBytes)} MB`,
          reached: watch.highestBytes < MAX_BYTES,
        },
        {
          what: `${side}: growth over the file`,
          target: `flat: under ${megabytes(FLAT_BYTES)} MB`,
          measured: `${megabytes(watch.growthBytes)} MB`,
          reached: watch.growthBytes < FLAT_BYTES,
        },
      ]);
      rows.push({ what: 'rate, MB/s', target: '', measured: megabytes((bytes / (doneMs - acceptedMs)) * 1000) });
      return {
        rows,
        panels: [
          {
            title: `Memory while ${bytes / GiB} GiB are sent`,
            unit: 'MB',
            level: { value: MAX_BYTES / 1e6, label: 'target' },
            curves: sides.map(([side, { samples }]) => ({
              label: side,
              points: samples.map(([t, b]) => [t, b / 1e6]),
            })),
          },
        ],
        notes: ['Proportional set size of all renderer processes of each browser: tab and workers.'],
      };
    } finally {
      await pair.close();
    }
  },
};
export default question;
