/**
 * Which page a request comes from. Every POST and every Socket.IO handshake needs an allowed Origin: the one of `PUBLIC_URL`, or without
 * it the Host that the request itself names. A client without a browser sends the server's own origin; there is no other way in, so a
 * browser that withholds the header gains nothing.
 */
import type { IncomingMessage } from 'node:http';
import type { Settings } from '../settings.ts';

export type OriginCheck = (request: IncomingMessage) => boolean;

export function createOriginCheck(settings: Settings): OriginCheck {
  return ({ headers }) => {
    const { origin, host } = headers;
    if (origin === undefined || !URL.canParse(origin)) return false;
    if (settings.PUBLIC_URL !== undefined) return origin === settings.PUBLIC_URL;
    // Any scheme: a proxy in front may end TLS.
    return host !== undefined && new URL(origin).host === host.toLowerCase() && /^https?:/.test(origin);
  };
}

/** Browsers leave out Origin on same-origin GETs, which Socket.IO's polling makes, and say so in a header that pages cannot set. */
export const isSameOriginFetch = ({ headers }: IncomingMessage): boolean =>
  headers.origin === undefined && headers['sec-fetch-site'] === 'same-origin';
