/** What the events of a client share: their shape, and the parts of the server that they work on. */
import type * as v from 'valibot';
import type { clientEvents, ClientEventName, ClientResponse } from '../../protocol/events.ts';
import type { Passwords } from '../accounts/passwords.ts';
import type { Rates } from '../rates.ts';
import type { Settings } from '../settings.ts';
import { refuse } from '../refusal.ts';
import type { AccountRecord, Store } from '../store/store.ts';
import type { Connection } from './connection.ts';
import type { Directory } from './directory.ts';
import type { Groups } from './groups.ts';
import type { Knocks } from './knocks.ts';
import type { Nearby } from './nearby.ts';
import type { People } from './people.ts';

export interface EventParts {
  store: Store;
  directory: Directory;
  people: People;
  groups: Groups;
  knocks: Knocks;
  nearby: Nearby;
  passwords: Passwords;
  rates: Rates;
  settings: Settings;
  counters: Counters;
}

/** Sums without anything about people, for the log. */
export interface Counters {
  /** Envelopes handed on, and their size in bytes as base64url. */
  relayedEnvelopes: number;
  relayedBytes: number;
  /** Events refused because they did not fit their schema, had no acknowledgement, or were too many. */
  refusedEvents: number;
}

export interface Reply<T> {
  value: T;
  /** Done right after the answer was sent. */
  after?: () => void;
}

export type EventFunctions<Names extends ClientEventName = ClientEventName> = {
  readonly [Name in Names]: (
    connection: Connection,
    request: v.InferOutput<(typeof clientEvents)[Name]['request']>,
    now: number,
  ) => Promise<Reply<ClientResponse<Name>>>;
};

/** The account of a connection. @throws Refusal `not-allowed` when it is gone. */
export async function accountOf(store: Store, connection: Connection): Promise<AccountRecord> {
  return (await store.account(connection.account)) ?? refuse('not-allowed');
}
