import { expect, test } from 'vitest';
import type { ConversationId, DeviceId, GroupId, OfferId } from '../../protocol/ids.ts';
import type { Link } from '../links/link.ts';
import type { BlobSource } from '../ports.ts';
import { VirtualClock } from '../testing/clock.ts';
import { cheapDevice, hashes } from '../testing/keys.ts';
import { MemoryBlobs } from '../testing/memory-blobs.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import { LeafTable } from '../transfer/leaf-table.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { Found } from '../transfer/sender.ts';
import { Handout } from './handout.ts';
import { LastWords } from './last-words.ts';
import { emptyOffer, fileKey, withFact, type FactSource, type OfferRecord } from './offer.ts';
import { Offers } from './offers.ts';
import { ProgressBook } from './progress.ts';
import type { Sharing } from './sharing.ts';
import { TransferQueue } from './transfer-queue.ts';
import { UploadPlaces } from './upload-places.ts';

const here = cheapDevice(1);
const there = cheapDevice(2).id;
const offer = 'o'.repeat(22) as OfferId;
const files = [{ name: 'a', size: 10, type: '' }];
const by = (device: DeviceId, lamport: number): FactSource => ({ device, mine: device === here.id, at: 1, lamport });
const link = { device: there } as Partial<Link> as Link;
const another = { device: cheapDevice(3).id } as Partial<Link> as Link;

/** One place for all that is sent, and a file that opens when it is told to. */
function handout(offeredHere: boolean) {
  const clock = new VirtualClock();
  const links = new Map(
    [link, another].map((one): [Link, LinkTransfers] => [one, {} as Partial<LinkTransfers> as LinkTransfers]),
  );
  const empty = emptyOffer(offer, 'g'.repeat(22) as GroupId, 'c'.repeat(43) as ConversationId, true);
  const offered = withFact(empty, { kind: 'offer', offer, files }, by(offeredHere ? here.id : there, 1));
  const root = new Uint8Array(32);
  const record: OfferRecord = withFact(offered, { kind: 'receipt', offer, file: 0, root }, by(here.id, 2));
  const offers = new Offers(new MemoryRecords(), () => undefined);
  const queue = new TransferQueue(new MemoryRecords(), () => true);
  queue.setAtOnce(1);
  const places = new UploadPlaces({ clock, queue, waiting: () => [] });
  const state = { allowed: true, open: () => undefined as unknown };
  const opened = new Promise<void>((resolve) => (state.open = resolve));
  const leaves = new LeafTable();
  const source = { sizeBytes: 10, leaves: () => leaves, close: () => undefined } as Partial<BlobSource> as BlobSource;
  const copy = { kind: 'blob' } as Found;
  const unexpected = (problem: unknown) => expect.unreachable(String(problem));
  const blobs = new MemoryBlobs(hashes);
  blobs.openSource = () => opened.then(() => source);
  const parts = new Handout({
    clock,
    hashes,
    keys: here,
    blobs,
    offers,
    links,
    places,
    lastWords: new LastWords({ clock, append: () => Promise.resolve(true), refused: unexpected, report: unexpected }),
    act: () => undefined,
    progress: new ProgressBook(() => record),
    sharing: { has: () => false, find: () => copy } as unknown as Sharing,
    mayHave: () => state.allowed,
    openCopy: () => opened,
    fail: unexpected,
    changed: () => undefined,
    report: unexpected,
  });
  const gone = () => {
    links.delete(link);
    parts.linkClosed(link);
    places.linkClosed(link);
  };
  const isFree = () => places.take(another, { key: 'other-0', at: 1, file: 0, leftBytes: 1 });
  return { handout: parts, record, state, gone, isFree };
}

for (const offeredHere of [true, false]) {
  const what = offeredHere ? 'a file' : 'a copy';

  test(`whoever goes, or stops, while ${what} opens holds no place`, async () => {
    for (const end of ['gone', 'stopped']) {
      const { handout: one, record, state, gone, isFree } = handout(offeredHere);
      const found = one.find(link, record, 0);
      if (end === 'gone') gone();
      else one.onSending(link, record, { kind: 'stopped', offer, file: 0, by: 'peer', reason: 'paused' });
      state.open();
      await found;
      expect(one.upload(fileKey(offer, 0))?.takers ?? 0).toBe(0);
      expect(isFree()).toBe(true);
    }
  });

  test(`whoever is removed while ${what} opens gets nothing`, async () => {
    const { handout: one, record, state } = handout(offeredHere);
    const found = one.find(link, record, 0);
    state.allowed = false;
    one.review();
    state.open();
    expect(await found).toEqual({ kind: 'refused', reason: 'cancelled' });
  });
}
