/**
 * Owns the hashes, keys and signatures of tests: the real ones of Node (`testDevice`, `signatures`) from fixed seeds, and a cheap stand-in
 * (`cheapDevice`, `cheapSignatures`) for simulations with thousands of entries, which anybody who knows a public key can forge.
 */
import { createHash, webcrypto } from 'node:crypto';
import { concatBytes, equalBytes, fromBase64, toBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import type { DeviceKeys, Hashes, Random, Signatures } from '../ports.ts';

const sha256 = (...parts: readonly Uint8Array[]): Bytes =>
  new Uint8Array(
    createHash('sha256')
      .update(concatBytes(...parts))
      .digest(),
  );

const deviceId = (publicKey: Bytes) => toBase64(sha256(publicKey).subarray(0, 16)) as DeviceId;

export interface TestDevice extends DeviceKeys {
  readonly publicKey: Bytes;
}

export const hashes: Hashes = { sha256: (data) => Promise.resolve(sha256(data)) };

export const signatures: Signatures = {
  async verify(publicKey, message, signature) {
    const key = await webcrypto.subtle.importKey('raw', new Uint8Array(publicKey), 'Ed25519', false, ['verify']);
    return webcrypto.subtle.verify('Ed25519', key, new Uint8Array(signature), new Uint8Array(message));
  },
};

/** Ed25519 with the seed `number` in each of its 32 bytes; always the same key. */
export async function testDevice(number: number): Promise<TestDevice> {
  const pkcs8 = concatBytes(Buffer.from('302e020100300506032b657004220420', 'hex'), new Uint8Array(32).fill(number));
  const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']);
  const { x } = await webcrypto.subtle.exportKey('jwk', key);
  const publicKey = fromBase64(x ?? '');
  return {
    id: deviceId(publicKey),
    publicKey,
    sign: async (message) => new Uint8Array(await webcrypto.subtle.sign('Ed25519', key, new Uint8Array(message))),
  };
}

const cheapSignature = (publicKey: Uint8Array, message: Uint8Array): Bytes => {
  const half = sha256(publicKey, message);
  return concatBytes(half, half);
};

export const cheapSignatures: Signatures = {
  verify: (publicKey, message, signature) => Promise.resolve(equalBytes(cheapSignature(publicKey, message), signature)),
};

export function cheapDevice(number: number): TestDevice {
  const publicKey = sha256(toUtf8(`device ${number}`));
  return {
    id: deviceId(publicKey),
    publicKey,
    sign: (message) => Promise.resolve(cheapSignature(publicKey, message)),
  };
}

/** Repeatable: the same seed gives the same bytes. */
export function seededRandom(seed: number): Random {
  let count = 0;
  return {
    bytes(length) {
      const blocks = Array.from({ length: Math.ceil(length / 32) }, () => sha256(toUtf8(`${seed} ${count++}`)));
      return concatBytes(...blocks).slice(0, length);
    },
  };
}

/** The cheap key of a seed. */
export function cheapSigner(seed: Uint8Array): {
  publicKey: Bytes;
  sign: (message: Uint8Array) => Promise<Bytes>;
} {
  const publicKey = sha256(toUtf8('signer'), seed);
  return { publicKey, sign: (message) => Promise.resolve(cheapSignature(publicKey, message)) };
}
