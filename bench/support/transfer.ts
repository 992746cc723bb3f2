/**
 * One file through the whole app, driven as a person does, and what of it is verified and durable at the receiver over time. That is read from
 * outside the app: beside each file that is being received its private file system keeps 32 bytes for every durable block of 256 KiB
 * (docs/decisions/0002), and a page of the same origin may count them.
 */
import { expect, type Page } from '@playwright/test';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Person } from '../../e2e/support/person.ts';
import type { Pair } from './pair.ts';
import type { Series } from './series.ts';
import { workspace } from './workspace.ts';

const POLL_MS = 200;

interface Watched {
  benchSeries?: Series;
  benchStop?: () => void;
}

export interface Transfer {
  /** When Accept was clicked, ms since 1970. */
  acceptedMs: number;
  /** Durable bytes at the receiver. */
  series: Series;
  /** When the receiver's card said "Received"; absent when it was stopped before. */
  doneMs?: number;
}

let files = 0;

/** A file that is all holes: read like any other, no room on the disk. @returns its path */
export function sparseFile(sizeBytes: number): string {
  const path = join(workspace(), `file-${++files}.bin`);
  const file = openSync(path, 'w');
  ftruncateSync(file, sizeBytes);
  closeSync(file);
  return path;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Offers a file, accepts it, watches for some seconds, calls it off. */
export async function transferFor(
  pair: Pair,
  path: string,
  seconds: number,
  meanwhile: (acceptedMs: number) => Promise<void> = () => Promise.resolve(),
): Promise<Transfer> {
  const name = nameOf(path);
  await pair.alice.attach(path);
  const acceptedMs = await accept(pair.bob, POLL_MS);
  await Promise.all([
    new Promise((next) => setTimeout(next, acceptedMs + seconds * 1000 - Date.now())),
    meanwhile(acceptedMs),
  ]);
  const series = await endWatch(pair.bob.page);
  const cancel = pair.alice.card(name).getByRole('button', { name: 'Cancel' });
  if (await cancel.isVisible()) {
    await cancel.click();
    await expect(pair.alice.status(name)).toHaveText(/^Cancelled/);
    await expect(pair.bob.status(name)).toHaveText(/^Cancelled/, { timeout: 60_000 });
  }
  return { acceptedMs, series };
}

/** Offers a file, accepts it, and waits until both sides say that it is done. */
export async function transferWhole(
  pair: Pair,
  path: string,
  meanwhile: (acceptedMs: number) => Promise<void> = () => Promise.resolve(),
  within = 600_000,
  pollMs = POLL_MS,
  attach = (from: string): Promise<void> => pair.alice.attach(from),
): Promise<Required<Transfer>> {
  const name = nameOf(path);
  await attach(path);
  const acceptedMs = await accept(pair.bob, pollMs);
  const [doneMs] = await Promise.all([received(pair.bob.page, name, within), meanwhile(acceptedMs)]);
  const series = await endWatch(pair.bob.page);
  await expect(pair.alice.status(name)).toHaveText(/^Sent/, { timeout: 60_000 });
  return { acceptedMs, series, doneMs };
}

/** Timed inside the page: what the driver needs to look is not part of it. @returns when the card said "Received", ms since 1970 */
function received(page: Page, name: string, within: number): Promise<number> {
  return page.evaluate(
    async ({ file, giveUpMs }) => {
      for (;;) {
        const card = document.querySelector(`[role=group][aria-label=${JSON.stringify(file)}]`);
        const status = card?.querySelector('[role=status]')?.textContent.trim() ?? '';
        if (status.startsWith('Received')) return Date.now();
        if (Date.now() > giveUpMs) throw new Error(`not received in time: ${status}`);
        await new Promise((next) => setTimeout(next, 50));
      }
    },
    { file: name, giveUpMs: Date.now() + within },
  );
}

/** @returns when Accept was clicked, ms since 1970 */
async function accept(receiver: Person, pollMs: number): Promise<number> {
  await expect(receiver.offer.getByRole('button', { name: 'Accept' })).toBeVisible({ timeout: 60_000 });
  await watch(receiver.page, pollMs);
  return receiver.page.evaluate(() => {
    const region = document.querySelector('[aria-label="Incoming file offer"]') ?? document;
    const button = [...region.querySelectorAll('button')].find((one) => one.textContent.trim() === 'Accept');
    if (!button) throw new Error('no button "Accept"');
    const clickedMs = performance.timeOrigin + performance.now();
    button.click();
    return clickedMs;
  });
}

/** Counts the durable bytes of all files that begin from now on. */
function watch(page: Page, everyMs: number): Promise<void> {
  return page.evaluate(async (pollMs) => {
    const leaves = async (): Promise<FileSystemFileHandle[]> => {
      const found: FileSystemFileHandle[] = [];
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle('blobs', { create: true });
      for await (const [name, entry] of folder.entries())
        if (name.endsWith('.leaves')) found.push(entry as FileSystemFileHandle);
      return found;
    };
    const count = async (handle: FileSystemFileHandle): Promise<number> => {
      const words = new BigUint64Array(await (await handle.getFile()).arrayBuffer());
      let blocks = 0;
      for (let word = 0; word < words.length; word += 4) if (words[word] !== 0n) blocks++;
      return blocks * 262_144;
    };
    const before = new Set((await leaves()).map(({ name }) => name));
    const series: [number, number][] = [[Date.now(), 0]];
    const scope = globalThis as Watched;
    scope.benchSeries = series;
    let stopped = false;
    scope.benchStop = () => (stopped = true);
    const look = async (): Promise<void> => {
      try {
        const fresh = (await leaves()).filter(({ name }) => !before.has(name));
        const bytes = (await Promise.all(fresh.map(count))).reduce((sum, one) => sum + one, 0);
        series.push([Date.now(), Math.max(bytes, series.at(-1)?.[1] ?? 0)]);
      } catch (error) {
        // Written or removed between looking and reading: the next look sees it.
        if (!(error instanceof DOMException)) throw error;
      }
      if (!stopped) setTimeout(() => void look(), pollMs);
    };
    void look();
  }, everyMs);
}

function endWatch(page: Page): Promise<Series> {
  return page.evaluate(() => {
    const scope = globalThis as Watched;
    scope.benchStop?.();
    return scope.benchSeries ?? [];
  });
}
