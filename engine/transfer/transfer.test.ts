import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import { limits } from '../../protocol/limits.ts';
import { VirtualClock } from '../testing/clock.ts';
import { contentOf } from '../testing/content.ts';
import { cheapDevice, cheapSignatures, hashes } from '../testing/keys.ts';
import type { SimLinkShape } from '../testing/sim-link.ts';
import { TransferPair } from '../testing/transfer-pair.ts';
import { SinkError } from '../ports.ts';
import { merkleRoot } from './merkle.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const BLOCK = limits.blockBytes;
const RUNS = process.env['CAUSEWAY_LONG'] === '1' ? 5000 : 300;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const fast: SimLinkShape = { bytesPerSecond: 35e6, delayMs: 1, queueBytes: 4 * MiB };

const blocksOf = (content: Bytes) =>
  Array.from({ length: Math.ceil(content.length / BLOCK) }, (_, i) => content.subarray(i * BLOCK, (i + 1) * BLOCK));
const sha256 = (data: Uint8Array) => new Uint8Array(createHash('sha256').update(data).digest());

function pairOf(content: Bytes, shape = fast, extraLanes = 0): TransferPair {
  return new TransferPair({
    clock: new VirtualClock(),
    shape,
    extraLanes,
    content,
    sender: cheapDevice(1),
    receiver: cheapDevice(2),
    hashes,
    signatures: cheapSignatures,
  });
}

const run = (pair: TransferPair, ms: number) => pair.parts.clock.run(ms, settle, () => pair.root !== undefined);

/** Every block that counts as had is on the disk, and right. */
function expectHaveSetHonest(pair: TransferPair, hashesOfContent: Bytes[], content: Bytes[]): void {
  for (const [block, leaf] of pair.haveBlocks) {
    expect(equalBytes(leaf, hashesOfContent[block] ?? new Uint8Array())).toBe(true);
    expect(equalBytes(pair.blockOnDisk(block) ?? new Uint8Array(), content[block] ?? new Uint8Array())).toBe(true);
  }
}

function expectProgressForward(pair: TransferPair): void {
  let before = 0;
  for (const event of pair.incomingEvents) {
    if (event.kind !== 'progress') continue;
    expect(event.doneBytes).toBeGreaterThanOrEqual(before);
    before = event.doneBytes;
  }
}

async function expectWhole(pair: TransferPair): Promise<void> {
  const { content } = pair.parts;
  expect(equalBytes(pair.contentOnDisk(), content)).toBe(true);
  expect(pair.root).toEqual(await merkleRoot(hashes, blocksOf(content).map(sha256)));
  expectProgressForward(pair);
}

describe('a transfer over one link', () => {
  it.each([0, 1, 100, 64 * KiB, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 9 * MiB + 7])(
    'brings %i bytes over whole',
    async (size) => {
      const pair = pairOf(contentOf(size));
      pair.openIncoming();
      pair.connect();
      await pair.parts.clock.run(20_000, settle);
      expect(pair.faults).toEqual([]);
      await expectWhole(pair);
      expect(await pair.blob.root()).toEqual(pair.root);
      expect(pair.sentBytes).toBe(size);
      expect(pair.incomingEvents.at(-1)?.kind).toBe('complete');
      expect(pair.receiverEvents).toEqual([]);
      expect(pair.sending?.openStreams).toBe(0);
      expect(pair.receiving?.openStreams).toBe(0);
      if (size === 0) return;
      const told = pair.senderEvents.filter((event) => event.kind !== 'progress');
      expect(told).toMatchObject([
        { kind: 'asked' },
        { kind: 'sent' },
        { kind: 'stopped', by: 'peer', reason: 'done' },
      ]);
      expect(pair.senderEvents.findLast((event) => event.kind === 'progress')).toMatchObject({ movedBytes: size });
    },
  );

  it('keeps a link of 80 Mbit/s at 100 ms busy to the last block, and the whole way bounded', async () => {
    const size = 48 * MiB;
    const pair = pairOf(contentOf(size), { bytesPerSecond: 10e6, delayMs: 50, queueBytes: 500 * KiB });
    const startedAt = pair.parts.clock.now();
    pair.openIncoming();
    pair.connect();
    await run(pair, 60_000);
    const seconds = (pair.parts.clock.now() - startedAt) / 1000;
    expect(size / seconds / 10e6).toBeGreaterThan(0.75);
    expect(pair.link?.aToB.droppedFrames).toBe(0);
    // Read ahead, never the file.
    expect(pair.source.reads).toBe(size / BLOCK);
  });

  it('makes the first block durable before the fourth is on its way', async () => {
    const pair = pairOf(contentOf(8 * MiB));
    pair.openIncoming();
    pair.connect();
    await pair.parts.clock.run(1000, settle, () => pair.haveBlocks.size > 0);
    expect(pair.haveBlocks.has(0)).toBe(true);
    expect(pair.sentBytes).toBeLessThanOrEqual(3 * BLOCK);
  });

  it('sends at most 8 MiB again after a cut', async () => {
    const size = 40 * MiB;
    const pair = pairOf(contentOf(size), { bytesPerSecond: 35e6, delayMs: 60, queueBytes: 16 * MiB });
    pair.openIncoming();
    for (let cuts = 1; pair.root === undefined; cuts++) {
      pair.connect();
      await run(pair, 1500);
      expect(pair.sentBytes).toBeLessThanOrEqual(size + cuts * limits.sinkCreditBytes);
      expect(cuts).toBeLessThan(30);
    }
    expect(pair.sentBytes).toBeGreaterThan(size);
    await expectWhole(pair);
  });

  it('loses at most what one slow block takes on a slow link', async () => {
    const pair = pairOf(contentOf(3 * MiB), { bytesPerSecond: 200e3, delayMs: 40, queueBytes: 500 * KiB });
    pair.openIncoming();
    pair.connect();
    await run(pair, 8000);
    pair.cut();
    const had = pair.haveBlocks.size * BLOCK;
    expect(had).toBeGreaterThan(0.9 * 1e6 - BLOCK);
  });

  it('says a stall after 5 s of silence, once, and goes on over a new link', async () => {
    const pair = pairOf(contentOf(4 * MiB), { bytesPerSecond: 1e6, delayMs: 20, queueBytes: 500 * KiB });
    pair.openIncoming();
    pair.connect();
    await run(pair, 1500);
    pair.link?.cut();
    await run(pair, 4000);
    expect(pair.receiverEvents).toEqual([]);
    await run(pair, 20_000);
    expect(pair.receiverEvents).toEqual([{ kind: 'stalled' }]);
    pair.connect();
    await run(pair, 20_000);
    await expectWhole(pair);
  });
});

describe('a transfer over many lanes', () => {
  const slow: SimLinkShape = { bytesPerSecond: 1e6, delayMs: 25, queueBytes: 500 * KiB };

  it('uses them all and sends next to nothing twice', async () => {
    const pair = pairOf(contentOf(24 * MiB), slow, 7);
    const startedAt = pair.parts.clock.now();
    pair.openIncoming();
    pair.connect();
    await run(pair, 60_000);
    await expectWhole(pair);
    expect(pair.faults).toEqual([]);
    // At the very end one lane may take over from another.
    expect(pair.sentBytes).toBeLessThan(24 * MiB + BLOCK);
    expect((24 * MiB) / (pair.parts.clock.now() - startedAt)).toBeGreaterThan(0.75 * 8 * 1000);
  });

  it('loses nothing when lanes die, and sends little twice', async () => {
    const pair = pairOf(contentOf(24 * MiB), slow, 7);
    pair.openIncoming();
    pair.connect();
    for (let number = 1; number <= 6; number++) {
      await run(pair, 300);
      pair.closeLane(number);
      if (number % 2 === 0) pair.openLane(number);
    }
    await run(pair, 60_000);
    await expectWhole(pair);
    expect(pair.faults).toEqual([]);
    expect(pair.sentBytes).toBeGreaterThan(24 * MiB);
    expect(pair.sentBytes).toBeLessThan(24 * MiB + 6 * 2 * BLOCK);
  });

  it('does not wait at the end for a lane that is stuck', async () => {
    const pair = pairOf(contentOf(8 * MiB), slow, 3);
    pair.openIncoming();
    pair.connect();
    await run(pair, 1000);
    pair.lanes.get(2)?.cut();
    const before = pair.parts.clock.now();
    await run(pair, 60_000);
    await expectWhole(pair);
    expect(pair.parts.clock.now() - before).toBeLessThan(9_000);
    expect(pair.faults).toEqual([]);
  });

  it('keeps a download limit without a burst, and lets go when it is lifted', async () => {
    const pair = pairOf(contentOf(12 * MiB), { ...slow, bytesPerSecond: 5e6 });
    pair.downLimit.set(pair.parts.clock.now(), 300e3);
    pair.openIncoming();
    pair.connect();
    await run(pair, 4000);
    expect(pair.sentBytes).toBeGreaterThan(0.8 * 4 * 300e3);
    expect(pair.sentBytes).toBeLessThan(1.1 * 4 * 300e3 + 200e3);
    pair.downLimit.set(pair.parts.clock.now(), Infinity);
    pair.receiving?.receiver.paceChanged();
    await run(pair, 8000);
    await expectWhole(pair);
    expect(pair.faults).toEqual([]);
  });
});

describe('pause, cancel and refusal', () => {
  it('pauses by the receiver and resumes from the have-set', async () => {
    const pair = pairOf(contentOf(6 * MiB), { bytesPerSecond: 5e6, delayMs: 5, queueBytes: 500 * KiB });
    const incoming = pair.openIncoming();
    pair.connect();
    await run(pair, 700);
    pair.receiving?.receiver.stop(incoming, 'paused');
    await run(pair, 2000);
    expect(pair.senderEvents.at(-1)).toMatchObject({ kind: 'stopped', by: 'peer', reason: 'paused' });
    const { doneBytes } = incoming;
    expect(doneBytes).toBeGreaterThan(0);
    expect(pair.faults).toEqual([]);
    const sentBefore = pair.sentBytes;
    pair.receiving?.receiver.fetch(incoming);
    await run(pair, 20_000);
    await expectWhole(pair);
    expect(pair.sentBytes - sentBefore).toBe(6 * MiB - doneBytes);
  });

  it('pauses by the sender', async () => {
    const pair = pairOf(contentOf(6 * MiB), { bytesPerSecond: 5e6, delayMs: 5, queueBytes: 500 * KiB });
    const incoming = pair.openIncoming();
    pair.connect();
    await run(pair, 700);
    pair.sending?.sender.stop(pair.blob.offer, pair.blob.file, 'paused');
    await run(pair, 1000);
    expect(pair.receiverEvents).toMatchObject([{ kind: 'stopped', reason: 'paused' }]);
    pair.receiving?.receiver.fetch(incoming);
    await run(pair, 20_000);
    await expectWhole(pair);
    expect(pair.faults).toEqual([]);
  });

  it.each(['gone', 'changed'] as const)('tells the receiver when the source is %s', async (state) => {
    const pair = pairOf(contentOf(6 * MiB), { bytesPerSecond: 5e6, delayMs: 5, queueBytes: 500 * KiB });
    pair.openIncoming();
    pair.connect();
    await run(pair, 300);
    pair.source.state = state;
    await run(pair, 2000);
    const reason = state === 'gone' ? 'unavailable' : 'changed';
    expect(pair.receiverEvents).toMatchObject([{ kind: 'stopped', reason }]);
    expect(pair.senderEvents.at(-1)).toMatchObject({ kind: 'stopped', by: 'me', reason });
    expect(pair.faults).toEqual([]);
  });

  it('finds out by itself that a block is not what it was', async () => {
    const pair = pairOf(contentOf(2 * MiB));
    pair.openIncoming();
    await pair.blob.read(3);
    pair.source.content[3 * BLOCK] = 1 + (pair.source.content[3 * BLOCK] ?? 0);
    pair.connect();
    await run(pair, 2000);
    expect(pair.receiverEvents).toMatchObject([{ kind: 'stopped', reason: 'changed' }]);
  });

  it('stops when the disk is full and goes on when there is room', async () => {
    const pair = pairOf(contentOf(6 * MiB));
    pair.disk.freeBytes = 3 * MiB;
    pair.openIncoming();
    pair.connect();
    await run(pair, 5000);
    expect(pair.incomingEvents.at(-1)).toEqual({ kind: 'failed', reason: 'no-space' });
    expect(pair.senderEvents.at(-1)).toMatchObject({ kind: 'stopped', by: 'peer', reason: 'no-space' });
    const had = pair.haveBlocks.size;
    pair.disk.freeBytes = Infinity;
    pair.openIncoming();
    await run(pair, 5000);
    expect(pair.sentBytes).toBeLessThanOrEqual(6 * MiB + 3 * MiB);
    expect(had).toBeGreaterThan(0);
    expect(pair.faults).toEqual([]);
    await expectWhole(pair);
  });
});

describe('whatever happens', () => {
  it('a receiver that crashes at any effect on its disk has what it says, and goes on from there', async () => {
    const content = contentOf(11 * BLOCK + 5);
    const blocks = blocksOf(content);
    const leaves = blocks.map(sha256);
    let effects = 0;
    const counting = pairOf(content);
    counting.disk.beforeEffect = () => {
      effects++;
    };
    counting.openIncoming();
    counting.connect();
    await run(counting, 10_000);
    expect(effects).toBeGreaterThan(24);
    for (let crashAt = 0; crashAt < effects; crashAt++) {
      const pair = pairOf(content);
      let effect = 0;
      pair.disk.beforeEffect = () => {
        if (effect++ !== crashAt) return;
        pair.crashReceiver();
        throw new SinkError('storage');
      };
      pair.openIncoming();
      pair.connect();
      await run(pair, 10_000);
      expectHaveSetHonest(pair, leaves, blocks);
      pair.openIncoming();
      pair.connect();
      await run(pair, 10_000);
      await expectWhole(pair);
    }
  });

  const disturbance = fc.record({
    afterMs: fc.integer({ min: 0, max: 1500 }),
    what: fc.constantFrom('cut', 'reload-sender', 'reload-and-forget', 'crash-receiver', 'disk-full', 'pause'),
  });

  it(`arrives whole through cuts, reloads, crashes and full disks (${RUNS} runs)`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 * BLOCK }),
        fc.integer({ min: 5e5, max: 2e7 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(disturbance, { maxLength: 6 }),
        async (size, bytesPerSecond, delayMs, disturbances) => {
          const content = contentOf(size, size);
          const blocks = blocksOf(content);
          const leaves = blocks.map(sha256);
          const pair = pairOf(content, { bytesPerSecond, delayMs, queueBytes: 500 * KiB });
          pair.openIncoming();
          pair.connect();
          for (const { afterMs, what } of disturbances) {
            await run(pair, afterMs);
            if (pair.root !== undefined) break;
            expectHaveSetHonest(pair, leaves, blocks);
            if (what === 'cut') pair.cut();
            else if (what === 'crash-receiver') pair.crashReceiver();
            else if (what === 'disk-full') pair.disk.freeBytes = 0;
            else if (what === 'pause' && pair.incoming !== undefined)
              pair.receiving?.receiver.stop(pair.incoming, 'paused');
            else pair.reloadSender(what === 'reload-and-forget');
            await run(pair, 100);
            pair.disk.freeBytes = Infinity;
            if (pair.incoming?.state.kind !== 'running') pair.openIncoming();
            if (pair.link === undefined) pair.connect();
            else if (what === 'pause' && pair.incoming !== undefined) pair.receiving?.receiver.fetch(pair.incoming);
          }
          await run(pair, 120_000);
          expect(pair.faults).toEqual([]);
          expectHaveSetHonest(pair, leaves, blocks);
          await expectWhole(pair);
          expect(await pair.blob.root()).toEqual(pair.root);
        },
      ),
      { numRuns: RUNS },
    );
  }, 1_800_000);
});
