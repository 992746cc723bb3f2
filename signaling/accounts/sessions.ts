/**
 * Sessions: 256 random bits in a cookie, of which the store keeps the SHA-256 only. A second cookie says that this browser has logged in to
 * an account before; it opens nothing, but exempts from the limit on wrong passwords that strangers can use up (OWASP "device cookie").
 */
import { createHash, randomBytes } from 'node:crypto';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { AccountId } from '../../protocol/ids.ts';
import type { Settings } from '../settings.ts';
import type { NewSession, SessionRecord, Store } from '../store/store.ts';

const dayMs = 24 * 3600_000;
const browserDays = 400; // the longest that browsers keep a cookie

/** Names and attributes depend on https: `__Host-` is refused by browsers without Secure. */
export function createSessions(settings: Settings, store: Store) {
  const secure = settings.PUBLIC_URL?.startsWith('https:') ?? false;
  const prefix = secure ? '__Host-' : '';
  const sessionName = `${prefix}causeway-session`;
  const browserName = `${prefix}causeway-browser`;
  const cookie = (name: string, value: string, days: number) =>
    stringifySetCookie({ name, value, maxAge: days * 86_400, path: '/', httpOnly: true, sameSite: 'lax', secure });

  function read(header: string | undefined, name: string): string | undefined {
    const value = parseCookie(header ?? '')[name];
    return value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined;
  }

  return {
    /** The session of a request, if its cookie names one that is still good. */
    async of(cookieHeader: string | undefined, now: number): Promise<SessionRecord | undefined> {
      const token = read(cookieHeader, sessionName);
      const session = token === undefined ? undefined : await store.session(hashOf(token));
      return session && session.expiresAt > now ? session : undefined;
    },

    /** A new session with the cookies that carry it. `replaces` is the one that the browser had. */
    create(
      account: AccountId,
      cookieHeader: string | undefined,
      now: number,
    ): { session: NewSession; cookies: string[] } {
      const token = randomToken();
      const browser = read(cookieHeader, browserName) ?? randomToken();
      const old = read(cookieHeader, sessionName);
      return {
        session: {
          hash: hashOf(token),
          createdAt: now,
          expiresAt: now + settings.SESSION_DAYS * dayMs,
          known: browserHash(account, browser),
          replaces: old === undefined ? undefined : hashOf(old),
        },
        cookies: [cookie(sessionName, token, settings.SESSION_DAYS), cookie(browserName, browser, browserDays)],
      };
    },

    /** Prolongs a session that was used for a day. @returns the cookie to send again. */
    async refresh(session: SessionRecord, cookieHeader: string | undefined, now: number): Promise<string | undefined> {
      const expiresAt = now + settings.SESSION_DAYS * dayMs;
      const token = read(cookieHeader, sessionName);
      if (token === undefined || expiresAt - session.expiresAt < dayMs) return undefined;
      await store.extendSession(session.hash, expiresAt);
      return cookie(sessionName, token, settings.SESSION_DAYS);
    },

    knows(account: { id: AccountId; known: readonly string[] }, cookieHeader: string | undefined): boolean {
      const browser = read(cookieHeader, browserName);
      return browser !== undefined && account.known.includes(browserHash(account.id, browser));
    },

    /** What a browser is told at logout; with `browser` it also forgets that it was here before. */
    cleared: ({ browser }: { browser: boolean }): string[] => [
      cookie(sessionName, '', 0),
      ...(browser ? [cookie(browserName, '', 0)] : []),
    ],
  };
}

export type Sessions = ReturnType<typeof createSessions>;

const randomToken = (): string => randomBytes(32).toString('base64url');
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');
/** Bound to the account, so that the store does not tell which accounts share a browser. */
const browserHash = (account: AccountId, token: string): string =>
  createHash('sha256').update(`${account} ${token}`).digest('base64url');
