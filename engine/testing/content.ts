/** Bytes of test files: repeatable, and no two blocks alike. */
import type { Bytes } from '../../protocol/bytes.ts';

export function contentOf(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i += 97) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
