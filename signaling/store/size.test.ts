/** The size up to which the embedded store is meant to be used: what a start and a write cost there. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AccountId, DeviceId, Signature } from '../../protocol/ids.ts';
import type { Handle } from '../../protocol/names.ts';
import { someAccount, someSession } from './conformance.ts';
import { DurableFile, type Row } from './durable-file.ts';
import { embeddedStoreLimits, openLowdbStore } from './lowdb-store.ts';

const random = (bytes: number) => randomBytes(bytes).toString('base64url');
const accounts = embeddedStoreLimits.accounts;

/** Like real ones: a password hash, a wrapped record, two device lists, two sessions, four contacts a head. */
function* rows(): Generator<Row> {
  const ids = Array.from({ length: accounts }, () => random(16) as AccountId);
  for (const [index, id] of ids.entries()) {
    const handle =
      `p${index.toString(36).replaceAll('0', '_').replaceAll('1', '-').replaceAll('i', '.').replaceAll('o', 'zz')}x${index}` as Handle;
    const lists = [480, 560].map((bytes) => ({
      body: random(bytes),
      signer: 'root' as const,
      signature: random(64) as Signature,
    }));
    yield [
      'account',
      {
        id,
        handle,
        displayName: `Person ${index}`,
        passwordHash: random(72),
        wrapped: random(230),
        lists,
        devices: [random(16) as DeviceId],
        known: [random(32)],
        createdAt: 1,
        lastSeenAt: 2,
      },
    ];
    for (let i = 0; i < 2; i++)
      yield ['session', { hash: random(32), account: id, createdAt: 1, expiresAt: 2, device: random(16) as DeviceId }];
    for (let i = 1; i <= 4; i++) {
      const other = ids[(index + i) % accounts] as AccountId;
      const [low, high] = id < other ? [id, other] : [other, id];
      yield ['pair', { low, high, lowStance: 'wants', highStance: 'wants', lowSince: 1, highSince: 1 }];
    }
  }
}

it(`starts and writes in reasonable time with ${accounts} accounts`, { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-size-'));
  const timed = async <T>(work: () => Promise<T>): Promise<[number, T]> => {
    const start = performance.now();
    const result = await work();
    return [Math.round(performance.now() - start), result];
  };
  await new DurableFile(join(folder, 'causeway.store')).write(rows());
  const [openMs, store] = await timed(() => openLowdbStore({ folder }));
  const { bytes, accounts: there } = store.size();
  expect(there).toBe(accounts);
  expect(bytes).toBeGreaterThan(embeddedStoreLimits.bytes * 0.8);
  // The first write after a start makes the lines that later ones find in the cache.
  const [firstMs] = await timed(() => store.register(someAccount(), someSession()));
  const [writeMs] = await timed(() => store.register(someAccount(), someSession()));
  process.stdout.write(
    `embedded store: ${accounts} accounts, ${(bytes / 1e6).toFixed(0)} MB: start ${openMs} ms, first write ${firstMs} ms, write ${writeMs} ms\n`,
  );
  expect(openMs).toBeLessThan(20_000);
  expect(writeMs).toBeLessThan(10_000);
  await store.close();
  await rm(folder, { recursive: true });
});
