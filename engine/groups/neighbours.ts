/**
 * Owns which members' devices this one keeps links to, so that what anybody says reaches everybody by being handed on, without each being
 * linked to all. Everybody who sees the same devices online puts them into the same circle; each links to both neighbours there, which
 * connects all, and to a few across, chosen by chance that stays the same, which makes the way short: for 200 devices about 5 steps.
 */
import type { DeviceId } from '../../protocol/ids.ts';

/** Links across the circle. */
const across = 3;

/** @param online devices of members, this one among them or not. @param salt another one makes another circle. */
export function neighbours(self: DeviceId, online: Iterable<DeviceId>, salt: string): Set<DeviceId> {
  const circle = [...new Set([...online, self])]
    .map((device) => ({ device, place: mix(`${salt}${device}`) }))
    .sort((a, b) => a.place - b.place || (a.device < b.device ? -1 : 1))
    .map(({ device }) => device);
  const at = circle.indexOf(self);
  const chosen = new Set<DeviceId>();
  for (const step of [1, circle.length - 1]) {
    const next = circle[(at + step) % circle.length];
    if (next !== undefined && next !== self) chosen.add(next);
  }
  const others = circle.filter((device) => device !== self && !chosen.has(device));
  const ranked = others.map((device) => ({ device, rank: mix(`${self}${device}${salt}`) }));
  ranked.sort((a, b) => a.rank - b.rank || (a.device < b.device ? -1 : 1));
  for (const { device } of ranked.slice(0, across)) chosen.add(device);
  return chosen;
}

/** FNV-1a with a final mix (MurmurHash3): spreads ids, no secret depends on it. */
export function mix(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
