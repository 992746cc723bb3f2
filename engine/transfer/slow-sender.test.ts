/** A sender that is never silent and never gets on: its streams are ended with a name, and what waited behind them gets its turn. */
import { describe, expect, test } from 'vitest';
import type { OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { VirtualClock } from '../testing/clock.ts';
import { cheapDevice, cheapSignatures, hashes } from '../testing/keys.ts';
import { MemoryDisk } from '../testing/memory-blob.ts';
import { RecordingLink } from '../testing/recording-link.ts';
import { allBlocks } from './blocks.ts';
import { IncomingBlob } from './incoming-blob.ts';
import { Receiver } from './receiver.ts';
import type { ReceiverEvent } from './transfer-events.ts';
import { deadlineMs, floorBytes } from './trickle.ts';

const offer = 'offer-of-22-characters' as OfferId;

/** A receiver that wants `files` files, and what it says. */
function receiving(files: number) {
  const clock = new VirtualClock();
  const link = new RecordingLink(cheapDevice(1).id);
  const events: ReceiverEvent[] = [];
  const fault = (error: unknown) => expect.unreachable(String(error));
  const receiver = new Receiver({
    link,
    clock,
    signatures: cheapSignatures,
    parity: 0,
    report: (event) => events.push(event),
    fault,
  });
  const disk = new MemoryDisk(hashes);
  for (let file = 0; file < files; file++) {
    const sink = disk.open(`file ${file}`, 4 * limits.blockBytes);
    const { publicKey } = cheapDevice(1);
    const wanted = allBlocks(sink.sizeBytes);
    const blob = new IncomingBlob({
      offer,
      file,
      sink,
      wanted,
      publicKey,
      clock,
      hashes,
      report: () => undefined,
      fault,
    });
    blob.start();
    receiver.fetch(blob);
  }
  return { clock, link, events, receiver };
}

describe('a sender', () => {
  test('that lets bytes trickle is stopped after the deadline, and the next file is asked for', () => {
    const { clock, link, events, receiver } = receiving(limits.streamsPerLink + 1);
    for (let ms = 0; ms < deadlineMs - 2000; ms += 4000) {
      for (let stream = 0; stream < 2 * limits.streamsPerLink; stream += 2)
        receiver.chunk(stream, 0, ms / 4000, new Uint8Array(1));
      clock.runSync(4000);
    }
    expect(events).toEqual([]);
    receiver.chunk(0, 0, 7, new Uint8Array(1));
    clock.runSync(4000);
    expect(events).toEqual(
      Array.from({ length: limits.streamsPerLink }, (_, file) => ({
        kind: 'stopped',
        offer,
        file,
        reason: 'too-slow',
      })),
    );
    expect(link.control('stop').map(({ reason }) => reason)).toEqual(events.map(() => 'too-slow'));
    expect(link.control('want').at(-1)).toMatchObject({ file: limits.streamsPerLink });
    expect(receiver.openStreams).toBe(1);
  });

  test('on a slow line is waited for', () => {
    const { clock, events, receiver } = receiving(1);
    let at = 0;
    for (let ms = 0; ms < 600_000; ms += 4000) {
      const bytes = Math.ceil((floorBytes * 6000) / deadlineMs);
      const block = Math.floor(at / limits.blockBytes);
      const offset = at % limits.blockBytes;
      const length = Math.min(bytes, limits.blockBytes - offset);
      receiver.chunk(0, block, offset, new Uint8Array(length));
      at += length;
      clock.runSync(4000);
    }
    expect(events).toEqual([]);
  });
});
