import { describe, expect, it } from 'vitest';
import { decodeAs, encodeCbor } from '../protocol/codec.ts';
import { GroupPayload } from '../protocol/group.ts';
import { fromBase64, toUtf8 } from '../protocol/bytes.ts';
import { groupCrypto } from './group-crypto.ts';
import { describeDevice, deviceKeys, generateDeviceKeys, signatures } from './web-crypto.ts';

describe('what groups need of WebCrypto', () => {
  it('opens what it encrypted, under the same key, nonce and context alone', async () => {
    const [key, nonce, plain, context] = [32, 12, 50, 7].map((length, at) => new Uint8Array(length).fill(at)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const box = await groupCrypto.encrypt(key, nonce, plain, context);
    expect(box).toHaveLength(66);
    expect(await groupCrypto.decrypt(key, nonce, box, context)).toEqual(plain);
    const other = new Uint8Array(32).fill(9);
    expect(await groupCrypto.decrypt(other, nonce, box, context)).toBeUndefined();
    expect(await groupCrypto.decrypt(key, other.subarray(0, 12), box, context)).toBeUndefined();
    expect(await groupCrypto.decrypt(key, nonce, box, other)).toBeUndefined();
    expect(await groupCrypto.decrypt(key, nonce, box.with(3, (box[3] ?? 0) ^ 1), context)).toBeUndefined();
  });

  it('makes the same key of the same seed', async () => {
    const seed = new Uint8Array(32).fill(5);
    const [one, two] = [await groupCrypto.signerOf(seed), await groupCrypto.signerOf(seed)];
    expect(one.publicKey).toEqual(two.publicKey);
    const message = toUtf8('let me in');
    expect(await signatures.verify(one.publicKey, message, await two.sign(message))).toBe(true);
  });

  it('seals a key to a device through an entry of the log', async () => {
    const pairs = await generateDeviceKeys();
    const { id, agree } = await describeDevice(pairs, 'one', 0);
    const keys = deviceKeys(id, pairs);
    const key = new Uint8Array(32).fill(7);
    const payload = { kind: 'group-sealed', sealed: [[1, id, await keys.seal(fromBase64(agree), key)]] };
    const read = decodeAs(GroupPayload, encodeCbor(payload));
    const box = read.kind === 'group-sealed' ? read.sealed[0]?.[2] : undefined;
    expect(box && (await keys.open(box))).toEqual(key);
  });
});
