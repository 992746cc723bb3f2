/** How much JavaScript must a browser get before the first screen is there? */
import { chromium } from '@playwright/test';
import { gzipSync } from 'node:zlib';
import { chromiumFlags, chromiumPath } from '../e2e/support/person.ts';
import { Server } from '../e2e/support/server.ts';
import { type Question } from './support/question.ts';

/** 150 KB as the web counts them. */
const MAX_BYTES = 150_000;

const question: Question = {
  name: 'start',
  asks: 'How much JavaScript does the first screen take?',
  seconds: () => 10,
  measure: async () => {
    const server = await Server.start();
    const browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumFlags });
    try {
      const page = await browser.newPage();
      const scripts = new Map<string, Promise<Buffer>>();
      page.on('response', (response) => {
        if (response.request().resourceType() === 'script') scripts.set(response.url(), response.body());
      });
      await page.goto(server.url);
      await page.getByRole('button', { name: 'Create account' }).waitFor();
      const sizes = await Promise.all(
        [...scripts.values()].map(async (body) => gzipSync(await body, { level: 9 }).length),
      );
      const bytes = sizes.reduce((sum, one) => sum + one, 0);
      return {
        rows: [
          {
            what: 'JavaScript until the first screen, gzip',
            target: `under ${MAX_BYTES / 1000} KB`,
            measured: `${(bytes / 1000).toFixed(1)} KB in ${sizes.length} files`,
            reached: bytes < MAX_BYTES,
          },
        ],
        notes: ['Left out: Lighthouse, which is not among the dependencies.'],
      };
    } finally {
      await browser.close();
      await server.stop();
    }
  },
};
export default question;
