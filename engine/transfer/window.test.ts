import { describe, expect, it } from 'vitest';
import type { DeviceId } from '../../protocol/ids.ts';
import { VirtualClock } from '../testing/clock.ts';
import { SimLink, type SimLinkShape } from '../testing/sim-link.ts';
import { Window } from './window.ts';

const KiB = 1024;
const CHUNK = 16 * KiB;
const device = (name: string) => name.padEnd(22, '_') as DeviceId;

/** Keeps a link full with chunks of 16 KiB, each acknowledged at once, and says what came of it. */
function fill(shape: SimLinkShape, seconds: number, fromSecond: number, limitBytesPerSecond = Infinity) {
  const clock = new VirtualClock();
  const link = new SimLink(clock, shape, device('a'), device('b'));
  const window = new Window();
  const startedAt = clock.now();
  let arrived = 0;
  let waiting = false;
  const pump = () => {
    while (
      window.sentBytes <= ((clock.now() - startedAt) * limitBytesPerSecond) / 1000 &&
      window.canSend(CHUNK) &&
      link.a.bufferedBytes < 256 * KiB
    ) {
      const wait = window.pacingDelayMs(clock.now());
      if (wait > 0) {
        if (!waiting)
          clock.after(Math.ceil(wait), () => {
            waiting = false;
            pump();
          });
        waiting = true;
        return;
      }
      window.onSend(clock.now(), CHUNK);
      link.a.send(new Uint8Array(CHUNK));
    }
  };
  link.b.onFrame = (frame) => {
    arrived += frame.length;
    const total = arrived;
    link.b.send(Uint8Array.from(String(total), Number));
  };
  link.a.onFrame = (frame) => {
    window.onAck(clock.now(), Number(frame.join('')));
    pump();
  };
  const tick = () => {
    pump();
    clock.after(5, tick);
  };
  tick();
  clock.runSync(fromSecond * 1000);
  const before = {
    bytes: link.aToB.deliveredBytes,
    delays: link.aToB.queueDelaysMs.length,
    dropped: link.aToB.droppedFrames,
  };
  clock.runSync((seconds - fromSecond) * 1000);
  const delays = link.aToB.queueDelaysMs.slice(before.delays).sort((a, b) => a - b);
  return {
    window,
    bytesPerSecond: (link.aToB.deliveredBytes - before.bytes) / (seconds - fromSecond),
    medianDelayMs: delays[delays.length >> 1] ?? 0,
    p95DelayMs: delays[Math.floor(delays.length * 0.95)] ?? 0,
    droppedInStart: before.dropped,
    dropped: link.aToB.droppedFrames - before.dropped,
  };
}

describe('Window', () => {
  it.each([20, 50, 100, 200])(
    'fills 80 Mbit/s with a queue of 500 KiB at a round trip of %i ms and keeps the queue short',
    (rtt) => {
      const result = fill({ bytesPerSecond: 10e6, delayMs: rtt / 2, queueBytes: 500 * KiB }, 60, 10);
      expect(result.bytesPerSecond / 10e6).toBeGreaterThan(0.9);
      expect(result.medianDelayMs).toBeLessThan(50);
      expect(result.dropped).toBe(0);
    },
  );

  it.each([
    [100e3, 100],
    [1e6, 30],
    [35e6, 2],
    [100e6, 10],
  ])('fills %d bytes per second at %i ms', (bytesPerSecond, rtt) => {
    const result = fill({ bytesPerSecond, delayMs: rtt / 2, queueBytes: 4 * 1024 * KiB }, 40, 10);
    expect(result.bytesPerSecond / bytesPerSecond).toBeGreaterThan(0.85);
  });

  it('does not grow while something else limits the sender', () => {
    const { window } = fill({ bytesPerSecond: 10e6, delayMs: 25, queueBytes: 500 * KiB }, 20, 10, 1e6);
    expect(window.windowBytes).toBeLessThan(256 * KiB);
  });

  it('lets something out when nothing is under way, however small the window', () => {
    expect(new Window().canSend(64 * 1024 * KiB)).toBe(true);
  });
});
