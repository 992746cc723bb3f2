import { describe, expect, it } from 'vitest';
import { FlowPath } from '../testing/flow-path.ts';
import { Window } from './window.ts';

const KiB = 1024;
const shape = (roundTripMs: number, loss = 0) => ({ bytesPerSecond: 10e6, roundTripMs, queueBytes: 500 * KiB, loss });

describe('the simulated path is what was measured', () => {
  it.each([
    [50, 0.03],
    [100, 0.016],
  ])('a raw channel at %i ms with 1 %% loss carries about %d of the line', (rtt, measured) => {
    const path = new FlowPath(shape(rtt, 0.01), { raw: true });
    path.run(3);
    const { share } = path.measure(15);
    expect(share).toBeGreaterThan(0.6 * measured);
    expect(share).toBeLessThan(1.6 * measured);
  });

  it('32 lanes at 100 ms with 1 % loss carry about half of it', () => {
    const path = new FlowPath(shape(100, 0.01), { fixedLanes: 32 });
    path.run(8);
    const { share } = path.measure(8);
    expect(share).toBeGreaterThan(0.35);
    expect(share).toBeLessThan(0.65);
  });
});

describe('Flow', () => {
  it.each([20, 50, 100, 200])('fills 80 Mbit/s at %i ms on one lane and keeps the queue short', (rtt) => {
    const path = new FlowPath(shape(rtt));
    path.run(10);
    const { share, medianDelayMs } = path.measure(10);
    expect(share).toBeGreaterThan(0.9);
    expect(medianDelayMs).toBeLessThan(50);
    expect(path.path.droppedPackets).toBe(0);
    expect(path.mostLanes).toBe(1);
  });

  it.each([
    [50, 0.01, 0.7],
    [100, 0.01, 0.4],
    [50, 0.001, 0.8],
    [100, 0.001, 0.6],
  ])('at %i ms with loss of %d carries %d of the line by more lanes', (rtt, loss, least) => {
    const path = new FlowPath(shape(rtt, loss));
    path.run(18);
    const { share, medianDelayMs } = path.measure(10);
    expect(share).toBeGreaterThan(least);
    expect(medianDelayMs).toBeLessThan(50);
    expect(path.mostLanes).toBeGreaterThan(1);
  });

  it.each([
    [50, 0.9],
    [100, 0.9],
    [200, 0.6],
  ])('at %i ms is back at %d of the line 5 s after all that was under way went out thrice', (rtt, least) => {
    for (const seed of [1, 2]) {
      const path = new FlowPath(shape(rtt), { seed, busyMs: 20 });
      path.run(14);
      path.storm();
      path.run(5);
      expect(path.measure(5).share).toBeGreaterThan(least);
    }
  });

  it('at 100 ms with 1 % loss opens lanes whatever is lost first', () => {
    for (const seed of [1, 3, 4]) {
      const path = new FlowPath(shape(100, 0.01), { seed, busyMs: 20 });
      path.run(18);
      expect(path.measure(8).share).toBeGreaterThan(0.35);
    }
  });

  it('survives packets that come late', () => {
    const path = new FlowPath({ ...shape(50), reorder: 0.0005 });
    path.run(10);
    expect(path.measure(8).share).toBeGreaterThan(0.7);
  });

  it.each([undefined, 8, 32])(
    'shares the line with a CUBIC flow, and has all of it 5 s after that ends (lanes: %s)',
    (fixedLanes) => {
      const path = new FlowPath(shape(50), { fixedLanes });
      path.run(5);
      const other = path.addCubic();
      path.run(5);
      const { share } = path.measure(20);
      expect(share).toBeGreaterThan(0.25);
      expect(share).toBeLessThan(0.55);
      other.stop();
      path.run(5);
      expect(path.measure(3).share).toBeGreaterThan(0.9);
      expect(path.flow.window.competing).toBe(false);
    },
  );

  it.each([undefined, 4])('shares it too where the page is busy at times and hears late (lanes: %s)', (fixedLanes) => {
    const path = new FlowPath(shape(50), { fixedLanes, busyMs: 20 });
    path.run(8);
    const alone = path.measure(2);
    expect(alone.share).toBeGreaterThan(0.9);
    expect(alone.medianDelayMs).toBeLessThan(40);
    path.addCubic();
    path.run(3);
    const { share } = path.measure(15);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.55);
  });

  it('sees the queue of others though its channels are full and some round trips come out too short', () => {
    const window = new Window();
    window.lanes = 4;
    let now = 0;
    const ack = (roundTripMs: number) => {
      window.onSend(now, 16 * KiB);
      window.onAck((now += 2), 16 * KiB, roundTripMs, 90);
    };
    window.onAck(now, 0, 52, 52);
    for (let i = 0; i < 400; i++) ack(i % 10 === 0 ? 22 : 80 + (i % 5));
    expect(window.queueDelayMs).toBeGreaterThan(20);
    expect(window.queueDelayMs).toBeLessThan(35);
  });

  it('closes lanes again when loss is over', () => {
    const path = new FlowPath(shape(50, 0.01));
    path.run(15);
    const before = path.flow.lanes.size;
    expect(before).toBeGreaterThan(8);
    path.path.shape.loss = 0;
    path.run(90);
    expect(path.flow.lanes.size).toBeLessThan(before / 3);
    expect(path.measure(5).share).toBeGreaterThan(0.9);
  });

  it('opens no lanes on a fast path with a short round trip', () => {
    const path = new FlowPath({ bytesPerSecond: 35e6, roundTripMs: 1, queueBytes: 4096 * KiB });
    path.run(4);
    expect(path.measure(2).share).toBeGreaterThan(0.9);
    expect(path.mostLanes).toBe(1);
  });

  it('does not keep a slow line waiting: 1 Mbit/s has a queue of a fifth of a second at most', () => {
    const path = new FlowPath({ bytesPerSecond: 125e3, roundTripMs: 30, queueBytes: 500 * KiB });
    path.run(5);
    const { share, medianDelayMs } = path.measure(20);
    expect(share).toBeGreaterThan(0.85);
    expect(medianDelayMs).toBeLessThan(200);
  });

  it('keeps a speed limit, and a changed one, and none', () => {
    const path = new FlowPath(shape(20));
    path.limit.set(path.clock.now(), 500e3);
    path.run(2);
    const rate = () => path.measure(4).share * 10e6 * (1160 / 1253);
    expect(rate() / 500e3).toBeGreaterThan(0.9);
    expect(rate() / 500e3).toBeLessThan(1.05);
    path.limit.set(path.clock.now(), 2e6);
    path.run(1);
    expect(rate() / 2e6).toBeGreaterThan(0.9);
    path.limit.set(path.clock.now(), Infinity);
    path.flow.paceChanged();
    path.run(4);
    expect(path.measure(2).share).toBeGreaterThan(0.85);
  });
});
