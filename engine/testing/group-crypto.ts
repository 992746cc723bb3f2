/** Encryption and invitation keys of simulations: real AES of Node, and cheap signatures (see `keys.ts`) for the keys of invitations. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { concatBytes } from '../../protocol/bytes.ts';
import type { GroupCrypto } from '../groups/ports.ts';
import { cheapSigner } from './keys.ts';

const tagBytes = 16;

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
