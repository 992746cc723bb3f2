/**
 * The code that a new and an old device show to be compared: a short authentication string over both devices' keys. The new device is
 * committed to its nonce before it sees the other's, so that whoever puts keys of its own in between has one blind try in 10^8.
 */
import { concatBytes, equalBytes, toBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import type { AccountId, PublicKey } from '../../protocol/ids.ts';
import type { Device } from '../../protocol/people.ts';
import type { Hashes } from '../ports.ts';

export interface ApprovalTranscript {
  account: AccountId;
  /** The root of the chain that this side verified for itself. */
  root: PublicKey;
  guest: Device;
  host: Pick<Device, 'sign' | 'agree'>;
  guestNonce: Bytes;
  hostNonce: Bytes;
}

export interface ApprovalCode {
  /** Eight decimal digits. */
  digits: string;
  /** The whole hash, base64url: what a QR code carries. */
  hash: string;
}

const tagged = (tag: string, value: unknown): Bytes => concatBytes(toUtf8(tag), [0], encodeCbor(value));

export const commitmentTo = (guest: Device, nonce: Bytes, hashes: Hashes): Promise<Bytes> =>
  hashes.sha256(tagged('causeway/approval-commitment/1', [guest, nonce]));

export const opensCommitment = async (
  commitment: Bytes,
  guest: Device,
  nonce: Bytes,
  hashes: Hashes,
): Promise<boolean> => equalBytes(await commitmentTo(guest, nonce, hashes), commitment);

const codeDigits = 8;

export async function approvalCode(transcript: ApprovalTranscript, hashes: Hashes): Promise<ApprovalCode> {
  const { account, root, guest, host, guestNonce, hostNonce } = transcript;
  const hash = await hashes.sha256(
    tagged('causeway/approval/1', [account, root, guest, [host.sign, host.agree], guestNonce, hostNonce]),
  );
  // 40 bits: the remainder favours no code by more than one in 10,000.
  const number = hash.subarray(0, 5).reduce((sum, byte) => sum * 256 + byte, 0);
  return { digits: String(number % 10 ** codeDigits).padStart(codeDigits, '0'), hash: toBase64(hash) };
}
