import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{protocol,engine,link,keys,signaling,app/src,scripts,bench}/**/*.test.ts'],
    environment: 'node',
    testTimeout: 30_000,
    // One process for each core that loads each module once: a fresh one for each of 130 files took two fifths of the whole time.
    pool: 'forks',
    isolate: false,
    maxWorkers: '100%',
  },
});
