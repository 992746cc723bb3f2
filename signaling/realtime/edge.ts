/**
 * The one edge that every event of a client passes: it must be known, carry an acknowledgement, come from a proven device where it has to,
 * not come too often, and fit its schema. Whatever happens behind it, the client gets a result or a code, and the server stays up
 * (invariant 8).
 */
import type { Logger } from 'pino';
import type { Socket } from 'socket.io';
import * as v from 'valibot';
import { clientEvents, type ClientEventName } from '../../protocol/events.ts';
import { ProtocolError, type Result, type WireError } from '../../protocol/errors.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { TooBusy } from '../accounts/passwords.ts';
import { Refusal, refuse } from '../refusal.ts';
import type { Rate, Rates } from '../rates.ts';
import type { Connection } from './connection.ts';
import type { Counters, EventFunctions, Reply } from './events.ts';

/** Events without an acknowledgement cannot be answered; a client that keeps sending them is cut off. */
const unanswerableAllowed = 50;

export interface EdgeParts {
  functions: EventFunctions;
  rates: Rates;
  counters: Counters;
  log: Logger;
  isStopping: () => boolean;
  /** Events being worked on, for a graceful stop. */
  running: Set<Promise<void>>;
}

export function attachEdge(socket: Socket, connection: Connection, parts: EdgeParts): void {
  let unanswerable = 0;
  socket.onAny((name: unknown, ...args: unknown[]) => {
    const ack = args.at(-1);
    if (typeof ack !== 'function') {
      parts.counters.refusedEvents++;
      if (++unanswerable > unanswerableAllowed) connection.drop();
      return;
    }
    const work = answer(parts, connection, name, args.slice(0, -1), ack as (result: Result<unknown>) => void);
    parts.running.add(work);
    void work.finally(() => parts.running.delete(work));
  });
}

/** Never rejects. */
async function answer(
  parts: EdgeParts,
  connection: Connection,
  name: unknown,
  args: readonly unknown[],
  ack: (result: Result<unknown>) => void,
): Promise<void> {
  let reply: Reply<unknown>;
  try {
    reply = await run(parts, connection, name, args);
  } catch (error) {
    const wire = codeOf(error, parts.log);
    if (wire.code === 'malformed' || wire.code === 'too-large' || wire.code === 'rate-limited')
      parts.counters.refusedEvents++;
    ack({ ok: false, error: wire });
    return;
  }
  ack({ ok: true, value: reply.value });
  reply.after?.();
}

async function run(
  parts: EdgeParts,
  connection: Connection,
  name: unknown,
  args: readonly unknown[],
): Promise<Reply<unknown>> {
  if (parts.isStopping()) refuse('shutting-down');
  await limit(rateOf(parts.rates, name), connection.account);
  if (!isKnown(name) || args.length !== 1) refuse('malformed');
  if (!clientEvents[name].anyDevice && connection.device === undefined) refuse('not-allowed');
  if (!isPlainObject(args[0])) refuse('malformed');
  const parsed = v.safeParse(clientEvents[name].request, args[0], { abortEarly: true });
  if (!parsed.success) refuse(parsed.issues[0].type === 'max_length' ? 'too-large' : 'malformed');
  // The schema was that of this very name; the compiler cannot follow a pair of lookups.
  const call = parts.functions[name] as (
    connection: Connection,
    request: unknown,
    now: number,
  ) => Promise<Reply<unknown>>;
  return call(connection, parsed.output, Date.now());
}

const isKnown = (name: unknown): name is ClientEventName =>
  typeof name === 'string' && Object.hasOwn(clientEvents, name);

/** Arrays and bytes without anything in them would pass for an object without keys. */
const isPlainObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function rateOf(rates: Rates, name: unknown): Rate {
  if (name === 'signal') return rates.signals;
  if (name === 'knock') return rates.knocks;
  if (name === 'people:lookup' || name === 'groups:ask') return rates.lookups;
  if (name === 'nearby:join') return rates.nearby;
  return rates.events;
}

async function limit(rate: Rate, account: AccountId): Promise<void> {
  const retryAfterMs = await rate.take(account);
  if (retryAfterMs !== undefined) refuse('rate-limited', retryAfterMs);
}

function codeOf(error: unknown, log: Logger): WireError {
  if (error instanceof Refusal) return error.wire;
  if (error instanceof ProtocolError) return { code: error.code };
  if (error instanceof TooBusy) return { code: 'rate-limited', retryAfterMs: error.retryAfterMs };
  log.error({ err: error }, 'an event failed');
  return { code: 'internal' };
}
