/** A browser profile that is set back to an earlier state: its feeds fork, which is found, kept in mind, and got over by a new device. */
import { describe, expect, test } from 'vitest';
import { friends, type Machine } from './testing/world.ts';

const say = (from: Machine, to: Machine, words: string) => from.act((engine) => engine.sendText(to.account.id, words));

/** Bob says something that his profile forgets; then, without anybody there to remind him, something else. */
async function forked() {
  const { world, ann, bob } = await friends();
  say(bob, ann, 'one');
  await world.run(5_000);
  const restore = bob.backup();
  say(bob, ann, 'two');
  await world.run(5_000);
  const { conversation } = ann.person(bob);
  await bob.close();
  await ann.close();
  restore();
  await bob.start();
  say(bob, ann, 'another two');
  await world.run(1_000);
  return { world, ann, bob, conversation };
}

describe('a profile that was set back', () => {
  test('learns its own entries from others when it has written nothing since', async () => {
    const { world, ann, bob } = await friends();
    const restore = bob.backup();
    say(bob, ann, 'one');
    await world.run(5_000);
    await bob.close();
    restore();
    await bob.start();
    ann.engine.lookAt(bob.account.id);
    await world.run(60_000); // until Ann has noticed that Bob was away
    expect(await bob.texts(ann)).toEqual(['one']);
    expect(bob.engine.feeds.isForked).toBe(false);
    say(bob, ann, 'two');
    await world.run(5_000);
    expect(await ann.texts(bob)).toEqual(['one', 'two']);
  });

  test('is found forked by both sides, which know it after a restart too', async () => {
    const { world, ann, bob, conversation } = await forked();
    await ann.start();
    await world.run(10_000, () => bob.engine.feeds.isForked);
    await world.run(1_000);
    for (const machine of [ann, bob]) {
      expect([...machine.engine.feeds.forks(conversation).keys()]).toEqual([bob.device]);
      await machine.close();
    }
    await bob.start();
    await ann.start();
    for (const machine of [ann, bob])
      expect([...machine.engine.feeds.forks(conversation).keys()]).toEqual([bob.device]);
    expect([ann.engine.feeds.isForked, bob.engine.feeds.isForked]).toEqual([false, true]);
    expect(await ann.texts(bob)).toEqual(['one', 'two']);
  });

  test('goes on as a new device in its place, and is heard again', async () => {
    const { world, ann, bob } = await forked();
    await ann.start();
    await world.run(10_000, () => bob.engine.feeds.isForked);
    expect(await bob.engine.sendText(ann.account.id, 'into the void')).toMatchObject({ ok: false });
    const fresh = await world.replacement(bob);
    await fresh.start();
    await world.run(5_000);
    say(fresh, ann, 'here again');
    await world.run(10_000);
    expect(await ann.texts(fresh)).toEqual(['one', 'two', 'here again']);
    expect(fresh.engine.feeds.isForked).toBe(false);
  });
});
