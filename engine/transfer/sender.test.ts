import { beforeEach, describe, expect, it } from 'vitest';
import { ProtocolError } from '../../protocol/errors.ts';
import { limits } from '../../protocol/limits.ts';
import type { OfferId } from '../../protocol/ids.ts';
import { VirtualClock } from '../testing/clock.ts';
import { contentOf } from '../testing/content.ts';
import { cheapDevice, hashes } from '../testing/keys.ts';
import { MemorySource } from '../testing/memory-blob.ts';
import { RecordingLink } from '../testing/recording-link.ts';
import { OfferedBlob } from './offered-blob.ts';
import { Sender } from './sender.ts';
import type { SenderEvent, WantFrame } from './transfer-events.ts';

const BLOCK = limits.blockBytes;
const offer = 'offer-of-22-characters' as OfferId;
const another = (number: number) => `${number}`.padEnd(offer.length, '-') as OfferId;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Sender against a receiver that lies', () => {
  const blocks = 40;
  let link: RecordingLink;
  let sender: Sender;
  let source: MemorySource;
  let events: SenderEvent[];
  let faults: unknown[];

  const want = (change: Partial<WantFrame> = {}): WantFrame => ({
    kind: 'want',
    stream: 1,
    offer,
    file: 0,
    ranges: [[0, blocks]],
    credit: limits.sinkCreditBytes,
    ...change,
  });

  beforeEach(() => {
    events = [];
    faults = [];
    link = new RecordingLink(cheapDevice(2).id);
    source = new MemorySource(contentOf(blocks * BLOCK), hashes);
    const blob = new OfferedBlob(offer, 0, source, hashes);
    sender = new Sender({
      link,
      clock: new VirtualClock(),
      keys: cheapDevice(1),
      parity: 1,
      find: (asked, file) => {
        const found = asked === offer ? blob : new OfferedBlob(asked, 0, source, hashes);
        return Promise.resolve(file === 0 ? { kind: 'blob', blob: found } : { kind: 'refused', reason: 'unavailable' });
      },
      report: (event) => events.push(event),
      fault: (error) => faults.push(error),
    });
  });

  const sentBytes = () => link.chunks.reduce((sum, chunk) => sum + chunk.data.length, 0);

  it('sends no more than its window before anything is acknowledged, and reads only a little ahead', async () => {
    sender.want(want());
    await settle();
    expect(sentBytes()).toBe(sender.window.windowBytes);
    expect(source.reads).toBeLessThanOrEqual(4);
  });

  it('sends no more than the credit', async () => {
    sender.want(want({ credit: 20_000 }));
    await settle();
    expect(sentBytes()).toBe(20_000);
    sender.ack(1, 20_000, 20_000 + BLOCK, BLOCK);
    await settle();
    expect(sentBytes()).toBeGreaterThan(20_000);
    expect(sentBytes()).toBeLessThanOrEqual(20_000 + BLOCK);
  });

  it('keeps the queue of the channel shallow', async () => {
    link.bufferedBytes = 256 * 1024;
    sender.want(want());
    await settle();
    expect(sentBytes()).toBe(0);
    link.drain();
    await settle();
    expect(sentBytes()).toBeGreaterThan(0);
  });

  it.each([
    ['of its own side', want({ stream: 2 })],
    ['with empty ranges', want({ ranges: [[3, 3]] })],
    ['with ranges backwards', want({ ranges: [[5, 3]] })],
    ['with ranges out of order', want({ ranges: [[5, 6], [1, 2]] })], // prettier-ignore
    ['with ranges that overlap', want({ ranges: [[1, 6], [5, 7]] })], // prettier-ignore
  ])('refuses a stream %s', (_, frame) => {
    expect(() => sender.want(frame)).toThrow(ProtocolError);
  });

  it('refuses blocks over the end of the file', async () => {
    sender.want(want({ ranges: [[0, blocks + 1]] }));
    await settle();
    expect(faults).toMatchObject([{ name: 'ProtocolError' }]);
    expect(sentBytes()).toBe(0);
  });

  it('refuses a stream number twice', async () => {
    sender.want(want());
    expect(() => sender.want(want())).toThrow(ProtocolError);
    sender.stopped(1, 'paused');
    expect(() => sender.want(want())).toThrow(ProtocolError);
    await settle();
    expect(sentBytes()).toBe(0);
  });

  it('refuses acknowledgements of what was not sent, and credit for more than the file', async () => {
    sender.want(want());
    await settle();
    expect(() => sender.ack(1, sentBytes() + 1, limits.sinkCreditBytes, 0)).toThrow(ProtocolError);
    expect(() => sender.ack(1, 0, limits.sinkCreditBytes + 1, 0)).toThrow(ProtocolError);
    expect(() => sender.ack(1, 0, limits.sinkCreditBytes, blocks * BLOCK + 1)).toThrow(ProtocolError);
  });

  it('takes an acknowledgement that goes back, or of a stream that is over, for what it is', async () => {
    sender.want(want());
    await settle();
    sender.ack(1, 20_000, limits.sinkCreditBytes, 0);
    sender.ack(1, 10_000, 0, 0);
    sender.ack(99, 30_000, 0, 0);
    expect(sender.window.inFlightBytes).toBe(sentBytes() - 30_000);
  });

  it('serves so many streams and says busy to more', async () => {
    for (let i = 0; i <= limits.streamsPerLink; i++) sender.want(want({ stream: 1 + 2 * i, offer: another(i) }));
    expect(link.control('stop')).toEqual([{ kind: 'stop', stream: 1 + 2 * limits.streamsPerLink, reason: 'busy' }]);
    await settle();
    expect(sender.openStreams).toBe(limits.streamsPerLink);
  });

  it('sends a file over one stream at a time', async () => {
    sender.want(want());
    sender.want(want({ stream: 3 }));
    await settle();
    sender.want(want({ stream: 5 }));
    expect(link.control('stop')).toMatchObject([
      { stream: 3, reason: 'busy' },
      { stream: 5, reason: 'busy' },
    ]);
    // Nothing is reported of them: whoever counts what goes out would count it as ended.
    expect([sender.openStreams, events.filter(({ kind }) => kind === 'stopped')]).toEqual([1, []]);
    sender.stopped(1, 'paused');
    sender.want(want({ stream: 7 }));
    await settle();
    expect(sender.carries(offer, 0)).toBe(true);
    expect(link.control('stop')).toHaveLength(2);
  });

  it('takes turns between streams, block by block', async () => {
    sender.want(want({ ranges: [[0, 20]] }));
    sender.want(want({ stream: 3, offer: another(1), ranges: [[20, 40]] }));
    await settle();
    for (let round = 0; round < 200; round++) {
      sender.ack(1, sentBytes(), limits.sinkCreditBytes, 0);
      await settle();
    }
    const turns = link.chunks.filter(({ offset }) => offset === 0).map(({ stream }) => stream);
    expect(turns.slice(0, 10)).toEqual([1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
  });

  it('says what it does not have', async () => {
    sender.want(want({ file: 7 }));
    await settle();
    expect(link.control('stop')).toEqual([{ kind: 'stop', stream: 1, reason: 'unavailable' }]);
    expect(events).toEqual([{ kind: 'stopped', by: 'me', reason: 'unavailable', offer, file: 7 }]);
  });

  it('signs the leaves of what it sent before the credit ran out', async () => {
    sender.want(want({ credit: 5 * BLOCK }));
    await settle();
    for (let round = 0; round < 100; round++) {
      sender.ack(1, sentBytes(), 0, 0);
      await settle();
    }
    expect(sentBytes()).toBe(5 * BLOCK);
    // The third batch would have four.
    expect(link.control('leaves')).toMatchObject([
      { first: 0, hashes: { length: 1 } },
      { first: 1, hashes: { length: 2 } },
      { first: 3, hashes: { length: 2 } },
    ]);
  });

  const blocksSent = () => [...new Set(link.chunks.map(({ block }) => block))];

  it('sends further blocks on the same stream, after those before, also when asked while it opens', async () => {
    sender.want(want({ ranges: [[4, 6]], credit: limits.sinkCreditBytes }));
    sender.more({ kind: 'more', stream: 1, ranges: [[1, 2], [9, 10]] }); // prettier-ignore
    await settle();
    sender.ack(1, sentBytes(), limits.sinkCreditBytes, 0);
    await settle();
    sender.more({ kind: 'more', stream: 1, ranges: [[30, 32]] });
    for (let i = 0; i < 40; i++) {
      sender.ack(1, sentBytes(), limits.sinkCreditBytes, 0);
      await settle();
    }
    expect(blocksSent()).toEqual([4, 5, 1, 9, 30, 31]);
    expect(sentBytes()).toBe(6 * BLOCK);
    const proved = link.control('leaves').flatMap(({ first, hashes: batch }) => batch.map((_, i) => first + i));
    expect(proved.sort((a, b) => a - b)).toEqual([1, 4, 5, 9, 30, 31]);
    expect(faults).toEqual([]);
  });

  it('takes many small asks while it opens', async () => {
    sender.want(want({ ranges: [[0, 1]], credit: limits.sinkCreditBytes }));
    for (let block = 1; block < 20; block++) sender.more({ kind: 'more', stream: 1, ranges: [[block, block + 1]] });
    for (let i = 0; i < 80; i++) {
      sender.ack(1, sentBytes(), limits.sinkCreditBytes, 0);
      await settle();
    }
    expect(blocksSent()).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(faults).toEqual([]);
  });

  it('ends a link whose receiver drops what is no range, or tears what it asked for into pieces without end', async () => {
    const all: [number, number][] = [[0, blocks]];
    sender.want(want({ credit: 0 }));
    await settle();
    expect(() => sender.drop({ kind: 'drop', stream: 1, ranges: [[4, 2]] })).toThrow('malformed');
    for (let i = 0; i < 2 * limits.rangesPerWant - 1; i++) sender.more({ kind: 'more', stream: 1, ranges: all });
    expect(() => sender.drop({ kind: 'drop', stream: 1, ranges: [[2, 3], [5, 6]] })).toThrow('without end'); // prettier-ignore
  });

  it('leaves out what is dropped before it went out, and signs what did', async () => {
    sender.want(want({ ranges: [[0, 12]], credit: limits.sinkCreditBytes }));
    await settle();
    sender.drop({ kind: 'drop', stream: 1, ranges: [[1, 7], [8, 12]] }); // prettier-ignore
    for (let i = 0; i < 40; i++) {
      sender.ack(1, sentBytes(), limits.sinkCreditBytes, 0);
      await settle();
    }
    expect(blocksSent()).toEqual([0, 7]);
    expect(sentBytes()).toBe(2 * BLOCK);
    const proved = link.control('leaves').flatMap(({ first, hashes: batch }) => batch.map((_, i) => first + i));
    expect(proved).toEqual([0, 7]);
  });

  it('refuses to be asked on a stream that never was, for blocks that are none, and without end', async () => {
    expect(() => sender.more({ kind: 'more', stream: 3, ranges: [[0, 1]] })).toThrow(ProtocolError);
    sender.want(want({ ranges: [[0, 1]] }));
    await settle();
    expect(() => sender.more({ kind: 'more', stream: 1, ranges: [[5, 5]] })).toThrow(ProtocolError);
    expect(() => sender.more({ kind: 'more', stream: 1, ranges: [[39, 41]] })).toThrow(ProtocolError);
    const all = Array.from({ length: 20 }, (_, i): [number, number] => [2 * i, 2 * i + 1]);
    expect(() => {
      for (let i = 0; i < limits.rangesPerWant; i++) sender.more({ kind: 'more', stream: 1, ranges: all });
    }).toThrow('asks without end');
  });
});
