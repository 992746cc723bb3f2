import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { someAccount, someSession, storeConformance } from './conformance.ts';
import type { WriteStep } from './durable-file.ts';
import { openLowdbStore } from './lowdb-store.ts';
import { StoreOpenError, StoreWriteError, type Store } from './store.ts';

let folder: string;
const file = () => join(folder, 'causeway.store');
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-store-'));
});
afterEach(() => rm(folder, { recursive: true }));

storeConformance('lowdb', () => openLowdbStore({ folder }));

async function filled(accounts = 3): Promise<{ store: Store; ids: string[] }> {
  const store = await openLowdbStore({ folder });
  const made = Array.from({ length: accounts }, () => someAccount());
  for (const account of made) await store.register(account, someSession());
  return { store, ids: made.map((account) => account.id) };
}

describe('a write', () => {
  it('is acknowledged after the folder was synced, and many changes are one', async () => {
    const steps: WriteStep[] = [];
    const store = await openLowdbStore({ folder, onStep: (step) => steps.push(step) });
    steps.length = 0;
    const acknowledged = await Promise.all(
      Array.from({ length: 50 }, async () => {
        await store.register(someAccount(), someSession());
        return steps.at(-1);
      }),
    );
    expect(new Set(acknowledged)).toEqual(new Set(['done']));
    expect(steps).toEqual([
      'begin',
      'opened',
      'part',
      'written',
      'synced',
      'backup-linked',
      'backup-renamed',
      'renamed',
      'done',
    ]);
    await store.close();
  });

  it('is not seen by readers before it is durable', async () => {
    const { store } = await filled(0);
    const account = someAccount();
    const registering = store.register(account, someSession());
    expect(await store.account(account.id)).toBeUndefined();
    await registering;
    expect(await store.account(account.id)).toBeDefined();
    await store.close();
  });

  it('that fails is taken back with all that waited, and the store goes on', async () => {
    let full = false;
    const store = await openLowdbStore({
      folder,
      onStep: (step) => {
        if (full && step === 'part') throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      },
    });
    const [first, second] = [someAccount(), someAccount()];
    const session = someSession();
    await store.register(first, session);
    full = true;
    const waiting = [
      store.register(second, someSession()),
      store.closeSession(session.hash),
      store.decide(first.id, second.id, 'request', 1),
    ];
    for (const outcome of await Promise.allSettled(waiting))
      expect(outcome.status === 'rejected' && (outcome.reason as Error)).toBeInstanceOf(StoreWriteError);
    expect(store.healthy()).toBe(false);
    expect(store.size()).toMatchObject({ accounts: 1, sessions: 1, pairs: 0 });
    expect(await readdir(folder)).not.toContain('causeway.store.tmp');
    full = false;
    expect(await store.register(second, someSession())).toBe('ok');
    expect(store.healthy()).toBe(true);
    await store.close();
    const again = await openLowdbStore({ folder });
    expect(again.size()).toMatchObject({ accounts: 2, sessions: 2, pairs: 0 });
    await again.close();
  });

  it('leaves the state before it in .bak', async () => {
    const { store } = await filled(3);
    await store.close();
    const backup = await readFile(`${file()}.bak`);
    await rm(file());
    await writeFile(file(), backup);
    const restored = await openLowdbStore({ folder });
    expect(restored.size().accounts).toBe(2);
    await restored.close();
  });
});

describe('a damaged file', () => {
  it('is refused with a sentence that says what to do, whatever the damage', async () => {
    const { store } = await filled(3);
    await store.close();
    const good = await readFile(file());
    const text = good.toString();
    const damage: Record<string, Buffer | string> = {
      empty: '',
      'cut short': good.subarray(0, good.length - 100),
      'without its last line': good.subarray(0, good.lastIndexOf('end ')),
      'a flipped byte': Buffer.from(good.map((byte, index) => (index === 300 ? byte ^ 1 : byte))),
      zeros: Buffer.alloc(good.length),
      'not text': Buffer.concat([good.subarray(0, 17), Buffer.from([0xff, 10]), good.subarray(17)]),
      'a missing record': text.replace(/^session .*\n/m, ''),
      'a record twice': text.replace(/^(session .*\n)/m, '$1$1'),
      'more after the end': `${text}account {}\n`,
      'a newer version': text.replace('causeway-store 1', 'causeway-store 2'),
      'another kind': text.replace(/^session /m, 'sesame '),
      JSON: '{"accounts":[]}',
    };
    for (const [name, bytes] of Object.entries(damage)) {
      await writeFile(file(), bytes);
      const opening = openLowdbStore({ folder });
      await expect(opening, name).rejects.toThrow(StoreOpenError);
      await expect(opening, name).rejects.toThrow(`cp "${file()}.bak" "${file()}"`);
      expect((await readFile(file())).equals(Buffer.from(bytes))).toBe(true);
    }
    await rm(file());
    await expect(openLowdbStore({ folder })).rejects.toThrow(/is missing, but its backup is there/);
  });

  it('may be mended by hand: without a checksum the records are taken as they are', async () => {
    const { store } = await filled(2);
    await store.close();
    const edited = (await readFile(file(), 'utf8')).replaceAll('Someone', 'Edited').replace(/^(end \d+) .*/m, '$1');
    await writeFile(file(), edited);
    const again = await openLowdbStore({ folder });
    expect(again.size().accounts).toBe(2);
    await again.close();
  });
});

describe('the lock', () => {
  it('keeps a second server of this folder out, and goes with the first', async () => {
    const sleeper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await writeFile(join(folder, 'causeway.lock'), `${sleeper.pid ?? 0} \n`);
    await expect(openLowdbStore({ folder })).rejects.toThrow(/Another server \(process \d+\) uses this data folder/);
    sleeper.kill();
    await new Promise((resolve) => sleeper.once('exit', resolve));
    const store = await openLowdbStore({ folder });
    expect(await readdir(folder)).toContain('causeway.lock');
    await store.close();
    expect(await readdir(folder)).not.toContain('causeway.lock');
  });

  it.each(['999999999 1\n', '', 'nonsense', `1 123\n`, `${process.pid} \n`])(
    'left behind as %j is taken over',
    async (content) => {
      await writeFile(join(folder, 'causeway.lock'), content);
      await (await openLowdbStore({ folder })).close();
      expect(await readdir(folder)).toEqual(['causeway.store']);
    },
  );
});
