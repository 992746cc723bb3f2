/**
 * Valid frames in any order, at any time, between those of a real transfer: a peer can say what it likes. It costs the link at most, never an
 * error of another kind, and what is had stays honest.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { CHUNK_HEADER_BYTES, encodeAck, encodeControl, writeChunkHeader } from '../../protocol/frame.ts';
import { limits } from '../../protocol/limits.ts';
import { VirtualClock } from '../testing/clock.ts';
import { contentOf } from '../testing/content.ts';
import { cheapDevice, cheapSignatures, hashes } from '../testing/keys.ts';
import { OFFER, TransferPair } from '../testing/transfer-pair.ts';
import { leafBatchMessage } from './leaf-batch.ts';

declare const process: { env: Record<string, string | undefined> };

const runs = process.env['CAUSEWAY_LONG'] === '1' ? 5000 : 250;
const block = limits.blockBytes;
const content = contentOf(5 * block + 1000);
const sender = cheapDevice(1);
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

const stream = fc.nat({ max: 9 });
const index = fc.nat({ max: 7 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** A chunk of the file as it is, or of something else. */
const chunk = fc
  .record({ stream, index, part: fc.nat({ max: 4 }), bytes: fc.constantFrom(1, 1000, 65_536), right: fc.boolean() })
  .map(({ stream: number, index: at, part, bytes, right }): Bytes => {
    const offset = Math.min(part * limits.chunkBytes, block - bytes);
    const frame = new Uint8Array(CHUNK_HEADER_BYTES + bytes);
    writeChunkHeader(frame, number, at, offset);
    if (right) frame.set(content.subarray(at * block + offset, at * block + offset + bytes), CHUNK_HEADER_BYTES);
    return frame;
  });
const ack = fc
  .record({
    stream,
    received: fc.nat({ max: 3_000_000 }),
    credit: fc.nat({ max: 12_000_000 }),
    settled: fc.nat({ max: 3_000_000 }),
  })
  .map(({ stream: number, received, credit, settled }) => encodeAck(number, received, credit, settled));
const want = fc
  .record({
    stream,
    ranges: fc.array(fc.tuple(index, index), { minLength: 1, maxLength: 3 }),
    credit: fc.nat({ max: 3e6 }),
    file: fc.nat({ max: 2 }),
  })
  .map(({ stream: number, ranges, credit, file }) =>
    encodeControl({ kind: 'want', stream: number, offer: OFFER, file, ranges, credit }),
  );
const stop = fc
  .record({
    stream,
    reason: fc.constantFrom('paused', 'cancelled', 'unavailable', 'changed', 'no-space', 'done', 'busy', 'too-slow'),
  })
  .map(({ stream: number, reason }) => encodeControl({ kind: 'stop', stream: number, reason }));
const unreadable = fc
  .record({ stream, ranges: fc.array(fc.tuple(index, index), { minLength: 1, maxLength: 3 }) })
  .map(({ stream: number, ranges }) => encodeControl({ kind: 'unreadable', stream: number, ranges }));
/** Leaves of whatever hashes; signed by the right device or by nobody. */
const leaves = fc
  .record({ stream, first: index, made: fc.array(hash, { minLength: 1, maxLength: 4 }), signed: fc.boolean() })
  .map(({ stream: number, first, made, signed }) => async () => {
    const some = made.map((bytes) => new Uint8Array(bytes));
    const signature = signed ? await sender.sign(leafBatchMessage(OFFER, 0, first, some)) : new Uint8Array(64);
    return encodeControl({ kind: 'leaves', stream: number, first, hashes: some, signature });
  });
const frame = fc.oneof(
  ...[chunk, ack, want, stop, unreadable].map((kind) => kind.map((bytes) => () => Promise.resolve(bytes))),
  leaves,
);
const step = fc.record({ afterMs: fc.constantFrom(0, 0, 1, 5, 20, 60, 7000), to: fc.constantFrom('a', 'b'), frame });

describe('valid frames in any order', () => {
  test(`cost the link at most (${runs} runs)`, async () => {
    let faults = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const clock = new VirtualClock();
        const shape = { bytesPerSecond: 5_000_000, delayMs: 3, queueBytes: 500_000 };
        const parts = { clock, shape, content, sender, receiver: cheapDevice(2), hashes, signatures: cheapSignatures };
        const pair = new TransferPair(parts);
        pair.openIncoming();
        pair.connect();
        for (const { afterMs, to, frame: make } of steps) {
          await clock.run(afterMs, settle);
          if (pair.incoming?.state.kind === 'failed') pair.openIncoming();
          if (pair.link === undefined) pair.connect();
          pair.link?.[to].onFrame(await make());
        }
        await clock.run(20_000, settle);
        faults += pair.faults.length;
        for (const { error } of pair.faults) expect(error).toBeInstanceOf(ProtocolError);
        // What its sender signed is had with its bytes; what it signed was right unless it lied, and it is the one that was injected here.
        for (const [at, leaf] of pair.haveBlocks) {
          const had = pair.blockOnDisk(at);
          expect(had && equalBytes(await hashes.sha256(had), leaf)).toBe(true);
        }
      }),
      { numRuns: runs },
    );
    expect(faults).toBeGreaterThan(runs / 4);
  }, 600_000);
});
