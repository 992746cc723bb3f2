import { beforeEach, describe, expect, it } from 'vitest';
import type { OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { VirtualClock } from '../testing/clock.ts';
import { cheapDevice, hashes } from '../testing/keys.ts';
import { MemoryDisk } from '../testing/memory-blob.ts';
import { allBlocks } from './blocks.ts';
import { IncomingBlob } from './incoming-blob.ts';
import { IncomingStream } from './incoming-stream.ts';

const BLOCK = limits.blockBytes;
const CHUNK = limits.chunkBytes;
const sizeBytes = 8 * BLOCK;

describe('a stream whose blocks came from elsewhere', () => {
  let stream: IncomingStream;
  const chunk = (block: number, offset: number, bytes = CHUNK) => stream.chunk(block, offset, new Uint8Array(bytes), 0);

  beforeEach(() => {
    const blob = new IncomingBlob({
      offer: 'offer-of-22-characters' as OfferId,
      file: 0,
      sink: new MemoryDisk(hashes).open('x', sizeBytes),
      wanted: allBlocks(sizeBytes),
      publicKey: cheapDevice(1).publicKey,
      clock: new VirtualClock(),
      hashes,
      report: () => undefined,
      fault: () => undefined,
    });
    stream = new IncomingStream(0, blob, [[0, 4]], sizeBytes, () => undefined);
    stream.creditBytes = sizeBytes;
  });

  it('throws away what still comes of them, and gives the credit back', () => {
    chunk(0, 0);
    stream.drop([[0, 1], [2, 3]]); // prettier-ignore
    expect(stream.settledBytes).toBe(CHUNK);
    expect(chunk(0, CHUNK)).toBe(false);
    for (let at = 0; at < BLOCK; at += CHUNK) expect(chunk(2, at)).toBe(at + CHUNK === BLOCK);
    expect(stream.receivedBytes).toBe(2 * CHUNK + BLOCK);
    expect(stream.settledBytes).toBe(stream.receivedBytes);
    expect(stream.unfinished).toEqual([[1, 2], [3, 4]]); // prettier-ignore
  });

  it('takes no more of them than there is', () => {
    chunk(0, 0);
    stream.drop([[0, 2]]);
    for (let at = CHUNK; at < BLOCK; at += CHUNK) chunk(0, at);
    expect(() => chunk(0, 0, 1)).toThrow('more than block 0 has');
    for (let at = 0; at < BLOCK; at += CHUNK) chunk(1, at);
    expect(() => chunk(1, 0, 1)).toThrow('more than block 1 has');
  });

  it('is over with the rest, though something may still come', () => {
    stream.drop([[0, 4]]);
    expect(stream.ended).toBe(true);
    expect(stream.mayStillCome).toBe(true);
    for (let block = 0; block < 4; block++) for (let at = 0; at < BLOCK; at += CHUNK) chunk(block, at);
    expect(stream.mayStillCome).toBe(false);
  });

  it('gives back the credit of a block that was whole and not verified', () => {
    for (let at = 0; at < BLOCK; at += CHUNK) chunk(3, at);
    stream.drop([[3, 4]]);
    expect(stream.settledBytes).toBe(BLOCK);
    expect(() => chunk(3, 0)).toThrow('comes twice');
  });

  it('goes on with further blocks', () => {
    stream.drop([[0, 4]]);
    stream.ask([[6, 8]]);
    expect(stream.ended).toBe(false);
    expect(stream.waitingForPeer).toBe(true);
    for (let at = 0; at < BLOCK; at += CHUNK) chunk(7, at);
    expect(stream.unfinished).toEqual([[6, 8]]);
  });
});
