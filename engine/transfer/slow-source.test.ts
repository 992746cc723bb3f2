/** One that has the whole file and hardly brings it, beside the device that offered it. */
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
