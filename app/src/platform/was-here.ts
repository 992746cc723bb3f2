/**
 * A mark outside the database: which account runs in this browser. When browsers make room they take the database and the private files, and this
 * they leave, mostly; so that the app can say what happened. It is of no use to anybody else.
 */
import type { AccountId } from '../../../protocol/ids.ts';

const key = 'causeway.account';

/** Undefined for nobody. */
export function markHere(account: AccountId | undefined): void {
  if (account === undefined) localStorage.removeItem(key);
  else localStorage.setItem(key, account);
}

/** The account whose keys should be here, if there is one. */
export const markedHere = (): AccountId | undefined =>
  (localStorage.getItem(key) ?? undefined) as AccountId | undefined;
