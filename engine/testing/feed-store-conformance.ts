/** What every `FeedStore` must do; each adapter runs this suite in its own test. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { FeedStore, StoredEntry } from '../ports.ts';

const talk = 'A'.repeat(43) as ConversationId;
const otherTalk = 'B'.repeat(43) as ConversationId;
const ann = `${'A'.repeat(21)}w` as DeviceId;
/** After `ann` by code unit, before her where case is folded. */
const bob = `${'_'.repeat(21)}w` as DeviceId;
const cid = `${'a'.repeat(21)}g` as DeviceId;

const entry = (
  device: DeviceId,
  sequence: number,
  lamport: number,
  changes: Partial<StoredEntry> = {},
): StoredEntry => ({
  conversation: talk,
  device,
  sequence,
  lamport,
  wall: 1_700_000_000_000 + lamport,
  clamped: false,
  wire: new Uint8Array([1, 2, sequence & 255, lamport & 255]),
  hash: new Uint8Array(32).fill(sequence * 16 + lamport),
  ...changes,
});

export interface StoreUnderTest {
  store: FeedStore;
  /** The same data through a new adapter, as after a restart. */
  reopen: () => Promise<FeedStore>;
}

/** `makeStore` gives an empty store for each test. */
export function feedStoreConformance(makeStore: () => Promise<StoreUnderTest>): void {
  describe('FeedStore', () => {
    let store: FeedStore;
    let reopen: () => Promise<FeedStore>;
    beforeEach(async () => ({ store, reopen } = await makeStore()));

    it('is empty at first', async () => {
      expect(await store.heads(talk)).toEqual(new Map());
      expect(await store.range(talk, ann, 0, 10)).toEqual([]);
      expect(await store.history(talk, 10)).toEqual([]);
      await store.append([]);
      expect(await store.heads(talk)).toEqual(new Map());
    });

    it('gives back what was appended, byte for byte, also after a restart', async () => {
      const entries = [
        entry(ann, 0, 1),
        entry(ann, 1, 2, { clamped: true, wire: new Uint8Array(70_000).fill(7) }),
        entry(bob, 0, 2),
      ];
      await store.append(entries);
      for (const opened of [store, await reopen()]) {
        expect(await opened.range(talk, ann, 0, 10)).toEqual(entries.slice(0, 2));
        expect(await opened.range(talk, bob, 0, 10)).toEqual(entries.slice(2));
        expect(await opened.heads(talk)).toEqual(
          new Map([
            [ann, { length: 2, hash: entries[1]?.hash, lamport: 2 }],
            [bob, { length: 1, hash: entries[2]?.hash, lamport: 2 }],
          ]),
        );
      }
    });

    it('cuts a range at its limit and at the end of the feed', async () => {
      const entries = Array.from({ length: 12 }, (_, sequence) => entry(ann, sequence, sequence + 1));
      await store.append([...entries, entry(bob, 0, 5)]);
      expect(await store.range(talk, ann, 0, 3)).toEqual(entries.slice(0, 3));
      expect(await store.range(talk, ann, 9, 3)).toEqual(entries.slice(9));
      expect(await store.range(talk, ann, 10, 30)).toEqual(entries.slice(10));
      expect(await store.range(talk, ann, 12, 1)).toEqual([]);
      expect(await store.range(talk, ann, Number.MAX_SAFE_INTEGER - 1, 1)).toEqual([]);
      expect(await store.range(talk, ann, 0, 0)).toEqual([]);
    });

    it('keeps conversations and devices apart', async () => {
      await store.append([entry(ann, 0, 1), entry(ann, 0, 9, { conversation: otherTalk })]);
      expect((await store.heads(otherTalk)).get(ann)?.lamport).toBe(9);
      expect((await store.range(talk, ann, 0, 9)).map(({ lamport }) => lamport)).toEqual([1]);
      expect(await store.range(talk, bob, 0, 9)).toEqual([]);
      expect((await store.history(otherTalk, 9)).map(({ lamport }) => lamport)).toEqual([9]);
    });

    it('orders a history by Lamport time, device by code unit, and sequence', async () => {
      await store.append([
        entry(cid, 0, 1),
        entry(cid, 1, 300),
        entry(bob, 0, 1),
        entry(ann, 0, 1),
        entry(ann, 1, 2),
        entry(bob, 1, 256),
      ]);
      const seen = (entries: StoredEntry[]) => entries.map(({ device, sequence }) => [device, sequence]);
      const order = [
        [ann, 0],
        [bob, 0],
        [cid, 0],
        [ann, 1],
        [bob, 1],
        [cid, 1],
      ];
      expect(seen(await store.history(talk, 100))).toEqual(order);
      expect(seen(await store.history(talk, 2))).toEqual(order.slice(4));
      expect(seen(await store.history(talk, 2, { lamport: 256, device: bob, sequence: 1 }))).toEqual(order.slice(2, 4));
      expect(seen(await store.history(talk, 9, { lamport: 1, device: cid, sequence: 0 }))).toEqual(order.slice(0, 2));
      expect(await store.history(talk, 9, { lamport: 1, device: ann, sequence: 0 })).toEqual([]);
      expect(await store.history(talk, 0)).toEqual([]);
    });

    it('orders by sequence where a feed stays at one Lamport time', async () => {
      const last = Number.MAX_SAFE_INTEGER;
      await store.append([0, 1, 2].map((sequence) => entry(ann, sequence, last)));
      expect((await store.history(talk, 2)).map(({ sequence }) => sequence)).toEqual([1, 2]);
      expect(
        (await store.history(talk, 9, { lamport: last, device: ann, sequence: 2 })).map(({ sequence }) => sequence),
      ).toEqual([0, 1]);
    });

    it('takes the same entry again and changes nothing', async () => {
      await store.append([entry(ann, 0, 1)]);
      await store.append([entry(ann, 0, 1), entry(ann, 1, 2)]);
      expect((await store.heads(talk)).get(ann)?.length).toBe(2);
      expect(await store.history(talk, 9)).toHaveLength(2);
    });

    it('rejects another entry at a place that is taken, and then writes nothing of the batch', async () => {
      await store.append([entry(ann, 0, 1), entry(ann, 1, 2)]);
      const rival = entry(ann, 0, 1, { hash: new Uint8Array(32).fill(255) });
      await expect(store.append([entry(bob, 0, 3), rival, entry(ann, 2, 4)])).rejects.toThrow();
      for (const opened of [store, await reopen()]) {
        expect((await opened.history(talk, 9)).map(({ lamport }) => lamport)).toEqual([1, 2]);
        expect(await opened.range(talk, bob, 0, 1)).toEqual([]);
        expect((await opened.heads(talk)).get(ann)?.length).toBe(2);
      }
    });

    it('reads on after a place, which need not be that of an entry', async () => {
      await store.append([entry(ann, 0, 1), entry(bob, 0, 1), entry(ann, 1, 5), entry(bob, 1, 9)]);
      const after = async (limit: number, lamport: number, device: DeviceId, sequence: number) =>
        (await store.historyAfter(talk, limit, { lamport, device, sequence })).map((one) => [one.device, one.sequence]);
      expect(await after(9, 1, ann, 0)).toEqual([
        [bob, 0],
        [ann, 1],
        [bob, 1],
      ]);
      expect(await after(1, 1, bob, 0)).toEqual([[ann, 1]]);
      expect(await after(2, 4, '' as DeviceId, 0)).toEqual([
        [ann, 1],
        [bob, 1],
      ]);
      expect(await after(9, 9, bob, 1)).toEqual([]);
      expect(await after(0, 0, ann, 0)).toEqual([]);
      expect(await store.historyAfter(otherTalk, 9, { lamport: 0, device: ann, sequence: 0 })).toEqual([]);
    });

    it('replaces entries that are there, and only those', async () => {
      const bare = entry(ann, 0, 1, { wire: new Uint8Array([7]) });
      await store.append([entry(ann, 0, 1), entry(ann, 1, 2)]);
      const rival = entry(ann, 1, 2, { wire: new Uint8Array([8]), hash: new Uint8Array(32).fill(255) });
      await store.replace([bare, rival, entry(bob, 0, 3)]);
      for (const opened of [store, await reopen()]) {
        expect(await opened.range(talk, ann, 0, 9)).toEqual([bare, entry(ann, 1, 2)]);
        expect(await opened.history(talk, 9)).toEqual([bare, entry(ann, 1, 2)]);
        expect([...(await opened.heads(talk)).keys()]).toEqual([ann]);
      }
      // Who still has the payload brings nothing back.
      await store.append([entry(ann, 0, 1)]);
      expect((await store.range(talk, ann, 0, 1))[0]).toEqual(bare);
    });

    it('takes appends at the same time', async () => {
      await Promise.all([store.append([entry(ann, 0, 1)]), store.append([entry(bob, 0, 1)])]);
      expect((await store.heads(talk)).size).toBe(2);
    });
  });
}
