/**
 * Owns which members' devices this one keeps links to, so that what anybody says reaches everybody by being handed on, without each being
 * linked to all. Everybody who sees the same devices online puts them into the same circle; each links to both neighbours there, which
 * connects all, and to a few across, chosen by chance that stays the same, which makes the way short: for 200 devices about 5 steps.
 * Whom a device has chosen across has it as a neighbour too, so both ends of a link know what it is for.
 */
import type { DeviceId } from '../../protocol/ids.ts';

/** Links across the circle that each chooses; it is chosen by about as many. */
const across = 2;

interface Spot {
  device: DeviceId;
  place: number;
}

/** @param online devices of members, this one among them or not. @param salt another one makes another circle. */
export function neighbours(self: DeviceId, online: Iterable<DeviceId>, salt: string): Set<DeviceId> {
  const circle = [...new Set([...online, self])]
    .map((device): Spot => ({ device, place: mix(`${salt}${device}`) }))
    .sort((a, b) => a.place - b.place || (a.device < b.device ? -1 : 1));
  const at = circle.findIndex(({ device }) => device === self);
  const near = new Set<DeviceId>();
  for (const step of [1, circle.length - 1]) {
    const next = circle[(at + step) % circle.length];
    if (next && next.device !== self) near.add(next.device);
  }
  for (const device of chosenAcross(circle, at)) near.add(device);
  circle.forEach(({ device }, other) => {
    if (other !== at && !near.has(device) && isChosen(circle, at, other)) near.add(device);
  });
  return near;
}

const besides = (circle: readonly Spot[], at: number, other: number): boolean =>
  other !== at && (other + 1) % circle.length !== at && (at + 1) % circle.length !== other;

function chosenAcross(circle: readonly Spot[], at: number): DeviceId[] {
  const own = circle[at]?.place ?? 0;
  return circle
    .flatMap(({ device, place }, other) => (besides(circle, at, other) ? [{ device, rank: rank(own, place) }] : []))
    .sort((a, b) => a.rank - b.rank || (a.device < b.device ? -1 : 1))
    .slice(0, across)
    .map(({ device }) => device);
}

/** Whether `by` has chosen the device at `at`: fewer than `across` others come before it. */
function isChosen(circle: readonly Spot[], at: number, by: number): boolean {
  const [self, own] = [circle[at], circle[by]];
  if (!self || !own) return false;
  const mine = rank(own.place, self.place);
  let before = 0;
  for (let other = 0; other < circle.length && before < across; other++) {
    const spot = circle[other];
    if (!spot || other === at || !besides(circle, by, other)) continue;
    const theirs = rank(own.place, spot.place);
    if (theirs < mine || (theirs === mine && spot.device < self.device)) before++;
  }
  return before < across;
}

/** Whose turn it is to do what one of all who are online should do: 0 is first. The same for all who see the same devices online. */
export function turnOf(self: DeviceId, online: Iterable<DeviceId>, salt: string): number {
  const own = mix(`turn${salt}${self}`);
  return [...new Set(online)].filter((device) => device !== self && mix(`turn${salt}${device}`) < own).length;
}

/** What one place draws for another: another order of all the others for each. */
const rank = (own: number, other: number): number => scramble(Math.imul(own, 0x9e3779b1) ^ other);

/** FNV-1a with a final mix (MurmurHash3): spreads ids, no secret depends on it. */
export function mix(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return scramble(hash);
}

function scramble(number: number): number {
  let hash = number;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
