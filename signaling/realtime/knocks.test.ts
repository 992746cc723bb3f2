import { describe, expect, it } from 'vitest';
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { randomId } from '../testing.ts';
import { Knocks, type Knock } from './knocks.ts';

const to = 'recipient' as DeviceId;
const knock = (sender: string, change: Partial<Knock> = {}, box = 'AAAA'): Knock => ({
  event: { account: sender as AccountId, device: `${sender}'s` as DeviceId, id: randomId(), box },
  toAccount: 'them' as AccountId,
  to,
  at: 0,
  ...change,
});
const senders = (knocks: Knocks) => knocks.waitingFor(to, 0).map((one) => one.event.account);

describe('knocks', () => {
  it('give way within a recipient by the loudest sender', () => {
    const knocks = new Knocks(1e6);
    for (let i = 0; i < limits.knocksPerSender + 3; i++) knocks.put(knock('loud'));
    expect(senders(knocks)).toHaveLength(limits.knocksPerSender);
    for (let i = 0; i < limits.knocksPerRecipient - 1; i++) knocks.put(knock(`quiet-${i}`));
    expect(senders(knocks)).toHaveLength(limits.knocksPerRecipient);
    expect(senders(knocks).filter((sender) => sender === 'loud')).toHaveLength(1);
  });

  it('end with their time', () => {
    const knocks = new Knocks(1e6);
    knocks.put(knock('early'));
    knocks.put(knock('late', { at: 1000 }));
    expect(knocks.waitingFor(to, limits.knockTtlMs + 1)).toHaveLength(1);
    knocks.forgetExpired(limits.knockTtlMs + 2000);
    expect(knocks.size).toBe(0);
  });

  it('never take more memory than they may; the oldest of all go first', () => {
    const knocks = new Knocks(10_000);
    for (let i = 0; i < 100; i++) knocks.put(knock(`sender-${i}`, { to: `device-${i}` as DeviceId }, 'A'.repeat(1000)));
    expect(knocks.size).toBe(10);
    expect(knocks.waitingFor('device-0' as DeviceId, 0)).toEqual([]);
    expect(knocks.waitingFor('device-99' as DeviceId, 0)).toHaveLength(1);
  });

  it('forget a device, and what is between two people', () => {
    const knocks = new Knocks(1e6);
    knocks.put(knock('a'));
    knocks.put(knock('b'));
    knocks.forgetBetween('them' as AccountId, 'a' as AccountId);
    expect(senders(knocks)).toEqual(['b']);
    knocks.forgetDevice(to);
    expect(knocks.size).toBe(0);
  });
});
