import { describe, expect, it } from 'vitest';
import { encodeCbor } from './codec.ts';
import { concatBytes, equalBytes, type Bytes } from './bytes.ts';
import { ProtocolError } from './errors.ts';
import {
  CHUNK_HEADER_BYTES,
  decodeFrame,
  encodeAck,
  encodeControl,
  writeChunkHeader,
  type ControlFrame,
} from './frame.ts';
import type { ConversationId, DeviceId, LinkId, OfferId } from './ids.ts';
import { limits } from './limits.ts';

const MUTATIONS = process.env['CAUSEWAY_LONG'] === '1' ? 1_000_000 : 20_000;
const LONG_MS = 600_000;

const id = 'AbCdEfGhIjKlMnOpQrStUv';
const conversation = 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE' as ConversationId;
const bytes = (length: number, value = 7) => new Uint8Array(length).fill(value);

const controls: ControlFrame[] = [
  {
    kind: 'hello',
    version: 1,
    link: id as LinkId,
    epoch: 2,
    lane: 31,
    device: id as DeviceId,
    nonce: bytes(32),
    expiresAt: 1_800_000_000_000,
  },
  { kind: 'proof', signature: bytes(64) },
  { kind: 'bye', reason: 'idle' },
  { kind: 'lanes', wanted: 32 },
  { kind: 'lane', lane: 1, attempt: 3, signal: { kind: 'sdp', type: 'offer', sdp: 'v=0' } },
  { kind: 'lane', lane: 31, attempt: 0, signal: { kind: 'ice', candidate: 'c', mid: null, line: 0 } },
  { kind: 'lane-closed', lane: 2, attempt: 1 },
  { kind: 'frontier', conversation, have: [[id as DeviceId, 12]] },
  { kind: 'entries', conversation, entries: [bytes(300), bytes(1)] },
  { kind: 'committed', conversation, author: id as DeviceId, length: 4, head: bytes(32), signature: bytes(64) },
  { kind: 'want', stream: 2, offer: id as OfferId, file: 499, ranges: [[0, 5], [7, 0xffff_ffff]], credit: 8_388_608 }, // prettier-ignore
  { kind: 'leaves', stream: 2, first: 8, hashes: [bytes(32), bytes(32, 9)], signature: bytes(64) },
  { kind: 'more', stream: 2, ranges: [[8, 16]] },
  { kind: 'drop', stream: 2, ranges: [[9, 10], [12, 13]] }, // prettier-ignore
  { kind: 'unreadable', stream: 2, ranges: [[20, 24]] },
  { kind: 'have', offer: id as OfferId, file: 0, ranges: [], begin: true },
  { kind: 'have', offer: id as OfferId, file: 0, ranges: [[3, 5]], begin: false },
  { kind: 'stop', stream: 2, reason: 'no-space' },
];

function chunk(stream: number, block: number, offset: number, length: number): Bytes {
  const frame = new Uint8Array(CHUNK_HEADER_BYTES + length).fill(5);
  writeChunkHeader(frame, stream, block, offset);
  return frame;
}

const refused = (frame: Bytes, code: string) =>
  expect(() => decodeFrame(frame)).toThrow(expect.objectContaining({ name: 'ProtocolError', code }) as Error);

describe('frames', () => {
  it.each(controls)('$kind comes back as it was', (control) => {
    expect(decodeFrame(encodeControl(control))).toEqual({ type: 'control', control });
  });

  it('chunks and acks come back as they were', () => {
    expect(decodeFrame(chunk(0xffff_ffff, 3, 65_536, 4))).toEqual({
      type: 'chunk',
      stream: 0xffff_ffff,
      block: 3,
      offset: 65_536,
      data: bytes(4, 5),
    });
    expect(decodeFrame(encodeAck(6, 2 ** 40, 2 ** 41, 2 ** 39))).toEqual({
      type: 'ack',
      stream: 6,
      receivedBytes: 2 ** 40,
      creditBytes: 2 ** 41,
      settledBytes: 2 ** 39,
    });
  });

  it('the data of a chunk is a view, not a copy', () => {
    const frame = chunk(1, 1, 0, 10);
    const decoded = decodeFrame(frame);
    expect(decoded.type === 'chunk' && decoded.data.buffer === frame.buffer).toBe(true);
  });

  it('the largest batch of leaves and the largest want fit a control frame', () => {
    const hashes = Array.from({ length: limits.leafBatchBlocks }, () => bytes(32, 255));
    const ranges = Array.from({ length: limits.rangesPerWant }, (_, i): [number, number] => [
      0xffff_0000 + 2 * i,
      0xffff_0001 + 2 * i,
    ]);
    for (const control of [
      { kind: 'leaves', stream: 0xffff_ffff, first: 0xffff_ffff, hashes, signature: bytes(64) },
      { kind: 'want', stream: 0xffff_ffff, offer: id as OfferId, file: 499, ranges, credit: 2 ** 40 },
      { kind: 'have', offer: id as OfferId, file: 499, ranges: ranges.slice(0, limits.rangesPerHave), begin: false },
    ] satisfies ControlFrame[]) {
      expect(decodeFrame(encodeControl(control))).toEqual({ type: 'control', control });
    }
  });
});

describe('hostile frames', () => {
  const badAck = (received: number, credit: number, settled = 0) => {
    const frame = encodeAck(1, 0, 0, 0);
    const view = new DataView(frame.buffer);
    view.setFloat64(5, received);
    view.setFloat64(13, credit);
    view.setFloat64(21, settled);
    return frame;
  };
  const raw = (...parts: number[]) => Uint8Array.from(parts);

  it.each<[string, Bytes, string]>([
    ['nothing', raw(), 'malformed'],
    ['an unknown type', raw(3, 1, 2), 'malformed'],
    ['a control frame without a value', raw(0), 'malformed'],
    ['a value that is no object', raw(0, 0x01), 'malformed'],
    ['an unknown kind', raw(0, 0xa1, 0x64, 0x6b, 0x69, 0x6e, 0x64, 0x61, 0x78), 'malformed'],
    ['a second value after the first', concatBytes(encodeControl({ kind: 'bye', reason: 'idle' }), [0]), 'malformed'],
    ['an indefinite length', raw(0, 0xbf, 0xff), 'malformed'],
    ['a map that says it has 2^32 entries', raw(0, 0xba, 0xff, 0xff, 0xff, 0xff), 'malformed'],
    ['an array that says it has 2^53 entries', raw(0, 0x9b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 'malformed'],
    ['bytes that say they are 4 GiB', raw(0, 0x5a, 0xff, 0xff, 0xff, 0xff), 'malformed'],
    ['deep nesting', concatBytes([0], new Uint8Array(100_000).fill(0x81)), 'malformed'],
    ['a tag', raw(0, 0xc1, 0x01), 'malformed'],
    [
      'an extra field',
      concatBytes([0, 0xa3, 0x61, 0x78, 1], encodeControl({ kind: 'bye', reason: 'idle' }).subarray(2)),
      'malformed',
    ],
    ['a key twice', raw(0, 0xa2, 0x61, 0x61, 1, 0x61, 0x61, 1), 'malformed'],
    ['a frame over the limit', new Uint8Array(limits.frameBytes + 1).fill(1), 'too-large'],
    ['a control frame over the limit', new Uint8Array(limits.controlFrameBytes + 1), 'too-large'],
    ['a chunk header without data', chunk(1, 1, 0, 0), 'malformed'],
    ['half a chunk header', raw(1, 0, 0), 'malformed'],
    ['a chunk over the end of its block', chunk(1, 1, limits.blockBytes - 1, 2), 'malformed'],
    ['a chunk with the largest offset', chunk(1, 1, 0xffff_ffff, 2), 'malformed'],
    ['a short ack', raw(2, 0, 0, 0, 1), 'malformed'],
    ['a long ack', concatBytes(encodeAck(1, 2, 3, 4), [0]), 'malformed'],
    ['an ack of NaN', badAck(NaN, 0), 'malformed'],
    ['an ack of less than nothing', badAck(-1, 0), 'malformed'],
    ['an ack of a fraction', badAck(0.5, 0), 'malformed'],
    ['credit without end', badAck(0, Infinity), 'malformed'],
    ['credit over the safe integers', badAck(0, 2 ** 53), 'malformed'],
    ['settled bytes of less than nothing', badAck(0, 0, -1), 'malformed'],
    ['a signal for lane 0', concatBytes([0], encodeCbor({ kind: 'lane-closed', lane: 0, attempt: 0 })), 'malformed'],
    ['a lane over the limit', concatBytes([0], encodeCbor({ kind: 'lane-closed', lane: 32, attempt: 0 })), 'malformed'],
    ['a wish for no lane', concatBytes([0], encodeCbor({ kind: 'lanes', wanted: 0 })), 'malformed'],
    ['a wish for too many lanes', concatBytes([0], encodeCbor({ kind: 'lanes', wanted: 33 })), 'malformed'],
  ])('%s is a protocol error', (_, frame, code) => refused(frame, code));

  it(
    `${MUTATIONS} mutations end in a frame or a protocol error`,
    () => {
      let state = 0x1234_5678;
      const random = (below: number) => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const seeds = [...controls.map(encodeControl), chunk(1, 2, 0, 64), encodeAck(1, 100, 200, 50)];
      let accepted = 0;
      for (let i = 0; i < MUTATIONS; i++) {
        let frame = (seeds[random(seeds.length)] ?? bytes(1)).slice();
        for (let changes = 1 + random(4); changes > 0; changes--) {
          const at = random(frame.length);
          switch (random(5)) {
            case 0:
              frame[at] = random(256);
              break;
            case 1:
              frame[at] = (frame[at] ?? 0) ^ (1 << random(8));
              break;
            case 2:
              frame = frame.slice(0, at + 1);
              break;
            case 3:
              frame = concatBytes(
                frame.subarray(0, at),
                Array.from({ length: random(9) }, () => random(256)),
                frame.subarray(at),
              );
              break;
            case 4:
              frame = concatBytes(frame.subarray(0, at), frame.subarray(at + random(9)));
          }
          if (frame.length === 0) frame = bytes(1);
        }
        try {
          const decoded = decodeFrame(frame);
          accepted++;
          // What is accepted is what it says: written again it is the same frame.
          if (decoded.type === 'control' && !equalBytes(encodeControl(decoded.control), frame))
            throw new Error('not canonical');
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
        }
      }
      expect(accepted).toBeGreaterThan(0);
      expect(accepted).toBeLessThan(MUTATIONS);
    },
    LONG_MS,
  );
});
