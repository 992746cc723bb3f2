/** Owns how an entry of a group's log is read. Reading never throws: what is malformed, or of a kind that a newer version knows, has no say. */
import { equalBytes, fromBase64, type Bytes } from '../../protocol/bytes.ts';
import { decodeAs, encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { EntryHeader, WireEntry } from '../../protocol/entry.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { GroupPayload } from '../../protocol/group.ts';
import type { AccountId, AdmissionId, ConversationId, GroupId, InvitationId, PublicKey } from '../../protocol/ids.ts';
import { toBase64, toUtf8, concatBytes } from '../../protocol/bytes.ts';
import type { Position } from '../feed/order.ts';
import type { Hashes, StoredEntry } from '../ports.ts';

export interface LogEntry<Payload extends GroupPayload = GroupPayload> extends Position {
  /** The author's clock as it stands in the header: the same for everybody who reads it. */
  at: number;
  /** SHA-256 of the header, base64url. */
  hash: string;
  payload: Payload;
}

export type LogEntryOf<Kind extends GroupPayload['kind']> = LogEntry<Extract<GroupPayload, { kind: Kind }>>;

export const isOf = <Kind extends GroupPayload['kind']>(entry: LogEntry, kind: Kind): entry is LogEntryOf<Kind> =>
  entry.payload.kind === kind;

export function readLogEntry(stored: StoredEntry): LogEntry | undefined {
  const read = readWire(stored.wire);
  return read && { ...read, hash: toBase64(stored.hash) };
}

/** An entry as it came, which nobody has verified. */
export function readWire(wire: Uint8Array): LogEntry | undefined {
  try {
    const [header, , , payload] = decodeAs(WireEntry, wire);
    const { lamport, device, sequence, wall, key } = decodeAs(EntryHeader, header);
    if (key !== 0) return undefined;
    return {
      lamport,
      device,
      sequence,
      at: wall,
      hash: '',
      payload: decodeAs(GroupPayload, payload),
    };
  } catch (problem) {
    if (problem instanceof ProtocolError) return undefined;
    throw problem;
  }
}

/** The id of the log that somebody founds: nobody else can found one with the same. */
export async function logIdOf(
  founder: { account: AccountId; root: PublicKey; nonce: Bytes },
  hashes: Hashes,
): Promise<ConversationId> {
  const body = encodeCbor([founder.account, founder.root, founder.nonce]);
  return toBase64(await hashes.sha256(concatBytes(toUtf8('causeway/group/1'), body))) as ConversationId;
}

/** Where the members of the group with this log talk. */
export async function chatIdOf(log: ConversationId, hashes: Hashes): Promise<ConversationId> {
  return toBase64(await hashes.sha256(concatBytes(toUtf8('causeway/group-chat/1'), fromBase64(log)))) as ConversationId;
}

export async function groupIdOf(log: ConversationId, hashes: Hashes): Promise<GroupId> {
  const hash = await hashes.sha256(concatBytes(toUtf8('causeway/group-id/1'), fromBase64(log)));
  return toBase64(hash.subarray(0, 16)) as GroupId;
}

/** What the server is told of an admission, by the hash of its entry. */
export const admissionIdOf = ({ hash }: LogEntryOf<'group-admit'>): AdmissionId =>
  toBase64(fromBase64(hash).subarray(0, 16)) as AdmissionId;

/** What somebody who joins signs with the invitation's key. */
export const joinMessage = (invitation: InvitationId, account: AccountId, root: PublicKey): Bytes =>
  signedBytes('causeway/group-join/1', encodeCbor([invitation, account, root]));

/** Whether this entry founds the log with this id. */
export async function founds(entry: LogEntry, log: ConversationId, hashes: Hashes): Promise<boolean> {
  if (!isOf(entry, 'group-create') || entry.sequence !== 0) return false;
  return equalBytes(fromBase64(await logIdOf(entry.payload, hashes)), fromBase64(log));
}
