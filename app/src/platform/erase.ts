/**
 * Takes an account out of this browser. Where it is the only one, everything that the app ever stored goes with it: databases, the private
 * file system, local storage, caches and the service worker. Where others live here too, what is shared stays.
 */
import { deleteDB } from 'idb';
import type { AccountId } from '../../../protocol/ids.ts';
import { accountsHere, browserDatabase, deleteAccount } from './database.ts';

/** A worker that was ended lets go of its files only after a moment. */
const lockedRetryMs = 100;
const patienceMs = 5000;

/** Whether no other account has keys or history in this browser. */
export const isAlone = async (account: AccountId): Promise<boolean> =>
  (await accountsHere()).every((other) => other === account);

/**
 * Everything goes; keys and history first. The blob worker must have ended and databases must be closed.
 * @returns what could not be removed, empty when nothing is left.
 */
export async function eraseAll(): Promise<unknown[]> {
  const problems: unknown[] = [];
  const steps = [
    async () => {
      for (const account of await accountsHere()) await inTime(deleteAccount(account));
    },
    erasePrivateFiles,
    () => {
      localStorage.clear();
      sessionStorage.clear();
      return Promise.resolve();
    },
    async () => {
      for (const name of await caches.keys()) await caches.delete(name);
    },
    async () => {
      if (!('serviceWorker' in navigator)) return;
      for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
    },
    // Last: it knows that this is under way, and after a reload in between it goes on.
    () => inTime(deleteDB(browserDatabase)),
  ];
  for (const step of steps)
    try {
      await step();
    } catch (problem) {
      problems.push(problem);
    }
  return problems;
}

async function erasePrivateFiles(): Promise<void> {
  const root = await navigator.storage.getDirectory();
  const giveUpAt = Date.now() + patienceMs;
  for await (const name of root.keys()) {
    for (;;) {
      try {
        await root.removeEntry(name, { recursive: true });
        break;
      } catch (error) {
        if (!(error instanceof DOMException) || error.name !== 'NoModificationAllowedError' || Date.now() > giveUpAt)
          throw error;
        await new Promise((resolve) => setTimeout(resolve, lockedRetryMs));
      }
    }
  }
}

/** A database that another tab has open is deleted only once that tab lets go. */
async function inTime(deletion: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error('a database is still in use')), patienceMs);
  });
  try {
    await Promise.race([deletion, late]);
  } finally {
    clearTimeout(timer);
  }
}
