/**
 * Owns the secret of an invitation: 128 random bits, from which follow the id that the server knows and the key that whoever joins signs with.
 * Neither leads back to the secret. In text it is Crockford's base 32 with a check byte; in a link it stands behind `#`, where no server sees it.
 */
import { base32crockford } from '@scure/base';
import { concatBytes, toBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import type { InvitationId } from '../../protocol/ids.ts';
import type { Hashes } from '../ports.ts';
import type { GroupCrypto } from './ports.ts';

export const secretBytes = 16;
const groupLength = 4;

export async function invitationOf(
  secret: Uint8Array,
  ports: { hashes: Hashes; crypto: GroupCrypto },
): Promise<{ invitation: InvitationId } & Awaited<ReturnType<GroupCrypto['signerOf']>>> {
  const derived = (name: string) => ports.hashes.sha256(concatBytes(toUtf8(`causeway/invitation-${name}/1`), secret));
  const invitation = toBase64((await derived('id')).subarray(0, 16)) as InvitationId;
  return { invitation, ...(await ports.crypto.signerOf(await derived('key'))) };
}

/** Seven groups of four. */
export async function codeOf(secret: Uint8Array, hashes: Hashes): Promise<string> {
  const text = base32crockford.encode(concatBytes(secret, [await checkByte(secret, hashes)]));
  const groups = Array.from({ length: Math.ceil(text.length / groupLength) }, (_, at) =>
    text.slice(groupLength * at, groupLength * (at + 1)),
  );
  return groups.join('-');
}

/** The first group of its code, to tell it from others. */
export const beginningOfCode = (secret: Uint8Array): string => base32crockford.encode(secret).slice(0, groupLength);

/** Takes a code, in capitals or not, with o for 0 and i or l for 1, or a link that ends with one. Undefined for a slip of the pen. */
export async function secretOf(typed: string, hashes: Hashes): Promise<Bytes | undefined> {
  const code = typed
    .slice(0, 512)
    .replace(/^.*#join\//, '')
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
  let bytes: Uint8Array;
  try {
    bytes = base32crockford.decode(code);
  } catch {
    return undefined; // not base 32: the same to the person as a wrong code
  }
  if (bytes.length !== secretBytes + 1) return undefined;
  const secret = bytes.slice(0, secretBytes);
  return bytes[secretBytes] === (await checkByte(secret, hashes)) ? secret : undefined;
}

const checkByte = async (secret: Uint8Array, hashes: Hashes): Promise<number> =>
  (await hashes.sha256(concatBytes(toUtf8('causeway/invitation-check/1'), secret)))[0] ?? 0;
