/** A Socket.IO connection to the signaling server with typed, validated requests. Who proves a device on it, and what it listens to, is the caller's. */
import { io, type Socket } from 'socket.io-client';
import * as v from 'valibot';
import { parseAs } from '../protocol/codec.ts';
import { WireError } from '../protocol/errors.ts';
import {
  clientEvents,
  serverEvents,
  type ClientEventName,
  type ClientRequest,
  type ClientResponse,
  type ServerEvent,
  type ServerEventName,
} from '../protocol/events.ts';
import { limits } from '../protocol/limits.ts';
import type { Answer } from '../engine/signaling.ts';

export interface SocketOptions {
  /** Origin of the server; absent for the page's own. */
  url?: string;
  /** Gets what the server said wrong: its fault, never thrown at the caller. */
  report: (problem: unknown) => void;
}

/** Connects with randomised reconnection, so that a restarted server is not met by everybody at once. */
export function openSocket({ url }: SocketOptions): Socket {
  return io(url ?? '/', {
    transports: ['websocket'],
    forceNew: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: 5000,
    randomizationFactor: 0.5,
    timeout: limits.ackTimeoutMs,
  });
}

/** Fails with `no-server` rather than wait for a connection or an answer. */
export async function request<Name extends ClientEventName>(
  socket: Socket,
  name: Name,
  body: ClientRequest<Name>,
  report: (problem: unknown) => void,
): Promise<Answer<ClientResponse<Name>>> {
  if (!socket.connected) return { ok: false, error: { code: 'no-server' } };
  let answer: unknown;
  try {
    answer = await socket.timeout(limits.ackTimeoutMs).emitWithAck(name, body);
  } catch {
    return { ok: false, error: { code: 'no-server' } }; // not answered in time, or the connection went away meanwhile
  }
  const parsed = v.safeParse(answerOf(name), answer);
  if (!parsed.success) {
    report(new Error(`the answer to ${name} does not fit`));
    return { ok: false, error: { code: 'unknown' } };
  }
  return parsed.output;
}

/** Listens to one event of the server; what does not fit its schema is reported and dropped. `done` acknowledges it. */
export function listen<Name extends ServerEventName>(
  socket: Socket,
  name: Name,
  report: (problem: unknown) => void,
  take: (event: ServerEvent<Name>, done: () => void) => void,
): void {
  socket.on<string>(name, (raw: unknown, ack?: unknown) => {
    try {
      take(parseAs(serverEvents[name] as v.GenericSchema, raw) as ServerEvent<Name>, () => {
        if (typeof ack === 'function') (ack as () => void)();
      });
    } catch (problem) {
      report(problem);
    }
  });
}

/** One request of a session whose device is not certified yet; the connection is closed afterwards. */
export async function requestUnproven<Name extends ClientEventName>(
  options: SocketOptions,
  name: Name,
  body: ClientRequest<Name>,
): Promise<Answer<ClientResponse<Name>>> {
  const socket = openSocket(options);
  try {
    const welcomed = await new Promise<boolean>((decided) => {
      listen(socket, 'welcome', options.report, () => decided(true));
      socket.on('connect_error', () => decided(false));
    });
    return welcomed ? await request(socket, name, body, options.report) : { ok: false, error: { code: 'no-server' } };
  } finally {
    socket.disconnect();
  }
}

const answerOf = (name: ClientEventName) =>
  v.variant('ok', [
    v.object({ ok: v.literal(true), value: clientEvents[name].response }),
    v.object({ ok: v.literal(false), error: WireError }),
  ]);
