/**
 * Brings what the server knows of a group to what the group's log says, as far as this account may. The two part when somebody is cut off in between,
 * writes while the server is away, or may not tell it. Whatever the server does not take now is said again at the next connection.
 */
import type { Roster, RosterChange } from '../../protocol/group-roster.ts';
import type { InvitationId } from '../../protocol/ids.ts';
import type { Group } from './group.ts';
import type { Invitation, Membership } from './membership.ts';
import type { GroupPorts } from './ports.ts';

/** Ended or used up, for everybody. What expires does so by the clock of the server, which drops it by itself: that of this device may be wrong. */
const isOver = ({ open, uses = Infinity, used }: Invitation): boolean => !open || used >= uses;

/** Whether somebody can still come by it. */
export const isUsable = (invitation: Invitation, now: number): boolean =>
  !isOver(invitation) && (invitation.expiresAt ?? Infinity) > now;

export class Reconciliation {
  constructor(private readonly ports: GroupPorts) {}

  /**
   * After each connection, and when this account is another role at the server.
   * @param atServer the invitations that are open there, as it says itself; undefined when it does not.
   */
  async run(group: Group, atServer: Roster['invitations']): Promise<void> {
    await this.#roles(group);
    await this.#removed(group);
    await this.#invitations(group, atServer);
  }

  /** The log says more than `before`: another device of this account may have written it, or a member who may not tell the server. */
  async look(group: Group, before: Membership): Promise<void> {
    const roles = [...before.members].some(([id, { role }]) => group.membership?.members.get(id)?.role !== role);
    if (roles) await this.#roles(group);
    if (!this.#mayInvite(group)) return;
    // What nobody can come by any more need not be open at the server.
    for (const [invitation, was] of before.invitations) {
      const is = group.membership?.invitations.get(invitation);
      if (is && !isOver(was) && isOver(is)) await this.#tell(group, { kind: 'close', invitation });
    }
  }

  /** Whoever owns the group there says who is what; to hand it over comes last, as nothing may be said after it. */
  async #roles(group: Group): Promise<void> {
    const { account: own, root } = this.ports.own();
    const { membership } = group;
    const owned =
      membership?.owner === root || membership?.events.some((one) => one.what === 'made-owner' && one.by === root);
    // Who was handed the group may not have heard of it yet: it is not theirs to give back.
    if (group.roster.get(own)?.role !== 'owner' || !owned) return;
    const wrong = [...group.roster.values()].flatMap(({ account, role }) => {
      const said = membership?.members.get(account)?.role;
      return account === own || said === undefined || said === role ? [] : [{ account, role: said }];
    });
    for (const { account, role } of wrong.sort((a, b) => Number(a.role === 'owner') - Number(b.role === 'owner')))
      await this.#tell(group, { kind: 'role', account, role });
  }

  async #removed(group: Group): Promise<void> {
    const { membership } = group;
    if (!membership || !this.#mayInvite(group)) return;
    const parted = new Set([...membership.everyone.values()].map(({ account }) => account));
    // Whom this device has not heard of may have been let in a moment ago, and whom it knows to be out may have been let in again.
    for (const { account } of [...group.roster.values()])
      if (parted.has(account) && !membership.members.has(account))
        await this.#tell(group, { kind: 'remove', account, admissions: group.admissionsOf(account) });
  }

  async #invitations(group: Group, atServer: readonly InvitationId[] | undefined): Promise<void> {
    const { membership } = group;
    if (!atServer || !membership || !this.#mayInvite(group)) return;
    const now = this.ports.clock.now();
    // What this device has not heard of may be newer than its log.
    for (const invitation of atServer) {
      const known = membership.invitations.get(invitation);
      if (known && isOver(known)) await this.#tell(group, { kind: 'close', invitation });
    }
    for (const known of membership.invitations.values())
      if (isUsable(known, now) && !atServer.includes(known.invitation)) await this.#tell(group, openingOf(known));
  }

  #mayInvite(group: Group): boolean {
    return group.me !== undefined && group.me.role !== 'member';
  }

  /** What is refused stays as it is there: see above. */
  async #tell(group: Group, change: RosterChange): Promise<void> {
    await this.ports.change(group.id, change);
  }
}

export const openingOf = ({
  invitation,
  expiresAt,
}: {
  invitation: InvitationId;
  expiresAt?: number | undefined;
}): RosterChange => ({ kind: 'open', invitation, ...(expiresAt === undefined ? {} : { expiresAt }) });
