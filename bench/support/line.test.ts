/**
 * The line that others are measured on does what it says. By its counters, and by times only from below: a busy machine can make things later,
 * never earlier.
 */
import { existsSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Line, lineMissing, type LineSample } from './line.ts';

const PAYLOAD_BYTES = 1000;
const PACKET_BYTES = PAYLOAD_BYTES + 28;

describe.skipIf(lineMissing() !== undefined)('a line between two namespaces', () => {
  let line: Line;
  beforeEach(async () => {
    line = await Line.create();
  });
  afterEach(() => line.close());

  /** Sends UDP packets from side a, as fast as it goes, and waits until the line has them all. */
  async function send(count: number): Promise<void> {
    const before = (await line.next()).ab.inPackets.udp;
    const program = `const s = require('dgram').createSocket('udp4');
      const next = (left) => left === 0 ? s.close() : s.send(Buffer.alloc(${PAYLOAD_BYTES}), 9, '${line.address('b')}', () => next(left - 1));
      next(${count});`;
    await once(line.run('a', process.execPath, ['-e', program]), 'exit');
    await until(({ ab }) => ab.inPackets.udp === before + count);
  }
  async function until(holds: (sample: LineSample) => boolean): Promise<LineSample> {
    for (;;) {
      const sample = await line.next();
      if (holds(sample)) return sample;
    }
  }
  const first = (holds: (sample: LineSample) => boolean): number => line.samples.find(holds)?.t ?? NaN;

  test('carries every packet, whole, when nothing is set', async () => {
    await send(200);
    const { ab } = await until((sample) => sample.ab.outPackets.udp === 200);
    expect(ab.outBytes.udp).toBe(200 * PACKET_BYTES);
    expect(ab.largestPacket.udp).toBe(PACKET_BYTES);
    expect(ab.overflowed.udp + ab.lost.udp + ab.cutOff.udp).toBe(0);
  });

  test('drops what does not fit into the queue, and nothing else', async () => {
    // A packet takes 0.8 s to leave: what leaves while 200 are sent is few.
    line.set({ rateBits: 10_000, queueBytes: 50 * PACKET_BYTES });
    await send(200);
    const { ab } = await line.next();
    expect(ab.queueBytes).toBeLessThanOrEqual(50 * PACKET_BYTES);
    expect(ab.overflowed.udp).toBeGreaterThan(120);
    expect(ab.overflowed.udp).toBeLessThanOrEqual(150);
    expect(ab.queueMs.at(-1)).toBeGreaterThan(20_000);
  });

  test('a rate and a delay take their time', async () => {
    line.set({ rateBits: 50 * PACKET_BYTES * 8, delayMs: 500 }); // 50 packets a second
    await send(50);
    await until(({ ab }) => ab.outPackets.udp === 50);
    const came = first(({ ab }) => ab.inPackets.udp > 0);
    // Samples are 100 ms apart.
    expect(first(({ ab }) => ab.outPackets.udp > 0) - came).toBeGreaterThanOrEqual(400);
    expect(first(({ ab }) => ab.outPackets.udp === 50) - came).toBeGreaterThanOrEqual(1400);
  });

  test('loses the share that it is told to lose', async () => {
    line.set({ loss: 0.3 });
    await send(200);
    const { ab } = await until((sample) => sample.ab.outPackets.udp + sample.ab.lost.udp === 200);
    expect(ab.lost.udp).toBeGreaterThan(30);
    expect(ab.lost.udp).toBeLessThan(90);
  });

  test('nothing passes while it is cut', async () => {
    line.cut();
    await until(({ cut }) => cut);
    await send(20);
    expect((await until(({ ab }) => ab.cutOff.udp === 20)).ab.outPackets.udp).toBe(0);
    line.restore();
    await until(({ cut }) => !cut);
    await send(20);
    await until(({ ab }) => ab.outPackets.udp === 20);
  });

  test('leaves no namespace behind', () => {
    const mine = (): string[] =>
      existsSync('/var/run/netns')
        ? readdirSync('/var/run/netns').filter((name) => name.includes(`-${process.pid}-`))
        : [];
    expect(mine()).toHaveLength(2);
    line.close();
    expect(mine()).toEqual([]);
  });
});
