import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{protocol,engine,link,keys,signaling,app/src,scripts,bench}/**/*.test.ts'],
    environment: 'node',
    testTimeout: 30_000,
  },
});
