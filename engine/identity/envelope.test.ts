import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../../protocol/bytes.ts';
import { decodeCbor, encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import type { Envelope } from '../../protocol/envelope.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { LinkId, OfferId } from '../../protocol/ids.ts';
import { limits, PROTOCOL_VERSION } from '../../protocol/limits.ts';
import { testKeys, type TestKeys } from '../testing/accounts.ts';
import { VirtualClock } from '../testing/clock.ts';
import { cheapSignatures, seededRandom } from '../testing/keys.ts';
import { Envelopes } from './envelope.ts';

const ice: Envelope['body'] = {
  kind: 'ice',
  link: 'l'.repeat(22) as LinkId,
  epoch: 1,
  candidate: 'c',
  mid: null,
  line: null,
};
const withdraw: Envelope['body'] = { kind: 'withdraw', offer: 'o'.repeat(22) as OfferId };

const [ann, bob, eve] = await Promise.all([testKeys(1), testKeys(2), testKeys(3)]);
const clock = new VirtualClock();
const envelopesOf = (keys: TestKeys, at = clock) =>
  new Envelopes({ clock: at, random: seededRandom(at.now()), signatures: cheapSignatures, keys, sealing: keys });

/** An envelope to Bob as whoever holds `signer` can make it. */
async function forged(signer: TestKeys, changes: Partial<Envelope>): Promise<string> {
  const envelope: Envelope = {
    version: PROTOCOL_VERSION,
    from: signer.id,
    to: bob.id,
    nonce: seededRandom(5).bytes(16),
    expiresAt: clock.now() + 1000,
    body: ice,
    ...changes,
  };
  const bytes = encodeCbor(envelope);
  const signature = await signer.sign(signedBytes('causeway/envelope/1', bytes));
  return toBase64(await ann.seal(fromBase64(bob.device.agree), encodeCbor([bytes, signature])));
}

describe('a sealed envelope', () => {
  test('opens once', async () => {
    const box = await envelopesOf(ann).seal(bob.device, ice);
    const opener = envelopesOf(bob);
    expect(await opener.open(ann.device, box)).toEqual(ice);
    await expect(opener.open(ann.device, box)).rejects.toThrow('seen before');
  });

  test('to another device does not open', async () => {
    const box = await envelopesOf(ann).seal(bob.device, ice);
    await expect(envelopesOf(eve).open(ann.device, box)).rejects.toThrow(ProtocolError);
  });

  test('sealed on by its recipient does not open for a third', async () => {
    const plain = await bob.open(fromBase64(await envelopesOf(ann).seal(bob.device, ice)));
    const box = toBase64(await bob.seal(fromBase64(eve.device.agree), plain));
    await expect(envelopesOf(eve).open(ann.device, box)).rejects.toThrow('another device');
  });

  test('of another sender than the server names does not open', async () => {
    const box = await envelopesOf(ann).seal(bob.device, ice);
    await expect(envelopesOf(bob).open(eve.device, box)).rejects.toThrow('signature');
  });

  test.each<[string, () => Promise<string>]>([
    ['that names another sender', () => forged(eve, { from: ann.id })],
    ['to another device inside', () => forged(ann, { to: eve.id })],
    ['that has expired', () => forged(ann, { expiresAt: clock.now() - limits.clockSkewMs - 1 })],
    [
      'from the far future',
      () => forged(ann, { expiresAt: clock.now() + limits.knockTtlMs + limits.clockSkewMs + 1, body: withdraw }),
    ],
    ['with a signal that lives as long as a knock', () => forged(ann, { expiresAt: clock.now() + limits.knockTtlMs })],
    ['of another version', () => forged(ann, { version: PROTOCOL_VERSION + 1 })],
    ['with a body of no known kind', () => forged(ann, { body: { kind: 'shell' } as never })],
    ['with a field too many', () => forged(ann, { extra: 1 } as never)],
    ['with a short nonce', () => forged(ann, { nonce: new Uint8Array(8) })],
    ['that is empty', () => Promise.resolve('')],
    ['that is not base64url', () => Promise.resolve('***')],
    [
      'signed for another purpose',
      async () => {
        const bytes = encodeCbor(decodeCbor(encodeCbor({})));
        const signature = await ann.sign(signedBytes('causeway/link/1', bytes));
        return toBase64(await ann.seal(fromBase64(bob.device.agree), encodeCbor([bytes, signature])));
      },
    ],
  ])('%s does not open', async (_, make) => {
    await expect(envelopesOf(bob).open(ann.device, await make())).rejects.toThrow(ProtocolError);
  });

  test('does not open with any flipped byte', async () => {
    const box = fromBase64(await envelopesOf(ann).seal(bob.device, ice));
    const opener = envelopesOf(bob);
    for (let at = 0; at < box.length; at++) {
      const altered = box.slice();
      altered[at] = (altered[at] ?? 0) ^ 0x10;
      await expect(opener.open(ann.device, toBase64(altered)), `byte ${at}`).rejects.toThrow(ProtocolError);
    }
    expect(await opener.open(ann.device, toBase64(box))).toEqual(ice);
  });

  test('nonces are forgotten once what bore them has expired', async () => {
    const time = new VirtualClock();
    const [sealer, opener] = [envelopesOf(ann, time), envelopesOf(bob, time)];
    const box = await sealer.seal(bob.device, ice);
    await opener.open(ann.device, box);
    time.runSync(limits.signalTtlMs + limits.clockSkewMs + 1);
    await expect(opener.open(ann.device, box)).rejects.toThrow('expired');
  });

  test('a body over the limit is not sealed', async () => {
    const files = Array.from({ length: 400 }, (_, i) => ({
      name: `a rather long name of a file ${i}`,
      size: 1,
      type: '',
    }));
    await expect(
      envelopesOf(ann).seal(bob.device, { kind: 'offer', offer: 'o'.repeat(22) as OfferId, files, offeredAt: 0 }),
    ).rejects.toThrow('too-large');
  });
});
