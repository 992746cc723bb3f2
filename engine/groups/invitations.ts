/** Makes and ends invitations to groups, and shows the codes of those whose secret is on this device. */
import { fromBase64, toBase64 } from '../../protocol/bytes.ts';
import type { ConversationId, InvitationId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Group } from './group.ts';
import { codeOf, invitationOf, secretBytes } from './invitation-code.ts';
import type { GroupPorts } from './ports.ts';
import { isUsable, openingOf } from './reconciliation.ts';
import type { KnownRow } from './rows.ts';

export interface InvitationBounds {
  /** Milliseconds since 1970. */
  expiresAt?: number;
  uses?: number;
  approval: boolean;
}

/** `too-many`: as many as the server keeps are open. */
export type Invited =
  { invitation: InvitationId; code: string; refused?: never } | { refused: 'not-allowed' | 'too-many'; code?: never };

/** Where the secrets are kept. */
export interface InvitationRows {
  get(log: ConversationId): KnownRow | undefined;
  keep(log: ConversationId, change: Partial<Pick<KnownRow, 'secrets'>>): Promise<void>;
}

export class Invitations {
  constructor(
    private readonly ports: GroupPorts,
    private readonly rows: InvitationRows,
  ) {}

  /** While the server is away the invitation counts all the same: it is told at the next connection. */
  async make(group: Group, bounds: InvitationBounds): Promise<Invited> {
    if (!group.me || group.me.role === 'member') return { refused: 'not-allowed' };
    const now = this.ports.clock.now();
    const open = [...(group.membership?.invitations.values() ?? [])].filter((one) => isUsable(one, now));
    if (open.length >= limits.invitationsPerGroup) return { refused: 'too-many' };
    const secret = this.ports.random.bytes(secretBytes);
    const { invitation, publicKey: key } = await invitationOf(secret, this.ports);
    if (!(await group.write({ kind: 'group-invite', invitation, key, ...bounds }))) return { refused: 'not-allowed' };
    const secrets = this.rows.get(group.log)?.secrets ?? [];
    await this.rows.keep(group.log, { secrets: [...secrets, [invitation, toBase64(secret)]] });
    const change = openingOf({ invitation, expiresAt: bounds.expiresAt });
    const answer = await this.ports.request('groups:change', { group: group.id, change });
    if (!answer.ok && answer.error.code === 'too-large') {
      // Others that this device has not heard of: nobody could come by this one.
      await this.end(group, invitation);
      return { refused: 'too-many' };
    }
    return { invitation, code: await codeOf(secret, this.ports.hashes) };
  }

  /** The code of an open invitation, where this device has its secret. */
  async codeOf(group: Group, invitation: InvitationId): Promise<string | undefined> {
    const row = this.rows.get(group.log);
    const secret = row && new Map(row.secrets).get(invitation);
    return secret === undefined ? undefined : codeOf(fromBase64(secret), this.ports.hashes);
  }

  /** Only writes: the server is told as of all that ends an invitation (`Reconciliation`). */
  async end(group: Group, invitation: InvitationId): Promise<boolean> {
    return group.write({ kind: 'group-uninvite', invitation });
  }
}
