import { describe, expect, test } from 'vitest';
import type { OfferId } from '../protocol/ids.ts';
import { contentOf } from './testing/content.ts';
import { World, type Machine } from './testing/world.ts';

async function two(seed = 1): Promise<{ world: World; ann: Machine; bob: Machine }> {
  const world = new World({ seed });
  const [ann, bob] = [await world.person(), await world.person()];
  world.befriend(ann, bob);
  await ann.start();
  await bob.start();
  await world.run(500);
  return { world, ann, bob };
}

const accept = (machine: Machine, offer: OfferId) => machine.act((engine) => engine.answerOffer(offer, 'accepted'));

describe('two people', () => {
  test('a message is written, sent, delivered', async () => {
    const { world, ann, bob } = await two();
    ann.act((engine) => engine.sendText(bob.account.id, 'hello'));
    await world.run(2000);
    expect(await bob.texts(ann)).toEqual(['hello']);
    const { conversation } = ann.person(bob);
    expect(ann.engine.conversations.deliveryOf(conversation, 0, [bob.device])).toBe('delivered');
  });

  test('files go across, an empty one too', async () => {
    const { world, ann, bob } = await two();
    const contents = [contentOf(700_000, 2), contentOf(0), contentOf(1, 3)];
    const offer = ann.offer(bob.account.id, contents) as OfferId;
    await world.run(1000);
    expect(bob.standing(offer)).toBe('waiting');
    accept(bob, offer);
    await world.run(5000);
    console.log(
      [0, 1, 2].map((f) => [
        ann.standing(offer, f),
        ann.activity(offer, f),
        bob.standing(offer, f),
        bob.activity(offer, f),
      ]),
      ann.reports,
      bob.reports,
      ann.lies,
      bob.lies,
    );
    for (const [file, content] of contents.entries()) {
      expect([ann.standing(offer, file), bob.standing(offer, file)]).toEqual(['done', 'done']);
      expect(bob.blobs.received(offer, file, content.length)).toEqual(content);
    }
    expect([ann.lies, bob.lies, ann.reports, bob.reports]).toEqual([[], [], [], []]);
  });
});
