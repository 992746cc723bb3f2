/** Nothing is lost: a transfer goes on from the blocks it has, whoever reloads, crashes or loses the network. */
import { open } from 'node:fs/promises';
import { withNetwork } from './support/cable.ts';
import { expect, sha256, test } from './support/test.ts';
import type { Person } from './support/person.ts';
import { watchProgress } from './support/progress-watch.ts';

const MiB = 1024 * 1024;
const name = 'big.bin';
/** Over what is copied when it is attached, and enough to break off in the middle of. */
const sizeBytes = 80 * MiB;

/** Offers a file, accepts it, and waits until a part of it is there. */
async function begin(alice: Person, bob: Person, path: string, percent: number): Promise<void> {
  await alice.attach(path);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress(name), { intervals: [50] }).toBeGreaterThanOrEqual(percent);
}

async function arrives(alice: Person, bob: Person, path: string): Promise<void> {
  await expect(bob.status(name)).toHaveText(/^Received/, { timeout: 90_000 });
  await expect(alice.status(name)).toHaveText(/^Sent/);
  expect(await sha256((await bob.save(name)).path)).toBe(await sha256(path));
}

const seconds = (count: number) => new Promise<void>((next) => setTimeout(next, 1000 * count));

/** Both saw a bar before it was broken off and after, and it never went back. */
function neverBack(...bars: { seen: number[]; before: number }[]): void {
  for (const { seen, before } of bars) {
    expect(before).toBeGreaterThan(0);
    expect(seen.length).toBeGreaterThan(before);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  }
}

test('the receiver reloads: it goes on by itself from what it has', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const path = await file(name, sizeBytes);
  const bars = [await watchProgress(alice, name), await watchProgress(bob, name)];
  await begin(alice, bob, path, 10);
  const broken = bars.map((seen) => ({ seen, before: seen.length }));
  await bob.page.reload();
  await bob.row('Alice').click();
  await arrives(alice, bob, path);
  neverBack(...broken);
});

test('the sender reloads, and is killed: a file that was copied goes on by itself', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await bob.limitSpeed('Download limit', '20'); // it is not to be over before it is broken off twice
  const path = await file(name, 64 * MiB);
  await begin(alice, bob, path, 5);
  await alice.page.reload();
  const atReload = await bob.progress(name);
  expect(atReload).toBeGreaterThanOrEqual(5);
  await expect.poll(() => bob.progress(name), { intervals: [50] }).toBeGreaterThan(atReload);
  for (const pid of alice.pids()) process.kill(pid, 'SIGKILL');
  await alice.context.close().catch(() => undefined);
  const atKill = await bob.progress(name);
  expect(atKill).toBeGreaterThan(atReload);
  expect(atKill).toBeLessThan(100);
  await alice.launch();
  await alice.row('Bob').click();
  await arrives(alice, bob, path);
});

test('the sender reloads: a larger file is asked for by name, a wrong one is refused, and it goes on', async ({
  pair,
  file,
}) => {
  const [alice, bob] = await pair();
  const path = await file(name, sizeBytes);
  const bars = [await watchProgress(alice, name), await watchProgress(bob, name)];
  await begin(alice, bob, path, 10);
  const broken = bars.map((seen) => ({ seen, before: seen.length }));
  await alice.page.reload();
  await alice.row('Bob').click();
  const again = alice.card(name).getByLabel(`Choose ${name} again`);
  await again.setInputFiles(await file('other.bin', 1 * MiB));
  await expect(alice.card(name)).toContainText(/not the same|another|different/i);
  await again.setInputFiles(path);
  await arrives(alice, bob, path);
  neverBack(...broken);
});

/**
 * The browser's picker is its own window: here it gives a file of the private file system. Such a handle is always granted; a page that is loaded
 * later has to ask for this one, on a click, as it has to for any other.
 */
async function attachWithHandle({ page }: Person, sizeBytes: number, middle: string): Promise<void> {
  await page.evaluate(
    async ({ name, sizeBytes, middle }) => {
      const handle = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
      const out = await handle.createWritable();
      await out.truncate(sizeBytes);
      await out.write({ type: 'write', position: sizeBytes / 2, data: middle });
      await out.close();
      Object.assign(window, { showOpenFilePicker: () => Promise.resolve([handle]) });
    },
    { name, sizeBytes, middle },
  );
  await page.addInitScript(() => {
    let state = 'prompt';
    Object.assign(FileSystemHandle.prototype, {
      queryPermission: () => Promise.resolve(state),
      requestPermission: () => {
        if (navigator.userActivation.isActive) state = 'granted';
        return Promise.resolve(state);
      },
    });
    const dismissed = () => Promise.reject(new DOMException('', 'AbortError'));
    Object.assign(window, { showOpenFilePicker: dismissed });
  });
  await page.getByTitle('Attach files').click();
}

/** Mostly a hole, so that it costs nothing to make. */
async function sparse(path: string, sizeBytes: number, middle: string): Promise<string> {
  const handle = await open(path, 'w');
  await handle.truncate(sizeBytes);
  await handle.write(middle, sizeBytes / 2);
  await handle.close();
  return path;
}

test('the sender reloads: one click gives a file that was picked, two others are chosen in one go, and all is said at once', async ({
  pair,
  file,
}) => {
  const [alice, bob] = await pair();
  const transfers = alice.page.getByRole('button', { name: /^Transfers/ });
  await bob.limitSpeed('Download limit', '20');
  await attachWithHandle(alice, 66 * MiB, 'kept');
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect.poll(() => bob.progress(name), { intervals: [50] }).toBeGreaterThanOrEqual(5);
  await alice.page.reload();
  await expect(transfers).toHaveAccessibleName('Transfers, 1 needs you');
  await alice.row('Bob').click();
  const again = alice.card(name).getByText(`Choose ${name} again`);
  await alice.page.evaluate((name) => {
    const changed = () => Promise.resolve(new File(['something else'], name));
    Object.assign(FileSystemFileHandle.prototype, { getFile: changed });
  }, name);
  await again.click();
  await expect(alice.status(name)).toHaveText(/^big\.bin was changed since it was offered/);
  await alice.page.reload();
  await alice.row('Bob').click();
  await again.click();
  await arrives(alice, bob, await sparse(await file('same.bin', 0), 66 * MiB, 'kept'));

  const paths = await Promise.all(['one.bin', 'two.bin'].map(async (one) => sparse(await file(one, 0), 65 * MiB, one)));
  await alice.attach(paths);
  await expect(bob.offer).toContainText('two.bin');
  await alice.page.reload();
  await expect(alice.page).toHaveTitle('(2) Causeway');
  await alice.row('Bob').click();
  await expect(alice.status('two.bin')).toHaveText('To go on, choose the file again');
  await alice.card('one.bin').getByLabel('Choose one.bin again').setInputFiles(paths);
  for (const one of ['one.bin', 'two.bin']) await expect(alice.status(one)).toHaveText('Waiting for Bob');
  await expect(transfers).toHaveAccessibleName('Transfers');
  await bob.limitSpeed('Download limit', '');
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  for (const one of ['one.bin', 'two.bin']) await expect(bob.status(one)).toHaveText(/^Received/, { timeout: 30_000 });
});

test('the receiver is killed: it goes on when it is back', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await bob.limitSpeed('Download limit', '20');
  const path = await file(name, 40 * MiB);
  await begin(alice, bob, path, 10);
  for (const pid of bob.pids()) process.kill(pid, 'SIGKILL');
  await bob.context.close().catch(() => undefined);
  const atKill = await alice.progress(name);
  expect(atKill).toBeGreaterThan(0);
  expect(atKill).toBeLessThan(100);
  await bob.launch();
  await bob.row('Alice').click();
  await arrives(alice, bob, path);
});

test('the server is killed in the middle: the transfer does not notice, and nothing is forgotten', async ({
  server,
  pair,
  file,
}) => {
  const [alice, bob] = await pair();
  await bob.limitSpeed('Download limit', '20');
  const path = await file(name, 40 * MiB);
  await begin(alice, bob, path, 5);
  await server.kill();
  const atKill = await bob.progress(name);
  expect(atKill).toBeGreaterThanOrEqual(5);
  expect(atKill).toBeLessThan(100);
  await arrives(alice, bob, path);
  await server.up();
  await expect(alice.row('Bob')).toHaveAccessibleName(/Bob.*online/, { timeout: 30_000 });
  await alice.say('still here');
  await expect(bob.messages).toContainText('still here');
});

test('the receiver sleeps for half a minute: it goes on by itself', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const path = await file(name, sizeBytes);
  await begin(alice, bob, path, 5);
  const asleep = bob.pids();
  for (const pid of asleep) process.kill(pid, 'SIGSTOP');
  try {
    await expect(alice.status(name)).toHaveText('No data, reconnecting…', { timeout: 12_000 });
    // Longer than the server, and ICE, have patience.
    await expect(alice.status(name)).toHaveText('Waiting for Bob', { timeout: 25_000 });
    await seconds(5);
  } finally {
    for (const pid of asleep) process.kill(pid, 'SIGCONT');
  }
  await arrives(alice, bob, path);
});

test.describe('with a cable to pull', { tag: '@network' }, () => {
  const cable = withNetwork();

  test('the cable is pulled, twice, and the address changes: it is said, mended, and nothing goes back', async ({
    server,
    pair,
    file,
  }) => {
    test.setTimeout(180_000);
    const network = cable();
    const [alice, bob] = await pair({
      browser: { path: network.browser, url: `http://${network.host}:${server.port}` },
    });
    const path = await file(name, 200 * MiB);
    const bars = [await watchProgress(alice, name), await watchProgress(bob, name)];
    await begin(alice, bob, path, 5);
    const broken = bars.map((seen) => ({ seen, before: seen.length }));

    network.pull();
    await seconds(5);
    const atCut = await bob.progress(name);
    network.plug();
    // Meant to be within 3 s; slow, shared machines get a little more.
    await expect.poll(() => bob.progress(name), { intervals: [50], timeout: 6_000 }).toBeGreaterThan(atCut);

    network.pull();
    const pulledAt = Date.now();
    for (const person of [alice, bob]) {
      await expect(person.status(name)).toHaveText('No data, reconnecting…', { timeout: 9_000 });
      await expect(person.card(name)).toContainText(/no data for \d+ s/);
    }
    await seconds(12 - (Date.now() - pulledAt) / 1000);
    network.plug();
    await expect(bob.status(name)).toHaveText('Receiving', { timeout: 10_000 });
    await expect(alice.status(name)).toHaveText('Sending', { timeout: 10_000 });

    const before = await bob.progress(name);
    network.move();
    await expect.poll(() => bob.progress(name), { intervals: [50], timeout: 30_000 }).toBeGreaterThan(before);
    await arrives(alice, bob, path);
    neverBack(...broken);
  });
});
