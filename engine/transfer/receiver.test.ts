import { beforeEach, describe, expect, it } from 'vitest';
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { limits } from '../../protocol/limits.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { VirtualClock } from '../testing/clock.ts';
import { contentOf } from '../testing/content.ts';
import { cheapDevice, cheapSignatures, hashes } from '../testing/keys.ts';
import { MemoryDisk } from '../testing/memory-blob.ts';
import { RecordingLink } from '../testing/recording-link.ts';
import { allBlocks } from './blocks.ts';
import { IncomingBlob } from './incoming-blob.ts';
import { leafBatchMessage } from './leaf-batch.ts';
import { Receiver } from './receiver.ts';
import type { IncomingEvent, LeavesFrame, ReceiverEvent } from './transfer-events.ts';

const BLOCK = limits.blockBytes;
const CHUNK = limits.chunkBytes;
const offer = 'offer-of-22-characters' as OfferId;
const liar = cheapDevice(1);
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Receiver against a sender that lies', () => {
  const blocks = 40;
  const content = contentOf((blocks - 1) * BLOCK + 100);
  let link: RecordingLink;
  let receiver: Receiver;
  let disk: MemoryDisk;
  let blob: IncomingBlob;
  let events: (IncomingEvent | ReceiverEvent)[];
  let faults: unknown[];

  const blockOf = (block: number) => content.slice(block * BLOCK, (block + 1) * BLOCK);
  const sendBlock = (stream: number, block: number, data: Bytes = blockOf(block)) => {
    for (let at = 0; at < data.length; at += CHUNK) receiver.chunk(stream, block, at, data.slice(at, at + CHUNK));
  };
  const leavesOf = async (stream: number, first: number, count: number, signer = liar): Promise<LeavesFrame> => {
    const batch = await Promise.all(Array.from({ length: count }, (_, i) => hashes.sha256(blockOf(first + i))));
    return {
      kind: 'leaves',
      stream,
      first,
      hashes: batch,
      signature: await signer.sign(leafBatchMessage(offer, 0, first, batch)),
    };
  };

  beforeEach(() => {
    events = [];
    faults = [];
    const clock = new VirtualClock();
    link = new RecordingLink(liar.id);
    receiver = new Receiver({
      link,
      clock,
      signatures: cheapSignatures,
      parity: 0,
      report: (event) => events.push(event),
      fault: (error) => faults.push(error),
    });
    disk = new MemoryDisk(hashes);
    blob = new IncomingBlob({
      offer,
      file: 0,
      sink: disk.open('x', content.length),
      wanted: allBlocks(content.length),
      publicKey: liar.publicKey,
      clock,
      hashes,
      report: (event) => events.push(event),
      fault: (error) => faults.push(error),
    });
    blob.start();
    receiver.fetch(blob);
  });

  const told = (kind: string) => events.filter((event) => event.kind === kind);

  it('asks for what is missing, with credit', () => {
    expect(link.control('want')).toEqual([
      { kind: 'want', stream: 0, offer, file: 0, ranges: [[0, blocks]], credit: limits.sinkCreditBytes },
    ]);
  });

  it('acknowledges every small chunk and gives credit for what is durable', async () => {
    receiver.chunk(0, 0, 0, new Uint8Array(10));
    receiver.chunk(0, 0, 10, new Uint8Array(16 * 1024));
    expect(link.acks).toMatchObject([
      { stream: 0, receivedBytes: 10, creditBytes: limits.sinkCreditBytes },
      { stream: 0, receivedBytes: 16 * 1024 + 10, creditBytes: limits.sinkCreditBytes },
    ]);
    sendBlock(0, 1);
    receiver.leaves(await leavesOf(0, 1, 1));
    await settle();
    expect([...disk.leavesOf('x').keys()]).toEqual([1]);
    expect(link.acks.at(-1)).toMatchObject({ creditBytes: limits.sinkCreditBytes + BLOCK });
  });

  const chunk = (stream: number, block: number, offset: number, length: number) => () =>
    receiver.chunk(stream, block, offset, new Uint8Array(length));

  it.each([
    ['a stream that was never opened', () => chunk(2, 0, 0, 10)],
    ['a stream of the other direction', () => chunk(1, 0, 0, 10)],
    ['a block over the end of the file', () => chunk(0, blocks, 0, 10)],
    ['a part from the middle', () => chunk(0, 3, 16, 10)],
    ['more than the last block has', () => chunk(0, blocks - 1, 0, 101)],
  ])('refuses %s', (_, make) => {
    expect(make()).toThrow(ProtocolError);
  });

  it('refuses a part twice, a gap, and a block twice', () => {
    chunk(0, 0, 0, CHUNK)();
    expect(chunk(0, 0, 0, CHUNK)).toThrow(ProtocolError);
    expect(chunk(0, 0, 2 * CHUNK, CHUNK)).toThrow(ProtocolError);
    sendBlock(0, 1);
    expect(chunk(0, 1, 0, CHUNK)).toThrow(ProtocolError);
  });

  it('refuses blocks that it has already', async () => {
    sendBlock(0, 5);
    receiver.leaves(await leavesOf(0, 5, 1));
    await settle();
    receiver.stop(blob, 'paused');
    receiver.fetch(blob);
    expect(link.control('want').at(-1)?.ranges).toEqual([
      [0, 5],
      [6, blocks],
    ]);
    expect(chunk(2, 5, 0, CHUNK)).toThrow(ProtocolError);
  });

  it('takes no more than its credit, however much is asked for', () => {
    for (let block = 0; block < limits.sinkCreditBytes / BLOCK; block++) sendBlock(0, block);
    expect(chunk(0, limits.sinkCreditBytes / BLOCK, 0, 1)).toThrow('more than the credit');
  });

  it('takes late chunks of a stream it stopped, and no endless ones', async () => {
    sendBlock(0, 0);
    receiver.stop(blob, 'paused');
    await settle();
    for (let i = 1; i < limits.sinkCreditBytes / BLOCK; i++) sendBlock(0, i);
    expect(chunk(0, 39, 0, 1)).toThrow(ProtocolError);
    expect(disk.leavesOf('x').size).toBe(0);
    // The window of the sender counts them all the same.
    expect(link.acks.at(-1)?.receivedBytes).toBe(limits.sinkCreditBytes);
  });

  it('throws a bad block away, asks again, and gives up the second time', async () => {
    const bad = blockOf(2);
    bad[7] = 1 + (bad[7] ?? 0);
    for (let block = 0; block < blocks; block += 8) {
      const count = Math.min(8, blocks - block);
      for (let i = 0; i < count; i++) sendBlock(0, block + i, block + i === 2 ? bad : undefined);
      receiver.leaves(await leavesOf(0, block, count));
      await settle();
    }
    expect(told('bad-block')).toEqual([{ kind: 'bad-block', block: 2 }]);
    expect(disk.leavesOf('x').has(2)).toBe(false);
    expect(link.control('stop').at(-1)).toMatchObject({ stream: 0, reason: 'done' });
    expect(link.control('want').at(-1)).toMatchObject({ stream: 2, ranges: [[2, 3]] });
    sendBlock(2, 2, bad);
    receiver.leaves(await leavesOf(2, 2, 1));
    await settle();
    expect(told('failed')).toEqual([{ kind: 'failed', reason: 'verification' }]);
    expect(receiver.openStreams).toBe(0);
    expect(told('complete')).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('takes late chunks of however many streams it stopped in a row, and no endless ones', () => {
    const times = 200;
    for (let i = 0; i < times; i++) {
      receiver.stop(blob, 'paused');
      receiver.fetch(blob);
    }
    for (let i = 0; i < times; i++) chunk(2 * i, 0, 0, CHUNK)();
    expect(chunk(2 * times + 2, 0, 0, 1)).toThrow(ProtocolError);
    const endless = () => {
      for (let i = 0; i <= (times * limits.sinkCreditBytes) / CHUNK; i++) chunk(0, 0, 0, CHUNK)();
    };
    expect(endless).toThrow(ProtocolError);
  });

  it('takes leaves only from the offering device', async () => {
    sendBlock(0, 0);
    receiver.leaves(await leavesOf(0, 0, 1, cheapDevice(3)));
    await settle();
    expect(faults).toMatchObject([{ name: 'ProtocolError', code: 'malformed' }]);
    expect(disk.leavesOf('x').size).toBe(0);
  });

  it('does not take leaves of another file', async () => {
    const batch = [await hashes.sha256(blockOf(0))];
    const signature = await liar.sign(leafBatchMessage(offer, 1, 0, batch));
    receiver.leaves({ kind: 'leaves', stream: 0, first: 0, hashes: batch, signature });
    await settle();
    expect(faults).toHaveLength(1);
  });

  it('refuses leaves that were not asked for, come twice, or run far ahead', async () => {
    receiver.leaves(await leavesOf(0, 0, 8));
    const again = await leavesOf(0, 7, 2);
    expect(() => receiver.leaves(again)).toThrow(ProtocolError);
    const beyond = await leavesOf(0, blocks - 1, 1);
    const stranger = { ...beyond, stream: 4 };
    expect(() => receiver.leaves(stranger)).toThrow(ProtocolError);
    expect(() => receiver.leaves({ ...beyond, first: blocks })).toThrow(ProtocolError);
  });

  it('takes leaves before, between and after the parts of their blocks', async () => {
    receiver.leaves(await leavesOf(0, 0, 2));
    sendBlock(0, 0);
    await settle();
    expect([...disk.leavesOf('x').keys()]).toEqual([0]);
    receiver.chunk(0, 1, 0, blockOf(1).slice(0, CHUNK));
    receiver.leaves(await leavesOf(0, 2, 1));
    for (let at = CHUNK; at < BLOCK; at += CHUNK) receiver.chunk(0, 1, at, blockOf(1).slice(at, at + CHUNK));
    sendBlock(0, 2);
    await settle();
    expect([...disk.leavesOf('x').keys()]).toEqual([0, 1, 2]);
  });

  it('lets the ninth file wait for its turn', async () => {
    const others = Array.from({ length: limits.streamsPerLink }, (_, i) => {
      const other = new IncomingBlob({
        offer,
        file: i + 1,
        sink: disk.open(`y${i}`, 100),
        wanted: allBlocks(100),
        publicKey: liar.publicKey,
        clock: new VirtualClock(),
        hashes,
        report: () => undefined,
        fault: (error) => faults.push(error),
      });
      other.start();
      receiver.fetch(other);
      return other;
    });
    expect(receiver.openStreams).toBe(limits.streamsPerLink);
    expect(link.control('want')).toHaveLength(limits.streamsPerLink);
    const credits = link.control('want').map(({ credit }) => credit);
    expect(Math.min(...credits)).toBeGreaterThanOrEqual(BLOCK);
    receiver.stopped(0, 'unavailable');
    expect(told('stopped')).toMatchObject([{ reason: 'unavailable', file: 0 }]);
    expect(link.control('want').at(-1)).toMatchObject({ file: limits.streamsPerLink });
    await Promise.all(others.map((other) => other.close()));
  });
});
