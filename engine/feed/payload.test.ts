import { describe, expect, it } from 'vitest';
import type { Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import type { OfferedFile, Payload } from '../../protocol/entry.ts';
import type { ConversationId, OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { cheapDevice, hashes, seededRandom } from '../testing/keys.ts';
import { NO_PREVIOUS, writeEntry } from './entry.ts';
import { encodePayload, readPayload } from './payload.ts';

const conversation = 'C'.repeat(43) as ConversationId;
const offer = 'O'.repeat(22) as OfferId;
const place = { conversation, sequence: 0, previous: NO_PREVIOUS, heads: [], lamport: 1 };
const stored = (payload: Bytes) =>
  writeEntry({ hashes, device: cheapDevice(1), clock: { now: () => 0 }, random: seededRandom(1) }, place, payload);
const file: OfferedFile = { name: 'žluťoučký.txt', size: 1, type: 'text/plain' };
const bundled = (manifestBytes: number): OfferedFile => ({
  ...file,
  size: 100,
  bundle: { manifestBytes, files: 0, folders: 1 },
});

describe('a payload', () => {
  it.each<[string, Payload]>([
    ['text', { kind: 'text', text: 'Dobrý den' }],
    ['offer', { kind: 'offer', offer, files: [file, { ...file, modifiedAt: 5, thumbnail: new Uint8Array(9) }] }],
    ['offer of an empty folder', { kind: 'offer', offer, files: [bundled(100)] }],
    ['answer', { kind: 'answer', offer, verdict: 'accepted' }],
    ['cancel', { kind: 'cancel', offer, file: 0 }],
    ['close', { kind: 'close', offer, file: 499, root: new Uint8Array(32) }],
    ['receipt', { kind: 'receipt', offer, file: 0, root: new Uint8Array(32) }],
  ])('of kind %s is read as it was written', async (_, payload) => {
    const encoded = encodePayload(payload);
    expect(encoded.kind === 'ok' && readPayload(await stored(encoded.bytes))).toEqual(payload);
  });

  it.each<[string, 'unknown' | 'unreadable', unknown]>([
    ['a kind of a newer version', 'unknown', { kind: 'poll', options: [1, 2] }],
    ['a kind named like a method of objects', 'unknown', { kind: 'toString' }],
    ['an empty text', 'unreadable', { kind: 'text', text: '' }],
    ['a text that is a number', 'unreadable', { kind: 'text', text: 1 }],
    ['a field too many', 'unreadable', { kind: 'text', text: 'x', html: '<b>' }],
    ['an offer without files', 'unreadable', { kind: 'offer', offer, files: [] }],
    ['a manifest larger than its bundle', 'unreadable', { kind: 'offer', offer, files: [bundled(101)] }],
    ['no kind', 'unreadable', { text: 'x' }],
    ['a kind that is a number', 'unreadable', { kind: 1 }],
    ['a list', 'unreadable', ['text', 'x']],
    ['nothing', 'unreadable', null],
  ])('with %s is %s', async (_, kind, value) => {
    expect(readPayload(await stored(encodeCbor(value)))).toEqual({ kind });
  });

  it('that is not CBOR is unreadable, and so is a damaged entry', async () => {
    expect(readPayload(await stored(new Uint8Array()))).toEqual({ kind: 'unreadable' });
    expect(readPayload(await stored(new Uint8Array([0x9f])))).toEqual({ kind: 'unreadable' });
    expect(readPayload({ wire: new Uint8Array([1, 2, 3]) })).toEqual({ kind: 'unreadable' });
  });

  it('is too large over the limit, and is not written when it is malformed', () => {
    const name = 'n'.repeat(1000);
    const files = Array.from({ length: 100 }, () => ({ ...file, name }));
    const outcome = encodePayload({ kind: 'offer', offer, files });
    expect(outcome.kind === 'too-large' && outcome.sizeBytes > limits.payloadBytes).toBe(true);
    expect(() => encodePayload({ kind: 'text', text: '' })).toThrow('malformed');
  });
});
