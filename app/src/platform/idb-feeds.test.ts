import 'fake-indexeddb/auto';
import { feedStoreConformance } from '../../../engine/testing/feed-store-conformance.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { deleteAccount, openAccount } from './database.ts';
import { idbFeeds } from './idb-feeds.ts';

let stores = 0;

feedStoreConformance(async () => {
  const account = `account-${stores++}` as AccountId;
  await deleteAccount(account);
  const open = async () => idbFeeds(await openAccount(account, () => undefined));
  return { store: await open(), reopen: open };
});
