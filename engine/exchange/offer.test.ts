import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccountId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import {
  emptyOffer,
  factsOf,
  needsAnswer,
  standingOf,
  withFact,
  type FactSource,
  type OfferPayload,
  type OfferRecord,
} from './offer.ts';

const offer = 'o'.repeat(22) as OfferId;
const empty = emptyOffer(offer, 'a'.repeat(22) as AccountId, 'c'.repeat(43) as ConversationId, false);
const them = 't'.repeat(22) as DeviceId;
const [mine, mine2] = ['m'.repeat(22) as DeviceId, 'n'.repeat(22) as DeviceId];
const root = new Uint8Array(32).fill(1);
const other = new Uint8Array(32).fill(2);
const file = (name: string, size = 10) => ({ name, size, type: '' });

const theirs = (lamport: number, device = them): FactSource => ({ device, mine: false, at: lamport, lamport });
const ours = (lamport: number, device = mine): FactSource => ({ device, mine: true, at: lamport, lamport });

type Fact = [OfferPayload, FactSource];
const offered: Fact = [{ kind: 'offer', offer, files: [file('x'), file('y')] }, theirs(1)];
const accepted = (source = ours(2)): Fact => [{ kind: 'answer', offer, verdict: 'accepted' }, source];
const declined = (source = ours(2)): Fact => [{ kind: 'answer', offer, verdict: 'declined' }, source];
const closed = (source = theirs(3), bytes = root): Fact => [{ kind: 'close', offer, file: 0, root: bytes }, source];
const receipt = (source = ours(4), bytes = root): Fact => [{ kind: 'receipt', offer, file: 0, root: bytes }, source];
const cancelled = (source: FactSource): Fact => [{ kind: 'cancel', offer, file: 0 }, source];

const fold = (...facts: Fact[]): OfferRecord =>
  facts.reduce((record, [payload, source]) => withFact(record, payload, source), empty);

describe('facts of an offer', () => {
  test('make it waiting, accepted, done', () => {
    expect(needsAnswer(fold(offered))).toBe(true);
    expect(standingOf(fold(offered, accepted()), 0)).toBe('accepted');
    expect(standingOf(fold(offered, accepted(), closed()), 0)).toBe('accepted');
    const done = fold(offered, accepted(), closed(), receipt());
    expect([standingOf(done, 0), standingOf(done, 1)]).toEqual(['done', 'accepted']);
    expect(factsOf(done, 0).receivedBy).toBe(mine);
  });

  test.each<[string, Fact[], string]>([
    ['an acceptance by who offers', [offered, accepted(theirs(2))], 'waiting'],
    ['the same, before the offer', [accepted(theirs(0)), offered], 'waiting'],
    ['a receipt by who offers', [offered, accepted(), closed(), receipt(theirs(4))], 'accepted'],
    ['the same, before the offer', [receipt(theirs(0)), closed(theirs(0)), offered, accepted()], 'accepted'],
    ['a receipt of other bytes', [offered, accepted(), closed(), receipt(ours(4), other)], 'accepted'],
    ['a receipt without a root', [offered, accepted(), receipt()], 'accepted'],
    ['a root by another device', [offered, accepted(), closed(theirs(3, mine2)), receipt()], 'accepted'],
    ['the same, before the offer', [closed(theirs(0, mine2), other), offered, accepted(), closed(), receipt()], 'done'],
    ['a second root', [offered, accepted(), closed(), closed(theirs(5), other), receipt()], 'done'],
    ['a right receipt after a wrong one', [offered, accepted(), closed(), receipt(ours(4), other), receipt()], 'done'],
    ['a cancellation after the receipt', [offered, accepted(), closed(), receipt(), cancelled(theirs(9))], 'done'],
    ['a receipt after the cancellation', [offered, accepted(), closed(), cancelled(theirs(9)), receipt()], 'done'],
    ['a second answer', [offered, accepted(ours(2)), declined(ours(3))], 'accepted'],
    [
      'an earlier answer of another device that comes later',
      [offered, accepted(ours(3)), declined(ours(2, mine2))],
      'declined',
    ],
  ])('%s', (_, facts, standing) => expect(standingOf(fold(...facts), 0)).toBe(standing));

  test('a fact of a file that is not there changes nothing', () => {
    const record = fold(offered);
    expect(withFact(record, { kind: 'cancel', offer, file: 499 }, theirs(2))).toBe(record);
  });

  test('once answered, a knock or the feed cannot put other files in its place', () => {
    const knocked = withFact(empty, { kind: 'offer', offer, files: [file('harmless')] }, theirs(1), true);
    expect(withFact(knocked, { kind: 'offer', offer, files: [file('harmless')] }, theirs(1), true)).toBe(knocked);
    const answered = withFact(knocked, ...accepted());
    for (const asKnock of [true, false]) {
      const after = withFact(
        answered,
        { kind: 'offer', offer, files: [file('harmful'), file('more')] },
        theirs(3),
        asKnock,
      );
      expect(after.offered?.files).toEqual([file('harmless')]);
    }
    const after = withFact(answered, { kind: 'offer', offer, files: [file('harmless')] }, theirs(3));
    expect([after.offered?.knocked, standingOf(after, 0)]).toEqual([false, 'accepted']);
    // Of another device it is no word on this offer.
    expect(withFact(knocked, { kind: 'offer', offer, files: [file('x')] }, theirs(3, mine2))).toBe(knocked);
  });

  test('what comes before the offer is bounded, and kept once', () => {
    let record = empty;
    for (let i = 0; i < 3; i++) record = withFact(record, ...cancelled(theirs(1)));
    expect(record.early).toHaveLength(1);
    for (let i = 0; i < 5000; i++)
      record = withFact(
        record,
        { kind: 'receipt', offer, file: i % 500, root: new Uint8Array(32).fill(i % 7) },
        theirs(i),
      );
    expect(record.early?.length).toBeLessThan(1600);
    expect(fold(offered).early).toBeUndefined();
  });

  test('make the same record in whatever order they come', () => {
    const facts: Fact[] = [
      offered,
      accepted(ours(2)),
      accepted(ours(2, mine2)),
      declined(ours(5, mine2)),
      closed(),
      receipt(),
      cancelled(theirs(7)),
      accepted(theirs(1)),
      closed(theirs(2, mine2), other),
      receipt(theirs(2), other),
    ];
    const meant = fold(...facts);
    fc.assert(
      fc.property(fc.shuffledSubarray(facts, { minLength: facts.length, maxLength: facts.length }), (order) => {
        const record = fold(...order);
        expect([record.answer, standingOf(record, 0), standingOf(record, 1), factsOf(record, 0).root]).toEqual([
          meant.answer,
          standingOf(meant, 0),
          standingOf(meant, 1),
          factsOf(meant, 0).root,
        ]);
        expect(record.early).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});
