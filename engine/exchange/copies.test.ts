import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConversationId, DeviceId, GroupId, OfferId } from '../../protocol/ids.ts';
import { agreementOn } from './agreement.ts';
import { holdersOf, isHere, mayHandOn } from './copies.ts';
import {
  acceptedBlocks,
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
const empty = emptyOffer(offer, 'g'.repeat(22) as GroupId, 'c'.repeat(43) as ConversationId, true);
const [source, here, bob, cid] = ['source', 'here', 'bob', 'cid'] as [DeviceId, DeviceId, DeviceId, DeviceId];
const root = new Uint8Array(32).fill(1);
const bundle = { manifestBytes: 10, files: 3, folders: 1 };
const files = [
  { name: 'x', size: 1_000_000, type: '', bundle },
  { name: 'y', size: 10, type: '' },
];

type Fact = [OfferPayload, FactSource];
const by = (device: DeviceId, lamport: number): FactSource => ({ device, mine: device === here, at: lamport, lamport });
const offered: Fact = [{ kind: 'offer', offer, files }, by(source, 1)];
const takes = (device: DeviceId, lamport = 2): Fact => [
  { kind: 'answer', offer, verdict: 'accepted' },
  by(device, lamport),
];
const takesPart = (device: DeviceId, lamport = 2): Fact => [
  { kind: 'answer', offer, verdict: 'accepted', chosen: [{ file: 0, blocks: [[0, 2]] }] },
  by(device, lamport),
];
const other = new Uint8Array(32).fill(2);
const has = (device: DeviceId, file = 0, what = root): Fact => [
  { kind: 'receipt', offer, file, root: what },
  by(device, 3),
];
const binds = (what = root, device = source): Fact => [{ kind: 'close', offer, file: 0, root: what }, by(device, 3)];
const ends = (device: DeviceId, file = 0): Fact => [{ kind: 'cancel', offer, file }, by(device, 4)];
const fold = (...facts: Fact[]): OfferRecord =>
  facts.reduce((record, [payload, from]) => withFact(record, payload, from), empty);

describe('an offer in a group', () => {
  test('asks nobody, and is fetched by whoever says so', () => {
    const record = fold(offered, takes(bob));
    expect(needsAnswer(record)).toBe(false);
    expect([standingOf(record, 0), standingOf(record, 1)]).toEqual(['waiting', 'waiting']);
    expect(factsOf(record, 0).takers).toEqual([bob]);
    const own = fold(offered, takes(here));
    expect([standingOf(own, 0), standingOf(own, 1)]).toEqual(['accepted', 'accepted']);
  });

  test('is done for a device by its own receipt alone, and again after it let go', () => {
    expect(standingOf(fold(offered, takes(here), takes(bob), has(bob)), 0)).toBe('accepted');
    const done = fold(offered, takes(here), has(here));
    expect([standingOf(done, 0), standingOf(done, 1), isHere(done, 0, here)]).toEqual(['done', 'accepted', true]);
    const gone = fold(offered, takes(here), has(here), ends(here));
    expect([standingOf(gone, 0), standingOf(gone, 1), isHere(gone, 0, here)]).toEqual(['waiting', 'accepted', false]);
    expect(factsOf(gone, 0).holders).toEqual([]);
    expect(standingOf(fold(offered, takes(here), has(here), ends(here), takes(here, 5)), 0)).toBe('accepted');
  });

  test('who wants a part has blocks to give and no copy', () => {
    const record = fold(offered, takesPart(bob), has(bob));
    expect([factsOf(record, 0).holders ?? [], factsOf(record, 0).takers]).toEqual([[], [bob]]);
    const own = fold(offered, takesPart(here), has(here));
    expect(acceptedBlocks(own, 0)).toEqual([[0, 2]]);
    expect([standingOf(own, 0), standingOf(own, 1)]).toEqual(['done', 'waiting']);
  });

  test('is withdrawn by the device that offered it, and by nobody else', () => {
    expect(standingOf(fold(offered, ends(bob)), 0)).toBe('waiting');
    const withdrawn = fold(offered, takes(here), ends(source));
    expect([standingOf(withdrawn, 0), standingOf(withdrawn, 1)]).toEqual(['cancelled', 'accepted']);
    expect(standingOf(fold(offered, takes(here), has(here), ends(source)), 0)).toBe('done');
    // Who offered it says nothing else of it.
    expect(fold(offered, has(source), takes(source))).toEqual(fold(offered));
  });

  test('of which its source says what it is, is told from another by that', () => {
    const done = fold(offered, takes(here), has(here), has(bob), has(cid, 0, other));
    expect(agreementOn(done, 0)).toBe('disputed');
    expect(mayHandOn(done, 0, here)).toBe(true);
    const known = fold(offered, binds(), binds(other), takes(here), has(here), has(bob), has(cid, 0, other));
    expect([agreementOn(known, 0), mayHandOn(known, 0, here)]).toEqual(['same', true]);
    expect(holdersOf(factsOf(known, 0))).toEqual([here, bob]);
    const wrong = fold(offered, takes(here), has(here, 0, other), has(bob), binds());
    expect([standingOf(wrong, 0), isHere(wrong, 0, here), mayHandOn(wrong, 0, here)]).toEqual(['done', true, false]);
    expect([agreementOn(wrong, 0), agreementOn(wrong, 1)]).toEqual(['differs', 'same']);
    expect(holdersOf(factsOf(wrong, 0))).toEqual([bob]);
    // What was said of it outlives the copy, and the next one may be right.
    const gone = fold(offered, takes(here), has(here, 0, other), binds(), ends(here));
    expect([factsOf(gone, 0).root, agreementOn(gone, 0)]).toEqual([root, 'same']);
  });

  test('that its source withdrew stays withdrawn for who lets go of a copy, whatever comes first', () => {
    for (const words of [
      [ends(source), ends(here)],
      [ends(here), ends(source)],
    ])
      expect(standingOf(fold(offered, takes(here), has(here), ...words), 0)).toBe('cancelled');
  });

  test('whose holders name several roots is disputed while they have it, and nobody else says what it is', () => {
    const two = [offered, has(bob), has(cid, 0, other)] as const;
    expect(agreementOn(fold(...two), 0)).toBe('disputed');
    expect(agreementOn(fold(...two, ends(bob)), 0)).toBe('same');
    expect(agreementOn(fold(...two, ends(cid)), 0)).toBe('same');
    expect(agreementOn(fold(...two, has(cid)), 0)).toBe('same');
    expect(agreementOn(fold(...two, binds(root, bob)), 0)).toBe('disputed');
    // The root of a part says nothing of the whole.
    expect(agreementOn(fold(offered, has(bob), takesPart(cid), has(cid, 0, other)), 0)).toBe('same');
    expect(agreementOn(fold(offered, binds(), takesPart(here), has(here, 0, other)), 0)).toBe('same');
  });

  test('comes to the same on every device, however the feeds of others mix', () => {
    // Lamport time grows along a feed.
    const facts = (device: DeviceId) =>
      fc
        .array(
          fc.constantFrom(
            takes(device),
            takesPart(device),
            has(device),
            has(device, 0, other),
            has(device, 1),
            ends(device),
          ),
          { maxLength: 6 },
        )
        .map((feed) => feed.map(([payload], at): Fact => [payload, by(device, 2 + at)]));
    fc.assert(
      fc.property(facts(here), facts(bob), facts(cid), fc.boolean(), fc.infiniteStream(fc.nat(3)), (...drawn) => {
        const [own, bobs, cids, bound, order] = drawn;
        const sources = [offered, ...(bound ? [binds(), binds(other)] : [])];
        const feeds = [sources, [...own], [...bobs], [...cids]].map((feed) => [...feed]);
        const sizes = feeds.map(({ length }) => length);
        const mixed: Fact[] = [];
        for (const at of order) {
          const fact = feeds[at]?.shift();
          if (fact) mixed.push(fact);
          if (feeds.every(({ length }) => length === 0)) break;
        }
        expect(mixed).toHaveLength(sizes.reduce((sum, size) => sum + size, 0));
        const sets = (record: OfferRecord) =>
          [0, 1].map((file) => {
            const { holders = [], takers = [], partial = [] } = factsOf(record, file);
            const sets = [holders, holdersOf(factsOf(record, file)), takers, partial].map((set) => [...set].sort());
            return [...sets, standingOf(record, file), agreementOn(record, file)];
          });
        expect(sets(fold(...mixed))).toEqual(sets(fold(...sources, ...own, ...bobs, ...cids)));
      }),
    );
  });
});
