/** What a receiver does with a sender that let it down: it asks again, later each time, and serves others meanwhile. */
import { describe, expect, test } from 'vitest';
import type { AccountId, ConversationId, DeviceId, LinkId, OfferId } from '../../protocol/ids.ts';
import { Link } from '../links/link.ts';
import { VirtualClock } from '../testing/clock.ts';
import { cheapDevice, cheapSignatures, hashes, seededRandom } from '../testing/keys.ts';
import { MemoryBlobs } from '../testing/memory-blobs.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import { toBase64 } from '../../protocol/bytes.ts';
import { decodeFrame } from '../../protocol/frame.ts';
import type { StopReason } from '../transfer/transfer-events.ts';
import { Transfers } from './transfers.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const account = 'a'.repeat(22) as AccountId;
const conversation = 'c'.repeat(43) as ConversationId;
const offer = 'o'.repeat(22) as OfferId;

/** A device that accepted an offer of so many files and has a link to their sender; what it wants, with the time of each want in seconds. */
async function accepted(files: number) {
  const clock = new VirtualClock(0);
  const [here, there] = [cheapDevice(1), cheapDevice(2)];
  const wants: { file: number; stream: number; at: number }[] = [];
  const wire = {
    signal: () => undefined,
    send: (bytes: Uint8Array<ArrayBuffer>) => {
      const frame = decodeFrame(bytes);
      if (frame.type === 'control' && frame.control.kind === 'want')
        wants.push({ file: frame.control.file, stream: frame.control.stream, at: Math.round(clock.now() / 1000) });
    },
    bufferedBytes: 0,
    whenDrained: () => undefined,
    sentBytes: 0,
    stats: () => Promise.resolve({ path: undefined, roundTripMs: undefined, sentBytes: undefined }),
    close: () => undefined,
  };
  const transfers = new Transfers(
    {
      clock,
      hashes,
      signatures: cheapSignatures,
      random: seededRandom(1),
      keys: here,
      blobs: new MemoryBlobs(hashes),
      records: new MemoryRecords(),
      queue: new MemoryRecords(),
      signKeyOf: () => toBase64(there.publicKey),
      mayHave: () => true,
      isOthers: () => true,
      online: () => true,
      append: () => Promise.resolve(true),
      report: (problem) => expect.unreachable(String(problem)),
    },
    { changed: () => undefined, broken: () => undefined },
  );
  const from = (device: DeviceId, mine: boolean, lamport: number) => ({ device, mine, at: lamport, lamport });
  const list = Array.from({ length: files }, (_, file) => ({ name: `file ${file}`, size: 100, type: '' }));
  await transfers.addFact(account, conversation, { kind: 'offer', offer, files: list }, from(there.id, false, 1));
  await transfers.addFact(
    account,
    conversation,
    { kind: 'answer', offer, verdict: 'accepted' },
    from(here.id, true, 2),
  );
  const unreachable = (problem: unknown) => expect.unreachable(String(problem));
  const id = 'l'.repeat(22) as LinkId;
  const link = new Link(id, account, there.id, wire, () => clock.now(), {
    clock,
    random: seededRandom(1),
    signatures: cheapSignatures,
    keys: here,
    options: { link: id, epoch: 0, role: 'initiator', peer: { id: there.id, signKey: there.publicKey } },
    openWire: () => wire,
    iceServers: () => Promise.resolve([]),
    takeRoom: () => undefined,
    broken: unreachable,
    report: unreachable,
  });
  transfers.linkOpened(link, true);
  await settle();
  const stop = async (file: number, reason: StopReason) => {
    const stream = wants.findLast((want) => want.file === file)?.stream ?? -1;
    transfers.onFrame(link, { type: 'control', control: { kind: 'stop', stream, reason } });
    await settle();
  };
  return { clock, transfers, wants, stop };
}

const timesOf = (wants: { file: number; at: number }[], file: number) =>
  wants.filter((want) => want.file === file).map(({ at }) => at);

describe('a file that was not served', () => {
  test('because its sender is too slow is asked for later each time, and the next file has its turn', async () => {
    const { clock, transfers, wants, stop } = await accepted(5);
    expect(wants.map(({ file }) => file)).toEqual([0, 1, 2]);
    await stop(0, 'too-slow');
    expect(wants.map(({ file }) => file)).toEqual([0, 1, 2, 3]);
    expect(transfers.progressOf(offer, 0).activity).toEqual({ kind: 'too-slow' });
    for (const file of [1, 2, 3, 4]) await stop(file, 'paused');
    for (let round = 0; round < 7; round++) {
      await clock.run(700_000, settle, () => timesOf(wants, 0).length > round + 1);
      await stop(0, 'too-slow');
    }
    const times = timesOf(wants, 0);
    expect(times.slice(1).map((at, index) => at - (times[index] ?? 0))).toEqual([30, 60, 120, 240, 480, 600, 600]);
    await transfers.stop();
  });
});
