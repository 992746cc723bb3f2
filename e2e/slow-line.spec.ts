/** Over a line that is long and loses packets, for real: what the expert view shows of it, that there are more lanes then, and a limit that is kept. */
import { truncate } from 'node:fs/promises';
import { Line, lineMissing } from '../bench/support/line.ts';
import { Pair } from '../bench/support/pair.ts';
import type { Person } from './support/person.ts';
import { expect, test } from './support/test.ts';

const name = 'film.mkv';
/** A share of 1,238 bytes of IP is data: 1,160 (bench/support/line-question.ts); one in a hundred goes twice. */
const overhead = (1238 / 1160) * 1.02;
const missing = lineMissing();

test(
  'a long line with loss gets more lanes, and a speed limit of either side holds',
  { tag: '@network' },
  async ({ file }) => {
    test.skip(missing !== undefined, missing);
    const line = await Line.create();
    try {
      line.set({ rateBits: 80e6, queueBytes: 500 * 1024, delayMs: 25, loss: 0.01 });
      const pair = await Pair.across(line);
      try {
        const { alice, bob } = pair;
        const path = await file(name, 0);
        await truncate(path, 1024 ** 3);
        await alice.attach(path);
        await bob.offer.getByRole('button', { name: 'Accept' }).click();
        await alice.page.getByRole('button', { name: /^Transfers/ }).click();
        await expect(alice.card(name).getByText('Direct, on the same network', { exact: true })).toBeVisible();
        await alice.page.getByText('Details', { exact: true }).click();
        const figure = async (term: string): Promise<number> => {
          const row = alice.page.locator('dl > div').filter({ has: alice.page.getByText(term, { exact: true }) });
          return Number.parseFloat(await row.getByRole('definition').innerText());
        };
        await expect.poll(() => figure('Lanes'), { timeout: 30_000 }).toBeGreaterThan(1);
        expect(await figure('Round trip')).toBeGreaterThanOrEqual(50);
        await expect.poll(() => figure('Loss')).toBeGreaterThan(0);

        /** Bytes per second that go into the line at one end, and that come out of it at the other. */
        const rates = async () => {
          const before = (await line.next()).ab;
          const startedAt = Date.now();
          await alice.page.waitForTimeout(2000);
          const { inBytes, outBytes } = (await line.next()).ab;
          const perSecond = (bytes: number): number => (bytes * 1000) / (Date.now() - startedAt);
          return {
            sent: perSecond(inBytes.udp - before.inBytes.udp),
            came: perSecond(outBytes.udp - before.outBytes.udp),
          };
        };
        const shown = async (person: Person): Promise<number> => {
          const [, figure, unit] = /([\d.]+) (kB|MB)\/s/.exec(await person.card(name).innerText()) ?? [];
          return Number(figure) * (unit === 'MB' ? 1e6 : 1e3);
        };
        /** What was queued, or allowed to come, when the limit was set still goes out, and a line that loses packets has poor seconds. */
        const slowsTo = (bytesPerSecond: number) =>
          expect(async () => {
            const { sent, came } = await rates();
            expect(Math.min(sent, came)).toBeGreaterThan(0.5 * bytesPerSecond);
            expect(Math.max(sent, came)).toBeLessThan(1.15 * bytesPerSecond * overhead);
            for (const person of [alice, bob]) {
              expect(await shown(person)).toBeGreaterThan(0.5 * bytesPerSecond);
              expect(await shown(person)).toBeLessThan(1.3 * bytesPerSecond);
            }
          }).toPass({ intervals: [0], timeout: 40_000 });

        await alice.limitSpeed('Upload limit', '1');
        await slowsTo(1e6);
        await bob.limitSpeed('Download limit', '0.5');
        await alice.limitSpeed('Upload limit', '');
        await slowsTo(0.5e6);
      } finally {
        await pair.close();
      }
    } finally {
      line.close();
    }
  },
);
