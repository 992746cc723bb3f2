import { expect, test } from 'vitest';
import type { ConversationId, DeviceId, GroupId, OfferId } from '../../protocol/ids.ts';
import { emptyOffer, type OfferRecord } from './offer.ts';
import { partnersOf } from './partners.ts';

const devices = Array.from({ length: 200 }, (_, at) => `device ${at}` as DeviceId);
const [source] = devices as [DeviceId, ...DeviceId[]];

const recordOf = (holders: DeviceId[], takers: DeviceId[]): OfferRecord => ({
  ...emptyOffer('offer' as OfferId, 'group' as GroupId, 'chat' as ConversationId, true),
  offered: { device: source, mine: false, at: 0, files: [{ name: 'a', size: 1, type: '' }], knocked: false },
  files: [{ holders, takers }],
});

/** How many devices come together over links that either end wants, beginning with the first of them. */
function together(all: readonly DeviceId[], wanted: ReadonlyMap<DeviceId, readonly DeviceId[]>): number {
  const linked = (a: DeviceId, b: DeviceId) =>
    wanted.get(a)?.includes(b) === true || wanted.get(b)?.includes(a) === true;
  const reached = new Set(all.slice(0, 1));
  for (const from of reached) for (const to of all) if (linked(from, to)) reached.add(to);
  return reached.size;
}

test('200 that fetch at once are connected over a few links each, also without the device that offered the file', () => {
  const takers = devices.slice(1);
  const record = recordOf([], takers);
  const wanted = new Map(
    takers.map((device) => [device, [...partnersOf(record, [0], device, (other) => other !== source)]]),
  );
  expect(together(takers, wanted)).toBe(199);
  const links = takers.map(
    (device) =>
      takers.filter((other) => wanted.get(device)?.includes(other) || wanted.get(other)?.includes(device)).length,
  );
  expect(Math.max(...links)).toBeLessThan(32);
});

test('holders come first, nobody who cannot be reached, and never oneself', () => {
  const [here, a, b, c, d, e] = devices.slice(1) as [DeviceId, DeviceId, DeviceId, DeviceId, DeviceId, DeviceId];
  const all = [...partnersOf(recordOf([here, a, b, c, d], [here, e]), [0], here, () => true)];
  expect(all[0]).toBe(source);
  expect(all).toHaveLength(5);
  expect(all).toContain(e);
  expect(all).not.toContain(here);
  expect([...partnersOf(recordOf([a, b], [e]), [0], here, (device) => device === b)]).toEqual([b]);
});

test('of many files of an offer the same ones are asked for all, and each is looked at once', () => {
  const [here, ...others] = devices.slice(1) as [DeviceId, ...DeviceId[]];
  const one = recordOf([], others);
  const all = Array.from({ length: 500 }, (_, file) => file);
  const record = { ...one, files: all.flatMap(() => one.files) };
  let looked = 0;
  const partners = partnersOf(record, all, here, () => ++looked > 0);
  expect(looked).toBe(devices.length - 1);
  expect(partners).toEqual(partnersOf(one, [0], here, () => true));
  expect(partnersOf(record, [], here, () => true).size).toBe(0);
});
