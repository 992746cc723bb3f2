/**
 * For the kill test: a process that changes a store without pause, says each change on the standard output once it is acknowledged, and
 * kills itself at a step of a write. Arguments: folder, step and how many times it is let pass (without: somebody else kills).
 */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { AccountId, DeviceId, Signature } from '../../protocol/ids.ts';
import type { Handle } from '../../protocol/names.ts';
import { openLowdbStore } from './lowdb-store.ts';

/** What is said: the store must know it from then on. */
export type Acknowledged =
  | { kind: 'account'; id: AccountId }
  | { kind: 'name'; id: AccountId; atLeast: number }
  | { kind: 'asked'; from: AccountId; to: AccountId }
  | { kind: 'closed'; session: string };

const [folder = '', fatalStep, passes = '0'] = process.argv.slice(2);
let left = Number(passes);
const store = await openLowdbStore({
  folder,
  onStep: (step) => {
    if (step === fatalStep && left-- === 0) process.kill(process.pid, 'SIGKILL');
  },
});

// Not through a stream: what is said must be out before the process can be killed.
const say = (done: Acknowledged) => writeSync(1, `${JSON.stringify(done)}\n`);
const random = (bytes: number) => randomBytes(bytes).toString('base64url');

async function work(): Promise<void> {
  let before: AccountId | undefined;
  for (let round = 1; ; round++) {
    const id = random(16) as AccountId;
    const hash = random(32);
    await store.register(
      {
        id,
        handle: `w${randomBytes(12).toString('hex').replace(/[01]/g, 'z')}` as Handle,
        displayName: '0',
        passwordHash: random(96),
        wrapped: random(200),
        lists: [{ body: random(400), signer: 'root', signature: random(64) as Signature }],
        devices: [random(16) as DeviceId],
        createdAt: 1,
      },
      { hash, createdAt: 1, expiresAt: 2, known: random(32) },
    );
    say({ kind: 'account', id });
    await store.updateProfile(id, { displayName: String(round) });
    say({ kind: 'name', id, atLeast: round });
    if (before !== undefined) {
      await store.decide(id, before, 'request', round);
      say({ kind: 'asked', from: id, to: before });
    }
    await store.closeSession(hash);
    say({ kind: 'closed', session: hash });
    before = id;
  }
}

await Promise.all([work(), work(), work()]);
