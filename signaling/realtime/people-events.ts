/** Events about other people: finding them, asking them, answering. */
import { publicAccount } from '../accounts/views.ts';
import type { Contact } from '../../protocol/people.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { refuse } from '../refusal.ts';
import { relationOf, type Verdict } from '../store/relations.ts';
import type { Connection } from './connection.ts';
import { accountOf, type EventFunctions, type EventParts } from './events.ts';

export function peopleEvents({
  store,
  people,
  knocks,
  nearby,
}: EventParts): EventFunctions<'people:lookup' | 'people:departed' | 'contact:request' | 'contact:answer'> {
  return {
    async 'people:lookup'(_connection, { handle }) {
      const found = await store.accountByHandle(handle);
      return { value: publicAccount(found ?? refuse('unknown-handle')) };
    },
    async 'people:departed'(_connection, { accounts }) {
      const deleted = await Promise.all(accounts.map((account) => store.wasDeleted(account)));
      return { value: { departed: accounts.filter((_, index) => deleted[index]) } };
    },
    async 'contact:request'(connection, { account }, now) {
      return { value: await decide(connection, account, 'request', now) };
    },
    async 'contact:answer'(connection, { account, verdict }, now) {
      return { value: await decide(connection, account, verdict, now) };
    },
  };

  async function decide(connection: Connection, otherId: AccountId, verdict: Verdict, now: number): Promise<Contact> {
    if (otherId === connection.account) refuse('not-allowed');
    const actor = await accountOf(store, connection);
    const other = (await store.account(otherId)) ?? refuse('unknown-handle');
    const change = await store.decide(actor.id, other.id, verdict, now);
    if (change.kind === 'refused') refuse(change.code);
    if (change.kind === 'changed') {
      const parted = [actor.id, other.id].some((viewer) =>
        ['none', 'blocked'].includes(relationOf(change.after, viewer)),
      );
      if (parted) knocks.forgetBetween(actor.id, other.id);
      people.relationChanged(actor, other, change.before, change.after, connection);
      nearby.changed(actor.id);
    }
    return people.contact(actor.id, other, change.after);
  }
}
