/**
 * Whom this device wants a link to for a file that goes over several: the device that offered it, some that have it, and some that fetch it
 * too. Everybody chooses others, by chance that stays the same, so that all are connected over a few links each: with 200 that fetch at once
 * each has about ten.
 */
import type { DeviceId } from '../../protocol/ids.ts';
import { mix } from '../groups/neighbours.ts';
import { holdersOf } from './copies.ts';
import { factsOf, type OfferRecord } from './offer.ts';

const holdersAtMost = 3;
const othersAtMost = 6;

/** @param reachable whether a device is online and may have the files: asked once for each, however many files there are. */
export function partnersOf(
  record: OfferRecord,
  files: readonly number[],
  here: DeviceId,
  reachable: (device: DeviceId) => boolean,
): Set<DeviceId> {
  const { offer, offered } = record;
  const ranks = new Map<DeviceId, number>();
  const rank = (device: DeviceId): number => {
    const known = ranks.get(device);
    if (known !== undefined) return known;
    const wanted = device !== here && device !== offered?.device && reachable(device);
    const made = wanted ? mix(`${here}${device}${offer}`) : Infinity;
    ranks.set(device, made);
    return made;
  };
  const chosen = (devices: readonly DeviceId[], count: number): DeviceId[] =>
    devices
      .filter((device) => rank(device) < Infinity)
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, count);
  const partners = new Set<DeviceId>();
  if (files.length > 0 && offered && offered.device !== here && reachable(offered.device)) partners.add(offered.device);
  for (const file of files) {
    const facts = factsOf(record, file);
    const holders = chosen(holdersOf(facts), holdersAtMost);
    const others = chosen(facts.takers ?? [], othersAtMost - holders.length);
    for (const device of [...holders, ...others]) partners.add(device);
  }
  return partners;
}
