/**
 * The HTTP API of `protocol/http.ts`: register, log in, log out, who am I. One edge checks method, Origin, rate and schema; the functions
 * below it decide. A failure answers with a code; only the server's own faults are logged.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import * as v from 'valibot';
import { ProtocolError, type ErrorCode, type Result } from '../../protocol/errors.ts';
import {
  DeleteRequest,
  LoginRequest,
  LogoutRequest,
  RegisterRequest,
  ResumeRequest,
  type Challenge,
  type OwnAccount,
} from '../../protocol/http.ts';
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { Handle, shownName } from '../../protocol/names.ts';
import { Challenges } from '../accounts/challenges.ts';
import { checkFirstList, deviceIds } from '../accounts/device-lists.ts';
import { checkProof } from '../accounts/device-proof.ts';
import { confirmPassword, isWeakPassword, TooBusy, type Passwords } from '../accounts/passwords.ts';
import type { Sessions } from '../accounts/sessions.ts';
import { ownAccount } from '../accounts/views.ts';
import { Refusal, refuse } from '../refusal.ts';
import type { Rates } from '../rates.ts';
import type { AccountRecord, Store } from '../store/store.ts';
import { readJson } from './body.ts';
import type { OriginCheck } from './origin.ts';

export interface ApiParts {
  store: Store;
  sessions: Sessions;
  passwords: Passwords;
  rates: Rates;
  isAllowedOrigin: OriginCheck;
  addressOf: (request: IncomingMessage) => string;
  /** A session is over: its live connections go. */
  endSession: (hash: string) => void;
  /** Removes an account for good and tells whoever should know. */
  deleteAccount: (id: AccountId, now: number) => Promise<void>;
  isStopping: () => boolean;
  log: Logger;
}

interface Reply {
  value: OwnAccount | Challenge | null;
  cookies: string[];
}

interface Call {
  request: IncomingMessage;
  cookie: string | undefined;
  address: string;
  now: number;
}

/** Statuses beside the codes, for proxies and people with curl. */
const statuses: Partial<Record<ErrorCode, number>> = {
  malformed: 400,
  'too-large': 413,
  'not-allowed': 403,
  'rate-limited': 429,
  'handle-taken': 409,
  'wrong-credentials': 401,
  'account-deleted': 410,
  'weak-password': 422,
  'shutting-down': 503,
  internal: 500,
};

export function createApi(parts: ApiParts): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const challenges = new Challenges();
  const routes = new Map<string, (call: Call) => Promise<Reply>>([
    ['POST /api/register', (call) => register(parts, call)],
    ['POST /api/login', (call) => login(parts, call)],
    ['POST /api/logout', (call) => logout(parts, call)],
    ['POST /api/challenge', ({ now }) => Promise.resolve({ value: { challenge: challenges.issue(now) }, cookies: [] })],
    ['POST /api/resume', (call) => resume(parts, challenges, call)],
    ['POST /api/delete', (call) => deleteAccount(parts, call)],
    ['GET /api/session', (call) => session(parts, call)],
  ]);

  async function run(request: IncomingMessage): Promise<Reply> {
    if (parts.isStopping()) refuse('shutting-down');
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const route = routes.get(`${request.method ?? ''} ${path}`);
    if (!route) refuse('malformed');
    if (request.method !== 'GET' && !parts.isAllowedOrigin(request)) refuse('not-allowed');
    const address = parts.addressOf(request);
    await limit(parts.rates.requests, address);
    return route({ request, cookie: request.headers.cookie, address, now: Date.now() });
  }

  return async (request, response) => {
    let result: Result<Reply['value']>;
    let cookies: string[] = [];
    try {
      const reply = await run(request);
      result = { ok: true, value: reply.value };
      cookies = reply.cookies;
    } catch (error) {
      result = { ok: false, error: codeOf(error, parts.log) };
    }
    send(request, response, result, cookies);
  };
}

async function register(parts: ApiParts, { request, cookie, address, now }: Call): Promise<Reply> {
  const { store, sessions, passwords, rates } = parts;
  const asked = parse(RegisterRequest, await readJson(request));
  if (isWeakPassword(asked.password, asked.handle)) refuse('weak-password');
  const wrong = checkFirstList(asked.list);
  if (wrong) refuse(wrong);
  await limit(rates.registrations, address);
  const existing = await store.accountByHandle(asked.handle);
  if (existing) {
    // A repeated registration whose first answer got lost: the same list 0 and the right password.
    const same =
      existing.lists[0]?.body === asked.list.body && (await passwords.verify(existing.passwordHash, asked.password));
    if (!same) refuse('handle-taken');
    return open(parts, existing, cookie, now);
  }
  const id = randomBytes(16).toString('base64url') as AccountId;
  const account = {
    id,
    handle: asked.handle,
    displayName: shownName(asked.displayName ?? '', limits.displayNameMaxLength) || asked.handle,
    email: asked.email,
    passwordHash: await passwords.hash(asked.password),
    wrapped: asked.wrapped,
    lists: [asked.list],
    devices: deviceIds(asked.list),
    createdAt: now,
  };
  const { session: fresh, cookies } = sessions.create(id, cookie, now);
  const outcome = await store.register(account, fresh);
  if (outcome === 'handle-taken') refuse('handle-taken');
  if (outcome === 'device-taken') refuse('not-allowed');
  if (fresh.replaces !== undefined) parts.endSession(fresh.replaces);
  return { value: ownAccount({ ...account, known: [] }), cookies };
}

async function login(parts: ApiParts, { request, cookie, address, now }: Call): Promise<Reply> {
  const { store, sessions, passwords, rates } = parts;
  const asked = parse(LoginRequest, await readJson(request));
  await limit(rates.logins, address);
  const handle = v.safeParse(Handle, asked.handle);
  const account = handle.success ? await store.accountByHandle(handle.output) : undefined;
  // Keys by what was typed, known or not, so that limits do not tell which handles exist. Points come back when the password is right.
  const key = asked.handle.toLowerCase();
  const exempt = account !== undefined && sessions.knows(account, cookie);
  await limit(rates.loginFailures, `${address} ${key}`);
  if (!exempt) await limit(rates.accountFailures, key);
  const right = await passwords.verify(account?.passwordHash, asked.password);
  if (!right || !account) refuse('wrong-credentials');
  await rates.loginFailures.give(`${address} ${key}`);
  if (!exempt) await rates.accountFailures.give(key);
  return open(parts, account, cookie, now);
}

async function resume(
  parts: ApiParts,
  challenges: Challenges,
  { request, cookie, address, now }: Call,
): Promise<Reply> {
  const { account: id, device, challenge, signature } = parse(ResumeRequest, await readJson(request));
  await limit(parts.rates.logins, address);
  if (!challenges.take(challenge, now)) refuse('not-allowed');
  const account = await parts.store.account(id);
  if (!account) refuse((await parts.store.wasDeleted(id)) ? 'account-deleted' : 'not-allowed');
  checkProof(account, { domain: 'causeway/session/1', challenge, device, signature });
  return open(parts, account, cookie, now, device);
}

/** @param device that proved itself already; else the session is bound at the first `device:prove`. */
async function open(
  parts: ApiParts,
  account: AccountRecord,
  cookie: string | undefined,
  now: number,
  device?: DeviceId,
): Promise<Reply> {
  const { session: fresh, cookies } = parts.sessions.create(account.id, cookie, now);
  await parts.store.openSession(account.id, fresh);
  if (device !== undefined) await parts.store.bindSession(fresh.hash, device);
  if (fresh.replaces !== undefined) parts.endSession(fresh.replaces);
  return { value: ownAccount(account), cookies };
}

async function logout({ sessions, store, endSession }: ApiParts, { request, cookie, now }: Call): Promise<Reply> {
  const { forget = false } = parse(LogoutRequest, await readJson(request));
  const current = await sessions.of(cookie, now);
  if (current) {
    await store.closeSession(current.hash);
    endSession(current.hash);
  }
  return { value: null, cookies: sessions.cleared({ browser: forget }) };
}

/** Needs no device: who lost all of them, and the recovery code, can still take the account away. */
async function deleteAccount(parts: ApiParts, { request, cookie, now }: Call): Promise<Reply> {
  const { password } = parse(DeleteRequest, await readJson(request));
  const current = await parts.sessions.of(cookie, now);
  const account = current && (await parts.store.account(current.account));
  if (!account) refuse('not-allowed');
  await confirmPassword(parts, account, password);
  await parts.deleteAccount(account.id, now);
  return { value: null, cookies: parts.sessions.cleared({ browser: true }) };
}

async function session({ sessions, store }: ApiParts, { cookie, now }: Call): Promise<Reply> {
  const current = await sessions.of(cookie, now);
  const account = current && (await store.account(current.account));
  if (!current || !account) refuse('not-allowed');
  const again = await sessions.refresh(current, cookie, now);
  return { value: ownAccount(account), cookies: again === undefined ? [] : [again] };
}

async function limit(rate: Rates[keyof Rates], key: string): Promise<void> {
  const retryAfterMs = await rate.take(key);
  if (retryAfterMs !== undefined) refuse('rate-limited', retryAfterMs);
}

function parse<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  if (v.getDotPath(issue) === 'password' && issue.type === 'min_length') refuse('weak-password');
  return refuse(issue.type === 'max_length' ? 'too-large' : 'malformed');
}

function codeOf(error: unknown, log: Logger): { code: ErrorCode; retryAfterMs?: number } {
  if (error instanceof Refusal) return error.wire;
  if (error instanceof ProtocolError) return { code: error.code };
  if (error instanceof TooBusy) return { code: 'rate-limited', retryAfterMs: error.retryAfterMs };
  log.error({ err: error }, 'an API request failed');
  return { code: 'internal' };
}

function send(request: IncomingMessage, response: ServerResponse, result: Result<unknown>, cookies: string[]): void {
  // Asking who one is without being logged in is no failure: browsers would print it as one.
  const unasked = request.method === 'GET' && !result.ok && result.error.code === 'not-allowed';
  const status = result.ok || unasked ? 200 : (statuses[result.error.code] ?? 400);
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  if (cookies.length > 0) response.setHeader('Set-Cookie', cookies);
  if (!result.ok && result.error.retryAfterMs !== undefined)
    response.setHeader('Retry-After', Math.ceil(result.error.retryAfterMs / 1000));
  // What was not read of a body is not waited for.
  if (!request.complete) response.setHeader('Connection', 'close');
  response.end(JSON.stringify(result));
}
