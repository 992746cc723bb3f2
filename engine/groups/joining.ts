/**
 * Owns what this account asked to join and is not in yet: asked again until a member lets it in, over a link to one of those who are there. A
 * server that makes up a group cannot make up the invitation, whose secret it never had.
 */
import { fromBase64, toBase64 } from '../../protocol/bytes.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { AccountId, DeviceId, GroupId, InvitationId, Signature } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import { verifyChain } from '../identity/device-list.ts';
import type { Delays } from './delays.ts';
import type { Group } from './group.ts';
import { invitationOf, secretOf } from './invitation-code.ts';
import { joinMessage } from './log-entry.ts';
import type { GroupOutcome, GroupPorts } from './ports.ts';
import { rowKey, type JoiningRow, type JoinStanding } from './rows.ts';

/** Whoever waits to be let in asks again this often. */
const askAgainMs = 60_000;

/** A member's device of a group that this account is about to join, as the server names it. */
export interface Host {
  account: AccountId;
  device: Device;
  group: GroupId;
  online: boolean;
}

export interface KnownGroups {
  byId(group: GroupId): Group | undefined;
  /** Who is in a group that the server says this account is in. */
  roster(group: GroupId): Roster | undefined;
}

export class Joining {
  readonly #rows = new Map<InvitationId, JoiningRow>();
  readonly #hosts = new Map<DeviceId, Host>();

  constructor(
    private readonly ports: GroupPorts,
    private readonly groups: KnownGroups,
    private readonly delays: Delays,
    private readonly changed: () => void,
    /** It is known now which devices may let this account into a group. */
    private readonly hostsFound: () => void,
  ) {}

  /** Takes what was stored. */
  restore(row: JoiningRow): void {
    this.#rows.set(row.invitation, row);
  }

  all(): JoiningRow[] {
    return [...this.#rows.values()];
  }

  of(group: GroupId): JoiningRow | undefined {
    return this.all().find((row) => row.group === group);
  }

  /** A device that may be linked with to be let in. */
  host(device: DeviceId): Host | undefined {
    return this.#hosts.get(device);
  }

  /** Devices to ring. */
  hosts(): DeviceId[] {
    return [...this.#hosts].filter(([, { online }]) => online).map(([device]) => device);
  }

  /** `online`: the devices of the account that are; no account: nobody is known to be. */
  presence(account: AccountId | undefined, online: readonly DeviceId[]): void {
    const before = this.hosts().length;
    for (const [device, host] of this.#hosts)
      if (account === undefined || host.account === account)
        this.#hosts.set(device, { ...host, online: online.includes(device) });
    if (this.hosts().length > before) this.changed();
  }

  /** Whether this account may join the group by a member who is there. */
  hasHost(group: GroupId): boolean {
    return [...this.#hosts.values()].some((host) => host.group === group && host.online);
  }

  /** By a code or a link. Resolves once it was asked; being let in comes later. */
  async join(typed: string): Promise<GroupOutcome & { group?: GroupId }> {
    const secret = await secretOf(typed, this.ports.hashes);
    if (!secret) return { ok: false, code: 'malformed' };
    const { invitation } = await invitationOf(secret, this.ports);
    const known = this.#rows.get(invitation);
    const row: JoiningRow = known ?? {
      kind: 'joining',
      invitation,
      secret: toBase64(secret),
      since: this.ports.clock.now(),
      verdict: 'asking',
    };
    // Kept before it is asked: the answer of a member may be here before that of the server.
    await this.#put(row);
    const outcome = await this.#askNow(row);
    const later = !outcome.ok && (outcome.code === 'offline' || outcome.code === 'no-server');
    if (outcome.ok || later) this.#askLater(row);
    else if (!known) await this.#forget(row);
    // Nobody is there to let this account in: it is asked again.
    return later ? { ok: true } : outcome;
  }

  async stop(invitation: InvitationId): Promise<void> {
    const row = this.#rows.get(invitation);
    if (!row) return;
    await this.#forget(row);
    this.changed();
  }

  /** A member's word. */
  async replied(invitation: InvitationId, verdict: JoinStanding): Promise<void> {
    const row = this.#rows.get(invitation);
    if (row) await this.#put({ ...row, verdict });
    this.changed();
  }

  /** After each connection. */
  askAll(): void {
    for (const row of this.all()) this.#ask(row);
  }

  /** If this account is in the group now, it is not about to join any more by an invitation that the log holds. */
  async joined(group: Group): Promise<void> {
    if (!group.me || !group.membership) return;
    for (const row of this.all()) {
      if (row.group !== group.id) continue;
      const { publicKey } = await invitationOf(fromBase64(row.secret), this.ports);
      const key = group.membership.invitations.get(row.invitation)?.key;
      if (key && toBase64(key) === toBase64(publicKey)) await this.#forget(row);
    }
    if (this.of(group.id)) return;
    for (const [device, host] of this.#hosts) if (host.group === group.id) this.#hosts.delete(device);
  }

  /** Asks the server for the devices of members who are there. */
  async findHosts({ group, members }: Roster): Promise<void> {
    const { account: own } = this.ports.own();
    const there = members.filter(({ account, online }) => account !== own && online.length > 0);
    const accounts = there.slice(0, limits.membersPerAnswer).map(({ account }) => account);
    if (accounts.length === 0) return;
    const answer = await this.ports.request('groups:people', { group, accounts });
    if (!answer.ok) return;
    for (const { id: account, lists } of answer.value.people) {
      if (!accounts.includes(account)) continue; // nobody asked for them
      const { newest } = await verifyChain(lists, this.ports);
      // Who is online may be different by now.
      const now = this.groups.roster(group)?.members.find((member) => member.account === account);
      const online = new Set(now?.online);
      for (const device of newest.devices)
        this.#hosts.set(device.id, { account, device, group, online: online.has(device.id) });
    }
    this.hostsFound();
    this.changed();
  }

  #ask(row: JoiningRow): void {
    if (row.verdict === 'refused' || row.verdict === 'gone') return;
    this.#askNow(row).catch((problem: unknown) => this.ports.report(problem));
    this.#askLater(row);
  }

  #askLater({ invitation }: JoiningRow): void {
    this.delays.after(askAgainMs, async () => {
      const still = this.#rows.get(invitation);
      if (still) this.#ask(still);
      await Promise.resolve();
    });
  }

  async #askNow(row: JoiningRow): Promise<GroupOutcome & { group?: GroupId }> {
    const { sign } = await invitationOf(fromBase64(row.secret), this.ports);
    const { account, root } = this.ports.own();
    const proof = toBase64(await sign(joinMessage(row.invitation, account, root))) as Signature;
    const answer = await this.ports.request('groups:ask', { invitation: row.invitation, proof });
    if (!answer.ok) {
      const { code } = answer.error;
      if (code === 'unknown-invitation') await this.#put({ ...row, verdict: 'gone' });
      this.changed();
      const told = code === 'unknown-invitation' || code === 'offline' || code === 'no-server' ? code : 'not-allowed';
      return { ok: false, code: told };
    }
    const { group } = answer.value;
    const known = this.groups.byId(group);
    // Who was removed while away has not heard of it by the log, only from the server.
    if (known?.me && !known.excluded) {
      await this.#forget(row);
      return { ok: true, group };
    }
    const now = this.#rows.get(row.invitation);
    if (now) await this.#put({ ...now, group });
    const roster = this.groups.roster(group);
    this.changed();
    if (roster) await this.findHosts(roster);
    return { ok: true, group };
  }

  async #put(row: JoiningRow): Promise<void> {
    this.#rows.set(row.invitation, row);
    await this.ports.rows.put(rowKey(row), row);
  }

  async #forget(row: JoiningRow): Promise<void> {
    this.#rows.delete(row.invitation);
    await this.ports.rows.delete(rowKey(row));
  }
}
