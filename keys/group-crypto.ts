/** What groups need of WebCrypto. */
import { concatBytes, fromBase64, type Bytes } from '../protocol/bytes.ts';
import type { GroupCrypto } from '../engine/groups/ports.ts';

/** An Ed25519 private key as PKCS #8 (RFC 8410): this, then the seed. */
const pkcs8Prefix = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

const keyOf = (key: Uint8Array, use: 'encrypt' | 'decrypt') =>
  crypto.subtle.importKey('raw', key as Bytes, 'AES-GCM', false, [use]);

export const groupCrypto: GroupCrypto = {
  async encrypt(key, nonce, plain, context) {
    const how = { name: 'AES-GCM', iv: nonce as Bytes, additionalData: context as Bytes };
    return new Uint8Array(await crypto.subtle.encrypt(how, await keyOf(key, 'encrypt'), plain as Bytes));
  },

  async decrypt(key, nonce, box, context) {
    const how = { name: 'AES-GCM', iv: nonce as Bytes, additionalData: context as Bytes };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(how, await keyOf(key, 'decrypt'), box as Bytes));
    } catch {
      return undefined; // AES-GCM says no more than that it is not under this key
    }
  },

  async signerOf(seed) {
    const pkcs8 = concatBytes(pkcs8Prefix, seed);
    // Only a key that may be exported tells its public half.
    const pair = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']);
    const { x } = await crypto.subtle.exportKey('jwk', pair);
    if (x === undefined) throw new Error('Ed25519 key without its public half');
    return {
      publicKey: fromBase64(x),
      sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', pair, message as Bytes)),
    };
  },
};
