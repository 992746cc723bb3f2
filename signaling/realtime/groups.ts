/** Who is told what about groups, and who asked to join which a moment ago. The latter is in memory alone. */
import type { Roster, RosterMember } from '../../protocol/group-roster.ts';
import type { AccountId, GroupId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { roleOf } from '../store/groups.ts';
import type { AccountRecord, GroupRecord, Store } from '../store/store.ts';
import type { Connection } from './connection.ts';
import type { Directory } from './directory.ts';

/** Requests to join that are remembered in all; the oldest is forgotten first. */
const asksMax = 10_000;

export class Groups {
  /** By group and account, in the order in which they were asked. */
  readonly #asks = new Map<string, number>();

  constructor(
    private readonly store: Store,
    private readonly directory: Directory,
  ) {}

  /** What an admin is told of invitations shows them what this server lacks, or keeps although it is over. */
  async mine(account: AccountId, now: number): Promise<Roster[]> {
    const rosters = (await this.store.groupsOf(account)).map(async (group) => {
      const roster = await this.roster(group);
      if (roleOf(group, account) === 'member') return roster;
      const open = group.invitations.filter(({ expiresAt = Infinity }) => expiresAt > now);
      return { ...roster, invitations: open.map(({ id }) => id) };
    });
    return Promise.all(rosters);
  }

  async roster(group: GroupRecord): Promise<Roster> {
    const accounts = await Promise.all(group.members.map(({ account }) => this.store.account(account)));
    return { group: group.id, members: accounts.flatMap((account) => (account ? [this.#row(group, account)] : [])) };
  }

  /** Whether two accounts share a group. */
  async share(one: AccountId, other: AccountId): Promise<boolean> {
    return (await this.store.groupsOf(one)).some((group) => roleOf(group, other) !== undefined);
  }

  /** Everybody who shares a group with an account. */
  async fellows(account: AccountId): Promise<Set<AccountId>> {
    const fellows = (await this.store.groupsOf(account)).flatMap(({ members }) =>
      members.map((member) => member.account),
    );
    return new Set(fellows.filter((fellow) => fellow !== account));
  }

  /** Tells each member what changed between two records of a group, whoever changed it. */
  async changed(before: GroupRecord | undefined, after: GroupRecord | undefined): Promise<void> {
    const group = (after ?? before)?.id;
    if (group === undefined) return;
    for (const { account } of before?.members ?? []) {
      if (after && roleOf(after, account) !== undefined) continue;
      for (const viewer of before?.members ?? [])
        if (after || viewer.account === account) this.#tell(viewer.account, 'group:left', { group, account });
    }
    for (const { account, role } of after?.members ?? []) {
      const old = before && roleOf(before, account);
      if (!after || old === role) continue;
      const record = await this.store.account(account);
      if (!record) continue;
      const member = this.#row(after, record);
      const roster = old === undefined ? await this.roster(after) : undefined;
      for (const viewer of after.members)
        if (viewer.account === account && roster) this.#tell(account, 'group', roster);
        else this.#tell(viewer.account, 'group:member', { group, member });
    }
  }

  /** Name or device lists of an account changed. */
  async accountChanged(account: AccountRecord): Promise<void> {
    for (const group of await this.store.groupsOf(account.id)) {
      const member = this.#row(group, account);
      for (const viewer of group.members)
        if (viewer.account !== account.id) this.#tell(viewer.account, 'group:member', { group: group.id, member });
    }
  }

  asks(group: GroupId, account: AccountId, now: number): void {
    const key = `${group} ${account}`;
    this.#asks.delete(key);
    this.#asks.set(key, now);
    const [oldest] = this.#asks.keys();
    if (this.#asks.size > asksMax && oldest !== undefined) this.#asks.delete(oldest);
  }

  hasAsked(group: GroupId, account: AccountId, now: number): boolean {
    return now - (this.#asks.get(`${group} ${account}`) ?? -Infinity) < limits.joinAskMs;
  }

  #row(group: GroupRecord, { id, handle, displayName, lists }: AccountRecord): RosterMember {
    const role = roleOf(group, id) ?? 'member';
    return { account: id, handle, displayName, role, lists: lists.length, online: this.directory.online(id) };
  }

  #tell<Name extends 'group' | 'group:member' | 'group:left'>(
    account: AccountId,
    name: Name,
    event: Parameters<typeof Connection.prototype.send<Name>>[1],
  ): void {
    for (const connection of this.directory.provenOf(account)) connection.send(name, event);
  }
}
