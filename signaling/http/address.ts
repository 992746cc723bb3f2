/** Whose request it is, for limits only; an address is never stored or logged. */
import type { IncomingMessage } from 'node:http';
import { addressKey } from '../rates.ts';

/**
 * The client's address: of the connection, or with `trustedProxies` of them in front, the entry that the outermost trusted one appended to
 * X-Forwarded-For. What stands before it was written by the client.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string {
  const direct = request.socket.remoteAddress ?? '';
  if (trustedProxies === 0) return addressKey(direct);
  const header = request.headers['x-forwarded-for'];
  const forwarded = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((entry) => entry.trim());
  return addressKey(forwarded.at(-trustedProxies) || direct);
}
