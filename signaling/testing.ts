/**
 * For tests and benches: a server in this process, and people with real keys, cookies and sockets, without a browser.
 */
import { generateKeyPairSync, createHash, randomBytes, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { io, type Socket } from 'socket.io-client';
import { fromBase64, toBase64 } from '../protocol/bytes.ts';
import { encodeCbor } from '../protocol/codec.ts';
import { signedBytes } from '../protocol/domains.ts';
import type { Result } from '../protocol/errors.ts';
import type { ClientEventName, ClientResponse, ServerEvent, ServerEventName } from '../protocol/events.ts';
import type { OwnAccount } from '../protocol/http.ts';
import type { AccountId, DeviceId, PublicKey, RequestId, Signature } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import type { Device, SignedDeviceList } from '../protocol/people.ts';
import { deviceIdOf } from './accounts/device-lists.ts';
import { serve, type RunningServer } from './serve.ts';
import { readSettings, type Settings } from './settings.ts';
import { openLowdbStore } from './store/lowdb-store.ts';
import type { WriteStep } from './store/durable-file.ts';

export interface TestServer extends RunningServer {
  /** Origin that clients send. */
  origin: string;
  folder: string;
  close(): Promise<void>;
}

/** A server on any free port with a store of its own, silent, with limits that tests do not meet unless `env` says so. */
export async function startTestServer(
  env: Record<string, string> = {},
  options: { folder?: string; onStep?: (step: WriteStep) => void } = {},
): Promise<TestServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'causeway-test-')));
  const settings = testSettings(env);
  const store = await openLowdbStore({ folder, ...(options.onStep ? { onStep: options.onStep } : {}) });
  const running = await serve(
    settings,
    store,
    pino({ level: settings.LOG_LEVEL }),
    settings.CLIENT_DIR || join(folder, 'no-client'),
  );
  return {
    ...running,
    origin: `http://localhost:${running.port}`,
    folder,
    async close() {
      await running.stop();
      if (options.folder === undefined) await rm(folder, { recursive: true });
    },
  };
}

export function testSettings(env: Record<string, string> = {}): Settings {
  const many = '100000';
  const read = readSettings({
    PORT: '0',
    LOG_LEVEL: 'silent',
    REGISTRATIONS_PER_MINUTE: many,
    LOGINS_PER_MINUTE: many,
    REQUESTS_PER_MINUTE: many,
    CONNECTIONS_PER_MINUTE: many,
    EVENTS_PER_MINUTE: many,
    LOOKUPS_PER_MINUTE: many,
    NEARBY_PER_MINUTE: many,
    SIGNALS_PER_MINUTE: many,
    KNOCKS_PER_MINUTE: many,
    ...env,
  });
  if ('mistakes' in read) throw new Error(read.mistakes.join(' '));
  return read.settings;
}

export interface KeyPair {
  secret: KeyObject;
  public: PublicKey;
}

export interface TestDevice {
  sign: KeyPair;
  device: Device;
}

function keyPair(kind: 'ed25519' | 'x25519'): KeyPair {
  const pair = kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return { secret: pair.privateKey, public: pair.publicKey.export({ format: 'jwk' }).x as PublicKey };
}

export function newDevice(name = 'test device'): TestDevice {
  const signing = keyPair('ed25519');
  const agree = keyPair('x25519').public;
  return {
    sign: signing,
    device: { id: deviceIdOf(signing.public, agree), sign: signing.public, agree, name, addedAt: Date.now() },
  };
}

/** Root and vault of an account. */
export const newIdentity = () => ({ root: keyPair('ed25519'), vault: keyPair('x25519').public });
export type Identity = ReturnType<typeof newIdentity>;

/** Signs `body`, or whatever it is overridden with, as a device list. */
export function signList(
  identity: Identity,
  devices: readonly TestDevice[],
  options: {
    after?: SignedDeviceList;
    number?: number;
    previous?: Uint8Array;
    signer?: 'root' | TestDevice;
    change?: Record<string, unknown>;
  } = {},
): SignedDeviceList {
  const { after, signer = 'root' } = options;
  const body = encodeCbor({
    root: identity.root.public,
    vault: identity.vault,
    number: options.number ?? 0,
    previous:
      options.previous ??
      (after ? new Uint8Array(createHash('sha256').update(fromBase64(after.body)).digest()) : new Uint8Array(32)),
    devices: devices.map(({ device }) => device),
    ...options.change,
  });
  const key = signer === 'root' ? identity.root.secret : signer.sign.secret;
  const signature = toBase64(sign(null, signedBytes('causeway/device-list/1', body), key)) as Signature;
  return { body: toBase64(body), signer: signer === 'root' ? 'root' : signer.device.id, signature };
}

export const randomId = (): AccountId & DeviceId & RequestId =>
  randomBytes(16).toString('base64url') as AccountId & DeviceId & RequestId;
export const testPassword = 'correct horse battery';

/** Cookies and the two HTTP verbs of the API. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** May be set to that of another server, which is then visited with the same cookies. */
  origin: string;

  constructor(origin: string) {
    this.origin = origin;
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async call<T = OwnAccount>(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; result: Result<T>; headers: Headers }> {
    const response = await fetch(`${this.origin}${path}`, {
      method,
      headers: {
        ...(method === 'POST' ? { 'content-type': 'application/json', origin: this.origin } : {}),
        cookie: this.cookieHeader,
        ...headers,
      },
      ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body ?? {}) } : {}),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return { status: response.status, result: (await response.json()) as Result<T>, headers: response.headers };
  }
}

/** A socket that remembers every event, so that a test waits for one without missing it. */
export class TestSocket {
  readonly socket: Socket;
  readonly #events: { name: string; event: unknown }[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(
    origin: string,
    cookieHeader: string,
    options: { origin?: string; transports?: string[]; reconnection?: boolean; forwardedFor?: string } = {},
  ) {
    this.socket = io(origin, {
      transports: options.transports ?? ['websocket'],
      forceNew: true,
      reconnection: options.reconnection ?? false,
      extraHeaders: {
        cookie: cookieHeader,
        origin: options.origin ?? origin,
        ...(options.forwardedFor === undefined ? {} : { 'x-forwarded-for': options.forwardedFor }),
      },
    });
    const note = (name: string, event: unknown) => {
      this.#events.push({ name, event });
      for (const look of [...this.#waiting]) look();
    };
    this.socket.onAny((name: string, event: unknown, ack?: unknown) => {
      note(name, event);
      if (name === 'knock' && this.takesKnocks) (ack as () => void)();
    });
    this.socket.on('disconnect', (reason) => note('#disconnect', reason));
    this.socket.on('connect_error', (error) => note('#error', error.message));
  }

  takesKnocks = true;

  /** The next event of this name that fits and was not taken before. */
  next<Name extends ServerEventName>(
    name: Name,
    fits?: (event: ServerEvent<Name>) => boolean,
  ): Promise<ServerEvent<Name>>;
  next(name: '#disconnect' | '#error'): Promise<string>;
  next(name: string, fits: (event: never) => boolean = () => true): Promise<unknown> {
    return new Promise((resolve) => {
      const look = () => {
        const index = this.#events.findIndex((one) => one.name === name && fits(one.event as never));
        if (index < 0) return;
        const [found] = this.#events.splice(index, 1);
        this.#waiting.delete(look);
        resolve(found?.event);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Events of this name that came and were not taken. */
  pending(name: ServerEventName): unknown[] {
    return this.#events.filter((one) => one.name === name).map((one) => one.event);
  }

  ask<Name extends ClientEventName>(name: Name, request: unknown): Promise<Result<ClientResponse<Name>>> {
    return this.socket.timeout(limits.ackTimeoutMs).emitWithAck(name, request) as Promise<Result<ClientResponse<Name>>>;
  }

  /** @throws when the answer is a code. */
  async get<Name extends ClientEventName>(name: Name, request: unknown): Promise<ClientResponse<Name>> {
    return value(await this.ask(name, request));
  }

  prove(
    welcome: ServerEvent<'welcome'>,
    { device, sign: key }: TestDevice,
  ): Promise<Result<ClientResponse<'device:prove'>>> {
    const message = signedBytes('causeway/socket/1', encodeCbor([welcome.challenge, welcome.account, device.id]));
    return this.ask('device:prove', { device: device.id, signature: toBase64(sign(null, message, key.secret)) });
  }

  close(): void {
    this.socket.disconnect();
  }
}

export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`answered with ${result.error.code}`);
  return result.value;
}

/** Somebody with an account, a device and cookies; online after `connect`. */
export class Person {
  readonly identity = newIdentity();
  readonly device = newDevice();
  readonly browser: Browser;
  readonly handle: string;
  account!: OwnAccount;
  socket!: TestSocket;

  constructor(origin: string, handle: string) {
    this.browser = new Browser(origin);
    this.handle = handle;
  }

  registration(change: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      handle: this.handle,
      password: testPassword,
      wrapped: 'AAAA',
      list: signList(this.identity, [this.device]),
      ...change,
    };
  }

  async register(): Promise<this> {
    this.account = value((await this.browser.call('POST', '/api/register', this.registration())).result);
    return this;
  }

  /** A connection that has been welcomed, without proof. */
  async open(browser = this.browser): Promise<{ socket: TestSocket; welcome: ServerEvent<'welcome'> }> {
    const socket = new TestSocket(browser.origin, browser.cookieHeader);
    return { socket, welcome: await socket.next('welcome') };
  }

  async connect(device = this.device, browser = this.browser): Promise<ClientResponse<'device:prove'>> {
    const { socket, welcome } = await this.open(browser);
    this.socket = socket;
    return value(await socket.prove(welcome, device));
  }

  /** What a device that lost its cookie sends. */
  resumption(challenge: string, { device, sign: key }: TestDevice = this.device): Record<string, unknown> {
    const message = signedBytes('causeway/session/1', encodeCbor([challenge, this.account.id, device.id]));
    const signature = toBase64(sign(null, message, key.secret));
    return { account: this.account.id, device: device.id, challenge, signature };
  }

  /** Another browser of this person, logged in. */
  async logIn(): Promise<Browser> {
    const browser = new Browser(this.browser.origin);
    value((await browser.call('POST', '/api/login', { handle: this.handle, password: testPassword })).result);
    return browser;
  }
}

let people = 0;

/** Registered and online. */
export async function onlinePerson(
  server: TestServer,
  handle = `person-${(++people).toString(36)}x${randomBytes(4).toString('hex')}`,
): Promise<Person> {
  const person = await new Person(server.origin, handle).register();
  await person.connect();
  return person;
}

/** Makes two online people contacts of each other. */
export async function befriend(one: Person, other: Person): Promise<void> {
  await one.socket.get('contact:request', { account: other.account.id });
  await other.socket.next('contact', (contact) => contact.account.id === one.account.id);
  await other.socket.get('contact:answer', { account: one.account.id, verdict: 'accept' });
  await one.socket.next(
    'contact',
    (contact) => contact.account.id === other.account.id && contact.relation === 'accepted',
  );
}
