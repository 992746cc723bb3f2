import { beforeAll, describe, expect, test } from 'vitest';
import { decodeFrame, encodeControl, type ControlFrame } from '../../protocol/frame.ts';
import type { DeviceId, LinkId } from '../../protocol/ids.ts';
import { limits, PROTOCOL_VERSION } from '../../protocol/limits.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { VirtualClock } from '../testing/clock.ts';
import { seededRandom, signatures, testDevice, type TestDevice } from '../testing/keys.ts';
import { Handshake, type HandshakeOptions } from './handshake.ts';

const link = 'link-of-22-characters-' as LinkId;
const prints = { a: 'aa'.repeat(32), b: 'bb'.repeat(32), c: 'cc'.repeat(32) };

let ann: TestDevice;
let bob: TestDevice;
let eve: TestDevice;
beforeAll(async () => {
  [ann, bob, eve] = await Promise.all([testDevice(1), testDevice(2), testDevice(3)]);
});

const clock = new VirtualClock();
const side = (self: TestDevice, peer: TestDevice, options: Partial<HandshakeOptions> = {}, seed = 1, at = clock) =>
  new Handshake(
    { clock: at, random: seededRandom(seed), signatures, keys: self },
    {
      link,
      epoch: 7,
      lane: 0,
      role: self === ann ? 'initiator' : 'responder',
      peer: { id: peer.id, signKey: peer.publicKey },
      localFingerprint: self === ann ? prints.a : prints.b,
      remoteFingerprint: self === ann ? prints.b : prints.a,
      ...options,
    },
  );

type Tamper = (frame: ControlFrame) => ControlFrame;
const honest: Tamper = (frame) => frame;

/** Lets both talk; says who is convinced. A side that throws has closed the link for both. */
async function shake(a: Handshake, b: Handshake, fromA = honest, fromB = honest): Promise<{ a: boolean; b: boolean }> {
  const proven = { a: false, b: false };
  try {
    const answerB = await b.onFrame(fromA(a.hello()));
    const answerA = await a.onFrame(fromB(b.hello()));
    for (const frame of answerA.send) proven.b ||= (await b.onFrame(fromA(frame))).proven;
    for (const frame of answerB.send) proven.a ||= (await a.onFrame(fromB(frame))).proven;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return proven;
}

describe('the handshake', () => {
  test('convinces both', async () => {
    expect(await shake(side(ann, bob), side(bob, ann))).toEqual({ a: true, b: true });
  });

  const flipped = async (kind: 'hello' | 'proof', from: 'a' | 'b') => {
    const sample =
      kind === 'hello'
        ? side(from === 'a' ? ann : bob, from === 'a' ? bob : ann).hello()
        : { kind: 'proof' as const, signature: new Uint8Array(64) };
    const bytes = encodeControl(sample).length;
    for (let at = 0; at < bytes; at++) {
      const tamper: Tamper = (frame) => {
        if (frame.kind !== kind) return frame;
        const encoded = encodeControl(frame);
        encoded[at] = (encoded[at] ?? 0) ^ 1;
        const decoded = decodeFrame(encoded);
        if (decoded.type !== 'control') throw new ProtocolError('malformed', 'no control frame');
        return decoded.control;
      };
      const proven = await shake(
        side(ann, bob),
        side(bob, ann),
        from === 'a' ? tamper : honest,
        from === 'b' ? tamper : honest,
      );
      // Whoever got the altered frame must not be convinced; of a hello nobody may be.
      expect(from === 'a' ? proven.b : proven.a, `${kind} byte ${at} of ${from}`).toBe(false);
      if (kind === 'hello') expect(proven, `hello byte ${at} of ${from}`).toEqual({ a: false, b: false });
    }
  };
  test.each([
    ['hello', 'a'],
    ['hello', 'b'],
    ['proof', 'a'],
    ['proof', 'b'],
  ] as const)('fails closed with any flipped byte of the %s of %s', flipped);

  test.each<[string, Partial<HandshakeOptions>]>([
    ['link', { link: 'another-22-characters-' as LinkId }],
    ['epoch', { epoch: 8 }],
    ['role', { role: 'initiator' }],
    ['local fingerprint', { localFingerprint: prints.c }],
    ['remote fingerprint', { remoteFingerprint: prints.c }],
    ['both fingerprints swapped', { localFingerprint: prints.a, remoteFingerprint: prints.b }],
    ['one certificate at both ends', { localFingerprint: prints.a, remoteFingerprint: prints.a }],
  ])('fails closed when the other side sees another %s', async (_, options) => {
    expect(await shake(side(ann, bob), side(bob, ann, options))).toEqual({ a: false, b: false });
  });

  test('fails closed when somebody in the middle has a certificate of its own on each side', async () => {
    const proven = await shake(
      side(ann, bob, { remoteFingerprint: prints.c }),
      side(bob, ann, { remoteFingerprint: prints.c }),
    );
    expect(proven).toEqual({ a: false, b: false });
  });

  test('fails closed with another device, also under the id of the right one', async () => {
    expect(await shake(side(ann, bob), side(eve, ann))).toEqual({ a: false, b: false });
    const posing = { ...eve, id: bob.id };
    expect((await shake(side(ann, bob), side(posing, ann))).a).toBe(false);
  });

  test('fails closed with another key behind the id', async () => {
    const proven = await shake(side(ann, bob, { peer: { id: bob.id, signKey: eve.publicKey } }), side(bob, ann));
    expect(proven.a).toBe(false);
  });

  test('its own frames thrown back convince nobody', async () => {
    const own = side(ann, bob);
    await expect(own.onFrame(own.hello())).rejects.toThrow(ProtocolError);
    const again = side(ann, bob);
    const reflected: ControlFrame = { ...again.hello(), device: bob.id } as ControlFrame;
    const { send } = await again.onFrame(reflected);
    await expect(again.onFrame(send[0] as ControlFrame)).rejects.toThrow('does not fit');
  });

  test('a proof of another link is no proof', async () => {
    const recorded: ControlFrame[] = [];
    const record: Tamper = (frame) => (recorded.push(frame), frame);
    expect(await shake(side(ann, bob), side(bob, ann), honest, record)).toEqual({ a: true, b: true });
    const [hello, proof] = recorded;
    // The same link with a fresh nonce of the initiator, and the recorded side replayed whole.
    const fresh = side(ann, bob, {}, 99);
    await fresh.onFrame(hello as ControlFrame);
    await expect(fresh.onFrame(proof as ControlFrame)).rejects.toThrow(ProtocolError);
  });

  test('two initiators convince nobody', async () => {
    expect(await shake(side(ann, bob), side(bob, ann, { role: 'initiator' }))).toEqual({ a: false, b: false });
  });

  test.each<[string, ControlFrame]>([
    ['a proof before the hello', { kind: 'proof', signature: new Uint8Array(64) }],
    ['goodbye', { kind: 'bye', reason: 'idle' }],
    ['a frontier', { kind: 'frontier', conversation: 'C'.repeat(43) as never, have: [] }],
    ['a want', { kind: 'want', stream: 0, offer: 'o'.repeat(22) as never, file: 0, ranges: [[0, 1]], credit: 1 }],
  ])('%s ends it for good', async (_, frame) => {
    const [one, other] = [side(ann, bob), side(bob, ann)];
    await expect(one.onFrame(frame)).rejects.toThrow(ProtocolError);
    await expect(one.onFrame(other.hello())).rejects.toThrow(ProtocolError);
  });

  test('a second hello, or a second proof, ends it', async () => {
    const one = side(ann, bob);
    const hello = side(bob, ann).hello();
    await one.onFrame(hello);
    await expect(one.onFrame(hello)).rejects.toThrow(ProtocolError);
  });

  test.each([-1, 1])('a hello of another version or another time is refused (%d)', async (sign) => {
    const hello = side(bob, ann).hello() as Extract<ControlFrame, { kind: 'hello' }>;
    const far = sign * (limits.linkSetupMs + 4 * limits.clockSkewMs);
    await expect(side(ann, bob).onFrame({ ...hello, version: PROTOCOL_VERSION + sign })).rejects.toThrow('version');
    await expect(side(ann, bob).onFrame({ ...hello, expiresAt: hello.expiresAt + far })).rejects.toThrow('clock');
  });

  test('a proof that comes too late is refused', async () => {
    const late = new VirtualClock();
    const [one, other] = [side(ann, bob, {}, 1, late), side(bob, ann, {}, 2, late)];
    const { send } = await other.onFrame(one.hello());
    await one.onFrame(other.hello());
    late.runSync(limits.linkSetupMs + 4 * limits.clockSkewMs);
    await expect(one.onFrame(send[0] as ControlFrame)).rejects.toThrow('expired');
  });

  test('clocks that are off by less than the limit do not matter', async () => {
    const ahead = new VirtualClock(clock.now() + limits.clockSkewMs - 1);
    expect(await shake(side(ann, bob), side(bob, ann, {}, 2, ahead))).toEqual({ a: true, b: true });
  });

  test('the id of the other device must be the one that was rung', async () => {
    const hello = side(bob, ann).hello() as Extract<ControlFrame, { kind: 'hello' }>;
    await expect(side(ann, bob).onFrame({ ...hello, device: 'somebody-else-22-chars' as DeviceId })).rejects.toThrow(
      'another device',
    );
  });
});
