/** Domain separation: whatever is signed is `domain || 0x00 || body`, so that no signature can be taken for one of another purpose. */
import { concatBytes, toUtf8, type Bytes } from './bytes.ts';

export type Domain =
  | 'causeway/device-list/1'
  | 'causeway/socket/1'
  | 'causeway/session/1'
  | 'causeway/envelope/1'
  | 'causeway/link/1'
  | 'causeway/entry/1'
  | 'causeway/committed/1'
  | 'causeway/leaves/1'
  | 'causeway/group-join/1'
  | 'causeway/group-note/1';

export const signedBytes = (domain: Domain, body: Uint8Array): Bytes => concatBytes(toUtf8(domain), [0], body);
