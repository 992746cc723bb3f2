/**
 * Device lists as the server checks them before it stores them, so that it never hands out a chain that contacts would refuse. Contacts
 * verify all of it again: the server is not trusted with keys.
 */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { concatBytes, equalBytes, fromBase64, toBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import { decodeAs } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { ProtocolError, type ErrorCode } from '../../protocol/errors.ts';
import type { DeviceId, PublicKey } from '../../protocol/ids.ts';
import { DeviceListBody, type Device, type SignedDeviceList } from '../../protocol/people.ts';

const bodies = new WeakMap<SignedDeviceList, DeviceListBody>();

/** @throws ProtocolError `malformed`. */
export function bodyOf(list: SignedDeviceList): DeviceListBody {
  let body = bodies.get(list);
  if (!body) {
    body = decodeAs(DeviceListBody, bytesOfText(list.body));
    bodies.set(list, body);
  }
  return body;
}

export const deviceIds = (list: SignedDeviceList): DeviceId[] => bodyOf(list).devices.map((device) => device.id);

/** The first 16 bytes of SHA-256 over the device's two public keys. */
export function deviceIdOf(sign: PublicKey, agree: PublicKey): DeviceId {
  const hash = sha256(concatBytes(toUtf8('causeway/device/1'), bytesOfText(sign), bytesOfText(agree)));
  return toBase64(hash.subarray(0, 16)) as DeviceId;
}

/** List 0: signed by its own root, with one device. @returns the code of what is wrong. */
export function checkFirstList(list: SignedDeviceList): ErrorCode | undefined {
  return checked(() => {
    const body = bodyOf(list);
    checkDevices(body);
    if (
      body.number !== 0 ||
      body.previous.some((byte) => byte !== 0) ||
      body.devices.length !== 1 ||
      list.signer !== 'root'
    )
      return 'malformed';
    return verifyList(list, body.root) ? undefined : 'malformed';
  });
}

/** A list that follows `newest`: same root and vault, signed by the root or a device of `newest`. @returns the code of what is wrong. */
export function checkNextList(list: SignedDeviceList, newest: SignedDeviceList): ErrorCode | undefined {
  return checked(() => {
    const body = bodyOf(list);
    const before = bodyOf(newest);
    checkDevices(body);
    if (body.root !== before.root || body.vault !== before.vault) return 'not-allowed';
    if (body.number !== before.number + 1 || !equalBytes(body.previous, sha256(bytesOfText(newest.body))))
      return 'stale-list';
    const signer =
      list.signer === 'root' ? before.root : before.devices.find((device) => device.id === list.signer)?.sign;
    return signer !== undefined && verifyList(list, signer) ? undefined : 'not-allowed';
  });
}

/** Whether `device` signed `message`. False, never an exception, for whatever is not a signature or a key. */
export const signedByDevice = (device: Device, message: Uint8Array, signature: string): boolean =>
  verifies(device.sign, message, signature);

function checked(check: () => ErrorCode | undefined): ErrorCode | undefined {
  try {
    return check();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

function checkDevices(body: DeviceListBody): void {
  const seen = new Set<DeviceId>();
  for (const device of body.devices) {
    if (device.id !== deviceIdOf(device.sign, device.agree) || seen.has(device.id))
      throw new ProtocolError('malformed', 'device id');
    seen.add(device.id);
  }
}

const verifyList = (list: SignedDeviceList, key: PublicKey): boolean =>
  verifies(key, signedBytes('causeway/device-list/1', bytesOfText(list.body)), list.signature);

function verifies(key: PublicKey, message: Uint8Array, signature: string): boolean {
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' });
  } catch {
    return false; // 32 bytes that are no point: a signature by it cannot be right
  }
  return verify(null, message, publicKey, bytesOfText(signature));
}

const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

function bytesOfText(text: string): Bytes {
  try {
    return fromBase64(text);
  } catch {
    throw new ProtocolError('malformed', 'base64url');
  }
}
