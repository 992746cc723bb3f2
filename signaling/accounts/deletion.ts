/**
 * The end of an account. Once that is durable, everything in memory that knows of it goes too, its devices are told and cut off, and it
 * leaves the lists of those it was a contact of and the groups that it was in. The bytes of messages and files were never here.
 */
import type { AccountId } from '../../protocol/ids.ts';
import type { Directory } from '../realtime/directory.ts';
import type { Groups } from '../realtime/groups.ts';
import type { Knocks } from '../realtime/knocks.ts';
import type { People } from '../realtime/people.ts';
import type { Store } from '../store/store.ts';

export interface DeletionParts {
  store: Store;
  directory: Directory;
  people: People;
  groups: Groups;
  knocks: Knocks;
}

/** Deleting what is deleted already changes nothing. */
export const createDeletion =
  ({ store, directory, people, groups, knocks }: DeletionParts) =>
  async (id: AccountId, now: number): Promise<void> => {
    const removed = await store.deleteAccount(id, now);
    if (!removed) return;
    knocks.forgetAccount(id);
    for (const connection of directory.connectionsOf(id)) connection.end('deleted');
    people.accountDeleted(removed.account, removed.pairs, now);
    for (const { before, after } of removed.groups) await groups.changed(before, after);
  };
