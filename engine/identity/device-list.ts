/**
 * Device lists: making them, and verifying a chain against what was pinned. A contact's chain may only grow; a chain that does not
 * contain the pinned list, or has another root, is a change of keys and is told loudly.
 */
import { concatBytes, equalBytes, fromBase64, toBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import { decodeAs, encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DeviceId, PublicKey, Signature } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { DeviceListBody, type Device, type SignedDeviceList } from '../../protocol/people.ts';
import type { Hashes, Signatures } from '../ports.ts';

/** Signs with the root or with a device key. */
export interface ListSigner {
  signer: 'root' | DeviceId;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export async function deviceIdOf(keys: { sign: string; agree: string }, hashes: Hashes): Promise<DeviceId> {
  const hash = await hashes.sha256(
    concatBytes(toUtf8('causeway/device/1'), fromBase64(keys.sign), fromBase64(keys.agree)),
  );
  return toBase64(hash.subarray(0, 16)) as DeviceId;
}

export async function signList(body: DeviceListBody, by: ListSigner): Promise<SignedDeviceList> {
  const bytes = encodeCbor(body);
  const signature = await by.sign(signedBytes('causeway/device-list/1', bytes));
  return { body: toBase64(bytes), signer: by.signer, signature: toBase64(signature) as Signature };
}

/** List 0 of a new root: one device. */
export function firstList(root: PublicKey, vault: PublicKey, device: Device): DeviceListBody {
  return { root, vault, number: 0, previous: new Uint8Array(32), devices: [device] };
}

/** The list after `chain`, with `device` added. */
export const listWith = (chain: VerifiedChain, device: Device): DeviceListBody =>
  listAfter(chain, [...chain.newest.devices, device]);

/** The list after `chain`, with these devices. */
export function listAfter(chain: VerifiedChain, devices: Device[]): DeviceListBody {
  const { root, vault, number } = chain.newest;
  return { root, vault, number: number + 1, previous: chain.newestHash, devices };
}

export interface VerifiedChain {
  newest: DeviceListBody;
  /** SHA-256 of the newest body. */
  newestHash: Bytes;
  /** SHA-256 of every body, base64url; index = number. */
  hashes: string[];
  /** Every device that was ever in a list: entries that it signed stay valid after it was removed. */
  everyDevice: Device[];
}

/**
 * Verifies a whole chain: numbers and hashes follow, root and vault stay, every signer was entitled, every device id is the hash of its keys.
 * @throws ProtocolError `malformed` or `not-allowed` naming the list.
 */
export async function verifyChain(
  lists: readonly SignedDeviceList[],
  ports: { hashes: Hashes; signatures: Signatures },
): Promise<VerifiedChain> {
  let before: DeviceListBody | undefined;
  let beforeHash: Bytes = new Uint8Array(32);
  const seen: string[] = [];
  const everyDevice = new Map<DeviceId, Device>();
  for (const [number, list] of lists.entries()) {
    const bytes = decodeBase64(list.body);
    const body = decodeAs(DeviceListBody, bytes);
    const fail = (why: string) => new ProtocolError('not-allowed', `device list ${number}: ${why}`);
    if (body.number !== number || !equalBytes(body.previous, beforeHash)) throw fail('does not follow the list before');
    if (before && (before.root !== body.root || before.vault !== body.vault)) throw fail('has other account keys');
    const signer =
      list.signer === 'root' ? body.root : before?.devices.find((device) => device.id === list.signer)?.sign;
    if (!signer) throw fail('is signed by a device that was not entitled');
    const message = signedBytes('causeway/device-list/1', bytes);
    if (!(await ports.signatures.verify(fromBase64(signer), message, fromBase64(list.signature))))
      throw fail('has a wrong signature');
    for (const device of body.devices) {
      if ((await deviceIdOf(device, ports.hashes)) !== device.id) throw fail('names a device that is not its keys');
    }
    if (new Set(body.devices.map((device) => device.id)).size !== body.devices.length)
      throw fail('names a device twice');
    for (const device of body.devices) everyDevice.set(device.id, device);
    before = body;
    beforeHash = await ports.hashes.sha256(bytes);
    seen.push(toBase64(beforeHash));
  }
  if (!before) throw new ProtocolError('malformed', 'empty device list chain');
  return { newest: before, newestHash: beforeHash, hashes: seen, everyDevice: [...everyDevice.values()] };
}

function decodeBase64(text: string): Bytes {
  if (text.length > (limits.signalingMessageBytes * 4) / 3) throw new ProtocolError('too-large', 'device list');
  try {
    return fromBase64(text);
  } catch {
    throw new ProtocolError('malformed', 'device list is not base64url');
  }
}

/** What a contact is pinned to. */
export interface Pin {
  root: PublicKey;
  number: number;
  /** SHA-256 of the pinned list's body, base64url. */
  hash: string;
}

export const pinOf = (chain: VerifiedChain): Pin => ({
  root: chain.newest.root,
  number: chain.newest.number,
  hash: toBase64(chain.newestHash),
});

/**
 * How a verified chain stands to a pin: `same`, `newer` (the pinned list is in it), `older` (the server holds something back: the pin
 * stays), or `changed` (another root, or a history that was rewritten).
 */
export function compareToPin(pin: Pin, chain: VerifiedChain): 'same' | 'newer' | 'older' | 'changed' {
  if (pin.root !== chain.newest.root) return 'changed';
  const at = chain.hashes[pin.number];
  if (at === undefined) return 'older';
  if (at !== pin.hash) return 'changed';
  return chain.newest.number === pin.number ? 'same' : 'newer';
}
