/**
 * Socket.IO on the HTTP server: who may connect, and the life of a connection. The session comes from the cookie of the handshake; Origin
 * and rate are looked at before anything is allocated. WebSocket first, polling where a network allows no other way.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Logger } from 'pino';
import { Server, type Socket } from 'socket.io';
import type { AccountId, PlaceId } from '../../protocol/ids.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { limits } from '../../protocol/limits.ts';
import type { Sessions } from '../accounts/sessions.ts';
import { isSameOriginFetch, type OriginCheck } from '../http/origin.ts';
import type { Settings } from '../settings.ts';
import { Connection } from './connection.ts';
import type { Directory } from './directory.ts';
import { attachEdge, type EdgeParts } from './edge.ts';
import type { LastSeen } from './last-seen.ts';
import type { Nearby } from './nearby.ts';
import type { People } from './people.ts';

export interface SocketParts extends EdgeParts {
  settings: Settings;
  sessions: Sessions;
  directory: Directory;
  people: People;
  lastSeen: LastSeen;
  isAllowedOrigin: OriginCheck;
  addressOf: (request: IncomingMessage) => string;
  placeOf: (request: IncomingMessage) => PlaceId | undefined;
  nearby: Nearby;
  log: Logger;
}

interface Identity {
  account: AccountId;
  sessionHash: string;
  place: PlaceId | undefined;
}

/** Without a session the connection ends after this time; a client that was refused closes it at once. */
const connectTimeoutMs = 10_000;

export function attachSockets(http: HttpServer, parts: SocketParts): Server {
  const { directory, settings } = parts;
  const byRequest = new WeakMap<object, Identity>();
  const byTransport = new WeakMap<object, Identity>();

  const io = new Server(http, {
    path: '/socket.io',
    serveClient: false,
    transports: ['websocket', 'polling'],
    pingInterval: limits.heartbeatIntervalMs,
    pingTimeout: limits.heartbeatTimeoutMs,
    maxHttpBufferSize: limits.signalingMessageBytes,
    connectTimeout: connectTimeoutMs,
    // Costs 259 KiB a client, and sealed boxes do not compress.
    perMessageDeflate: false,
    httpCompression: false,
    allowRequest: (request, callback) => {
      admit(parts, request)
        .then((refused) => {
          if (!refused) return identify(request);
          callback(refused, false);
        })
        .catch((error: unknown) => {
          parts.log.error({ err: error }, 'a handshake failed');
          callback('internal', false);
        });

      async function identify(incoming: IncomingMessage): Promise<void> {
        const session = await parts.sessions.of(incoming.headers.cookie, Date.now());
        if (session) {
          const { account, hash: sessionHash } = session;
          byRequest.set(incoming, { account, sessionHash, place: parts.placeOf(incoming) });
        }
        callback(null, true);
      }
    },
  });

  // The request with its headers would stay in memory as long as the connection.
  io.engine.on('connection', (transport: { request: IncomingMessage | null }) => {
    const identity = transport.request && byRequest.get(transport.request);
    if (identity) byTransport.set(transport, identity);
    transport.request = null;
  });

  io.use((socket, next) => {
    const identity = byTransport.get(socket.conn);
    if (!identity) {
      next(refusal('not-allowed'));
      return;
    }
    if (directory.countOf(identity.account) >= settings.CONNECTIONS_PER_ACCOUNT) {
      next(refusal('rate-limited'));
      return;
    }
    next();
  });

  io.on('connection', (socket) => {
    const identity = byTransport.get(socket.conn);
    if (identity) begin(parts, socket, identity);
    else socket.disconnect(true);
  });
  return io;
}

/** @returns why a handshake is refused. */
async function admit(
  { isStopping, isAllowedOrigin, rates, addressOf }: SocketParts,
  request: IncomingMessage,
): Promise<ErrorCode | undefined> {
  if (isStopping()) return 'shutting-down';
  if (!isAllowedOrigin(request) && !isSameOriginFetch(request)) return 'not-allowed';
  return (await rates.connections.take(addressOf(request))) === undefined ? undefined : 'rate-limited';
}

/** `connect_error` at the client: its message is the code. */
const refusal = (code: ErrorCode): Error => Object.assign(new Error(code), { data: { code } });

function begin(parts: SocketParts, socket: Socket, { account, sessionHash, place }: Identity): void {
  const connection = new Connection(socket, account, sessionHash, place);
  parts.directory.add(connection);
  attachEdge(socket, connection, parts);
  socket.on('disconnect', () => ended(parts, connection));
  connection.welcome(Date.now());
}

function ended({ directory, lastSeen, people, nearby, isStopping, log }: SocketParts, connection: Connection): void {
  const { account, device } = connection;
  nearby.leave(connection);
  if (!directory.remove(connection)) return;
  if (device !== undefined) lastSeen.noteDevice(device, Date.now());
  if (directory.online(account).length === 0) lastSeen.note(account, Date.now());
  // While the server stops everybody goes; nobody needs to be told one by one.
  if (isStopping()) return;
  people.presenceChanged(account).catch((error: unknown) => log.error({ err: error }, 'presence could not be told'));
}
