import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConversationId, DeviceId, GroupId, OfferId } from '../../protocol/ids.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import { agreementOn } from './agreement.ts';
import { bareOf, isDeviceRow, joined, type StoredOffer } from './offer-rows.ts';
import { factsOf, standingOf, type FactSource, type OfferPayload, type OfferRecord } from './offer.ts';
import { Offers } from './offers.ts';

const offer = 'o'.repeat(22) as OfferId;
const [group, chat] = ['g'.repeat(22) as GroupId, 'c'.repeat(43) as ConversationId];
const devices = ['source', 'here', 'bob', 'cid'] as DeviceId[];
const [source, here] = devices as [DeviceId, DeviceId];
const files = [
  { name: 'x', size: 1_000_000, type: '', bundle: { manifestBytes: 10, files: 3, folders: 1 } },
  { name: 'y', size: 10, type: '' },
];
const offering: OfferPayload = { kind: 'offer', offer, files };
const by = (device: DeviceId, lamport: number): FactSource => ({ device, mine: device === here, at: lamport, lamport });

const what = fc.record({
  device: fc.constantFrom(...devices),
  kind: fc.constantFrom('takes', 'part', 'has', 'other', 'ends', 'close'),
  file: fc.nat(1),
});
function payloadOf({ kind, file }: { kind: string; file: number }): OfferPayload {
  if (kind === 'takes') return { kind: 'answer', offer, verdict: 'accepted' };
  if (kind === 'part') return { kind: 'answer', offer, verdict: 'accepted', chosen: [{ file: 0, blocks: [[0, 2]] }] };
  if (kind === 'ends') return { kind: 'cancel', offer, file };
  if (kind === 'close') return { kind: 'close', offer, file, root: new Uint8Array(32).fill(1) };
  return { kind: 'receipt', offer, file, root: new Uint8Array(32).fill(kind === 'has' ? 1 : 2) };
}

const said = (record: OfferRecord | undefined) =>
  record &&
  [0, 1].map((file) => {
    const { holders = [], takers = [], partial = [], toldOtherwise = [], ...rest } = factsOf(record, file);
    const lists = [holders, takers, partial].map((list) => [...list].sort());
    const otherwise = toldOtherwise.map(([device, root]) => `${device} ${root.join()}`).sort();
    return [lists, otherwise, rest, standingOf(record, file), agreementOn(record, file)];
  });

async function loaded(records: MemoryRecords<StoredOffer>): Promise<OfferRecord | undefined> {
  const offers = new Offers(records, () => undefined);
  await offers.load();
  return offers.get(offer);
}

test('a record is read as it was written, however often it changed and failed to be written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(what, { maxLength: 12 }), fc.infiniteStream(fc.boolean()), async (facts, fails) => {
      const records = new MemoryRecords<StoredOffer>();
      const offers = new Offers(records, () => undefined);
      const add = (payload: OfferPayload, from: FactSource) =>
        offers.add(group, chat, payload, from, { inGroup: true });
      await add(offering, by(source, 1));
      for (const [at, fact] of facts.entries()) {
        const [failing] = fails.take(1);
        records.beforeWrite = () => {
          if (failing) throw new Error('the storage failed');
        };
        // Taken again until it is durable.
        await add(payloadOf(fact), by(fact.device, at + 2)).catch(() => undefined);
        records.beforeWrite = () => undefined;
        if (failing) await add(payloadOf(fact), by(fact.device, at + 2));
      }
      expect(said(await loaded(records))).toEqual(said(offers.get(offer)));
    }),
    { numRuns: 300 },
  );
});

test('what a device says is written without what all others say', async () => {
  const records = new MemoryRecords<StoredOffer>();
  const keys: string[] = [];
  records.beforeWrite = (key) => keys.push(key);
  const offers = new Offers(records, () => undefined);
  const add = (payload: OfferPayload, from: FactSource) => offers.add(group, chat, payload, from, { inGroup: true });
  await add(offering, by(source, 1));
  for (const device of devices.slice(1)) await add(payloadOf({ kind: 'takes', file: 0 }), by(device, 2));
  keys.length = 0;
  await add(payloadOf({ kind: 'has', file: 1 }), by('bob' as DeviceId, 3)); // the first root is in the record
  await add(payloadOf({ kind: 'has', file: 1 }), by('cid' as DeviceId, 3));
  await add(payloadOf({ kind: 'has', file: 1 }), by('cid' as DeviceId, 3));
  expect(keys).toEqual([`${offer} bob`, offer, `${offer} cid`]);
  expect(JSON.stringify(records.at(offer))).not.toContain('bob');
});

test('a record that an earlier version wrote in one is taken apart when it changes', async () => {
  const records = new MemoryRecords<StoredOffer>();
  const before = new Offers(new MemoryRecords<StoredOffer>(), () => undefined);
  const how = { inGroup: true };
  await before.add(group, chat, offering, by(source, 1), how);
  for (const device of devices.slice(1))
    await before.add(group, chat, payloadOf({ kind: 'takes', file: 0 }), by(device, 2), how);
  const whole = before.get(offer) as OfferRecord;
  await records.put(offer, whole);
  expect(said(await loaded(records))).toEqual(said(whole));
  const after = new Offers(records, () => undefined);
  await after.load();
  await after.add(group, chat, payloadOf({ kind: 'ends', file: 0 }), by('bob' as DeviceId, 3), how);
  await after.keepFacts(offer, 1, { doneBytes: 3 });
  const rows = (await records.all()).filter(isDeviceRow);
  expect(rows.map(({ device }) => device).sort()).toEqual(['bob', 'cid', 'here']);
  expect(records.at(offer)).toEqual(bareOf(after.get(offer) as OfferRecord));
  expect(said(await loaded(records))).toEqual(said(after.get(offer)));
  expect(said(joined(whole, rows))?.[0]).toEqual(said(after.get(offer))?.[0]);
});
