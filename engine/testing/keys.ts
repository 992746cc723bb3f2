/**
 * Owns the hashes, keys and signatures of tests: the real ones of Node (`testDevice`, `signatures`) from fixed seeds, and a cheap stand-in
 * (`cheapDevice`, `cheapSignatures`) for simulations with thousands of entries, which anybody who knows a public key can forge.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify, webcrypto, type KeyObject } from 'node:crypto';
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

/** What stands before the 32 bytes of a private and of a public key of Ed25519 in DER (RFC 8410). */
const pkcs8Start = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiStart = Buffer.from('302a300506032b6570032100', 'hex');

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
  const pkcs8 = concatBytes(pkcs8Start, new Uint8Array(32).fill(number));
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
/** Which signatures a simulation has. */
export interface TestCrypto {
  signatures: Signatures;
  device(number: number): TestDevice;
}

export const cheapCrypto: TestCrypto = { signatures: cheapSignatures, device: cheapDevice };

const publicKeys = new Map<string, KeyObject>();
const publicKeyOf = (bytes: Uint8Array): KeyObject => {
  const name = toBase64(bytes);
  const known = publicKeys.get(name);
  if (known) return known;
  const key = createPublicKey({ key: Buffer.concat([spkiStart, bytes]), format: 'der', type: 'spki' });
  publicKeys.set(name, key);
  return key;
};

/** Ed25519 of Node, at once: as many as a simulation of hundreds makes would spend most of their time waiting for a thread. */
export const realCrypto: TestCrypto = {
  signatures: {
    verify: (publicKey, message, signature) =>
      Promise.resolve(verify(null, message, publicKeyOf(publicKey), signature)),
  },
  device(number) {
    const seed = sha256(toUtf8(`real ${number}`));
    const key = createPrivateKey({ key: Buffer.concat([pkcs8Start, seed]), format: 'der', type: 'pkcs8' });
    const publicKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
    return {
      id: deviceId(publicKey),
      publicKey,
      sign: (message) => Promise.resolve(new Uint8Array(sign(null, message, key))),
    };
  },
};

export function cheapSigner(seed: Uint8Array): {
  publicKey: Bytes;
  sign: (message: Uint8Array) => Promise<Bytes>;
} {
  const publicKey = sha256(toUtf8('signer'), seed);
  return { publicKey, sign: (message) => Promise.resolve(cheapSignature(publicKey, message)) };
}
