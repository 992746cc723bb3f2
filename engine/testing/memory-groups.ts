/** Groups of the signaling server in memory, under the rules of the real one. */
import type { Result } from '../../protocol/errors.ts';
import type { ClientEventName, ClientRequest } from '../../protocol/events.ts';
import type { Roster, RosterMember } from '../../protocol/group-roster.ts';
import type { AccountId, DeviceId, GroupId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { SignalingEvents } from '../signaling.ts';
import { changeGroup, roleOf, withoutMember } from '../../signaling/store/groups.ts';
import type { GroupRecord } from '../../signaling/store/store.ts';
import type { TestAccount } from './accounts.ts';

export type GroupRequest = Extract<ClientEventName, `groups:${string}`>;

export interface MemoryGroupsPorts {
  accounts: ReadonlyMap<AccountId, TestAccount>;
  online(account: AccountId): DeviceId[];
  say(device: DeviceId, what: (events: SignalingEvents) => void): void;
  now(): number;
}

export class MemoryGroups {
  readonly records = new Map<GroupId, GroupRecord>();
  /** When somebody asked to join. */
  readonly #asked = new Map<string, number>();

  constructor(private readonly ports: MemoryGroupsPorts) {}

  fellows(account: AccountId): Set<AccountId> {
    const shared = this.#of(account).flatMap(({ members }) => members.map((member) => member.account));
    return new Set(shared.filter((other) => other !== account));
  }

  /** The account is deleted. @returns what tells the others of each of its groups. */
  without(account: AccountId): (() => void)[] {
    return this.#of(account).map((group) => {
      const after = withoutMember(group, account);
      if (after) this.records.set(group.id, after);
      else this.records.delete(group.id);
      return () => {
        for (const member of after?.members ?? [])
          this.#tell(member.account, (events) => events.groupLeft({ group: group.id, account }));
      };
    });
  }

  /** Name or device lists of an account changed. */
  changed(account: AccountId): void {
    for (const group of this.#of(account)) {
      const member = this.#row(group, account);
      for (const other of group.members)
        if (other.account !== account && member)
          this.#tell(other.account, (events) => events.groupMember({ group: group.id, member }));
    }
  }

  answer(from: AccountId, name: GroupRequest, request: never): Result<unknown> {
    const refuse = (code: 'not-allowed' | 'too-large' | 'unknown-invitation' | 'offline') => ({
      ok: false as const,
      error: { code },
    });
    switch (name) {
      case 'groups:mine':
        return { ok: true, value: { groups: this.#of(from).map((group) => this.#told(group, from)) } };
      case 'groups:people': {
        const { group, accounts } = request as { group: GroupId; accounts: AccountId[] };
        const record = this.records.get(group);
        if (!record || roleOf(record, from) === undefined) return refuse('not-allowed');
        const people = accounts.flatMap((id) =>
          roleOf(record, id) ? (this.ports.accounts.get(id)?.public ?? []) : [],
        );
        return { ok: true, value: { people } };
      }
      case 'groups:change': {
        const { group: id, change } = request as Parameters<typeof this.change>[1];
        const asked = change.kind === 'admit' ? this.#asked.get(`${id} ${change.account}`) : undefined;
        if (change.kind === 'admit' && this.ports.now() - (asked ?? -Infinity) >= limits.joinAskMs)
          return refuse('not-allowed');
        const code = this.change(from, { group: id, change });
        return code === undefined ? { ok: true, value: null } : refuse(code);
      }
      case 'groups:ask': {
        const { invitation, proof } = request as ClientRequest<typeof name> as Parameters<
          SignalingEvents['groupAsked']
        >[0];
        const group = [...this.records.values()].find(({ invitations }) =>
          invitations.some(({ id }) => id === invitation),
        );
        const asker = this.ports.accounts.get(from)?.public;
        if (!group || !asker) return refuse('unknown-invitation');
        this.#asked.set(`${group.id} ${from}`, this.ports.now());
        const there = group.members.flatMap(({ account }) => this.ports.online(account).slice(0, 1));
        if (there.length === 0) return refuse('offline');
        for (const [turn, device] of there.slice(0, limits.membersAsked).entries())
          this.ports.say(device, (events) => events.groupAsked({ group: group.id, invitation, asker, proof, turn }));
        return { ok: true, value: { group: group.id } };
      }
      case 'groups:reply': {
        const { account, ...reply } = request as Parameters<SignalingEvents['groupReplied']>[0] & {
          account: AccountId;
        };
        this.#tell(account, (events) => events.groupReplied(reply));
        return { ok: true, value: null };
      }
    }
  }

  change(
    from: AccountId,
    { group: id, change }: { group: GroupId; change: Parameters<typeof changeGroup>[3] },
  ): 'not-allowed' | 'too-large' | undefined {
    const bounds = { groupsOf: (account: AccountId) => this.#of(account).length, taken: () => false };
    const outcome = changeGroup(this.records.get(id), id, from, change, this.ports.now(), bounds);
    if (outcome.kind === 'refused') return outcome.code;
    const { before, after } = outcome;
    if (after) this.records.set(id, after);
    else this.records.delete(id);
    for (const { account } of before?.members ?? []) {
      if (after && roleOf(after, account) !== undefined) continue;
      for (const viewer of before?.members ?? [])
        if (after || viewer.account === account)
          this.#tell(viewer.account, (events) => events.groupLeft({ group: id, account }));
    }
    for (const { account, role } of after?.members ?? []) {
      const old = before && roleOf(before, account);
      const member = after && this.#row(after, account);
      if (!after || !member || old === role) continue;
      for (const viewer of after.members)
        if (viewer.account === account && old === undefined)
          this.#tell(account, (events) => events.group(this.#roster(after)));
        else this.#tell(viewer.account, (events) => events.groupMember({ group: id, member }));
    }
    return undefined;
  }

  #of(account: AccountId): GroupRecord[] {
    return [...this.records.values()].filter((group) => roleOf(group, account) !== undefined);
  }

  #roster(group: GroupRecord): Roster {
    return { group: group.id, members: group.members.flatMap(({ account }) => this.#row(group, account) ?? []) };
  }

  #told(group: GroupRecord, account: AccountId): Roster {
    const invitations = group.invitations.map(({ id }) => id);
    return { ...this.#roster(group), ...(roleOf(group, account) === 'member' ? {} : { invitations }) };
  }

  #row(group: GroupRecord, id: AccountId): RosterMember | undefined {
    const account = this.ports.accounts.get(id)?.public;
    const role = roleOf(group, id);
    if (!account || !role) return undefined;
    const { handle, displayName, lists } = account;
    return { account: id, handle, displayName, role, lists: lists.length, online: this.ports.online(id) };
  }

  #tell(account: AccountId, what: (events: SignalingEvents) => void): void {
    for (const device of this.ports.online(account)) this.ports.say(device, what);
  }
}
