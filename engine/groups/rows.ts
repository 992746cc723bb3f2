/** What a device keeps of groups beside their logs and chats. */
import type { ConversationId, GroupId, InvitationId } from '../../protocol/ids.ts';

export type GroupRow =
  | {
      kind: 'group';
      log: ConversationId;
      /** Secrets of invitations that this device made or came in by, base64url: to show the code again. */
      secrets: [InvitationId, string][];
      /** The other devices of this account were told. */
      told?: boolean;
      /** This device has left it, or is about to, and nobody is known to have heard of it. */
      leaving?: boolean;
    }
  /** Asked to join, and not in it yet. */
  | {
      kind: 'joining';
      invitation: InvitationId;
      secret: string;
      group?: GroupId;
      since: number;
      verdict?: JoinStanding;
    };

/** `asking`: nobody has answered yet. `waiting`: for an admin. */
export type JoinStanding = 'asking' | 'waiting' | 'refused' | 'gone';

/** Under which a row is stored. */
export const rowKey = (row: GroupRow): string => (row.kind === 'group' ? row.log : `joining ${row.invitation}`);

export type KnownRow = Extract<GroupRow, { kind: 'group' }>;
export type JoiningRow = Extract<GroupRow, { kind: 'joining' }>;
