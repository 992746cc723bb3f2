import { beforeEach, describe, expect, it } from 'vitest';
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { VirtualClock } from '../testing/clock.ts';
import { contentOf } from '../testing/content.ts';
import { cheapDevice, cheapSignatures, hashes, seededRandom, type TestDevice } from '../testing/keys.ts';
import { MemoryDisk } from '../testing/memory-blob.ts';
import { RecordingLink } from '../testing/recording-link.ts';
import { allBlocks } from './blocks.ts';
import { IncomingBlob } from './incoming-blob.ts';
import { leafBatchMessage } from './leaf-batch.ts';
import { LinkTransfers } from './link-transfers.ts';
import { SharedBlob } from './shared-blob.ts';
import type { IncomingEvent, SourceEvent } from './transfer-events.ts';

const BLOCK = limits.blockBytes;
const CHUNK = limits.chunkBytes;
const BLOCKS = 40;
const offer = 'offer-of-22-characters' as OfferId;
const content = contentOf(BLOCKS * BLOCK);
const blockOf = (block: number) => content.slice(block * BLOCK, (block + 1) * BLOCK);
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const [own, offering, other, third] = [cheapDevice(1), cheapDevice(2), cheapDevice(3), cheapDevice(4)];

/** What the device at the other end of a link does, by hand. */
class Peer {
  readonly link: RecordingLink;
  readonly transfers: LinkTransfers;
  readonly faults: unknown[] = [];

  constructor(
    readonly device: TestDevice,
    clock: VirtualClock,
    find: () => ReturnType<SharedBlob['find']>,
  ) {
    this.link = new RecordingLink(device.id);
    this.transfers = new LinkTransfers({
      link: this.link,
      clock,
      signatures: cheapSignatures,
      own: own.id,
      keys: own,
      find: () => Promise.resolve(find()),
      sending: () => undefined,
      receiving: () => undefined,
      fault: (error) => this.faults.push(error),
    });
  }

  has(ranges: [number, number][], begin = false): void {
    this.transfers.onFrame({ type: 'control', control: { kind: 'have', offer, file: 0, ranges, begin } });
  }

  /** Blocks that were asked for, over all streams, without those that were dropped. */
  get asked(): number[] {
    const of = (ranges: [number, number][]) =>
      ranges.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i));
    const dropped = new Set(this.link.control('drop').flatMap(({ ranges }) => of(ranges)));
    return [...this.link.control('want'), ...this.link.control('more')]
      .flatMap(({ ranges }) => of(ranges))
      .filter((block) => !dropped.has(block));
  }

  get stream(): number {
    return this.link.control('want').at(-1)?.stream ?? -1;
  }

  chunks(block: number, data: Bytes = blockOf(block), stream = this.stream): void {
    for (let at = 0; at < data.length; at += CHUNK)
      this.transfers.receiver.chunk(stream, block, at, data.slice(at, at + CHUNK));
  }

  async leaves(first: number, count: number, signer = offering, stream = this.stream): Promise<void> {
    const batch = await Promise.all(Array.from({ length: count }, (_, i) => hashes.sha256(blockOf(first + i))));
    const signature = await signer.sign(leafBatchMessage(offer, 0, first, batch));
    this.transfers.receiver.leaves({ kind: 'leaves', stream, first, hashes: batch, signature });
    await settle();
  }

  async send(block: number, data?: Bytes): Promise<void> {
    this.chunks(block, data);
    await this.leaves(block, 1);
  }
}

describe('SharedBlob', () => {
  let clock: VirtualClock;
  let disk: MemoryDisk;
  let shared: SharedBlob;
  let events: (IncomingEvent | SourceEvent)[];
  let allowed: (device: string) => boolean;

  const open = () => {
    const sink = disk.open('x', content.length);
    const blob = new IncomingBlob({
      offer,
      file: 0,
      sink,
      wanted: allBlocks(content.length),
      publicKey: offering.publicKey,
      clock,
      hashes,
      report: (event) => events.push(event),
      fault: (error) => {
        throw error;
      },
    });
    shared = new SharedBlob({
      blob,
      sink,
      own: own.id,
      offeredBy: offering.id,
      clock,
      hashes,
      random: seededRandom(1),
      mayServe: (device) => allowed(device),
      report: (event) => events.push(event),
    });
    blob.start();
  };
  const peer = async (device: TestDevice) => {
    const made = new Peer(device, clock, () => shared.find(device.id));
    shared.join(made.transfers);
    await settle();
    return made;
  };
  const run = (ms: number) => clock.run(ms, settle);
  const told = (kind: string) => events.filter((event) => event.kind === kind);

  beforeEach(() => {
    clock = new VirtualClock();
    disk = new MemoryDisk(hashes);
    events = [];
    allowed = () => true;
    open();
  });

  it('asks one that offered the file at once, others when they told what they have', async () => {
    const sender = await peer(offering);
    expect(sender.link.control('have')).toEqual([{ kind: 'have', offer, file: 0, ranges: [], begin: true }]);
    expect(sender.asked.length).toBeGreaterThan(0);
    const member = await peer(other);
    expect(member.asked).toEqual([]);
    member.has([[8, 10]]);
    await settle();
    expect(member.asked.every((block) => block === 8 || block === 9)).toBe(true);
    expect(new Set([...sender.asked, ...member.asked]).size).toBe(sender.asked.length + member.asked.length);
  });

  it('asks for more on the stream before it runs dry', async () => {
    const sender = await peer(offering);
    const before = sender.asked.length;
    for (const block of sender.asked.slice(0, before - 1)) await sender.send(block);
    expect(sender.link.control('want')).toHaveLength(1);
    expect(sender.link.control('more').length).toBeGreaterThan(0);
    expect(new Set(sender.asked).size).toBe(sender.asked.length);
  });

  it('takes leaves of blocks that it asked for elsewhere, and each batch again', async () => {
    const member = await peer(other);
    member.has([[3, 5]]);
    await settle();
    expect(member.asked).toEqual([3, 4]);
    member.chunks(3);
    await member.leaves(0, 8);
    member.chunks(4);
    await settle();
    expect([...disk.leavesOf('x').keys()]).toEqual([3, 4]);
    expect(member.faults).toEqual([]);
    const next = await peer(third);
    next.has([[5, 6]]);
    await settle();
    await next.leaves(0, 8);
    expect(() => next.transfers.receiver.leaves({ kind: 'leaves', stream: next.stream, first: 0, hashes: [new Uint8Array(32)], signature: new Uint8Array(64) })).toThrow('more batches of leaves than blocks'); // prettier-ignore
  });

  it('serves what it has, with the signature of the one who offered it, and tells of it', async () => {
    const member = await peer(other);
    const asking = await peer(third);
    member.has([[0, 8]]);
    await settle();
    const [first = -1, second = -1] = member.asked;
    await member.send(first);
    await run(150);
    expect(asking.link.control('have').at(-1)).toMatchObject({ ranges: [[first, first + 1]], begin: false });
    const want = { kind: 'want', stream: 1, offer, file: 0, credit: limits.sinkCreditBytes } as const;
    const stream = own.id < third.id ? 1 : 0;
    asking.transfers.sender.want({ ...want, stream, ranges: [[first, first + 1]] });
    await run(300);
    const sentBytes = () => asking.link.chunks.reduce((sum, { data }) => sum + data.length, 0);
    while (sentBytes() < BLOCK) {
      asking.transfers.sender.ack(stream, sentBytes(), limits.sinkCreditBytes, 0);
      await run(300);
    }
    expect(asking.link.chunks.every(({ block }) => block === first)).toBe(true);
    expect(sentBytes()).toBe(BLOCK);
    const [leaves] = asking.link.control('leaves');
    if (!leaves) throw new Error('no leaves');
    const message = leafBatchMessage(offer, 0, leaves.first, leaves.hashes);
    expect(await cheapSignatures.verify(offering.publicKey, message, leaves.signature)).toBe(true);
    // A block that is under way is not had.
    member.chunks(second);
    asking.transfers.sender.stopped(stream, 'paused');
    asking.transfers.sender.want({ ...want, stream: stream + 2, ranges: [[second, second + 1]] });
    await settle();
    expect(asking.link.control('stop').at(-1)).toMatchObject({ stream: stream + 2, reason: 'unavailable' });
  });

  it('does not serve a block that the disk gives back changed', async () => {
    const member = await peer(other);
    member.has([[0, 1]]);
    await settle();
    await member.send(0);
    const stored = disk.blockOf('x', 0);
    if (stored) stored[5] = 1 + (stored[5] ?? 0);
    const stream = own.id < other.id ? 1 : 0;
    member.transfers.sender.want({ kind: 'want', stream, offer, file: 0, ranges: [[0, 1]], credit: BLOCK });
    await settle();
    expect(member.link.chunks).toEqual([]);
    expect(member.link.control('stop').at(-1)).toMatchObject({ stream, reason: 'changed' });
  });

  it('is for those only who may have the file', async () => {
    allowed = (device) => device === offering.id;
    const stranger = await peer(other);
    expect(stranger.link.frames).toEqual([]);
    stranger.has([[0, BLOCKS]], true);
    await settle();
    expect(stranger.link.frames).toEqual([]);
    expect(shared.find(other.id)).toEqual({ kind: 'refused', reason: 'cancelled' });
    expect(shared.find(offering.id).kind).toBe('blob');
  });

  it('bans one that sends another block, and asks others for what it was asked for', async () => {
    const liar = await peer(other);
    liar.has([[0, 16]]);
    await settle();
    const [first = -1] = liar.asked;
    const wrong = blockOf(first);
    wrong[9] = 1 + (wrong[9] ?? 0);
    await liar.send(first, wrong);
    expect(told('banned')).toEqual([{ kind: 'banned', device: other.id, reason: 'bad-block' }]);
    expect(liar.link.control('stop').at(-1)).toMatchObject({ reason: 'bad-block' });
    expect(disk.leavesOf('x').size).toBe(0);
    const honest = await peer(third);
    honest.has([[0, 16]]);
    await settle();
    for (let i = 0; i < 16; i++) {
      const block = honest.asked.find((each) => !disk.leavesOf('x').has(each));
      if (block !== undefined) await honest.send(block);
    }
    expect(disk.leavesOf('x').size).toBe(16);
    // Not even over a new link.
    shared.leave(liar.transfers);
    const again = await peer(other);
    again.has([[0, BLOCKS]], true);
    await run(60_000);
    expect(again.asked).toEqual([]);
    expect(told('banned')).toHaveLength(1);
  });

  it('bans one that forges leaves, and its link ends', async () => {
    const forger = await peer(other);
    forger.has([[0, 8]]);
    await settle();
    const [first = -1] = forger.asked;
    forger.chunks(first);
    await forger.leaves(first, 1, cheapDevice(9));
    expect(told('banned')).toEqual([{ kind: 'banned', device: other.id, reason: 'forged-leaves' }]);
    expect(forger.faults).toMatchObject([{ name: 'ProtocolError', code: 'malformed' }]);
  });

  it('fails when the one who offered the file sends a block twice that it did not sign', async () => {
    const sender = await peer(offering);
    const [first = -1] = sender.asked;
    const wrong = blockOf(first);
    wrong[9] = 1 + (wrong[9] ?? 0);
    await sender.send(first, wrong);
    expect(told('bad-block')).toHaveLength(1);
    expect(told('banned')).toEqual([]);
    for (let i = 0; i < 2 * BLOCKS && told('failed').length === 0; i++) {
      const block = sender.asked.find((each, at, all) => !disk.leavesOf('x').has(each) && (each !== first || all.indexOf(each) !== at)); // prettier-ignore
      if (block === undefined) break;
      await sender.send(block, block === first ? wrong : undefined);
    }
    expect(told('failed')).toEqual([{ kind: 'failed', reason: 'verification' }]);
  });

  it('takes the turn from one that sends nothing, for longer each time', async () => {
    const silent = await peer(other);
    silent.has([[0, 8]]);
    await run(4500);
    expect(told('late')).toHaveLength(1);
    expect(silent.link.control('stop')).toMatchObject([{ reason: 'too-slow' }]);
    const asked = silent.link.control('want').length;
    await run(4000);
    expect(silent.link.control('want')).toHaveLength(asked);
    await run(6500);
    expect(told('late')).toHaveLength(2);
    const honest = await peer(third);
    honest.has([[0, 8]]);
    await settle();
    expect(honest.asked.length).toBeGreaterThan(0);
  });

  it('takes the turn from one that trickles', async () => {
    const slow = await peer(other);
    slow.has([[0, 1]]);
    await settle();
    for (let at = 0; at < 60 && told('late').length === 0; at++) {
      slow.transfers.receiver.chunk(slow.stream, 0, at, new Uint8Array(1));
      await run(3000);
    }
    expect(told('late')).toHaveLength(1);
  });

  it('asks a second source at the end, takes the first that comes, and throws the other one away', async () => {
    const slow = await peer(other);
    slow.has([[0, 2]]);
    await settle();
    expect(slow.asked).toEqual([0, 1]);
    slow.chunks(0, blockOf(0).slice(0, 2 * CHUNK));
    const fast = await peer(third);
    fast.has([[0, 2]]);
    await run(1100);
    // Blocks that nobody has are free: this is not the end.
    expect(fast.asked).toEqual([]);
    const sender = await peer(offering);
    for (let i = 0; i < 3 * BLOCKS && disk.leavesOf('x').size < BLOCKS - 2; i++) {
      const block = sender.asked.find((each) => !disk.leavesOf('x').has(each) && each > 1);
      if (block !== undefined) await sender.send(block);
      slow.transfers.receiver.chunk(slow.stream, 0, 2 * CHUNK + i, new Uint8Array(blockOf(0).slice(2 * CHUNK + i, 2 * CHUNK + i + 1))); // prettier-ignore
      await run(i === 0 ? 1100 : 10);
    }
    await run(1600);
    expect(fast.asked).toEqual([0, 1]);
    await fast.send(0);
    await fast.send(1);
    expect(told('complete')).toHaveLength(1);
    expect(equalBytes(disk.contentOf('x'), content)).toBe(true);
    expect(slow.link.control('drop').flatMap(({ ranges }) => ranges)).toEqual([[0, 1], [1, 2]]); // prettier-ignore
    // What was under way may still come, and no more than that.
    const rest = blockOf(1);
    for (let at = 0; at < BLOCK; at += CHUNK)
      slow.transfers.receiver.chunk(slow.stream, 1, at, rest.slice(at, at + CHUNK));
    expect(slow.faults).toEqual([]);
    expect(shared.sources.asideBytes).toBe(0);
  });

  it('refuses what is not of this file, and one that begins without end', async () => {
    const member = await peer(other);
    expect(() => member.has([[0, BLOCKS + 1]])).toThrow(ProtocolError);
    expect(() => member.has([[5, 5]])).toThrow(ProtocolError);
    expect(() => {
      for (let i = 0; i < 1000; i++) member.has([], true);
    }).toThrow('begins again and again');
  });

  it('ends its streams when it is closed', async () => {
    const sender = await peer(offering);
    shared.close('paused');
    expect(sender.link.control('stop').at(-1)).toMatchObject({ reason: 'paused' });
    sender.has([[0, 8]], true);
    await run(60_000);
    expect(sender.link.control('want')).toHaveLength(1);
    expect(told('late')).toEqual([]);
  });
});
