/**
 * The account's own keys: root (Ed25519) and vault (X25519). They exist in the clear only while a device is being certified; at rest they are
 * wrapped under the recovery code. The code carries 128 random bits, so HKDF (RFC 5869) is enough and no slow hash is needed.
 */
import { base32crockford } from '@scure/base';
import * as v from 'valibot';
import { concatBytes, equalBytes, fromBase64, toBase64, toUtf8, type Bytes } from '../protocol/bytes.ts';
import { bytesOf, decodeAs, encodeCbor } from '../protocol/codec.ts';
import type { PublicKey } from '../protocol/ids.ts';
import type { ListSigner } from '../engine/identity/device-list.ts';
import { hashes, publicKeyOf, random } from './web-crypto.ts';

export interface AccountKeys {
  root: PublicKey;
  vault: PublicKey;
  signer: ListSigner;
  /** Wrapped under `code`; goes to the server. */
  wrap(code: string): Promise<string>;
}

const Record = v.strictObject({
  version: v.literal(1),
  rootKey: bytesOf(32),
  root: bytesOf(32),
  vaultKey: bytesOf(32),
  vault: bytesOf(32),
});
type Record = v.InferOutput<typeof Record>;

export async function generateAccountKeys(): Promise<AccountKeys> {
  const root = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const vault = await crypto.subtle.generateKey('X25519', true, ['deriveBits']);
  return fromRecord({
    version: 1,
    rootKey: await privateBytes(root.privateKey),
    root: fromBase64(await publicKeyOf(root.publicKey)),
    vaultKey: await privateBytes(vault.privateKey),
    vault: fromBase64(await publicKeyOf(vault.publicKey)),
  });
}

/** @returns undefined when the code is not the one of this record. */
export async function unwrapAccountKeys(wrapped: string, code: string): Promise<AccountKeys | undefined> {
  const secret = await parseRecoveryCode(code);
  if (!secret) return undefined;
  const bytes = fromBase64(wrapped);
  let plain: ArrayBuffer;
  try {
    plain = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv: bytes.slice(0, 12) },
      await wrappingKey(secret),
      bytes.slice(12),
    );
  } catch {
    return undefined; // AES-GCM says no more than that the key is not the right one
  }
  return fromRecord(decodeAs(Record, new Uint8Array(plain)));
}

const codeBytes = 16;

/** 128 random bits and one byte to notice slips of the pen, as 7 groups of 4 of Crockford's base 32. */
export async function newRecoveryCode(): Promise<string> {
  const secret = random.bytes(codeBytes);
  const text = base32crockford.encode(concatBytes(secret, [await checkByte(secret)]));
  return Array.from({ length: Math.ceil(text.length / 4) }, (_, group) => text.slice(4 * group, 4 * group + 4)).join(
    '-',
  );
}

/** Takes capitals or not, with or without separators, o for 0, i and l for 1. @returns undefined for a slip of the pen. */
export async function parseRecoveryCode(code: string): Promise<Bytes | undefined> {
  const text = code
    .slice(0, 128)
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
  let bytes: Uint8Array;
  try {
    bytes = base32crockford.decode(text);
  } catch {
    return undefined; // not base 32: the same to the person as a wrong code
  }
  if (bytes.length !== codeBytes + 1) return undefined;
  const secret = bytes.slice(0, codeBytes);
  return bytes[codeBytes] === (await checkByte(secret)) ? secret : undefined;
}

const checkByte = async (secret: Uint8Array): Promise<number> =>
  (await hashes.sha256(concatBytes(toUtf8('causeway/recovery-check/1'), secret)))[0] ?? 0;

async function wrappingKey(secret: Bytes): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: toUtf8('causeway/recovery/1') },
    base,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  );
}

async function fromRecord(record: Record): Promise<AccountKeys> {
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: toBase64(record.rootKey), x: toBase64(record.root) };
  const root = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign']);
  return {
    root: toBase64(record.root) as PublicKey,
    vault: toBase64(record.vault) as PublicKey,
    signer: {
      signer: 'root',
      sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', root, message as Bytes)),
    },
    async wrap(code) {
      const secret = await parseRecoveryCode(code);
      if (!secret) throw new Error('wrap needs a code made by newRecoveryCode');
      const iv = random.bytes(12);
      const sealed = await crypto.subtle.encrypt(
        { name: 'AES-GCM', iv },
        await wrappingKey(secret),
        encodeCbor(record),
      );
      return toBase64(concatBytes(iv, new Uint8Array(sealed)));
    },
  };
}

async function privateBytes(key: CryptoKey): Promise<Bytes> {
  const { d } = await crypto.subtle.exportKey('jwk', key);
  if (d === undefined) throw new Error('private key without d');
  return fromBase64(d);
}

/** Write, read back, sign, verify: done before a device is registered, because some browsers lose or spoil keys in IndexedDB. */
export async function keysWork(pairs: { sign: CryptoKeyPair; agree: CryptoKeyPair }): Promise<boolean> {
  const probe = random.bytes(32);
  const signature = await crypto.subtle.sign('Ed25519', pairs.sign.privateKey, probe);
  if (!(await crypto.subtle.verify('Ed25519', pairs.sign.publicKey, signature, probe))) return false;
  const shared = () =>
    crypto.subtle.deriveBits({ name: 'X25519', public: pairs.agree.publicKey }, pairs.agree.privateKey, 256);
  const [first, second] = await Promise.all([shared(), shared()]);
  return equalBytes(new Uint8Array(first), new Uint8Array(second));
}
