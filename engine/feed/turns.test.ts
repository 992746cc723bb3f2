import { beforeEach, expect, it } from 'vitest';
import { VirtualClock } from '../testing/clock.ts';
import { Turns } from './turns.ts';

let clock: VirtualClock;
let turns: Turns<string>;
let answered: string[];
const waits = (peer: string) => turns.waits(peer, () => answered.push(peer));
beforeEach(() => {
  clock = new VirtualClock();
  turns = new Turns(clock);
  answered = [];
});

it('lets nobody wait while nobody brings more', () => {
  expect(waits('ann')).toBe(false);
  turns.brought('bob', false);
  expect(waits('ann')).toBe(false);
});

it('lets those who bring the same wait until the first is done', () => {
  turns.brought('ann', true);
  expect([waits('bob'), waits('cid'), waits('ann')]).toEqual([true, true, false]);
  turns.brought('ann', true);
  expect(answered).toEqual([]);
  turns.brought('ann', false);
  expect(answered).toEqual(['bob', 'cid']);
  expect(waits('bob')).toBe(false);
});

it('lets them go on when the first is gone, and not who is gone as well', () => {
  turns.brought('ann', true);
  expect([waits('bob'), waits('cid')]).toEqual([true, true]);
  turns.gone('bob');
  turns.gone('ann');
  expect(answered).toEqual(['cid']);
});

it('lets nobody wait for long, however busy the first is or how silent', () => {
  turns.brought('ann', true);
  expect(waits('bob')).toBe(true);
  clock.runSync(1_500);
  turns.brought('ann', true);
  clock.runSync(600);
  expect(answered).toEqual(['bob']);
  expect(waits('bob')).toBe(true);
  clock.runSync(2_000);
  expect(answered).toEqual(['bob', 'bob']);
  expect(waits('bob')).toBe(false);
});

it('gives the turn to whoever brings something new, and lets the first wait then', () => {
  turns.brought('ann', true);
  turns.brought('bob', true);
  expect([waits('bob'), waits('ann')]).toEqual([false, true]);
});
