/** One that has the whole file and hardly brings it, and one that takes part and brings nothing, beside the device that offered it. */
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../protocol/bytes.ts';
import { limits } from '../../protocol/limits.ts';
import { cheapHashes } from '../testing/cheap-hashes.ts';
import { VirtualClock } from '../testing/clock.ts';
import { contentOf } from '../testing/content.ts';
import { SwarmWorld } from '../testing/swarm-world.ts';

const BLOCK = limits.blockBytes;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const line = (bytesPerSecond: number) => ({ bytesPerSecond, delayMs: 15, queueBytes: 500 * 1024 });

describe('a receiver that is linked with the device that offered the file', () => {
  it.each([2_000, 20_000, 200_000])('does not wait for a holder that brings %i bytes a second', async (slow) => {
    const world = new SwarmWorld(new VirtualClock(), 1, contentOf(80 * BLOCK), cheapHashes);
    const [sender, holder, receiver] = [world.add(), world.add(), world.add()];
    world.connect(sender, holder, line(5e6));
    await world.clock.run(60_000, settle, () => holder.root !== undefined);
    expect(holder.root).toBeDefined();
    const before = world.clock.now();
    world.connect(holder, receiver, line(slow));
    world.connect(sender, receiver, line(5e6));
    await world.clock.run(3_600_000, settle, () => receiver.root !== undefined);
    expect(equalBytes(receiver.contentOnDisk(), world.content)).toBe(true);
    const seconds = (world.clock.now() - before) / 1000;
    expect(seconds).toBeLessThan((4 * world.content.length) / 5e6);
  });
});

describe('a file of a single block', () => {
  // Whose share it is follows from the order of their ids: either of the two is the last one once.
  it.each([1, 2])('does not wait for a device that takes part and fetches nothing (%i)', async (idle) => {
    const world = new SwarmWorld(new VirtualClock(), 1, contentOf(80), cheapHashes);
    const [sender, ...others] = [0, 1, 2].map((index) => world.add(index === idle ? 'idle' : 'honest'));
    for (const member of world.honest)
      for (const other of world.members) if (other !== member) world.connect(other, member, line(5e6));
    await world.clock.run(15_000, settle, () => world.done);
    expect(sender?.index).toBe(0);
    expect(others.filter(({ root }) => root !== undefined)).toEqual(world.honest);
    expect(world.faults).toEqual([]);
  });

  it('goes out hardly more than once over a slow line for all who wait for it', async () => {
    const world = new SwarmWorld(new VirtualClock(), 1, contentOf(BLOCK), cheapHashes);
    for (let members = 0; members < 6; members++) {
      const member = world.add();
      for (const other of world.members)
        if (other !== member) world.connect(other, member, line(other === world.sender ? 20_000 : 1e6));
    }
    await world.clock.run(120_000, settle, () => world.done);
    expect(world.done).toBe(true);
    expect(world.uploads).toBeLessThan(2);
  });
});
