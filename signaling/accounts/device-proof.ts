/** A device proves that it holds the signing key that the newest device list of its account names. */
import { encodeCbor } from '../../protocol/codec.ts';
import { fromBase64 } from '../../protocol/bytes.ts';
import { signedBytes, type Domain } from '../../protocol/domains.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { refuse } from '../refusal.ts';
import type { AccountRecord } from '../store/store.ts';
import { bodyOf, signedByDevice } from './device-lists.ts';

export interface DeviceProof {
  domain: Extract<Domain, 'causeway/socket/1' | 'causeway/session/1'>;
  challenge: string;
  device: DeviceId;
  signature: string;
}

/** @throws Refusal `unknown-device` or `not-allowed`. */
export function checkProof(account: AccountRecord, { domain, challenge, device, signature }: DeviceProof): void {
  const newest = account.lists.at(-1) ?? refuse('internal');
  const known = bodyOf(newest).devices.find((one) => one.id === device);
  if (!known) refuse('unknown-device');
  const message = signedBytes(domain, encodeCbor([challenge, account.id, device]));
  if (!isCanonical(signature) || !signedByDevice(known, message, signature)) refuse('not-allowed');
}

function isCanonical(text: string): boolean {
  try {
    fromBase64(text);
    return true;
  } catch {
    return false; // base64url with stray bits: no signature
  }
}
