/** Over a line that is long and loses packets, for real: what the expert view shows of it, that there are more lanes then, and a limit that is kept. */
import { truncate } from 'node:fs/promises';
import { Line, lineMissing } from '../bench/support/line.ts';
import { Pair } from '../bench/support/pair.ts';
import { expect, test } from './support/test.ts';

const name = 'film.mkv';
const limit = 1_000_000;
/** A share of 1,238 bytes of IP is data: 1,160 (bench/support/line-question.ts); one in a hundred goes twice. */
const overhead = (1238 / 1160) * 1.02;
const missing = lineMissing();

test('a long line with loss gets more lanes, and a speed limit holds', { tag: '@network' }, async ({ file }) => {
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
      await expect(alice.card(name)).toContainText('Direct');
      await alice.page.getByText('Details', { exact: true }).click();
      const figure = async (term: string): Promise<number> => {
        const row = alice.page.locator('dl > div').filter({ has: alice.page.getByText(term, { exact: true }) });
        return Number.parseFloat(await row.getByRole('definition').innerText());
      };
      await expect.poll(() => figure('Lanes'), { timeout: 30_000 }).toBeGreaterThan(1);
      expect(await figure('Round trip')).toBeGreaterThanOrEqual(50);
      await expect.poll(() => figure('Loss')).toBeGreaterThan(0);

      await alice.page.getByRole('button', { name: 'Settings' }).click();
      await alice.page.getByLabel('Upload limit').fill(String(limit / 1e6));
      await alice.page.keyboard.press('Tab');
      await alice.page.getByRole('button', { name: 'Back' }).locator('visible=true').click();
      const sent = async () => (await line.next()).ab.inBytes.udp;
      // What was queued when it was set still goes out.
      const slow = async () => {
        const before = await sent();
        const startedAt = Date.now();
        await alice.page.waitForTimeout(3000);
        return (((await sent()) - before) * 1000) / (Date.now() - startedAt);
      };
      await expect.poll(slow, { intervals: [0] }).toBeLessThan(1.15 * limit * overhead);
      expect(await slow()).toBeGreaterThan(0.7 * limit);
      const shown = /([\d.]+) (kB|MB)\/s/.exec(await alice.card(name).innerText());
      expect(Number(shown?.[1]) * (shown?.[2] === 'MB' ? 1e6 : 1e3)).toBeLessThan(1.15 * limit);
    } finally {
      await pair.close();
    }
  } finally {
    line.close();
  }
});
