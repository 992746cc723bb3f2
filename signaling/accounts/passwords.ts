/**
 * Passwords: argon2id (OWASP: m = 19 MiB, t = 2, p = 1), a few at a time, so that a flood of logins neither takes the memory nor starves the
 * other work of the process. Whether an account exists cannot be told from an answer or its time: an unknown one costs a hash too.
 */
import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { dictionary } from '@zxcvbn-ts/language-common';
import { limits } from '../../protocol/limits.ts';
import type { Rates } from '../rates.ts';
import { refuse } from '../refusal.ts';
import type { AccountRecord } from '../store/store.ts';

/** algorithm 2 is argon2id; the package's enum is ambient and const, which isolated modules cannot import. */
const argon2id = { algorithm: 2, memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 };

/** More waiting than this are told to come back: the last one would wait several seconds already. */
const longestQueue = 128;

export interface Passwords {
  hash(password: string): Promise<string>;
  /** With `undefined` for an unknown account it takes as long and is false. */
  verify(stored: string | undefined, password: string): Promise<boolean>;
}

/** Too many hashes are waiting. */
export class TooBusy extends Error {
  override readonly name = 'TooBusy';
  readonly retryAfterMs = 2000;
}

/** @throws TooBusy from its functions when `longestQueue` are waiting. */
export async function createPasswords(concurrency: number): Promise<Passwords> {
  const dummy = await hash(randomBytes(16).toString('hex'), argon2id);
  const waiting: (() => void)[] = [];
  let running = 0;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= concurrency) {
      if (waiting.length >= longestQueue) throw new TooBusy();
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  }

  return {
    hash: (password) => inTurn(() => hash(password, argon2id)),
    verify: (stored, password) =>
      inTurn(async () => {
        const matches = await verify(stored ?? dummy, password);
        return stored !== undefined && matches;
      }),
  };
}

/** Asks for the password of somebody who is logged in. @throws Refusal `rate-limited` or `wrong-credentials`. */
export async function confirmPassword(
  { passwords, rates }: { passwords: Passwords; rates: Rates },
  account: AccountRecord,
  password: string,
): Promise<void> {
  const key = `confirm ${account.id}`;
  const retryAfterMs = await rates.loginFailures.take(key);
  if (retryAfterMs !== undefined) refuse('rate-limited', retryAfterMs);
  if (!(await passwords.verify(account.passwordHash, password))) refuse('wrong-credentials');
  await rates.loginFailures.give(key);
}

const common = new Set(
  dictionary['passwords-common'].filter((password) => password.length >= limits.passwordMinLength),
);

/** Common, hardly more than one character, or made of the handle or the app's name with little around it. */
export function isWeakPassword(password: string, handle: string): boolean {
  const lower = password.toLowerCase();
  const core = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, '').replace(/\p{N}+$/u, '');
  return common.has(lower) || new Set(lower).size < 3 || [core(handle), 'causeway'].includes(core(lower));
}
