/** How many small files a second go through the app, as one folder, beside PairDrop's loop that waits a round trip for each? */
import { folderOf } from './support/folder.ts';
import { pairDropSmallFiles } from './support/loops-of-others.ts';
import { Pair } from './support/pair.ts';
import { type Question } from './support/question.ts';
import { transferWhole } from './support/transfer.ts';

const FILE_BYTES = 4096;
const countOf = (quick: boolean): number => (quick ? 2_000 : 10_000);
const LABEL = 'Attach folder';

const question: Question = {
  name: 'small-files',
  asks: 'How many files of 4 KiB go through in a second when a folder of them is sent?',
  seconds: ({ quick }) => (quick ? 45 : 120),
  measure: async ({ quick }) => {
    const pair = await Pair.onLoopback();
    try {
      const input = pair.alice.page.getByLabel(LABEL);
      if ((await input.count()) === 0) return { rows: [], notes: [`Left out: this build has no "${LABEL}".`] };
      const count = countOf(quick);
      const folder = folderOf('small-files', count, FILE_BYTES);
      const { acceptedMs, doneMs } = await transferWhole(pair, folder, undefined, 600_000, undefined, (path) =>
        input.setInputFiles(path),
      );
      const app = count / ((doneMs - acceptedMs) / 1000);
      const pairDrop = await pair.withBarePages((a, b) => pairDropSmallFiles(a, b, count));
      return {
        rows: [
          {
            what: `${count} files of 4 KiB, from Accept to done`,
            target: "at least 2000 files per second, or 10 times PairDrop's loop",
            measured: `${app.toFixed(0)} files per second, ${(app / pairDrop).toFixed(1)} times`,
            reached: app >= 2000 || app >= 10 * pairDrop,
          },
          {
            what: "PairDrop's loop, files already in memory",
            target: '',
            measured: `${pairDrop.toFixed(0)} files per second`,
          },
        ],
      };
    } finally {
      await pair.close();
    }
  },
};
export default question;
