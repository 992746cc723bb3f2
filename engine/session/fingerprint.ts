/** DTLS fingerprints of an SDP (RFC 8122). Causeway accepts SHA-256 alone, and one certificate for the whole description. */
import { ProtocolError } from '../../protocol/errors.ts';

/** @returns the fingerprint as 64 lower-case hex digits. @throws ProtocolError when there is none, another hash, or more than one value. */
export function fingerprintOf(sdp: string): string {
  const found = new Set<string>();
  for (const line of sdp.split(/[\r\n]+/)) {
    if (!line.toLowerCase().startsWith('a=fingerprint:')) continue;
    const [hash, value] = line.slice('a=fingerprint:'.length).trim().split(' ');
    if (hash?.toLowerCase() !== 'sha-256') throw new ProtocolError('not-allowed', 'fingerprint is not SHA-256');
    const hex = (value ?? '').replaceAll(':', '').toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(hex)) throw new ProtocolError('malformed', 'fingerprint is not 32 bytes');
    found.add(hex);
  }
  const [only] = found;
  if (only === undefined || found.size !== 1) throw new ProtocolError('not-allowed', `${found.size} fingerprints`);
  return only;
}
