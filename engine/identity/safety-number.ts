/**
 * The number that two people compare, by voice or side by side, to know that no server stands between them: 60 digits, the same on both
 * screens, made of both root keys. Thirty digits of each key are just under 100 bits: to find another key with the same thirty is out of reach, so
 * no slow hash is needed. After Signal's "safety number".
 */
import { concatBytes, fromBase64, toUtf8 } from '../../protocol/bytes.ts';
import type { PublicKey } from '../../protocol/ids.ts';
import type { Hashes } from '../ports.ts';

const groupsPerKey = 6;
const bytesPerGroup = 5;

/** @returns twelve groups of five digits; the order of the two keys makes no difference. */
export async function safetyNumber(a: PublicKey, b: PublicKey, hashes: Hashes): Promise<string[]> {
  const halves = await Promise.all([a, b].map((key) => digitsOf(key, hashes)));
  return halves
    .map((groups) => groups.join(' '))
    .sort()
    .join(' ')
    .split(' ');
}

/** Five bytes make one group: of 2^40 values modulo 100,000 none is noticeably likelier than another. */
async function digitsOf(key: PublicKey, hashes: Hashes): Promise<string[]> {
  const hash = await hashes.sha256(concatBytes(toUtf8('causeway/safety-number/1'), fromBase64(key)));
  return Array.from({ length: groupsPerKey }, (_, group) => {
    const bytes = hash.subarray(group * bytesPerGroup, (group + 1) * bytesPerGroup);
    const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    return String(value % 100_000).padStart(5, '0');
  });
}
