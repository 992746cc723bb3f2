/** Encryption and invitation keys of simulations: real AES of Node, and cheap signatures (see `keys.ts`) for the keys of invitations. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { concatBytes } from '../../protocol/bytes.ts';
import type { GroupCrypto } from '../groups/ports.ts';
import { cheapCrypto, cheapSigner, type TestCrypto } from './keys.ts';

const tagBytes = 16;

/** With the signatures of invitations that the simulation has for all else. */
export const groupCryptoOf = (crypto: TestCrypto): GroupCrypto =>
  crypto === cheapCrypto
    ? groupCrypto
    : { ...groupCrypto, signerOf: (seed) => Promise.resolve(crypto.device(Buffer.from(seed).readUInt32BE())) };

export const groupCrypto: GroupCrypto = {
  encrypt: (key, nonce, plain, context) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context);
    return Promise.resolve(concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag()));
  },
  decrypt: (key, nonce, box, context) => {
    if (box.length < tagBytes) return Promise.resolve(undefined);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(context);
    decipher.setAuthTag(box.subarray(box.length - tagBytes));
    try {
      return Promise.resolve(concatBytes(decipher.update(box.subarray(0, box.length - tagBytes)), decipher.final()));
    } catch {
      return Promise.resolve(undefined); // not under this key
    }
  },
  signerOf: (seed) => Promise.resolve(cheapSigner(seed)),
};
