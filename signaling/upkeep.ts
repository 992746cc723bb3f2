/** What the server does by the clock: forgets what is over, says sums in the log, warns before the embedded store gets too big. */
import type { Logger } from 'pino';
import type { Counters } from './realtime/events.ts';
import type { Directory } from './realtime/directory.ts';
import type { Knocks } from './realtime/knocks.ts';
import { embeddedStoreLimits } from './store/lowdb-store.ts';
import type { Store } from './store/store.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export interface UpkeepParts {
  store: Store;
  knocks: Knocks;
  directory: Directory;
  counters: Readonly<Counters>;
  log: Logger;
}

/** @returns what ends it. */
export function startUpkeep({ store, knocks, directory, counters, log }: UpkeepParts): () => void {
  let said = '';
  const eachMinute = setInterval(() => {
    knocks.forgetExpired(Date.now());
    const sums = { accountsOnline: directory.accountsOnline().length, knocksWaiting: knocks.size, ...counters };
    if (JSON.stringify(sums) === said) return;
    said = JSON.stringify(sums);
    log.info(sums, 'activity');
  }, minuteMs);
  const eachHour = setInterval(() => {
    warnOfSize(store, log);
    store
      .closeExpired(Date.now())
      .catch((error: unknown) => log.error({ err: error }, 'expired sessions could not be forgotten'));
  }, hourMs);
  warnOfSize(store, log);
  return () => {
    clearInterval(eachMinute);
    clearInterval(eachHour);
  };
}

export function warnOfSize(store: Store, log: Logger): void {
  const { accounts, bytes } = store.size();
  if (accounts < embeddedStoreLimits.accounts && bytes < embeddedStoreLimits.bytes) return;
  log.warn(
    { accounts, bytes, recommended: embeddedStoreLimits },
    'the embedded store is bigger than it is meant for: writes get slow',
  );
}
