/**
 * Journeys through the built app in the system's Chromium. Each test has a server of its own, on a free port and an empty store; the timeouts
 * are for slow, shared machines.
 */
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'e2e',
  timeout: 120_000,
  expect: { timeout: 20_000 },
  // Journeys wait more than they compute: two at a time take two thirds of the time on two cores, and each has its own server and profiles.
  workers: 2,
  // Each test by itself, so that no long file is left to one of them at the end.
  fullyParallel: true,
  forbidOnly: Boolean(process.env['CI']),
  // A second try on the build server only, and told in the last lines: one that needed it is a bug to fix, not a reason to hold everything up.
  retries: process.env['CI'] ? 1 : 0,
  outputDir: 'test-results/journeys',
  reporter: 'list',
  projects: [
    { name: 'journeys', grepInvert: /@network/ },
    // These change the networks of the machine, which every browser on it notices: nothing else may run meanwhile.
    { name: 'networks', grep: /@network/, workers: 1, dependencies: ['journeys'] },
  ],
  use: { actionTimeout: 20_000, navigationTimeout: 30_000 },
});
