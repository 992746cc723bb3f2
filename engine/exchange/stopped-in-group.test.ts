/** A file of a group that its person does not want any more before it came whole: the disk is too full for the word, or the process dies before it. */
import { expect, test, vi } from 'vitest';
import type { OfferId } from '../../protocol/ids.ts';
import { contentOf } from '../testing/content.ts';
import { Crowd } from '../testing/crowd.ts';
import { World, type Machine } from '../testing/world.ts';
import { factsOf } from './offer.ts';

async function fetching() {
  const world = new World();
  const crowd = await Crowd.gather(world, 2);
  expect(await world.run(60_000, () => crowd.complete)).toBe(true);
  const [ann, bob] = crowd.all as unknown as [Machine, Machine];
  ann.engine.transfers.setSpeedLimits({ upBytesPerSecond: 500_000 });
  const content = contentOf(1_500_000);
  const begin = async (): Promise<OfferId> => {
    const offer = ann.offer(crowd.idOf(ann), [content]) as OfferId;
    expect(await world.run(30_000, () => bob.engine.transfers.get(offer)?.offered !== undefined)).toBe(true);
    bob.act((engine) => engine.download(offer, 0));
    expect(await world.run(30_000, () => bob.blobs.haveBlocks(offer, 0) > 1)).toBe(true);
    return offer;
  };
  const takers = (offer: OfferId) => factsOf(ann.record(offer), 0).takers;
  return { world, ann, bob, begin, takers };
}

test('it is gone here at once, and said when that can be written', async () => {
  const { world, ann, bob, begin, takers } = await fetching();
  const [one, other] = [await begin(), await begin()];
  for (const offer of [one, other]) {
    vi.spyOn(bob.engine.feeds, 'append').mockRejectedValueOnce(new Error('the disk is full'));
    await expect(bob.engine.cancelFile(offer, 0)).rejects.toThrow('the disk is full');
    expect([bob.standing(offer), bob.blobs.haveBlocks(offer, 0)]).toEqual(['waiting', 0]);
  }
  await world.run(5_000);
  expect([takers(one), takers(other)]).toEqual([[bob.device], [bob.device]]);
  bob.act((engine) => engine.download(one, 0));
  expect(await world.run(30_000, () => bob.standing(one) === 'done')).toBe(true);
  await bob.close();
  await bob.start();
  await world.run(10_000);
  expect([takers(one), takers(other)]).toEqual([[], []]);
  expect([bob.standing(one), bob.standing(other)]).toEqual(['done', 'waiting']);
  expect([...ann.lies, ...bob.lies]).toEqual([]);
});

test('it is said though the process dies meanwhile', async () => {
  const { world, ann, bob, begin, takers } = await fetching();
  for (const when of ['before', 'after'] as const)
    for (let effects = 1; effects <= 5; effects++) {
      const offer = await begin();
      bob.crashAt = { effects, when };
      bob.act((engine) => engine.cancelFile(offer, 0));
      await world.run(300);
      bob.crash();
      await bob.start();
      const what = `${effects} ${when}`;
      const wanted = bob.standing(offer) === 'accepted';
      await world.run(10_000);
      expect(bob.standing(offer), what).toBe(wanted ? 'done' : 'waiting');
      expect(takers(offer), what).toEqual([]);
      if (!wanted) expect(bob.blobs.haveBlocks(offer, 0), what).toBe(0);
    }
  expect([...ann.lies, ...bob.lies]).toEqual([]);
});
