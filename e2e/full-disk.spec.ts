/** A disk that is too small is said before anything is accepted, and a disk that is full in the middle costs nothing but time. */
import { expect, sha256, test } from './support/test.ts';
import { SmallDisk } from './support/small-disk.ts';

const MiB = 1024 * 1024;

test('an offer that does not fit says so with figures, and takes a second word to accept', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  const devtools = await bob.context.newCDPSession(bob.page);
  const origin = new URL(bob.url).origin;
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 20 * MiB });
  await alice.attach(await file('large.bin', 70 * MiB));
  await expect(bob.offer).toContainText(/Only \d+(\.\d+)? MB free here/);
  const accept = bob.offer.getByRole('button', { name: 'Accept', exact: true });
  await accept.click();
  await expect(bob.offer.getByRole('alert')).toHaveText(
    /This needs 73\.\d MB, and \d+(\.\d+)? MB are free here\. Make room/,
  );
  await expect(bob.offer.getByRole('button', { name: 'Accept anyway' })).toBeVisible();
  // With room it is an offer as any other, without a reload.
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 500 * MiB });
  await expect(bob.offer.getByRole('alert')).toBeHidden();
  await accept.click();
  await expect(bob.status('large.bin')).toHaveText(/^Received/, { timeout: 60_000 });
});

test('messages for which there is no room are not lost: it is said, and with room it goes on', async ({ pair }) => {
  const [alice, bob] = await pair();
  // Browsers look up now and then only how much IndexedDB may still take: what they do then is done here.
  await bob.page.evaluate(() => {
    const add = Object.getOwnPropertyDescriptor(IDBObjectStore.prototype, 'add');
    const full = (): never => {
      throw new DOMException('', 'QuotaExceededError');
    };
    Object.defineProperty(IDBObjectStore.prototype, 'add', { value: full, configurable: true });
    addEventListener('room', () => add && Object.defineProperty(IDBObjectStore.prototype, 'add', add));
  });
  await bob.say('mine');
  await expect(bob.page.getByText('There is no room left on this device')).toBeVisible();
  await expect(bob.page.getByRole('textbox', { name: 'Message' })).toHaveValue('mine');
  await alice.say('theirs');
  await expect(alice.messages).toContainText('theirs');
  await bob.page.evaluate(() => dispatchEvent(new Event('room')));
  await bob.page.getByRole('button', { name: 'Send' }).click();
  await expect(alice.messages).toContainText('mine');
  await expect(bob.page.getByText('There is no room left on this device')).toBeHidden();
  await expect(bob.messages).toContainText('theirs', { timeout: 20_000 });
});

test.describe('on a disk of its own', () => {
  test.skip(!SmallDisk.available(), 'needs root (mount)');
  let disk: SmallDisk;
  test.beforeEach(() => {
    disk = SmallDisk.create(450);
  });
  test.afterEach(({ people }) => Promise.all(people.map((person) => person.close())).then(() => disk.remove()));

  test('the disk fills up in the middle: both sides are told, and with room it goes on by itself', async ({
    pair,
    file,
  }) => {
    const [alice, bob] = await pair({ folder: disk.folder });
    const path = await file('big.bin', 150 * MiB);
    await disk.fill(80 * MiB);
    await alice.attach(path);
    await bob.offer.getByRole('button', { name: 'Accept' }).click();
    await expect(bob.status('big.bin')).toHaveText('Paused: the disk is full. Make room, then it goes on.', {
      timeout: 40_000,
    });
    await expect(alice.status('big.bin')).toHaveText('Paused: the disk of Bob is full');
    await expect(bob.card('big.bin').getByRole('button', { name: 'Resume' })).toBeVisible();
    const had = await bob.progress('big.bin');
    expect(had).toBeGreaterThan(10);
    disk.makeRoom();
    await expect(bob.status('big.bin')).toHaveText(/^Received/, { timeout: 60_000 });
    await expect(alice.status('big.bin')).toHaveText(/^Sent/);
    expect(await sha256((await bob.save('big.bin')).path)).toBe(await sha256(path));
  });
});
