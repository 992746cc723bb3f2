import { beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, toBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import { decodeAs, encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { EntryHeader, WireEntry } from '../../protocol/entry.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { hashes, seededRandom, signatures, testDevice, type TestDevice } from '../testing/keys.ts';
import { NO_PREVIOUS, readEntry, withoutPayload, writeEntry, type AuthorLookup, type Place } from './entry.ts';
import { encodePayload, readPayload } from './payload.ts';

const conversation = 'C'.repeat(43) as ConversationId;
const now = 1_700_000_000_000;
const clock = { now: () => now };
const place: Place = {
  conversation,
  sequence: 1,
  previous: new Uint8Array(32).fill(9),
  heads: [['B'.repeat(22) as DeviceId, 3]],
  lamport: 5,
};
const text = (value: string): Bytes => {
  const encoded = encodePayload({ kind: 'text', text: value });
  if (encoded.kind !== 'ok') throw new Error('too large');
  return encoded.bytes;
};

let ann: TestDevice;
let golden: Bytes;
let authors: AuthorLookup;
const read = (wire: Uint8Array, at = clock) =>
  readEntry({ hashes, signatures, clock: at }, conversation, wire, authors);
const write = (changes: Partial<Place> = {}, payload = text('Ahoj, světe')) =>
  writeEntry({ hashes, device: ann, clock, random: seededRandom(1) }, { ...place, ...changes }, payload);

/** Signs whatever header comes out of `change`. */
async function forge(change: (header: Record<string, unknown>) => unknown, payload = text('x')): Promise<Bytes> {
  const salt = new Uint8Array(16);
  const header = { version: 1, ...place, device: ann.id, wall: now, key: 0, payloadSize: payload.length };
  const payloadHash = await hashes.sha256(concatBytes(salt, payload));
  const changed = change({ ...header, payloadHash });
  const bytes = changed instanceof Uint8Array ? changed : encodeCbor(changed);
  return encodeCbor([bytes, await ann.sign(signedBytes('causeway/entry/1', bytes)), salt, payload]);
}

beforeAll(async () => {
  ann = await testDevice(1);
  authors = (device) => (device === ann.id ? ann.publicKey : undefined);
  golden = (await write()).wire;
});

describe('an entry whose payload was dropped', () => {
  it('is still the same entry, and says nothing any more', async () => {
    const entry = await write();
    const bare = withoutPayload(entry);
    const outcome = await read(bare.wire);
    expect(outcome).toMatchObject({ kind: 'ok', verified: { entry: { hash: entry.hash, wire: bare.wire } } });
    expect(readPayload(bare)).toEqual({ kind: 'dropped' });
    expect(withoutPayload(bare)).toBe(bare);
    const [, , salt, payload] = decodeAs(WireEntry, bare.wire);
    expect([salt.length, payload.length]).toEqual([0, 0]);
  });

  it.each([
    ['its salt alone', 2],
    ['its payload alone', 3],
  ])('is refused when it lost %s', async (_, part) => {
    const wire = [...decodeAs(WireEntry, golden)];
    wire[part] = new Uint8Array(0);
    expect(await read(encodeCbor(wire))).toMatchObject({ kind: 'bad', error: { code: 'malformed' } });
  });

  it('is refused when its header was changed', async () => {
    const [header, signature] = decodeAs(WireEntry, golden);
    const changed = header.slice();
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expect(await read(encodeCbor([changed, signature, new Uint8Array(0), new Uint8Array(0)]))).toMatchObject({
      kind: 'bad',
    });
  });
});

describe('an entry', () => {
  it('is these bytes', () => {
    expect(toBase64(ann.publicKey)).toBe('iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w');
    expect(toBase64(golden)).toMatchInlineSnapshot(
      `"hFkBD6tja2V5AGR3YWxsGwAAAYvP5WgAZWhlYWRzgYJ2QkJCQkJCQkJCQkJCQkJCQkJCQkJCQgNmZGV2aWNldk5IVVBtTDFaX1B5VWJhUmFxcjZUT3dnbGFtcG9ydAVndmVyc2lvbgFocHJldmlvdXNYIAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJaHNlcXVlbmNlAWtwYXlsb2FkSGFzaFggHzzkj8wb6F95UuLJzL0pKBa7fsM7l_zZYArax5FKheBrcGF5bG9hZFNpemUYHWxjb252ZXJzYXRpb254K0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NYQJve8F2ZRNUSJt45CsSqX-rUEmZ4UOtox3vJTH9gNprGkgyKq6fopfrgCNvfzPQeDKxJOEVojZGEeq-LYPminAdQj600u7DB7QlfvxtQyw5IeFgdomRraW5kZHRleHRkdGV4dGxBaG9qLCBzdsSbdGU"`,
    );
  });

  it('has a header as documented, and is read back as it was written', async () => {
    const written = await write();
    const [header, signature, salt, payload] = decodeAs(WireEntry, golden);
    expect(decodeAs(EntryHeader, header)).toEqual({
      version: 1,
      conversation,
      device: ann.id,
      sequence: 1,
      previous: place.previous,
      heads: place.heads,
      lamport: 5,
      wall: now,
      key: 0,
      payloadHash: await hashes.sha256(concatBytes(salt, payload)),
      payloadSize: payload.length,
    });
    expect(await signatures.verify(ann.publicKey, signedBytes('causeway/entry/1', header), signature)).toBe(true);
    expect(signedBytes('causeway/entry/1', new Uint8Array([7]))).toEqual(
      concatBytes(toUtf8('causeway/entry/1'), [0, 7]),
    );
    expect(written.hash).toEqual(await hashes.sha256(header));
    expect(await read(golden)).toEqual({ kind: 'ok', verified: { entry: written, previous: place.previous } });
  });

  it('does not keep the frame alive in which it came', async () => {
    const frame = concatBytes(new Uint8Array(1000), golden);
    const outcome = await read(frame.subarray(1000));
    expect(outcome.kind === 'ok' && outcome.verified.entry.wire.buffer.byteLength).toBe(golden.length);
  });

  it('is refused with any byte changed', async () => {
    for (let index = 0; index < golden.length; index++)
      for (const flip of [0x01, 0x20, 0x80, 0xff]) {
        const changed = golden.slice();
        changed[index] = (changed[index] ?? 0) ^ flip;
        const { kind } = await read(changed);
        // A changed device id is somebody else's, who is not known.
        expect(['bad', 'unknown-author'], `byte ${index} ^ ${flip}`).toContain(kind);
      }
  });

  it('is refused cut short or with something behind it', async () => {
    for (let length = 0; length < golden.length; length++)
      expect((await read(golden.subarray(0, length))).kind, `${length} bytes`).toBe('bad');
    expect((await read(concatBytes(golden, [0]))).kind).toBe('bad');
  });

  it('is refused by size before it is decoded', async () => {
    const outcome = await read(new Uint8Array(limits.headerBytes + limits.payloadBytes + 129));
    expect(outcome.kind === 'bad' && outcome.error.code).toBe('too-large');
  });

  it('may carry the largest payload and the largest header', async () => {
    const heads = Array.from({ length: 64 }, (_, i): [DeviceId, number] => [
      `B${String(i).padStart(21, '0')}` as DeviceId,
      Number.MAX_SAFE_INTEGER,
    ]);
    const { wire } = await write({ heads, sequence: 2 ** 52, lamport: 2 ** 52 }, new Uint8Array(limits.payloadBytes));
    expect((await read(wire)).kind).toBe('ok');
  });

  it('of an author without a key is neither taken nor held against its carrier', async () => {
    const outcome = await readEntry({ hashes, signatures, clock }, conversation, golden, () => undefined);
    expect(outcome).toEqual({ kind: 'unknown-author', device: ann.id });
  });

  it('is refused under the key of another device', async () => {
    const eve = await testDevice(2);
    const outcome = await readEntry({ hashes, signatures, clock }, conversation, golden, () => eve.publicKey);
    expect(outcome.kind).toBe('bad');
  });

  it('has its wall time clamped to now when it is too far ahead, and only then', async () => {
    const seen = async (at: number) => {
      const outcome = await read(golden, { now: () => at });
      return outcome.kind === 'ok' && [outcome.verified.entry.wall, outcome.verified.entry.clamped];
    };
    expect(await seen(now - limits.wallSkewMs)).toEqual([now, false]);
    expect(await seen(now - limits.wallSkewMs - 1)).toEqual([now - limits.wallSkewMs - 1, true]);
    expect(await seen(now + 1e12)).toEqual([now, false]);
  });

  const first = { sequence: 0, previous: NO_PREVIOUS };
  const own = () => [[ann.id, 1]];
  it.each<[string, string, (header: Record<string, unknown>) => unknown]>([
    ['ok', 'nothing wrong', (h) => h],
    ['ok', 'first of its feed', (h) => ({ ...h, ...first })],
    ['malformed', 'first of its feed with something before it', (h) => ({ ...h, sequence: 0 })],
    ['malformed', 'later with nothing before it', (h) => ({ ...h, previous: NO_PREVIOUS })],
    ['unsupported-version', 'another version', (h) => ({ ...h, version: 2 })],
    ['malformed', 'another conversation', (h) => ({ ...h, conversation: 'D'.repeat(43) })],
    ['malformed', 'a wrong size', (h) => ({ ...h, payloadSize: 3 })],
    ['malformed', 'a wrong payload hash', (h) => ({ ...h, payloadHash: new Uint8Array(32) })],
    ['malformed', 'its own feed among the heads', (h) => ({ ...h, heads: own() })],
    ['malformed', 'a head twice', (h) => ({ ...h, heads: [place.heads[0], place.heads[0]] })],
    ['malformed', 'one field too many', (h) => ({ ...h, more: 1 })],
    ['malformed', 'a field missing', (h) => Object.fromEntries(Object.entries(h).filter(([name]) => name !== 'wall'))],
    ['malformed', 'a negative time', (h) => ({ ...h, lamport: -1 })],
    ['malformed', 'a fraction', (h) => ({ ...h, lamport: 1.5 })],
    ['malformed', 'a number as text', (h) => ({ ...h, sequence: '1' })],
    ['malformed', 'a prototype', (h) => Object.fromEntries([...Object.entries(h), ['__proto__', { x: 1 }]])],
    ['malformed', 'no map at all', () => [1, 2, 3]],
    ['malformed', 'no CBOR at all', () => new Uint8Array([0xff, 0x00])],
    ['malformed', 'another order of its fields', (h) => reordered(encodeCbor(h))],
  ])('%s: a well signed header with %s', async (expected, _, change) => {
    const outcome = await read(await forge(change));
    expect(outcome.kind === 'bad' ? outcome.error.code : outcome.kind).toBe(expected);
  });

  /** Moves the first field, `key: 0`, to the end: the same map in bytes that are not deterministic. */
  function reordered(bytes: Bytes): Bytes {
    const field = concatBytes([0x63], toUtf8('key'), [0]);
    expect(bytes.subarray(1, 1 + field.length)).toEqual(field);
    return concatBytes(bytes.subarray(0, 1), bytes.subarray(1 + field.length), field);
  }
});
