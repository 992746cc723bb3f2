/**
 * Which network a request comes from, as far as an address tells: what people who want to be found nearby have in common. Better no answer
 * than a wrong one, since it would show strangers to each other.
 */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import { addressKey } from '../rates.ts';

/**
 * A public IPv4 address or an IPv6 /64, as for the limits. Where the server itself is in a private network it sees the machines one by one:
 * then the /24 counts, the usual size of one.
 * @returns undefined when the address is not known to be the client's own: it came past a proxy that no setting names, or did not come past
 * one that should be there.
 */
export function networkOf(request: IncomingMessage, trustedProxies: number): string | undefined {
  const header = request.headers['x-forwarded-for'];
  if (trustedProxies === 0) {
    const behindProxy = header !== undefined || request.headers.forwarded !== undefined;
    return behindProxy ? undefined : keyOf(request.socket.remoteAddress);
  }
  const forwarded = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((entry) => entry.trim());
  return keyOf(forwarded.at(-trustedProxies));
}

function keyOf(address: string | undefined): string | undefined {
  const plain = address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '') ?? '';
  if (isIP(plain.split('%', 1)[0] ?? '') === 0) return undefined;
  if (plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'))) return 'this machine';
  if (!isIPv4(plain) || !isPrivate(plain)) return addressKey(plain);
  return `${plain.slice(0, plain.lastIndexOf('.'))}.0/24`;
}

/** RFC 1918 and RFC 3927. */
const isPrivate = (address: string): boolean => /^(?:10|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))\./.test(address);
