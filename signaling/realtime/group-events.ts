/** Events about groups: what the server is told of them, and asking to join one. */
import { publicAccount } from '../accounts/views.ts';
import { limits } from '../../protocol/limits.ts';
import type { GroupId } from '../../protocol/ids.ts';
import { refuse } from '../refusal.ts';
import { roleOf } from '../store/groups.ts';
import type { GroupRecord } from '../store/store.ts';
import type { Connection } from './connection.ts';
import { accountOf, type EventFunctions, type EventParts } from './events.ts';

type Names = 'groups:mine' | 'groups:change' | 'groups:people' | 'groups:ask' | 'groups:reply';

export function groupEvents({ store, groups, directory }: EventParts): EventFunctions<Names> {
  return {
    async 'groups:mine'(connection, _, now) {
      return { value: { groups: await groups.mine(connection.account, now) } };
    },

    async 'groups:change'(connection, { group, change }, now) {
      if (change.kind === 'admit' && !groups.hasAsked(group, change.account, now)) refuse('not-allowed');
      const outcome = await store.changeGroup(group, connection.account, change, now);
      if (outcome.kind === 'refused') refuse(outcome.code);
      if (outcome.kind === 'changed') await groups.changed(outcome.before, outcome.after);
      return { value: null };
    },

    async 'groups:people'(connection, { group, accounts }) {
      const record = await memberOf(connection, group);
      const asked = accounts.filter((account) => roleOf(record, account) !== undefined);
      const found = await Promise.all(asked.map((account) => store.account(account)));
      return { value: { people: found.flatMap((account) => (account ? [publicAccount(account)] : [])) } };
    },

    async 'groups:ask'(connection, { invitation, proof }, now) {
      const group = (await store.groupOfInvitation(invitation)) ?? refuse('unknown-invitation');
      const { expiresAt = Infinity } =
        group.invitations.find(({ id }) => id === invitation) ?? refuse('unknown-invitation');
      if (expiresAt <= now) refuse('unknown-invitation');
      const account = await accountOf(store, connection);
      groups.asks(group.id, account.id, now);
      const asked = { group: group.id, invitation, asker: publicAccount(account), proof };
      const there = answering(group, connection).slice(0, limits.membersAsked);
      if (there.length === 0) refuse('offline');
      for (const [turn, member] of there.entries()) member.send('group:asked', { ...asked, turn });
      return { value: { group: group.id } };
    },

    async 'groups:reply'(connection, { group, account, invitation, verdict }, now) {
      await memberOf(connection, group);
      if (!groups.hasAsked(group, account, now)) refuse('not-allowed');
      for (const other of directory.provenOf(account)) other.send('group:replied', { group, invitation, verdict });
      return { value: null };
    },
  };

  async function memberOf({ account }: Connection, id: GroupId): Promise<GroupRecord> {
    const group = await store.group(id);
    if (!group || roleOf(group, account) === undefined) refuse('not-allowed');
    return group;
  }

  /** Connections of members, one for each, admins first: they may let in whoever asks. */
  function answering({ members }: GroupRecord, asker: Connection): Connection[] {
    const present = members.filter(({ account }) => account !== asker.account);
    const sorted = present.toSorted((a, b) => Number(a.role === 'member') - Number(b.role === 'member'));
    return sorted.flatMap(({ account }) => directory.provenOf(account).slice(0, 1));
  }
}
