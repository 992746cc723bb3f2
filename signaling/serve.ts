/**
 * Puts the server together: the only place that builds concrete parts. One HTTP server carries the app, the API, health and Socket.IO.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createDeletion } from './accounts/deletion.ts';
import { createPasswords } from './accounts/passwords.ts';
import { createSessions } from './accounts/sessions.ts';
import { clientAddress } from './http/address.ts';
import { createApi } from './http/api.ts';
import { createSecurityHeaders } from './http/headers.ts';
import { networkOf } from './http/network.ts';
import { createOriginCheck } from './http/origin.ts';
import { createStaticFiles } from './http/static-files.ts';
import { createRates } from './rates.ts';
import { accountEvents } from './realtime/account-events.ts';
import { Directory } from './realtime/directory.ts';
import type { Counters } from './realtime/events.ts';
import { Knocks } from './realtime/knocks.ts';
import { LastSeen } from './realtime/last-seen.ts';
import { Nearby, placeOf } from './realtime/nearby.ts';
import { nearbyEvents } from './realtime/nearby-events.ts';
import { People } from './realtime/people.ts';
import { groupEvents } from './realtime/group-events.ts';
import { Groups } from './realtime/groups.ts';
import { peopleEvents } from './realtime/people-events.ts';
import { relayEvents } from './realtime/relay-events.ts';
import { attachSockets } from './realtime/sockets.ts';
import type { Settings } from './settings.ts';
import type { Store } from './store/store.ts';
import { startUpkeep } from './upkeep.ts';

export interface RunningServer {
  /** Where a browser on this machine reaches it. */
  url: string;
  port: number;
  counters: Readonly<Counters>;
  /** Stops accepting, lets what runs finish, tells clients, writes what is pending. */
  stop(): Promise<void>;
}

/** What runs when the server is told to stop gets this long. */
const stopGraceMs = 2000;

/** @param clientFolder the built app. @throws when the port cannot be had. Takes over the store: closes it when it stops or cannot start. */
export async function serve(
  settings: Settings,
  store: Store,
  log: Logger,
  clientFolder: string,
): Promise<RunningServer> {
  let stopping = false;
  const isStopping = (): boolean => stopping;
  const counters: Counters = { relayedEnvelopes: 0, relayedBytes: 0, refusedEvents: 0 };
  const rates = createRates(settings);
  const sessions = createSessions(settings, store);
  const passwords = await createPasswords(settings.HASH_CONCURRENCY);
  const directory = new Directory();
  const lastSeen = new LastSeen(store, log);
  const groups = new Groups(store, directory);
  const people = new People(store, directory, lastSeen, groups);
  const nearby = new Nearby(store, (problem) => log.error({ err: problem }, 'people nearby could not be told'));
  const knocks = new Knocks(settings.KNOCK_MEMORY_MIB * 1024 * 1024);
  const isAllowedOrigin = createOriginCheck(settings);
  const addressOf = (request: IncomingMessage) => clientAddress(request, settings.TRUST_PROXY);
  const eventParts = { store, directory, people, groups, knocks, nearby, passwords, rates, settings, counters };
  const functions = {
    ...accountEvents(eventParts),
    ...peopleEvents(eventParts),
    ...groupEvents(eventParts),
    ...relayEvents(eventParts),
    ...nearbyEvents(eventParts),
  };
  const running = new Set<Promise<void>>();

  const endSession = (hash: string): void => {
    for (const connection of directory.all()) if (connection.sessionHash === hash) connection.end('ended');
  };
  const deleteAccount = createDeletion({ store, directory, people, groups, knocks });
  const api = createApi({
    store,
    sessions,
    passwords,
    rates,
    isAllowedOrigin,
    addressOf,
    endSession,
    deleteAccount,
    isStopping,
    log,
  });
  const files = createStaticFiles(clientFolder);
  const setSecurityHeaders = createSecurityHeaders(settings);

  const http = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === '/healthz') {
      health(response, true);
      return;
    }
    if (path === '/readyz') {
      health(response, !stopping && store.healthy());
      return;
    }
    if (path !== '/api' && !path.startsWith('/api/')) {
      files(request, response);
      return;
    }
    const work = api(request, response);
    running.add(work);
    void work.finally(() => running.delete(work));
  });
  http.headersTimeout = 10_000;
  http.requestTimeout = 30_000;

  const io = attachSockets(http, {
    functions,
    rates,
    counters,
    log,
    isStopping,
    running,
    settings,
    sessions,
    directory,
    people,
    lastSeen,
    isAllowedOrigin,
    addressOf,
    placeOf: (request) => {
      const network = networkOf(request, settings.TRUST_PROXY);
      return network === undefined ? undefined : placeOf(network);
    },
    nearby,
  });
  // Before Socket.IO's own listener, so that its answers carry them too.
  http.prependListener('request', setSecurityHeaders);

  try {
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(settings.PORT, settings.HOST, () => resolve());
    });
  } catch (error) {
    await lastSeen.stop();
    await store.close();
    throw error;
  }
  const { port } = http.address() as AddressInfo;
  const stopUpkeep = startUpkeep({ store, knocks, directory, counters, log });

  async function stop(): Promise<void> {
    stopping = true;
    stopUpkeep();
    http.close();
    await Promise.race([Promise.all(running), delay(stopGraceMs, undefined, { ref: false })]);
    // Closes the transports: clients see a lost connection and come back by themselves.
    await Promise.race([io.close(), delay(stopGraceMs, undefined, { ref: false })]);
    http.closeAllConnections();
    await lastSeen.stop();
    await store.close();
  }

  let stopped: Promise<void> | undefined;
  return { url: localUrl(settings.HOST, port), port, counters, stop: () => (stopped ??= stop()) };
}

function health(response: ServerResponse, ok: boolean): void {
  response.writeHead(ok ? 200 : 503, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
  });
  response.end(JSON.stringify({ ok }));
}

function localUrl(host: string, port: number): string {
  const local = ['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'].includes(host);
  return `http://${local ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`;
}
