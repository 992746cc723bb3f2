import { describe, expect, test } from 'vitest';
import { encodeControl, type ControlFrame } from '../../protocol/frame.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { LinkId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { LanePort } from '../ports.ts';
import { testKeys, type TestKeys } from '../testing/accounts.ts';
import { VirtualClock } from '../testing/clock.ts';
import { cheapSignatures, seededRandom } from '../testing/keys.ts';
import { SimWires } from '../testing/sim-wires.ts';
import { settle } from '../testing/world.ts';
import { fromBase64 } from '../../protocol/bytes.ts';
import { Lanes, type LaneFrame } from './lanes.ts';

const [annKeys, bobKeys] = await Promise.all([testKeys(1), testKeys(2)]);
const link = 'link-of-22-characters-' as LinkId;

/** Both ends of a link: what they say over lane 0 arrives 5 ms later. */
class Pair {
  readonly clock = new VirtualClock();
  readonly wires = new SimWires(this.clock, seededRandom(1));
  readonly ann = new End(this, annKeys, bobKeys, 'initiator');
  readonly bob = new End(this, bobKeys, annKeys, 'responder');
  pass: (frame: ControlFrame) => ControlFrame | undefined = (frame) => frame;

  run(ms: number): Promise<void> {
    return this.clock.run(ms, settle);
  }
}

class End {
  readonly lanes: Lanes;
  readonly open = new Map<number, LanePort>();
  readonly log: string[] = [];
  readonly broken: unknown[] = [];
  room = 40;

  constructor(pair: Pair, self: TestKeys, peer: TestKeys, role: 'initiator' | 'responder') {
    this.lanes = new Lanes({
      clock: pair.clock,
      random: seededRandom(role === 'initiator' ? 2 : 3),
      signatures: cheapSignatures,
      keys: self,
      options: { link, epoch: 1, role, peer: { id: peer.id, signKey: fromBase64(peer.device.sign) } },
      openWire: pair.wires.openerOf(self.id),
      iceServers: () => Promise.resolve([]),
      control: (frame) =>
        pair.clock.after(5, () => {
          const passed = pair.pass(frame);
          const other = role === 'initiator' ? pair.bob : pair.ann;
          if (passed) other.take(passed as LaneFrame);
        }),
      takeRoom: () => {
        if (this.room === 0) return undefined;
        this.room--;
        return () => this.room++;
      },
      broken: (problem) => {
        this.broken.push(problem);
        this.lanes.close();
      },
      report: (problem) => this.broken.push(problem),
    });
    this.lanes.listen({
      opened: (number, lane) => this.open.set(number, lane),
      closed: (number) => this.open.delete(number),
      frame: (number, frame) => this.log.push(`${number} ${frame.type}`),
    });
  }

  take(frame: LaneFrame): void {
    try {
      this.lanes.onFrame(frame);
    } catch (problem) {
      this.broken.push(problem);
      this.lanes.close();
    }
  }
}

const chunk = (): Bytes => new Uint8Array(13 + 100).fill(0).fill(1, 0, 1);
const expectProtocolError = (end: End) => expect(end.broken).toEqual([expect.any(ProtocolError)]);

describe('lanes', () => {
  test.each(['ann', 'bob'] as const)('open as many as %s wants, carry chunks, and close again', async (who) => {
    const pair = new Pair();
    pair[who].lanes.want(8);
    await pair.run(1_000);
    expect([...pair.ann.open.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([...pair.bob.open.keys()].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([pair.ann.lanes.count, pair.bob.lanes.count]).toEqual([8, 8]);
    pair.ann.open.get(5)?.send(chunk());
    await pair.run(100);
    expect(pair.bob.log).toEqual(['5 chunk']);
    pair[who].lanes.want(2);
    await pair.run(1_000);
    expect([[...pair.ann.open.keys()], [...pair.bob.open.keys()]]).toEqual([[1], [1]]);
    expect(pair.ann.room).toBe(39);
    expect([...pair.ann.broken, ...pair.bob.broken]).toEqual([]);
  });

  test('never more than the limit, however many are wished', async () => {
    const pair = new Pair();
    pair.ann.lanes.want(1_000);
    await pair.run(1_000);
    expect(pair.ann.lanes.count).toBe(limits.lanesPerLink);
  });

  test('a few are made at a time, so that no page stands still for it', async () => {
    const pair = new Pair();
    pair.ann.lanes.want(limits.lanesPerLink);
    await pair.run(0);
    expect(40 - pair.ann.room).toBe(8);
    await pair.run(1_000);
    expect(pair.ann.open.size).toBe(limits.lanesPerLink - 1);
  });

  test('a lane that is silent though it owes an answer is given up and made anew', async () => {
    const pair = new Pair();
    pair.ann.lanes.want(2);
    await pair.run(1_000);
    pair.ann.open.get(1)?.send(chunk());
    await pair.run(7_000);
    expect(pair.ann.lanes.watch()).toBeGreaterThan(5_000);
    await pair.run(50);
    expect([pair.ann.open.size, pair.bob.open.size]).toEqual([0, 0]);
    await pair.run(4_000);
    expect([pair.ann.open.size, pair.bob.open.size]).toEqual([1, 1]);
  });

  test('a device without room says so, and is not asked again at once', async () => {
    const pair = new Pair();
    pair.bob.room = 3;
    pair.ann.lanes.want(8);
    await pair.run(1_500);
    expect([pair.ann.open.size, pair.bob.open.size]).toEqual([3, 3]);
    expect([...pair.ann.broken, ...pair.bob.broken]).toEqual([]);
  });

  test('a device without room for its own lanes tries one now and then, and opens them all when there is room', async () => {
    const pair = new Pair();
    let frames = 0;
    pair.pass = (frame) => (frames++, frame);
    pair.ann.room = 0;
    for (let wanted = 2; wanted <= limits.lanesPerLink; wanted++) pair.ann.lanes.want(wanted);
    await pair.run(1_000);
    expect(frames).toBe(1);
    pair.ann.room = 40;
    await pair.run(10_000);
    expect(pair.ann.open.size).toBe(limits.lanesPerLink - 1);
  });

  test('a chunk before the proof costs the link', async () => {
    const pair = new Pair();
    pair.wires.tamper = (_, from) => (from.device === annKeys.id ? chunk() : undefined);
    pair.ann.lanes.want(2);
    await pair.run(1_000);
    expectProtocolError(pair.bob);
    expect(pair.bob.log).toEqual([]);
  });

  test('another frame than a chunk or an ack costs the link', async () => {
    const pair = new Pair();
    pair.ann.lanes.want(2);
    await pair.run(1_000);
    pair.ann.open.get(1)?.send(encodeControl({ kind: 'bye', reason: 'idle' }));
    await pair.run(100);
    expectProtocolError(pair.bob);
  });

  test('a lane is not proven by the handshake of another one', async () => {
    const pair = new Pair();
    pair.pass = (frame) => (frame.kind === 'lane' ? { ...frame, lane: 3 - frame.lane } : frame);
    pair.ann.lanes.want(3);
    await pair.run(1_000);
    expect([pair.ann.open.size, pair.bob.open.size]).toEqual([0, 0]);
    expect([...pair.ann.broken, ...pair.bob.broken][0]).toBeInstanceOf(ProtocolError);
  });

  const offer = (lane: number, attempt: number): LaneFrame => ({
    kind: 'lane',
    lane,
    attempt,
    signal: { kind: 'sdp', type: 'offer', sdp: 'none' },
  });
  const candidate: LaneFrame = {
    kind: 'lane',
    lane: 1,
    attempt: 0,
    signal: { kind: 'ice', candidate: 'c', mid: null, line: null },
  };

  test('a flood of attempts costs the link', async () => {
    const pair = new Pair();
    for (let attempt = 0; attempt <= 2 * limits.laneAttemptsPerMinute; attempt++)
      pair.bob.take(offer(1 + (attempt % 31), attempt));
    await pair.run(10);
    expectProtocolError(pair.bob);
    expect(pair.wires.all.size).toBe(0);
  });

  test('as many attempts as an initiator may make cost nothing, however its minutes fall into those of the other side', async () => {
    const pair = new Pair();
    let attempt = 0;
    const minute = () => {
      for (let i = 0; i < limits.laneAttemptsPerMinute; i++) pair.bob.take(offer(1 + (attempt % 31), attempt++));
    };
    await pair.run(55_000);
    minute();
    await pair.run(10_000);
    minute();
    expect(pair.bob.broken).toEqual([]);
  });

  test('a flood of signals costs the link', async () => {
    const pair = new Pair();
    pair.bob.take(offer(1, 0));
    for (let i = 0; i < limits.signalsPerLink; i++) pair.bob.take(candidate);
    await pair.run(10);
    expectProtocolError(pair.bob);
  });

  test.each<[string, LaneFrame, 'ann' | 'bob']>([
    ['an SDP offer by the responder', offer(1, 0), 'ann'],
    ['a wish of the initiator', { kind: 'lanes', wanted: 4 }, 'bob'],
  ])('%s costs the link', (_, frame, to) => {
    const pair = new Pair();
    pair[to].take(frame);
    expectProtocolError(pair[to]);
  });

  test('signals of an attempt that is not known do nothing', () => {
    const pair = new Pair();
    for (let i = 0; i < 1_000; i++) pair.bob.take(candidate);
    expect(pair.bob.broken).toEqual([]);
  });
});
