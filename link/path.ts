/** Says of a candidate pair how its bytes travel. Pure. */
import type { Path } from '../engine/session/wire.ts';

export interface Candidate {
  /** `host`, `srflx`, `prflx` or `relay`. */
  type: string;
  /** An IP address, an mDNS name (RFC 8828), or empty where the browser keeps it to itself. */
  address: string;
}

/**
 * `relayed` when either end is a TURN server. `same-network` when both are addresses of a network interface, or one is and the other, found
 * only by its packets, is of the same subnet or hides behind an mDNS name, which is resolved on the local network alone. Else `direct`.
 */
export function pathOf(local: Candidate, remote: Candidate): Path {
  if (local.type === 'relay' || remote.type === 'relay') return 'relayed';
  if (local.type === 'host' && remote.type === 'host') return bothPublic(local, remote) ? 'direct' : 'same-network';
  const [host, other] = local.type === 'host' ? [local, remote] : [remote, local];
  if (host.type !== 'host' || other.type !== 'prflx') return 'direct';
  return isPrivate(other.address) || isLocalName(other.address) || sameSubnet(host.address, other.address)
    ? 'same-network'
    : 'direct';
}

/** Two servers, or two devices with IPv6: host candidates that see each other over the internet. */
function bothPublic(local: Candidate, remote: Candidate): boolean {
  const known = [local, remote].every(({ address }) => address !== '' && !isLocalName(address) && !isPrivate(address));
  return known && !sameSubnet(local.address, remote.address);
}

const isLocalName = (address: string): boolean => address.endsWith('.local');

/** RFC 1918, RFC 3927, RFC 4193, RFC 4291 and loopback. */
const isPrivate = (address: string): boolean =>
  /^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|f[cd][0-9a-f]{2}:|fe80:|::1$)/i.test(address);

/** /24 for IPv4, /64 for IPv6: what a home or an office has. */
function sameSubnet(a: string, b: string): boolean {
  if (a.includes(':') !== b.includes(':') || a === '' || b === '') return false;
  const head = (address: string) =>
    address.includes(':') ? expanded(address).slice(0, 4).join(':') : address.split('.').slice(0, 3).join('.');
  return head(a) === head(b);
}

/** The eight groups of an IPv6 address, `::` written out. */
function expanded(address: string): string[] {
  const [before = '', after] = address.toLowerCase().split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => group.replace(/^0+(?=.)/, '')));
  const [first, last] = [groups(before), groups(after ?? '')];
  return after === undefined
    ? first
    : [...first, ...Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0'), ...last];
}
