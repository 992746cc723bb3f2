/** Bundles over a whole world: choosing from the manifest, accepting a part, going on after a crash. */
import { describe, expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../protocol/bytes.ts';
import { CHUNK_HEADER_BYTES } from '../protocol/frame.ts';
import type { OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { decodeManifest, encodeManifest, type ManifestEntry } from '../protocol/manifest.ts';
import type { Choice } from './exchange/choice.ts';
import { acceptedBytes } from './exchange/offer.ts';
import { contentOf } from './testing/content.ts';
import { friends, type Machine } from './testing/world.ts';
import { blockCount, rangesBytes, type Ranges } from './transfer/blocks.ts';

const fileBytes = 100_000;
const entries: ManifestEntry[] = [
  { kind: 'folder', path: 'empty' },
  ...Array.from({ length: 40 }, (_, i) => ({ kind: 'file' as const, path: `some/${i}.bin`, sizeBytes: fileBytes })),
];
const manifest = encodeManifest(entries);
const content = concatBytes(manifest, contentOf(40 * fileBytes, 3));
const described = { bundle: { manifestBytes: manifest.length, files: 40, folders: 2 } };
const chosen: Ranges = [
  [0, 2],
  [5, 8],
];

async function offered() {
  const { world, ann, bob } = await friends();
  const offer = ann.offer(bob.account.id, [content], described) as OfferId;
  await world.run(1_000, () => bob.standing(offer) === 'waiting');
  return { world, ann, bob, offer };
}

const answer = (bob: Machine, offer: OfferId, choice?: Choice) =>
  bob.act((engine) => engine.answerOffer(offer, 'accepted', choice));

/** What of the accepted blocks is on the disk of the receiver and right. */
function right(bob: Machine, offer: OfferId, blocks: Ranges): boolean {
  return blocks.every(([first, end]) =>
    Array.from({ length: end - first }, (_, i) => first + i).every((block) => {
      const start = block * limits.blockBytes;
      const stored = bob.blobs.disk.blockOf(`${offer}-0`, block);
      return stored !== undefined && equalBytes(stored, content.subarray(start, start + limits.blockBytes));
    }),
  );
}

describe('a bundle', () => {
  test('arrives whole, as any file', async () => {
    const { world, ann, bob, offer } = await offered();
    answer(bob, offer);
    await world.run(10_000, () => ann.standing(offer) === 'done');
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['done', 'done']);
    const received = bob.blobs.received(offer, 0, content.length);
    expect(received && decodeManifest(received.subarray(0, manifest.length), 40 * fileBytes)).toEqual(entries);
  });

  test('shows its manifest before it is answered, and sends nothing else', async () => {
    const { world, ann, bob, offer } = await offered();
    bob.engine.transfers.fetchManifest(offer, 0);
    expect(bob.engine.transfers.fetchingManifest(offer, 0)).toBe(true);
    await world.run(5_000, () => !bob.engine.transfers.fetchingManifest(offer, 0));
    await world.run(1_000);
    expect(bob.engine.transfers.haveRanges(offer, 0)).toEqual([[0, 1]]);
    expect([ann.standing(offer), bob.standing(offer), bob.blobs.openSinks]).toEqual(['waiting', 'waiting', 0]);
    expect([ann.activity(offer), ann.doneBytes(offer)]).toEqual(['idle', 0]);
    bob.act((engine) => engine.answerOffer(offer, 'declined'));
    await world.run(2_000);
    expect([bob.blobs.haveBlocks(offer, 0), ann.standing(offer)]).toEqual([0, 'declined']);
    expect([ann.reports, bob.reports]).toEqual([[], []]);
  });

  test.each(['was not there', 'was there', 'was there before a reload'])(
    'is accepted in part; its manifest %s',
    async (before) => {
      const { world, ann, bob, offer } = await offered();
      if (before !== 'was not there') {
        bob.engine.transfers.fetchManifest(offer, 0);
        await world.run(5_000, () => !bob.engine.transfers.fetchingManifest(offer, 0));
      }
      if (before === 'was there before a reload') {
        bob.crash();
        await bob.start();
        await world.run(20_000, () => bob.engine.links.stateOf(ann.device) === 'open');
      }
      answer(bob, offer, [{ file: 0, blocks: chosen.map(([first, end]) => [first, end]) }]);
      await world.run(10_000, () => ann.standing(offer) === 'done');
      await world.run(1_000);
      expect([ann.standing(offer), bob.standing(offer)]).toEqual(['done', 'done']);
      expect([bob.blobs.haveBlocks(offer, 0), right(bob, offer, chosen)]).toEqual([5, true]);
      const bytes = rangesBytes(content.length, chosen);
      expect([acceptedBytes(ann.record(offer), 0), acceptedBytes(bob.record(offer), 0)]).toEqual([bytes, bytes]);
      expect([ann.doneBytes(offer), bob.doneBytes(offer)]).toEqual([bytes, bytes]);
      expect([ann.lies, bob.lies, ann.reports, bob.reports]).toEqual([[], [], [], []]);
    },
  );

  test('goes on after crashes of both where it was, with what was chosen', async () => {
    const { world, ann, bob, offer } = await offered();
    const blocks: Ranges = [
      [0, 6],
      [8, blockCount(content.length)],
    ];
    answer(bob, offer, [{ file: 0, blocks: blocks.map(([first, end]) => [first, end]) }]);
    await world.run(10_000, () => bob.blobs.haveBlocks(offer, 0) > 2);
    bob.crash();
    await bob.start();
    await world.run(200);
    ann.crash();
    await ann.start();
    await world.run(30_000, () => ann.standing(offer) === 'done');
    expect([ann.standing(offer), bob.standing(offer), right(bob, offer, blocks)]).toEqual(['done', 'done', true]);
  });
});

describe('a bundle of which files were changed while it was sent', () => {
  const lost: Ranges = [
    [4, 6],
    [9, 10],
  ];
  const rest: Ranges = [
    [0, 4],
    [6, 9],
    [10, blockCount(content.length)],
  ];

  test('arrives without them, and they alone are asked for again', async () => {
    const { world, ann, bob, offer } = await offered();
    ann.blobs.spoil(offer, 0, lost);
    answer(bob, offer);
    await world.run(10_000, () => bob.standing(offer) === 'failed' && ann.standing(offer) === 'failed');
    const failed = () => [ann, bob].map((machine) => machine.record(offer).files[0]?.failed);
    expect([failed(), right(bob, offer, rest)]).toEqual([['changed', 'changed'], true]);
    expect([bob.engine.transfers.haveRanges(offer, 0), bob.blobs.openSinks]).toEqual([rest, 0]);
    expect(bob.doneBytes(offer)).toBe(rangesBytes(content.length, rest));
    expect(ann.engine.transfers.arrivedRanges(offer, 0)).toEqual(rest);

    // Nothing has become better: it is said again, and nothing is lost.
    bob.act((engine) => engine.transfers.resume(offer, 0));
    await world.run(100);
    await world.run(10_000, () => bob.standing(offer) === 'failed' && ann.standing(offer) === 'failed');
    expect([failed(), bob.blobs.haveBlocks(offer, 0)]).toEqual([
      ['changed', 'changed'],
      blockCount(content.length) - 3,
    ]);

    ann.blobs.spoil(offer, 0, []);
    let moved = 0;
    world.wires.tamper = (frame) => {
      if (frame[0] === 1) moved += frame.length - CHUNK_HEADER_BYTES;
      return frame;
    };
    bob.act((engine) => engine.transfers.resume(offer, 0));
    await world.run(10_000, () => ann.standing(offer) === 'done');
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['done', 'done']);
    expect(moved).toBe(rangesBytes(content.length, lost));
    expect([ann.lies, bob.lies, ann.reports, bob.reports]).toEqual([[], [], [], []]);
  });

  test('after a reload of the receiver is shown as far as it came, and the sender can let it go on', async () => {
    const { world, ann, bob, offer } = await offered();
    ann.blobs.spoil(offer, 0, lost);
    answer(bob, offer);
    await world.run(10_000, () => bob.standing(offer) === 'failed' && ann.standing(offer) === 'failed');
    bob.crash();
    await bob.start();
    await world.run(1_000);
    expect([bob.standing(offer), bob.engine.transfers.haveRanges(offer, 0), bob.blobs.openSinks]).toEqual([
      'failed',
      rest,
      0,
    ]);
    ann.blobs.spoil(offer, 0, []);
    ann.act((engine) => engine.transfers.resume(offer, 0));
    await world.run(30_000, () => ann.standing(offer) === 'done');
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['done', 'done']);
    expect([ann.lies, bob.lies, ann.reports, bob.reports]).toEqual([[], [], [], []]);
  });

  test('of which the link goes away meanwhile still ends with what could be had', async () => {
    const { world, ann, bob, offer } = await offered();
    ann.blobs.spoil(offer, 0, lost);
    answer(bob, offer);
    await world.run(10_000, () => bob.blobs.haveBlocks(offer, 0) > 4);
    for (const wire of world.wires.of(bob.device)) wire.kill();
    await world.run(60_000, () => bob.standing(offer) === 'failed' && ann.standing(offer) === 'failed');
    expect([ann.standing(offer), bob.standing(offer), right(bob, offer, rest)]).toEqual(['failed', 'failed', true]);
    expect([ann.lies, bob.lies]).toEqual([[], []]);
  });
});

describe('several files', () => {
  test('are accepted in part: the others count as declined', async () => {
    const { world, ann, bob } = await friends();
    const offer = ann.offer(
      bob.account.id,
      [1, 2, 3].map((seed) => contentOf(300_000, seed)),
    ) as OfferId;
    await world.run(1_000, () => bob.standing(offer) === 'waiting');
    answer(bob, offer, [{ file: 1 }]);
    await world.run(10_000, () => ann.standing(offer, 1) === 'done');
    await world.run(1_000);
    for (const machine of [ann, bob])
      expect([0, 1, 2].map((file) => machine.standing(offer, file))).toEqual(['declined', 'done', 'declined']);
    expect([bob.blobs.haveBlocks(offer, 0), bob.blobs.haveBlocks(offer, 2)]).toEqual([0, 0]);
  });

  test.each<[string, Choice]>([
    ['a file that is not offered', [{ file: 1 }]],
    ['one file twice', [{ file: 0 }, { file: 0 }]],
    ['blocks that it does not have', [{ file: 0, blocks: [[0, 999]] }]],
    ['blocks without the manifest', [{ file: 0, blocks: [[1, 3]] }]],
    [
      'blocks out of order',
      [
        {
          file: 0,
          blocks: [
            [0, 3],
            [2, 4],
          ],
        },
      ],
    ],
  ])('of %s nobody can choose', async (_, choice) => {
    const { world, bob, offer } = await offered();
    expect(await bob.engine.answerOffer(offer, 'accepted', choice)).toMatchObject({ ok: false });
    await world.run(500);
    expect(bob.standing(offer)).toBe('waiting');
  });

  test('blocks of a file that is no bundle cannot be chosen', async () => {
    const { world, ann, bob } = await friends();
    const offer = ann.offer(bob.account.id, [contentOf(600_000)]) as OfferId;
    await world.run(1_000, () => bob.standing(offer) === 'waiting');
    const outcome = await bob.engine.answerOffer(offer, 'accepted', [{ file: 0, blocks: [[0, 1]] }]);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'malformed' } });
  });
});
