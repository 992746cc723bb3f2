/** The manifest of a bundle that is asked for before the answer, when it cannot be had. */
import { expect, test } from 'vitest';
import { concatBytes } from '../protocol/bytes.ts';
import type { OfferId } from '../protocol/ids.ts';
import { encodeManifest } from '../protocol/manifest.ts';
import { contentOf } from './testing/content.ts';
import { friends } from './testing/world.ts';

const manifest = encodeManifest([{ kind: 'file', path: 'some/file.bin', sizeBytes: 900_000 }]);
const content = concatBytes(manifest, contentOf(900_000, 3));
const described = { bundle: { manifestBytes: manifest.length, files: 1, folders: 1 } };

async function offered() {
  const { world, ann, bob } = await friends();
  const offer = ann.offer(bob.account.id, [content], described) as OfferId;
  await world.run(1_000, () => bob.standing(offer) === 'waiting');
  return { world, ann, bob, offer };
}

test('is not asked for again and again while its sender has no file', async () => {
  const { world, ann, bob, offer } = await offered();
  ann.blobs.lose(offer, 0);
  const open = ann.blobs.openSource.bind(ann.blobs);
  let opened = 0;
  ann.blobs.openSource = (...args) => (opened++, open(...args));
  bob.engine.transfers.fetchManifest(offer, 0);
  await world.run(5_000);
  expect(opened).toBe(1);
  expect(bob.engine.transfers.fetchingManifest(offer, 0)).toBe(true);
  ann.provideAll();
  await world.run(5_000, () => !bob.engine.transfers.fetchingManifest(offer, 0));
  expect(bob.engine.transfers.haveRanges(offer, 0)).toEqual([[0, 1]]);
});

test('is not waited for any more when the offer is taken back', async () => {
  const { world, ann, bob, offer } = await offered();
  ann.blobs.lose(offer, 0);
  bob.engine.transfers.fetchManifest(offer, 0);
  await world.run(1_000);
  ann.act((engine) => engine.cancelFile(offer, 0));
  await world.run(1_000, () => bob.standing(offer) === 'cancelled');
  await world.run(15_000);
  expect([bob.engine.transfers.fetchingManifest(offer, 0), bob.blobs.openSinks]).toEqual([false, 0]);
  expect([ann.reports, bob.reports]).toEqual([[], []]);
});
