/** Files in a group, and files that stay: on the real engine, over simulated links, by devices that come and go. */
import { describe, expect, test, vi } from 'vitest';
import { equalBytes, type Bytes } from '../protocol/bytes.ts';
import type { OfferId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { isHere } from './exchange/copies.ts';
import { factsOf } from './exchange/offer.ts';
import { contentOf } from './testing/content.ts';
import { groupOf, smallGroup } from './testing/small-group.ts';
import { friends, World, type Machine } from './testing/world.ts';

const BLOCK = limits.blockBytes;

const knows = (machine: Machine, offer: OfferId): boolean => machine.engine.transfers.get(offer)?.offered !== undefined;

/** Offered in the group; everybody has heard of it. */
async function offered(world: World, from: Machine, all: readonly Machine[], content: Bytes): Promise<OfferId> {
  const offer = from.offer(groupOf(from).id, [content]);
  if (offer === undefined) throw new Error('not running');
  expect(await world.run(30_000, () => all.every((machine) => knows(machine, offer)))).toBe(true);
  return offer;
}

const download = (machine: Machine, offer: OfferId) => machine.act((engine) => engine.download(offer, 0));
/** Compares all of the content: too dear for what is asked at every step. */
const has = (machine: Machine, offer: OfferId, content: Bytes): boolean => {
  if (machine.standing(offer) !== 'done') return false;
  const received = machine.blobs.received(offer, 0, content.length);
  return received !== undefined && equalBytes(received, content);
};
/** What a machine tells that it sent of a file, at most, until something is true. */
async function sentWhile(world: World, from: Machine, offer: OfferId, until: () => boolean): Promise<number> {
  let sentBytes = 0;
  const look = () => {
    sentBytes = Math.max(sentBytes, from.engine.transfers.uploadOf(offer, 0)?.sentBytes ?? 0);
    return until();
  };
  expect(await world.run(60_000, look)).toBe(true);
  return sentBytes;
}
const holders = (machine: Machine, offer: OfferId) => [...(factsOf(machine.record(offer), 0).holders ?? [])].sort();

describe('a file in a group', () => {
  test('is fetched by four at once, who have all that went out when the device that offered it goes', async () => {
    const { world, all } = await smallGroup(5);
    const [ann, ...others] = all;
    const content = contentOf(40 * BLOCK);
    const offer = await offered(world, ann, all, content);
    const haveOf = (machine: Machine) =>
      Array.from({ length: 40 }, (_, block) => machine.blobs.hasBlocks(offer, 0, [[block, block + 1]]));
    const union = () =>
      others.map(haveOf).reduce((one, other) => one.map((has, block) => has || other[block] === true));
    for (const machine of others) download(machine, offer);
    expect(await world.run(60_000, () => others.some((machine) => machine.blobs.haveBlocks(offer, 0) >= 16))).toBe(
      true,
    );
    ann.crash();
    await world.run(20_000);
    for (const machine of others) {
      expect(haveOf(machine)).toEqual(union());
      expect(machine.standing(offer)).toBe('accepted');
    }
    // Back again, it is gone for good as soon as every block went out.
    await ann.start();
    const sum = () => others.reduce((blocks, machine) => blocks + machine.blobs.haveBlocks(offer, 0), 0);
    expect(await world.run(60_000, () => sum() > 40 && union().every(Boolean))).toBe(true);
    expect(others.every((machine) => has(machine, offer, content))).toBe(false);
    await ann.close();
    expect(await world.run(60_000, () => others.every((machine) => machine.standing(offer) === 'done'))).toBe(true);
    expect(others.every((machine) => has(machine, offer, content))).toBe(true);
    await world.run(5_000);
    const devices = others.map(({ device }) => device).sort();
    for (const machine of others) expect(holders(machine, offer)).toEqual(devices);
    expect(all.flatMap(({ blobs }) => blobs.sinksCollided)).not.toContain(true);
    await ann.start();
    expect(await world.run(10_000, () => holders(ann, offer).length === 4)).toBe(true);
  });

  test('comes from whoever has it, when who offered it is gone', async () => {
    const { world, all } = await smallGroup(4);
    const [ann, bob, cid, dan] = all as [Machine, Machine, Machine, Machine];
    const content = contentOf(6 * BLOCK + 3);
    await dan.close();
    const offer = await offered(world, ann, [ann, bob, cid], content);
    for (const machine of [bob, cid]) download(machine, offer);
    expect(
      await sentWhile(world, ann, offer, () => [bob, cid].every((machine) => has(machine, offer, content))),
    ).toBeGreaterThan(content.length / 2);
    // What nobody reads is closed by then.
    await world.run(130_000);
    for (const { engine } of [ann, bob, cid]) expect(engine.transfers.uploadOf(offer, 0)).toBeUndefined();
    expect(bob.blobs.openSinks + cid.blobs.openSinks).toBe(0);
    expect(ann.blobs.openSources).toBe(0);
    await ann.close();
    await cid.close();
    await dan.start();
    expect(await world.run(60_000, () => knows(dan, offer))).toBe(true);
    expect(dan.standing(offer)).toBe('waiting');
    download(dan, offer);
    expect(await sentWhile(world, bob, offer, () => has(dan, offer, content))).toBeGreaterThan(content.length / 2);

    // Let go of, it can be had again, and nobody is named as its holder meanwhile.
    bob.act((engine) => engine.transfers.kept.letGo(offer, 0));
    expect(await world.run(10_000, () => !holders(dan, offer).includes(bob.device))).toBe(true);
    expect(bob.blobs.received(offer, 0, content.length)).toBeUndefined();
    expect(bob.standing(offer)).toBe('waiting');
    await bob.engine.transfers.together.unlistFinished();
    expect(factsOf(bob.record(offer), 0).unlisted).toBe(true);
    download(bob, offer);
    expect(await world.run(60_000, () => has(bob, offer, content))).toBe(true);
    expect(factsOf(bob.record(offer), 0).unlisted).toBe(false);
    expect(await world.run(10_000, () => holders(dan, offer).includes(bob.device))).toBe(true);
    for (const machine of [bob, dan]) {
      expect(machine.blobs.sinksCollided).toBe(false);
      expect(machine.lies).toEqual([]);
    }
  });

  test('is paused, resumed after a reload, and cancelled by each for itself', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    ann.engine.transfers.setSpeedLimits({ upBytesPerSecond: 1_000_000 });
    const content = contentOf(16 * BLOCK);
    const offer = await offered(world, ann, all, content);
    for (const machine of [bob, cid]) download(machine, offer);
    // Who offered it pauses everything: nothing goes out, and nothing is withdrawn.
    await world.run(30_000, () => bob.doneBytes(offer) > BLOCK);
    expect(bob.engine.transfers.linksOf(offer, 0).map(({ device }) => device)).toContain(ann.device);
    bob.engine.pathsOfFile(offer, 0);
    await world.run(600);
    const speeds = bob.engine.pathsOfFile(offer, 0).map(({ receivedBytesPerSecond = 0 }) => receivedBytesPerSecond);
    expect(Math.max(...speeds)).toBeGreaterThan(100_000);
    ann.act((engine) => engine.transfers.together.pause());
    await world.run(5_000);
    expect(bob.engine.transfers.linksOf(offer, 0).map(({ device }) => device)).not.toContain(ann.device);
    const paused = bob.doneBytes(offer);
    await world.run(5_000);
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['paused', 'accepted']);
    expect([ann.engine.transfers.uploadOf(offer, 0), bob.doneBytes(offer)]).toEqual([undefined, paused]);
    ann.act((engine) => engine.transfers.together.resume());
    expect(await world.run(30_000, () => bob.doneBytes(offer) > 3 * BLOCK)).toBe(true);
    bob.act((engine) => engine.transfers.pause(offer, 0));
    cid.act((engine) => engine.cancelFile(offer, 0));
    await world.run(20_000);
    const before = bob.doneBytes(offer);
    expect([bob.standing(offer), cid.standing(offer)]).toEqual(['paused', 'waiting']);
    expect(cid.blobs.haveBlocks(offer, 0)).toBe(0);
    bob.crash();
    await bob.start();
    await world.run(10_000);
    expect(bob.standing(offer)).toBe('paused');
    bob.act((engine) => engine.transfers.resume(offer, 0));
    await world.run(1_000);
    expect(bob.doneBytes(offer)).toBeGreaterThanOrEqual(before);
    expect(await world.run(60_000, () => has(bob, offer, content))).toBe(true);
    expect(cid.standing(offer)).toBe('waiting');
    download(cid, offer);
    expect(await world.run(60_000, () => has(cid, offer, content))).toBe(true);
    expect(all.flatMap(({ lies }) => lies)).toEqual([]);
  });

  test('stands in line, and waits for room, as any other', async () => {
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    const contents = [1, 2, 3].map((seed) => contentOf(4 * BLOCK, seed));
    bob.engine.transfers.setAtOnce(1);
    const offers: OfferId[] = [];
    for (const content of contents) offers.push(await offered(world, ann, all, content));
    for (const offer of offers) download(bob, offer);
    await world.run(100);
    let most = 0;
    const allDone = () => {
      most = Math.max(most, offers.filter((offer) => bob.activity(offer) === 'running').length);
      return offers.every((offer) => bob.standing(offer) === 'done');
    };
    expect(await world.run(60_000, allDone)).toBe(true);
    expect(offers.every((offer, at) => has(bob, offer, contents[at] as Bytes))).toBe(true);
    expect(most).toBe(1);

    bob.blobs.disk.freeBytes = 2 * BLOCK;
    const large = contentOf(40 * BLOCK);
    const last = await offered(world, ann, all, large);
    download(bob, last);
    expect(await world.run(20_000, () => bob.activity(last) === 'no-space')).toBe(true);
    bob.blobs.disk.freeBytes = Infinity;
    bob.act((engine) => engine.transfers.together.resume());
    expect(await world.run(500, () => bob.activity(last) === 'running')).toBe(true);
    expect(await world.run(60_000, () => has(bob, last, large))).toBe(true);
    expect(bob.lies).toEqual([]);
  });

  test('of a single block comes to one of many at a time, whoever it is', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, ...others] = all;
    const content = contentOf(80);
    const offer = await offered(world, ann, all, content);
    await world.run(10_000); // no link is opened any more, which would set things going
    for (const machine of others) {
      download(machine, offer);
      expect(await world.run(5_000, () => has(machine, offer, content))).toBe(true);
    }
  });

  test('is not for who was removed', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    world.befriend(ann, cid); // a link between them stays
    ann.engine.transfers.setSpeedLimits({ upBytesPerSecond: 500_000 });
    const content = contentOf(16 * BLOCK);
    const offer = await offered(world, ann, all, content);
    for (const machine of [bob, cid]) download(machine, offer);
    await world.run(30_000, () => cid.doneBytes(offer) > 2 * BLOCK);
    ann.act(() => groupOf(ann).remove(cid.account.id));
    expect(await world.run(10_000, () => !groupOf(bob).membership?.members.has(cid.account.id))).toBe(true);
    await world.run(1_000);
    const had = cid.blobs.haveBlocks(offer, 0);
    expect(had).toBeLessThan(16);
    expect(await world.run(60_000, () => has(bob, offer, content))).toBe(true);
    cid.crash();
    await cid.start();
    await world.run(20_000);
    expect(cid.blobs.haveBlocks(offer, 0)).toBeLessThanOrEqual(had + 1);
    expect(cid.standing(offer)).not.toBe('done');
  });

  test('can be withdrawn: nobody begins to fetch it, and who has it keeps it', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    const content = contentOf(2 * BLOCK);
    const offer = await offered(world, ann, all, content);
    download(bob, offer);
    expect(await world.run(30_000, () => has(bob, offer, content))).toBe(true);
    ann.act((engine) => engine.cancelFile(offer, 0));
    expect(await world.run(10_000, () => cid.standing(offer) === 'cancelled')).toBe(true);
    download(cid, offer);
    await world.run(5_000);
    expect(cid.standing(offer)).toBe('cancelled');
    expect(has(bob, offer, content)).toBe(true);
  });
});

describe('a folder in a group', () => {
  test('of which something was changed at its sender comes without it, says so, and goes on when it is there again', async () => {
    const { world, all } = await smallGroup(3);
    const [ann, bob, cid] = all as [Machine, Machine, Machine];
    const content = contentOf(12 * BLOCK);
    const bundle = { manifestBytes: 100, files: 3, folders: 0 };
    const offer = ann.offer(groupOf(ann).id, [content], { bundle }) as OfferId;
    ann.blobs.spoil(offer, 0, [[5, 7]]);
    const others = [bob, cid];
    expect(await world.run(30_000, () => others.every((machine) => knows(machine, offer)))).toBe(true);
    for (const machine of others) download(machine, offer);
    const changed = (machine: Machine) => factsOf(machine.record(offer), 0).failed === 'changed';
    expect(await world.run(60_000, () => others.every(changed))).toBe(true);
    for (const machine of others) expect(machine.blobs.haveBlocks(offer, 0)).toBe(10);
    ann.blobs.spoil(offer, 0, []);
    ann.engine.transfers.provided(offer, 0);
    expect(await world.run(60_000, () => others.every((machine) => has(machine, offer, content)))).toBe(true);
    expect(all.flatMap(({ lies }) => lies)).toEqual([]);
  });
});

describe('of those who serve a file', () => {
  test('those who have it whole do not wake each other', async () => {
    const { world, all } = await smallGroup(4);
    const [ann, bob, cid, dan] = all as [Machine, Machine, Machine, Machine];
    const apart = [cid.device, dan.device];
    world.wires.reachable = (a, b) => !(apart.includes(a) && apart.includes(b));
    const content = contentOf(4 * BLOCK);
    const offer = await offered(world, ann, all, content);
    for (const machine of [bob, cid]) download(machine, offer);
    expect(await world.run(60_000, () => [bob, cid].every((machine) => has(machine, offer, content)))).toBe(true);
    await world.run(130_000);
    await ann.close();
    const open = { bob: 0, cid: 0 };
    download(dan, offer);
    const done = () => {
      open.bob = Math.max(open.bob, bob.blobs.openSinks);
      open.cid = Math.max(open.cid, cid.blobs.openSinks);
      return has(dan, offer, content);
    };
    expect(await world.run(60_000, done)).toBe(true);
    await world.run(2_000, () => (done(), false));
    expect(open).toEqual({ bob: 1, cid: 0 });
  });

  test('one that received many keeps a few of them open', async () => {
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    const contents = Array.from({ length: 60 }, (_, seed) => contentOf(100, seed));
    const offer = ann.offer(groupOf(ann).id, contents) as OfferId;
    expect(await world.run(30_000, () => knows(bob, offer))).toBe(true);
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    let most = 0;
    const allDone = () => {
      most = Math.max(most, bob.blobs.openSinks);
      return contents.every((_, file) => bob.standing(offer, file) === 'done');
    };
    expect(await world.run(25_000, allDone)).toBe(true);
    expect(most).toBeLessThanOrEqual(32 + 3);
    expect(bob.blobs.sinksCollided).toBe(false);
  });

  test('one that serves other bytes is not asked again, and the file is whole', async () => {
    const { world, all } = await smallGroup(4);
    const [ann, bob, cid, dan] = all as [Machine, Machine, Machine, Machine];
    const content = contentOf(6 * BLOCK);
    await dan.close();
    const offer = await offered(world, ann, [ann, bob, cid], content);
    for (const machine of [bob, cid]) download(machine, offer);
    expect(await world.run(60_000, () => [bob, cid].every((machine) => has(machine, offer, content)))).toBe(true);
    // Chunks of Bob arrive changed: byte 20 is in the data.
    world.wires.tamper = (frame, from) => {
      if (from.device !== bob.device || frame[0] !== 1) return frame;
      const changed = frame.slice();
      changed[20] = 1 + (changed[20] ?? 0);
      return changed;
    };
    await ann.close();
    await dan.start();
    expect(await world.run(30_000, () => knows(dan, offer))).toBe(true);
    download(dan, offer);
    expect(await world.run(60_000, () => has(dan, offer, content))).toBe(true);
    const said = dan.reports.map(String).filter((report) => report.includes('not signed'));
    expect(said).toEqual([`Error: ${bob.device} sent what was not signed: bad-block`]);
  });
});

describe('a file between two people', () => {
  test('can be fetched again as long as its sender has it', async () => {
    const { world, ann, bob } = await friends();
    const content = contentOf(4 * BLOCK + 9);
    const offer = ann.offer(bob.account.id, [content]);
    if (offer === undefined) throw new Error('not running');
    await world.run(5_000, () => bob.standing(offer) === 'waiting');
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    expect(await world.run(30_000, () => bob.standing(offer) === 'done' && ann.standing(offer) === 'done')).toBe(true);
    expect(holders(ann, offer)).toEqual([bob.device]);

    bob.act((engine) => engine.transfers.kept.letGo(offer, 0));
    expect(await world.run(10_000, () => holders(ann, offer).length === 0)).toBe(true);
    expect(bob.blobs.received(offer, 0, content.length)).toBeUndefined();
    expect([ann.standing(offer), bob.standing(offer)]).toEqual(['done', 'done']);

    // A reload on the way costs nothing.
    ann.engine.transfers.setSpeedLimits({ upBytesPerSecond: 400_000 });
    download(bob, offer);
    await world.run(30_000, () => bob.doneBytes(offer) >= BLOCK);
    bob.crash();
    await bob.start();
    expect(await world.run(60_000, () => has(bob, offer, content))).toBe(true);
    expect(await world.run(10_000, () => holders(ann, offer).includes(bob.device))).toBe(true);
    expect(ann.standing(offer)).toBe('done');
    expect(factsOf(bob.record(offer), 0).again).toBe(false);

    // Without its sender it waits, and comes when the sender does.
    bob.act((engine) => engine.transfers.kept.letGo(offer, 0));
    await world.run(5_000);
    await ann.close();
    download(bob, offer);
    await world.run(20_000);
    expect(bob.standing(offer)).toBe('accepted');
    await ann.start();
    expect(await world.run(60_000, () => has(bob, offer, content))).toBe(true);
    expect([...ann.lies, ...bob.lies]).toEqual([]);
  });

  test('can be fetched by another device of who received it, also from the sender’s other device', async () => {
    const world = new World();
    const [ann, bob] = [await world.person(), await world.person()];
    world.befriend(ann, bob);
    const [bob2, ann2] = [await world.secondDevice(bob), await world.secondDevice(ann)];
    for (const machine of [ann, bob, bob2, ann2]) await machine.start();
    await world.run(2_000);
    const content = contentOf(3 * BLOCK);
    const offer = ann.offer(bob.account.id, [content]);
    if (offer === undefined) throw new Error('not running');
    await world.run(5_000, () => bob.standing(offer) === 'waiting');
    bob.act((engine) => engine.answerOffer(offer, 'accepted'));
    expect(await world.run(30_000, () => bob2.standing(offer) === 'done')).toBe(true);
    expect(isHere(bob2.record(offer), 0, bob2.device)).toBe(false);
    download(bob2, offer);
    expect(await world.run(30_000, () => isHere(bob2.record(offer), 0, bob2.device))).toBe(true);
    expect(has(bob2, offer, content)).toBe(true);
    // What was fetched this way can be handed on, by a device that the offer was not for.
    expect(await world.run(10_000, () => holders(ann2, offer).length === 2)).toBe(true);
    await ann.close();
    await bob.close();
    download(ann2, offer);
    expect(await world.run(30_000, () => isHere(ann2.record(offer), 0, ann2.device))).toBe(true);
    expect(has(ann2, offer, content)).toBe(true);
  });
});

describe('a file that its person removes', () => {
  test('is removed as a whole, whenever the process dies, and can be had again', async () => {
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    const content = contentOf(2 * BLOCK);
    for (const when of ['before', 'after'] as const)
      for (let effects = 1; effects <= 5; effects++) {
        const offer = await offered(world, ann, all, content);
        download(bob, offer);
        expect(await world.run(30_000, () => has(bob, offer, content))).toBe(true);
        bob.crashAt = { effects, when };
        bob.act((engine) => engine.transfers.kept.letGo(offer, 0));
        await world.run(5_000);
        bob.crash();
        await bob.start();
        await world.run(5_000);
        const gone = !isHere(bob.record(offer), 0, bob.device);
        const what = `${effects} ${when}`;
        if (gone) expect(bob.blobs.haveBlocks(offer, 0), what).toBe(0);
        expect(holders(ann, offer), what).toEqual(gone ? [] : [bob.device]);
        download(bob, offer);
        expect(await world.run(30_000, () => has(bob, offer, content)), what).toBe(true);
      }
    expect(bob.lies).toEqual([]);
  });

  test('makes room also when the word for the others cannot be written, which is said later', async () => {
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as [Machine, Machine];
    const content = contentOf(2 * BLOCK);
    const [one, other] = [await offered(world, ann, all, content), await offered(world, ann, all, content)];
    for (const offer of [one, other]) {
      download(bob, offer);
      expect(await world.run(30_000, () => has(bob, offer, content))).toBe(true);
      vi.spyOn(bob.engine.feeds, 'append').mockRejectedValueOnce(new Error('the disk is full'));
      await expect(bob.engine.transfers.kept.clear(offer, 0, 'limit')).rejects.toThrow('the disk is full');
      expect(bob.blobs.haveBlocks(offer, 0)).toBe(0);
    }
    await world.run(5_000);
    expect(holders(ann, one)).toEqual([bob.device]);
    download(bob, one);
    expect(await world.run(30_000, () => has(bob, one, content))).toBe(true);
    await bob.close();
    await bob.start();
    await world.run(10_000);
    expect(holders(ann, other)).toEqual([]);
    expect(factsOf(bob.record(other), 0).gone).toBe('limit');
    expect(bob.lies).toEqual([]);
  });
});
