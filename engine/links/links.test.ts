import { describe, expect, test } from 'vitest';
import { encodeControl, type ControlFrame, type Frame } from '../../protocol/frame.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { SignalBody } from '../../protocol/envelope.ts';
import type { AccountId, DeviceId, LinkId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import { testKeys, type TestKeys } from '../testing/accounts.ts';
import { VirtualClock } from '../testing/clock.ts';
import { cheapSignatures, seededRandom } from '../testing/keys.ts';
import { SimWires, type WireShape } from '../testing/sim-wires.ts';
import { settle } from '../testing/world.ts';
import type { Link } from './link.ts';
import { Links } from './links.ts';

const keys = await Promise.all(Array.from({ length: limits.openLinks + 3 }, (_, i) => testKeys(i + 1)));
const accountOf = (device: DeviceId) => `account of ${device}`.slice(0, 22) as AccountId;

/** Devices that know each other, and a server that passes their signals on. */
class Net {
  readonly clock = new VirtualClock();
  readonly wires: SimWires;
  readonly ends = new Map<DeviceId, End>();
  delayMs = 5;
  lives = 0;
  /** May replace or drop a signal. */
  pass: (body: SignalBody, from: DeviceId, to: DeviceId) => SignalBody | undefined = (body) => body;
  readonly signals: { from: DeviceId; to: DeviceId; body: SignalBody }[] = [];

  constructor(shape: Partial<WireShape> = {}) {
    this.wires = new SimWires(this.clock, seededRandom(1), shape);
  }

  end(number: number): End {
    const key = keys[number];
    if (!key) throw new Error('no such device');
    const end = new End(this, key);
    this.ends.set(key.id, end);
    return end;
  }

  run(ms: number, done?: () => boolean): Promise<void> {
    return this.clock.run(ms, settle, done);
  }

  /** No timer is left that would do anything. */
  async atRest(): Promise<boolean> {
    const before = this.wires.opened + this.signals.length;
    await this.run(120_000);
    return before === this.wires.opened + this.signals.length && this.wires.all.size === 0;
  }
}

class End {
  readonly links: Links;
  readonly log: string[] = [];
  readonly reports: unknown[] = [];
  readonly frames: Frame[] = [];
  readonly forbidden = new Set<DeviceId>();
  readonly offline = new Set<DeviceId>();
  alive = true;
  onFrame: (link: Link, frame: Frame) => void = () => undefined;
  iceServers: () => Promise<[]> = () => Promise.resolve([]);

  constructor(
    readonly net: Net,
    readonly keys: TestKeys,
  ) {
    const { clock } = net;
    this.links = new Links(
      {
        clock: {
          now: () => Math.floor(clock.now()),
          after: (delay, run) => clock.after(delay, () => this.alive && run()),
        },
        random: seededRandom(net.lives++),
        signatures: cheapSignatures,
        keys,
        openWire: net.wires.openerOf(keys.id, () => this.alive),
        iceServers: () => this.iceServers(),
        sendSignal: async (to, body) => {
          net.signals.push({ from: keys.id, to: to.id, body });
          await Promise.resolve();
          const passed = net.pass(body, keys.id, to.id);
          const target = net.ends.get(to.id);
          if (!target?.alive) return false;
          if (passed) clock.after(net.delayMs, () => target.alive && target.links.onSignal(keys.device, passed));
          return true;
        },
        allowed: (device) =>
          this.forbidden.has(device) ? undefined : { account: accountOf(device), device: deviceOf(device) },
        online: (device) => !this.offline.has(device) && net.ends.get(device)?.alive === true,
      },
      {
        opened: () => this.log.push('opened'),
        closed: (_, reason) => this.log.push(`closed: ${reason}`),
        frame: (link, frame) => {
          this.frames.push(frame);
          this.onFrame(link, frame);
        },
        changed: () => undefined,
        report: (problem) => this.reports.push(problem),
      },
    );
  }

  get id(): DeviceId {
    return this.keys.id;
  }

  /** The page is gone, without a word. */
  kill(): void {
    this.alive = false;
    for (const wire of this.net.wires.of(this.id)) wire.kill();
  }

  state(other: End): string {
    return this.links.stateOf(other.id);
  }
}

function deviceOf(id: DeviceId): Device {
  const found = keys.find((key) => key.id === id);
  if (!found) throw new Error('unknown device');
  return found.device;
}

const frontier: ControlFrame = { kind: 'frontier', conversation: 'C'.repeat(43) as never, have: [] };

describe('links', () => {
  test('one side rings, both are proven', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(500);
    expect([ann.state(bob), bob.state(ann)]).toEqual(['open', 'open']);
    expect([ann.log, bob.log]).toEqual([['opened'], ['opened']]);
    expect(ann.links.open(bob.id)?.account).toBe(accountOf(bob.id));
    ann.links.open(bob.id)?.control(frontier);
    await net.run(100);
    expect(bob.frames).toHaveLength(1);
    expect(net.wires.opened).toBe(2);
  });

  test.each([0, 1, 3, 6, 9, 12, 20, 40, 60, 100])(
    'both ring, the second %d ms later: one proven link',
    async (later) => {
      for (const [first, second] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const net = new Net();
        const [ann, bob] = [net.end(first), net.end(second)];
        ann.links.want(bob.id);
        await net.run(later);
        bob.links.want(ann.id);
        await net.run(5_000);
        expect([ann.state(bob), bob.state(ann)]).toEqual(['open', 'open']);
        expect(ann.links.open(bob.id)?.id).toBe(bob.links.open(ann.id)?.id);
        expect(net.wires.all.size).toBe(2);
        expect(ann.log.filter((line) => line === 'opened').length).toBe(1);
      }
    },
  );

  test('who does not answer is rung again, less and less often, and at once when it comes online', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    net.pass = () => undefined;
    ann.links.want(bob.id);
    await net.run(limits.linkSetupMs - 100);
    expect(ann.state(bob)).toBe('connecting');
    const rings = () => new Set(net.signals.map(({ body }) => body.link)).size;
    await net.run(200_000);
    expect(rings()).toBeGreaterThan(5);
    expect(rings()).toBeLessThan(12);
    expect(ann.state(bob)).not.toBe('open');
    net.pass = (body) => body;
    ann.links.nudge(bob.id);
    await net.run(500);
    expect(ann.state(bob)).toBe('open');
  });

  test('a refused signal is not waited for', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    bob.alive = false;
    ann.offline.clear();
    const online = net.ends.get(bob.id);
    expect(online).toBe(bob);
    ann.links.want(bob.id);
    await net.run(1_000);
    expect(net.signals).toHaveLength(0); // not online: not even rung
    bob.alive = true;
    ann.links.nudge(bob.id);
    await net.run(0.5);
    bob.alive = false;
    await net.run(100);
    expect(ann.state(bob)).toBe('none');
  });

  test('a link that is silent though it owes an answer is dropped after 5 s and made anew', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(500);
    net.wires.tamper = () => undefined;
    ann.links
      .open(bob.id)
      ?.control({ kind: 'entries', conversation: 'C'.repeat(43) as never, entries: [new Uint8Array(9)] });
    await net.run(4_500);
    expect(ann.log).toEqual(['opened']);
    net.wires.tamper = (frame) => frame;
    await net.run(5_000);
    expect(ann.log).toEqual(['opened', 'closed: silent', 'opened']);
    expect(bob.state(ann)).toBe('open');
  });

  test('chunks that were not acknowledged are owed although something was heard since', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(500);
    const link = ann.links.open(bob.id) as Link;
    const chunk = new Uint8Array(13 + 1000);
    chunk[0] = 1;
    link.send(chunk);
    bob.links.open(ann.id)?.control(frontier);
    await net.run(100);
    net.wires.tamper = () => undefined;
    await net.run(7_000);
    expect(ann.log).toContain('closed: silent');
  });

  test('a slow link that takes what is sent is not silent', async () => {
    const net = new Net({ bytesPerSecond: 10_000, accessBytesPerSecond: 10_000 });
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(1_000);
    for (let i = 0; i < 4; i++)
      ann.links
        .open(bob.id)
        ?.control({ kind: 'entries', conversation: 'C'.repeat(43) as never, entries: [new Uint8Array(40_000)] });
    await net.run(15_000);
    expect(ann.log).toEqual(['opened']);
  });

  test('a reloaded peer that rings replaces the link', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(500);
    const before = ann.links.open(bob.id)?.id;
    bob.kill();
    const reloaded = net.end(1);
    reloaded.links.want(ann.id);
    await net.run(500);
    expect(ann.log).toEqual(['opened', 'closed: replaced', 'opened']);
    expect(ann.links.open(bob.id)?.id).not.toBe(before);
    expect(reloaded.state(ann)).toBe('open');
  });

  test('a peer that reloads while it is being rung is rung again when it is back', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(20);
    bob.kill();
    const reloaded = net.end(1);
    await net.run(100);
    ann.links.nudge(bob.id);
    await net.run(500);
    expect([ann.state(reloaded), reloaded.state(ann)]).toEqual(['open', 'open']);
  });

  test.each([
    [0, 1],
    [1, 0],
  ])('whose ring was lost on a dead connection answers the one who rings next (%i, %i)', async (first, second) => {
    const net = new Net();
    const [ann, bob] = [net.end(first), net.end(second)];
    net.pass = (body, from) => (from === ann.id ? undefined : body);
    ann.links.want(bob.id);
    await net.run(200);
    net.pass = (body) => body;
    bob.links.want(ann.id);
    await net.run(500);
    expect([ann.state(bob), bob.state(ann)]).toEqual(['open', 'open']);
  });

  test('without a use a link is closed, and opened again when wanted', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(500);
    ann.links.unwant(bob.id);
    await net.run(limits.linkIdleMs + 3_000);
    expect([ann.state(bob), bob.state(ann)]).toEqual(['none', 'none']);
    expect(bob.log.at(-1)).toContain('idle');
    ann.links.want(bob.id);
    await net.run(500);
    expect(bob.state(ann)).toBe('open');
  });

  test('there are never more links than the limit; the idlest gives way, one that is wanted does not', async () => {
    const net = new Net();
    const ann = net.end(0);
    const others = Array.from({ length: limits.openLinks + 2 }, (_, i) => net.end(i + 1));
    for (const other of others.slice(0, limits.openLinks)) ann.links.want(other.id);
    await net.run(2_000);
    expect(ann.links.all()).toHaveLength(limits.openLinks);
    // All of them are wanted: there is no room, whoever rings.
    const [asking, ringing] = others.slice(limits.openLinks) as [End, End];
    ann.links.want(asking.id);
    ringing.links.want(ann.id);
    await net.run(2_000);
    expect(ann.links.all()).toHaveLength(limits.openLinks);
    expect([ann.state(asking), ann.state(ringing)]).toEqual(['none', 'none']);
    for (const other of others.slice(0, 2)) ann.links.unwant(other.id);
    await net.run(60_000);
    expect(ann.links.all()).toHaveLength(limits.openLinks);
    expect([ann.state(asking), ann.state(ringing)]).toEqual(['open', 'open']);
  });

  test('to somebody who is not accepted no wire is opened and no signal leaves', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.forbidden.add(bob.id);
    ann.links.want(bob.id);
    bob.links.want(ann.id);
    await net.run(60_000);
    expect(net.wires.of(ann.id)).toHaveLength(0);
    expect(net.signals.filter(({ from }) => from === ann.id)).toHaveLength(0);
  });

  test('who is not accepted any more loses the link at once', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(500);
    ann.forbidden.add(bob.id);
    ann.links.dropForbidden();
    await net.run(100);
    expect([ann.state(bob), bob.state(ann)]).toEqual(['none', 'none']);
    await net.run(60_000);
    expect(net.wires.of(ann.id)).toHaveLength(0);
  });

  test('who ceases to be accepted while ringing is not connected', async () => {
    for (const after of [1, 10, 30, 45, 55, 70]) {
      const net = new Net();
      const [ann, bob] = [net.end(0), net.end(1)];
      ann.links.want(bob.id);
      await net.run(after);
      ann.forbidden.add(bob.id);
      await net.run(10_000);
      if (ann.log.length === 0) expect(ann.state(bob)).not.toBe('open');
      ann.links.dropForbidden();
      await net.run(1_000);
      expect(ann.state(bob)).toBe('none');
      expect(net.wires.of(ann.id)).toHaveLength(0);
    }
  });

  test('a wire that closes during the handshake is given up and made anew', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    let closed = 0;
    net.wires.tamper = (frame, from) => {
      if (closed++ > 0) return frame;
      from.close();
      return undefined;
    };
    ann.links.want(bob.id);
    await net.run(3_000);
    expect(closed).toBeGreaterThan(1);
    expect([ann.state(bob), bob.state(ann)]).toEqual(['open', 'open']);
  });

  test('a frame before the proof costs the wire and reaches nobody', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    net.wires.tamper = () => encodeControl(frontier);
    ann.links.want(bob.id);
    await net.run(2_000);
    expect([ann.log, bob.log, ann.frames, bob.frames]).toEqual([[], [], [], []]);
    expect(ann.reports.concat(bob.reports).every((problem) => problem instanceof ProtocolError)).toBe(true);
  });

  test('candidates before the description, and twice, and of other attempts, do no harm', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    const stray: SignalBody = {
      kind: 'ice',
      link: 'of-another-attempt-22c' as LinkId,
      epoch: 0,
      candidate: 'x',
      mid: null,
      line: null,
    };
    for (let i = 0; i < 200; i++) bob.links.onSignal(ann.keys.device, stray);
    const seen: SignalBody[] = [];
    net.pass = (body) => {
      seen.push(body);
      return body;
    };
    ann.links.want(bob.id);
    await net.run(25);
    for (const body of seen)
      if (body.kind === 'ice')
        for (let i = 0; i < 100; i++) bob.links.onSignal(ann.keys.device, { ...body, epoch: body.epoch + 1 });
    await net.run(1_000);
    expect([ann.state(bob), bob.state(ann)]).toEqual(['open', 'open']);
    // An old offer again, of the link that is open: nothing.
    const offer = seen.find((body) => body.kind === 'sdp' && body.type === 'offer') as SignalBody;
    bob.links.onSignal(ann.keys.device, offer);
    await net.run(1_000);
    expect(bob.log).toEqual(['opened']);
  });

  test('after stop nothing is left that would ring, answer or close', async () => {
    const net = new Net();
    const [ann, bob, cid] = [net.end(0), net.end(1), net.end(2)];
    ann.links.want(bob.id);
    await net.run(500);
    ann.links.want(cid.id);
    await net.run(3);
    const offer: SignalBody = {
      kind: 'sdp',
      type: 'offer',
      link: 'a-new-link-of-22-chars' as LinkId,
      epoch: 0,
      sdp: 'x',
    };
    ann.links.stop();
    bob.links.stop();
    cid.links.stop();
    ann.links.onSignal(bob.keys.device, offer); // was being opened when it stopped
    ann.links.want(bob.id);
    ann.links.nudge(bob.id);
    await net.run(1_000);
    expect(await net.atRest()).toBe(true);
    expect(net.clock.step()).toBe(false);
  });

  test('a fault of this side costs the link, not the process', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    ann.links.want(bob.id);
    await net.run(500);
    bob.onFrame = () => {
      throw new Error('a defect');
    };
    ann.links.open(bob.id)?.control(frontier);
    await net.run(100);
    expect(bob.log).toEqual(['opened', 'closed: failed here']);
    expect(bob.reports.map(String)).toEqual(['Error: a defect']);
    await net.run(1_500);
    expect(bob.state(ann)).toBe('open');
  });

  test('a link that breaks as soon as it is open is not re-made at full speed', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    bob.onFrame = () => {
      throw new ProtocolError('malformed', 'always');
    };
    const opened: number[] = [];
    ann.links.want(bob.id);
    for (let i = 0; i < 600; i++) {
      const link = ann.links.open(bob.id);
      if (link && !opened.includes(link.usedAt)) link.control(frontier);
      await net.run(100);
    }
    expect(ann.log.filter((line) => line === 'opened').length).toBeLessThan(14);
  });

  test('a device that breaks the protocol again is left alone for a minute at a time, until it is of use or comes anew', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    const opened = () => ann.log.filter((line) => line === 'opened').length;
    let bad = true;
    bob.links.want(ann.id);
    ann.links.want(bob.id);
    ann.onFrame = () => {
      if (bad) throw new ProtocolError('malformed', 'of another kind');
    };
    const both = () => ann.state(bob) === 'open' && bob.state(ann) === 'open';
    const speak = () => bob.links.open(ann.id)?.control(frontier);
    await net.run(200);
    speak();
    await net.run(100);
    expect(ann.links.isFaulty(bob.id)).toBe(false);
    await net.run(5_000, both);
    speak();
    await net.run(100);
    expect([ann.links.isFaulty(bob.id), bob.links.isFaulty(ann.id)]).toEqual([true, false]);
    // Neither rings nor answers.
    await net.run(55_000);
    expect([opened(), ann.state(bob)]).toEqual([2, 'none']);
    await net.run(30_000, both);
    speak();
    await net.run(1_000);
    expect([opened(), ann.state(bob)]).toEqual([3, 'none']);

    bad = false;
    ann.links.nudge(bob.id);
    await net.run(2_000);
    expect([ann.state(bob), ann.links.isFaulty(bob.id)]).toEqual(['open', true]);
    speak();
    await net.run(12_000);
    expect([ann.state(bob), ann.links.isFaulty(bob.id)]).toEqual(['open', false]);
  });

  test('a browser that gives no connection is asked again later', async () => {
    const net = new Net();
    const [ann, bob] = [net.end(0), net.end(1)];
    let asked = 0;
    ann.iceServers = () => (asked++ === 0 ? Promise.reject(new Error('no servers')) : Promise.resolve([]));
    ann.links.want(bob.id);
    await net.run(2_000);
    expect(asked).toBeGreaterThan(1);
    expect(ann.state(bob)).toBe('open');
  });

  test('links and both sides survive a storm of cuts, reloads and lost signals', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const net = new Net();
      let state = seed + 1;
      const draw = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return (state >>> 8) % below;
      };
      let [ann, bob] = [net.end(0), net.end(1)];
      net.pass = (body) => (draw(4) === 0 ? undefined : body);
      ann.links.want(bob.id);
      bob.links.want(ann.id);
      for (let i = 0; i < 15; i++) {
        await net.run(draw(3_000));
        const what = draw(5);
        if (what === 0) net.wires.cut(ann.id, bob.id);
        else if (what === 1) {
          bob.kill();
          bob = net.end(1);
          bob.links.want(ann.id);
          ann.links.nudge(bob.id);
        } else if (what === 2) ann.links.drop(bob.id, 'a test');
        else if (what === 3) {
          ann.kill();
          ann = net.end(0);
          ann.links.want(bob.id);
        }
      }
      net.pass = (body) => body;
      await net.run(60_000);
      expect([seed, ann.state(bob), bob.state(ann)]).toEqual([seed, 'open', 'open']);
      expect(ann.links.open(bob.id)?.id).toBe(bob.links.open(ann.id)?.id);
    }
  });
});
