/** WebCrypto and HPKE behind the ports of the engine; runs in browsers and in Node. Nothing here is a primitive of our own. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { concatBytes, toBase64, toUtf8, type Bytes } from '../protocol/bytes.ts';
import type { DeviceId, PublicKey } from '../protocol/ids.ts';
import type { Device } from '../protocol/people.ts';
import type { DeviceKeys, Hashes, Random, Signatures } from '../engine/ports.ts';
import type { Sealing } from '../engine/identity/envelope.ts';
import { deviceIdOf } from '../engine/identity/device-list.ts';

export const random: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

export const hashes: Hashes = {
  sha256: async (data) => new Uint8Array(await crypto.subtle.digest('SHA-256', data as Bytes)),
};

export const signatures: Signatures = {
  async verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    const key = await importVerifyKey(publicKey);
    return crypto.subtle.verify('Ed25519', key, signature as Bytes, message as Bytes);
  },
};

/** Importing costs as much as verifying; a conversation uses few keys over and over. */
const imported = new Map<string, Promise<CryptoKey>>();
const importedMax = 256;
function importVerifyKey(publicKey: Uint8Array): Promise<CryptoKey> {
  const id = toBase64(publicKey);
  let key = imported.get(id);
  if (!key) {
    if (imported.size >= importedMax) imported.clear();
    key = crypto.subtle.importKey('raw', publicKey as Bytes, 'Ed25519', false, ['verify']);
    imported.set(id, key);
    // A key that does not import must not stay as a rejected promise for the next caller.
    key.catch(() => imported.delete(id));
  }
  return key;
}

/** The key pairs of a device as they are kept; the private halves cannot be exported. */
export interface DeviceKeyPairs {
  sign: CryptoKeyPair;
  agree: CryptoKeyPair;
}

export async function generateDeviceKeys(): Promise<DeviceKeyPairs> {
  const sign = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  const agree = await crypto.subtle.generateKey('X25519', false, ['deriveBits']);
  return { sign, agree };
}

export const publicKeyOf = async (key: CryptoKey): Promise<PublicKey> =>
  toBase64(new Uint8Array(await crypto.subtle.exportKey('raw', key))) as PublicKey;

/** The public side of a device, as device lists name it. */
export async function describeDevice(pairs: DeviceKeyPairs, name: string, addedAt: number): Promise<Device> {
  const keys = { sign: await publicKeyOf(pairs.sign.publicKey), agree: await publicKeyOf(pairs.agree.publicKey) };
  return { id: await deviceIdOf(keys, hashes), ...keys, name, addedAt };
}

export function deviceKeys(id: DeviceId, pairs: DeviceKeyPairs): DeviceKeys & Sealing {
  return {
    id,
    sign: async (message) =>
      new Uint8Array(await crypto.subtle.sign('Ed25519', pairs.sign.privateKey, message as Bytes)),
    seal,
    open: (box) => open(pairs.agree, box),
  };
}

const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const info = toUtf8('causeway/envelope/1');
const encapsulatedBytes = 32;

async function seal(recipientAgreeKey: Uint8Array, plaintext: Uint8Array): Promise<Bytes> {
  const recipientPublicKey = await suite.kem.deserializePublicKey(recipientAgreeKey);
  const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plaintext);
  return concatBytes(new Uint8Array(enc), new Uint8Array(ct));
}

async function open(recipientKey: CryptoKeyPair, box: Uint8Array): Promise<Bytes> {
  const enc = box.slice(0, encapsulatedBytes);
  return new Uint8Array(await suite.open({ recipientKey, enc: enc.buffer, info }, box.slice(encapsulatedBytes)));
}
