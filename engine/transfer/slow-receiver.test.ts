/** A receiver that asks and does not let it come: its streams are ended with a name, and others get what it held. */
import { describe, expect, test } from 'vitest';
import type { OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { VirtualClock } from '../testing/clock.ts';
import { contentOf } from '../testing/content.ts';
import { cheapDevice, hashes } from '../testing/keys.ts';
import { MemorySource } from '../testing/memory-blob.ts';
import { RecordingLink } from '../testing/recording-link.ts';
import { OfferedBlob } from './offered-blob.ts';
import { Sender } from './sender.ts';
import type { SenderEvent } from './transfer-events.ts';
import { deadlineMs, floorBytes } from './trickle.ts';

const BLOCK = limits.blockBytes;
const blocks = 40;
const offer = 'offer-of-22-characters' as OfferId;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A sender of one file, and what it says. */
function sending() {
  const clock = new VirtualClock();
  const link = new RecordingLink(cheapDevice(2).id);
  const events: SenderEvent[] = [];
  const blob = new OfferedBlob(offer, 0, new MemorySource(contentOf(blocks * BLOCK), hashes), hashes);
  const sender = new Sender({
    link,
    clock,
    keys: cheapDevice(1),
    parity: 1,
    find: () => Promise.resolve({ kind: 'blob', blob }),
    report: (event) => events.push(event),
    fault: (error) => expect.unreachable(String(error)),
  });
  const want = (credit: number, end = blocks) =>
    sender.want({ kind: 'want', stream: 1, offer, file: 0, ranges: [[0, end]], credit });
  const sentBytes = () => link.chunks.reduce((sum, { data }) => sum + data.length, 0);
  const stopped = () => events.filter(({ kind }) => kind === 'stopped');
  /** `each` second, for some seconds. */
  const run = async (ms: number, each: () => void) => {
    for (let at = 0; at < ms; at += 1000) {
      await clock.run(1000, settle);
      each();
    }
  };
  return { clock, link, sender, want, sentBytes, stopped, run };
}

const tooSlow = [{ kind: 'stopped', by: 'me', reason: 'too-slow', offer, file: 0 }];
/** Some time more than the deadline, counted from when it began to be watched. */
const late = deadlineMs + 3000;

describe('a receiver', () => {
  test('that gives no credit is stopped after the deadline', async () => {
    const { want, run, stopped, link, sender } = sending();
    want(0);
    await run(deadlineMs - 2000, () => undefined);
    expect(stopped()).toEqual([]);
    await run(5000, () => undefined);
    expect(stopped()).toEqual(tooSlow);
    expect(link.control('stop')).toEqual([{ kind: 'stop', stream: 1, reason: 'too-slow' }]);
    expect(sender.openStreams).toBe(0);
  });

  test('that gives a byte of credit a second, and takes it, is too', async () => {
    const { want, run, stopped, sender, sentBytes } = sending();
    want(0);
    let credit = 0;
    await run(late, () => sender.ack(1, sentBytes(), ++credit, 0));
    expect(stopped()).toEqual(tooSlow);
  });

  test('that acknowledges nothing is too, though it gives credit', async () => {
    const { want, run, stopped, sentBytes } = sending();
    want(limits.sinkCreditBytes);
    await run(late, () => undefined);
    expect(sentBytes()).toBeGreaterThan(0);
    expect(stopped()).toEqual(tooSlow);
  });

  test('that lets it come slowly, or has all that it asked for and is long about it, is waited for', async () => {
    const { want, run, stopped, sender, sentBytes } = sending();
    const perSecond = Math.ceil((1.3 * floorBytes * 1000) / deadlineMs);
    let credit = 0;
    want(0, 1);
    await run((BLOCK * 1000) / perSecond + 2000, () => sender.ack(1, sentBytes(), (credit += perSecond), 0));
    expect(sentBytes()).toBe(BLOCK);
    await run(10 * deadlineMs, () => undefined);
    expect(stopped()).toEqual([]);
  });

  test('that asks for more later is watched again', async () => {
    const { want, run, stopped, sender, sentBytes } = sending();
    want(BLOCK, 1);
    await run(5000, () => sender.ack(1, sentBytes(), BLOCK, BLOCK));
    await run(2 * deadlineMs, () => undefined);
    expect(stopped()).toEqual([]);
    sender.more({ kind: 'more', stream: 1, ranges: [[1, 2]] });
    await run(late, () => undefined);
    expect(stopped()).toEqual(tooSlow);
  });
});
