/** The word that ends a file, where it may not be written any more. */
import { expect, test, vi } from 'vitest';
import type { OfferId } from '../../protocol/ids.ts';
import { contentOf } from '../testing/content.ts';
import { friends } from '../testing/world.ts';

test('is not tried again and again by a device whose feed is forked', async () => {
  const { world, ann, bob } = await friends();
  ann.engine.transfers.setSpeedLimits({ upBytesPerSecond: 300_000 });
  const offer = ann.offer(bob.account.id, [contentOf(5_000_000)]) as OfferId;
  await world.run(1_000, () => bob.standing(offer) === 'waiting');
  bob.act((engine) => engine.answerOffer(offer, 'accepted'));
  await world.run(5_000, () => bob.doneBytes(offer) > 0);
  const restore = bob.backup();
  bob.act((engine) => engine.sendText(ann.account.id, 'one'));
  await world.run(2_000);
  await bob.close();
  await ann.close();
  restore();
  await bob.start();
  bob.act((engine) => engine.sendText(ann.account.id, 'another one'));
  await world.run(1_000);
  await ann.start();
  await world.run(10_000, () => bob.engine.feeds.isForked);
  let tries = 0;
  const append = bob.engine.feeds.append.bind(bob.engine.feeds);
  vi.spyOn(bob.engine.feeds, 'append').mockImplementation((...args) => {
    if (++tries > 20) throw new Error('without end');
    return append(...args);
  });
  await world.run(60_000, () => bob.activity(offer) === 'verifying');
  await world.run(5_000);
  expect([bob.standing(offer), bob.activity(offer)]).toEqual(['accepted', 'verifying']);
  expect(tries).toBe(1);
});

test('that was refused leaves nothing of a file open that was withdrawn meanwhile', async () => {
  const { world, ann, bob } = await friends();
  const offer = ann.offer(bob.account.id, [contentOf(600_000)]) as OfferId;
  await world.run(1_000, () => bob.standing(offer) === 'waiting');
  await bob.engine.answerOffer(offer, 'accepted');
  let refuse = (): void => undefined;
  const append = vi.spyOn(bob.engine.feeds, 'append').mockImplementationOnce(
    () =>
      new Promise((resolve) => {
        refuse = () => resolve({ kind: 'too-large', sizeBytes: 0 });
      }),
  );
  expect(await world.run(10_000, () => append.mock.calls.length === 1)).toBe(true);
  expect(bob.activity(offer)).toBe('verifying');
  ann.act((engine) => engine.cancelFile(offer, 0));
  expect(await world.run(5_000, () => bob.standing(offer) === 'cancelled')).toBe(true);
  expect(bob.blobs.openSinks).toBe(1);
  refuse();
  await world.run(1_000);
  expect([bob.blobs.openSinks, bob.blobs.haveBlocks(offer, 0), bob.activity(offer)]).toEqual([0, 0, 'idle']);
  expect(append).toHaveBeenCalledOnce();
});
