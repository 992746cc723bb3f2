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

/** @param reachable whether a device is online and may have the file. */
export function partnersOf(
  record: OfferRecord,
  file: number,
  here: DeviceId,
  reachable: (device: DeviceId) => boolean,
): DeviceId[] {
  const { offer, offered } = record;
  const facts = factsOf(record, file);
  const rank = (device: DeviceId): number => mix(`${here}${device}${offer}`);
  const chosen = (devices: readonly DeviceId[], count: number): DeviceId[] =>
    devices
      .filter((device) => device !== here && device !== offered?.device && reachable(device))
      .map((device) => ({ device, rank: rank(device) }))
      .sort((a, b) => a.rank - b.rank)
      .slice(0, count)
      .map(({ device }) => device);
  const holders = chosen(holdersOf(facts), holdersAtMost);
  const others = chosen(facts.takers ?? [], othersAtMost - holders.length);
  const from = offered && offered.device !== here && reachable(offered.device) ? [offered.device] : [];
  return [...from, ...holders, ...others];
}
