import { beforeEach, describe, expect, it } from 'vitest';
import { decodeFrame, encodeControl } from '../../protocol/frame.ts';
import { limits } from '../../protocol/limits.ts';
import { conversation, FeedNetwork, settle, type LinkEnd, type SimulatedPeer } from '../testing/feed-network.ts';
import type { FeedFrame } from './sync.ts';
import { acknowledge } from './acknowledgement.ts';

let network: FeedNetwork;
let ann: SimulatedPeer;
let bob: SimulatedPeer;
let cid: SimulatedPeer;
beforeEach(() => {
  network = new FeedNetwork(3);
  [ann, bob, cid] = [network.peer(0), network.peer(1), network.peer(2)];
});

const sayMany = async (peer: SimulatedPeer, count: number, size = 0) => {
  for (let i = 0; i < count; i++) peer.say(size);
  await settle();
};
const waiting = (end: LinkEnd) =>
  end.inbox.map((bytes) => {
    const frame = decodeFrame(bytes);
    return frame.type === 'control' ? frame.control.kind : frame.type;
  });
const connect = async (...args: Parameters<FeedNetwork['connect']>) => {
  const { ends } = network.connect(...args);
  await settle();
  return ends;
};
const give = (end: LinkEnd, frame: FeedFrame) => end.sync.onFrame(frame);

describe('sync', () => {
  it('brings both what they lack, and each a signed word that it has arrived', async () => {
    await sayMany(ann, 3);
    await sayMany(bob, 2);
    const [left, right] = await connect(ann, bob);
    await network.quiet();
    expect(await ann.texts()).toEqual(await bob.texts());
    expect(left.sync.peerHas().get(ann.device.id)).toBe(3);
    expect(right.sync.peerHas().get(bob.device.id)).toBe(2);
    expect(left.events).toContainEqual({ kind: 'sent', author: ann.device.id, length: 3 });
    expect(left.events).toContainEqual({ kind: 'held', author: ann.device.id, length: 3 });
    expect(network.faults).toEqual([]);
  });

  it('sends a new entry at once, alone, and answers it with one frame', async () => {
    const [left, right] = await connect(ann, bob);
    await network.quiet();
    ann.say();
    await settle();
    expect(waiting(right)).toEqual(['entries']);
    right.deliver();
    await settle();
    expect(waiting(left)).toEqual(['committed']);
    left.deliver();
    await settle();
    expect([waiting(left), waiting(right)]).toEqual([[], []]);
  });

  it('says delivered only after the signed word of the peer', async () => {
    const [left, right] = await connect(ann, bob);
    await network.quiet();
    ann.say();
    await settle();
    right.deliver();
    await settle();
    expect(left.sync.peerHas().get(ann.device.id)).toBeUndefined();
    left.deliver();
    await settle();
    expect(left.sync.peerHas().get(ann.device.id)).toBe(1);
  });

  it('carries the entries of others', async () => {
    await sayMany(ann, 2);
    await connect(ann, bob);
    await network.quiet();
    ann.crash();
    await connect(bob, cid);
    await network.quiet();
    expect(await cid.texts()).toEqual(await ann.texts());
  });

  it('keeps no more than the window under way, and continues on committed', async () => {
    await sayMany(ann, 60, 16_000);
    const [, right] = await connect(ann, bob);
    right.deliver();
    await settle();
    const [left] = right.link.ends;
    left.deliver();
    await settle();
    const underWay = () => waiting(right).filter((kind) => kind === 'entries').length;
    expect(underWay()).toBe(limits.entryBatchesInFlight);
    for (const bytes of right.inbox) expect(bytes.length).toBeLessThan(limits.entryBatchBytes + 4096);
    right.deliver();
    await settle();
    expect(underWay()).toBe(limits.entryBatchesInFlight - 1);
    left.deliver();
    await settle();
    expect(underWay()).toBe(limits.entryBatchesInFlight);
    await network.quiet();
    expect(await bob.texts()).toEqual(await ann.texts());
  });

  it('loses nothing when the writer dies between commit and send', async () => {
    await connect(ann, bob);
    await network.quiet();
    ann.crashAtNextWrite = 'after';
    ann.say();
    await settle();
    await connect(ann, bob);
    await network.quiet();
    expect(await bob.texts()).toEqual(['0:0']);
  });

  it('gives an acknowledgement again that was lost with its link', async () => {
    await sayMany(ann, 2);
    const [left, right] = await connect(ann, bob);
    for (const end of [left, right, right]) {
      end.deliver();
      await settle();
    }
    expect(waiting(left).at(-1)).toBe('committed');
    left.link.cut();
    const [again] = await connect(ann, bob);
    await network.quiet();
    expect(again.sync.peerHas().get(ann.device.id)).toBe(2);
  });

  it('gives a restored device its own entries back, and tells it that they are delivered', async () => {
    await sayMany(ann, 4);
    await connect(ann, bob);
    await network.quiet();
    const fresh = new FeedNetwork(1).peer(0);
    const restored = await network.twinOf(fresh);
    const [left] = await connect(restored, bob);
    await network.quiet();
    expect(await restored.texts()).toEqual(await ann.texts());
    expect(left.sync.peerHas().get(restored.device.id)).toBe(4);
    restored.say();
    await network.quiet();
    expect(await bob.texts()).toHaveLength(5);
    expect(bob.forks).toEqual([]);
  });

  it('answers a first frontier when it was not started itself', async () => {
    await sayMany(bob, 1);
    await sayMany(ann, 1);
    await connect(ann, bob, 'first');
    await network.quiet();
    expect(await ann.texts()).toHaveLength(2);
    expect(await bob.texts()).toHaveLength(2);
  });
});

describe('what a peer refuses', () => {
  it('does not hold up the rest, comes to rest, and comes when it is known', async () => {
    // More than all windows that are sent before the feed is held back.
    await sayMany(cid, 300, 16_000);
    await connect(cid, ann);
    await network.quiet();
    await sayMany(ann, 40, 16_000);
    for (const { link } of network.ends()) link.cut();
    let known = false;
    network.keyFor = (peer, device) =>
      peer === bob && device === cid.device.id && !known
        ? undefined
        : network.peers.find((other) => other.device.id === device)?.device.publicKey;
    const [left, right] = await connect(ann, bob);
    await network.quiet(200);
    expect(right.events).toContainEqual({ kind: 'unknown-author', device: cid.device.id });
    expect(await bob.texts()).toEqual((await ann.texts()).filter((text) => text.startsWith('0:')));
    ann.say();
    await network.quiet(20);
    expect(await bob.texts()).toHaveLength(41);
    known = true;
    network.watch(right.sync.start());
    await network.quiet(200);
    expect(await bob.texts()).toEqual(await ann.texts());
    expect(left.sync.peerHas().get(cid.device.id)).toBe(300);
    expect(network.faults).toEqual([]);
  });

  it('asks again after a gap, a bounded number of times', async () => {
    await sayMany(ann, 3);
    const third = await ann.feeds.entryAt(conversation, ann.device.id, 2);
    const [left, right] = await connect(ann, bob);
    left.inbox.length = 0;
    right.inbox.length = 0;
    for (let i = 0; i < 50; i++)
      await give(right, { kind: 'entries', conversation, entries: [third?.wire ?? new Uint8Array()] });
    expect(waiting(left)).toEqual(Array(limits.frontierRepeats).fill('frontier'));
    await network.quiet(100);
    expect(await bob.texts()).toHaveLength(3);
  });

  it('sends again a bounded number of times to a peer that goes back and forth', async () => {
    await sayMany(ann, 3);
    const [left, right] = await connect(ann, bob);
    right.inbox.length = 0;
    for (let i = 0; i < 300; i++) await give(left, { kind: 'frontier', conversation, have: [[ann.device.id, i % 2]] });
    expect(right.inbox.length).toBeLessThanOrEqual(limits.entryRepeatsPerLink + 1);
  });
});

describe('a committed frame', () => {
  const signed = async (length: number, head?: Uint8Array<ArrayBuffer>, by = bob) => {
    const entry = await ann.feeds.entryAt(conversation, ann.device.id, Math.max(0, length - 1));
    return acknowledge(by.device, conversation, ann.device.id, length, head ?? entry?.hash ?? new Uint8Array(32));
  };

  it('counts when the peer signed a head that is ours', async () => {
    await sayMany(ann, 3);
    const [left] = await connect(ann, bob);
    await give(left, await signed(2));
    await give(left, await signed(1));
    expect(left.sync.peerHas()).toEqual(new Map([[ann.device.id, 2]]));
  });

  it.each<[string, () => Promise<FeedFrame>]>([
    ['signed by another device', () => signed(2, undefined, cid)],
    ['of nothing', () => signed(0)],
    ['with another length than was signed', async () => ({ ...(await signed(2)), length: 1 })],
    ['with another author than was signed', async () => ({ ...(await signed(2)), author: bob.device.id })],
    ['with another head than was signed', async () => ({ ...(await signed(2)), head: new Uint8Array(32) })],
    ['without a signature', async () => ({ ...(await signed(2)), signature: new Uint8Array(64) })],
  ])('is refused %s', async (_, frame) => {
    await sayMany(ann, 3);
    const [left] = await connect(ann, bob);
    await expect(give(left, await frame())).rejects.toThrow('malformed');
    expect(left.sync.peerHas().size).toBe(0);
  });

  it('counts once its author may write here, and does no harm before', async () => {
    await sayMany(ann, 3);
    const [left] = await connect(ann, bob);
    let known = false;
    const { keyFor } = network;
    network.keyFor = (peer, device) =>
      device === bob.device.id && !known ? undefined : keyFor.call(network, peer, device);
    await give(left, await signed(1));
    await give(left, await signed(2));
    expect(left.sync.peerHas().size).toBe(0);
    known = true;
    await left.sync.again();
    expect(left.sync.peerHas()).toEqual(new Map([[ann.device.id, 2]]));
  });

  it('counts once what its author sends shows that they may write here', async () => {
    await sayMany(ann, 3);
    const [left] = await connect(ann, bob);
    const { keyFor } = network;
    let known = false;
    network.keyFor = (peer, device) =>
      device === bob.device.id && !known ? undefined : keyFor.call(network, peer, device);
    await give(left, await signed(2));
    known = true;
    await sayMany(bob, 1);
    const said = await bob.feeds.entryAt(conversation, bob.device.id, 0);
    await give(left, { kind: 'entries', conversation, entries: [said?.wire ?? new Uint8Array()] });
    expect(left.sync.peerHas()).toEqual(new Map([[ann.device.id, 2]]));
  });

  it('counts for nothing when it claims more than there is, or another head', async () => {
    await sayMany(ann, 3);
    const [left, right] = await connect(ann, bob);
    right.inbox.length = 0;
    await give(left, await signed(9));
    await give(left, await signed(2, new Uint8Array(32).fill(1)));
    expect(left.sync.peerHas().size).toBe(0);
    expect(waiting(right)).toEqual(['entries']);
  });
});

it('takes nothing and sends nothing once it is closed', async () => {
  await sayMany(ann, 1);
  const [left] = await connect(ann, bob);
  const sent = left.other.inbox.length;
  left.sync.close();
  await give(left, { kind: 'frontier', conversation, have: [] });
  ann.say();
  await settle();
  expect(left.other.inbox.length).toBe(sent);
});

it('refuses entries that are broken, and rejects as the fault of the peer', async () => {
  const [left] = await connect(ann, bob);
  const entries = { kind: 'entries' as const, conversation, entries: [new Uint8Array([1])] };
  expect(decodeFrame(encodeControl(entries)).type).toBe('control');
  await expect(give(left, entries)).rejects.toMatchObject({ name: 'ProtocolError', code: 'malformed' });
});
