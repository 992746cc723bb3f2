/** Makes and ends invitations to groups, and shows the codes of those whose secret is on this device. */
import { fromBase64, toBase64 } from '../../protocol/bytes.ts';
import type { ConversationId, InvitationId } from '../../protocol/ids.ts';
import type { Group } from './group.ts';
import { codeOf, invitationOf, secretBytes } from './invitation-code.ts';
import type { GroupPorts } from './ports.ts';
import type { KnownRow } from './rows.ts';

export interface InvitationBounds {
  /** Milliseconds since 1970. */
  expiresAt?: number;
  uses?: number;
  approval: boolean;
}

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

  /** @returns the code, or undefined when this person may not invite. */
  async make(group: Group, bounds: InvitationBounds): Promise<{ invitation: InvitationId; code: string } | undefined> {
    if (!group.me || group.me.role === 'member') return undefined;
    const secret = this.ports.random.bytes(secretBytes);
    const { invitation, publicKey: key } = await invitationOf(secret, this.ports);
    if (!(await group.write({ kind: 'group-invite', invitation, key, ...bounds }))) return undefined;
    const secrets = this.rows.get(group.log)?.secrets ?? [];
    await this.rows.keep(group.log, { secrets: [...secrets, [invitation, toBase64(secret)]] });
    const { expiresAt } = bounds;
    await this.ports.change(group.id, { kind: 'open', invitation, ...(expiresAt === undefined ? {} : { expiresAt }) });
    return { invitation, code: await codeOf(secret, this.ports.hashes) };
  }

  /** The code of an open invitation, where this device has its secret. */
  async codeOf(group: Group, invitation: InvitationId): Promise<string | undefined> {
    const row = this.rows.get(group.log);
    const secret = row && new Map(row.secrets).get(invitation);
    return secret === undefined ? undefined : codeOf(fromBase64(secret), this.ports.hashes);
  }

  async end(group: Group, invitation: InvitationId): Promise<boolean> {
    if (!(await group.write({ kind: 'group-uninvite', invitation }))) return false;
    return this.ports.change(group.id, { kind: 'close', invitation });
  }
}
