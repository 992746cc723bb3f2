/** What of a record goes over the wire: to the account itself, and to anybody who knows the handle. */
import type { OwnAccount } from '../../protocol/http.ts';
import type { PublicAccount } from '../../protocol/people.ts';
import type { AccountRecord } from '../store/store.ts';

export const ownAccount = ({ id, handle, displayName, email, wrapped, lists }: AccountRecord): OwnAccount => ({
  id,
  handle,
  displayName,
  ...(email === undefined ? {} : { email }),
  wrapped,
  lists: [...lists],
});

export const publicAccount = ({ id, handle, displayName, lists }: AccountRecord): PublicAccount => ({
  id,
  handle,
  displayName,
  lists: [...lists],
});
