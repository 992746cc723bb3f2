import { expect, it } from 'vitest';
import type { DeviceId } from '../../protocol/ids.ts';
import { Delivery } from './delivery.ts';

const phone = 'P'.repeat(22) as DeviceId;
const laptop = 'L'.repeat(22) as DeviceId;
const states = (delivery: Delivery, devices = [phone, laptop]) =>
  [0, 1, 2].map((sequence) => delivery.stateOf(sequence, devices));

it('shows an entry as no more than it is', () => {
  const delivery = new Delivery();
  expect(states(delivery)).toEqual(['queued', 'queued', 'queued']);
  delivery.sent(phone, 2);
  expect(states(delivery)).toEqual(['sent', 'sent', 'queued']);
  expect(delivery.acknowledged(laptop, 1)).toBe(true);
  expect(states(delivery)).toEqual(['delivered', 'sent', 'queued']);
  expect(states(delivery, [phone])).toEqual(['sent', 'sent', 'queued']);
  expect(states(delivery, [])).toEqual(['queued', 'queued', 'queued']);
});

it('waits again when the link goes before the acknowledgement', () => {
  const delivery = new Delivery();
  delivery.sent(phone, 3);
  delivery.acknowledged(phone, 1);
  delivery.linkClosed(phone);
  expect(states(delivery)).toEqual(['delivered', 'queued', 'queued']);
});

it('never takes an acknowledgement back, and says what is news', () => {
  const delivery = new Delivery();
  expect([2, 1, 2, 3].map((length) => delivery.acknowledged(phone, length))).toEqual([true, false, false, true]);
  delivery.sent(phone, 1);
  expect(states(delivery)).toEqual(['delivered', 'delivered', 'delivered']);
});

it('comes back from its record with what was acknowledged and nothing more', () => {
  const delivery = new Delivery();
  delivery.acknowledged(phone, 1);
  delivery.sent(phone, 3);
  const stored: unknown = JSON.parse(JSON.stringify(delivery.record()));
  expect(states(new Delivery(stored as [DeviceId, number][]))).toEqual(['delivered', 'queued', 'queued']);
});
