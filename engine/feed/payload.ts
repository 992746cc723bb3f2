/**
 * Owns what an entry says, apart from whether it is authentic. Reading never throws: an entry that this version cannot read is kept and
 * carried like any other.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { decodeAs, decodeCbor, encodeCbor, parseAs } from '../../protocol/codec.ts';
import { Payload, WireEntry } from '../../protocol/entry.ts';
import { GroupPayload } from '../../protocol/group.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { limits } from '../../protocol/limits.ts';
import type { StoredEntry } from '../ports.ts';

export type ReadPayload =
  | Payload
  /** Of a kind, or under a key, that a newer version knows. */
  | { kind: 'unknown' }
  /** It was dropped: deleted, or its time was up. */
  | { kind: 'dropped' }
  /** Its author sent something malformed. */
  | { kind: 'unreadable' };

const knownKinds: ReadonlySet<string> = new Set(Payload.options.map((option) => option.entries.kind.literal));

/**
 * CBOR of a payload, `too-large` when it is over `limits.payloadBytes`.
 * @throws ProtocolError when the payload does not fit its own schema: a fault of the caller.
 */
export function encodePayload(
  payload: Payload | GroupPayload,
): { kind: 'ok'; bytes: Bytes } | { kind: 'too-large'; sizeBytes: number } {
  const bytes = encodeCbor(payload);
  if (bytes.length > limits.payloadBytes) return { kind: 'too-large', sizeBytes: bytes.length };
  decodeAs(payload.kind.startsWith('group-') ? GroupPayload : Payload, bytes);
  return { kind: 'ok', bytes };
}

/** Whatever follows from an entry reads it, so it is read once. Neither is ever changed. */
const known = new WeakMap<Pick<StoredEntry, 'wire' | 'plain'>, ReadPayload>();

export function readPayload(stored: Pick<StoredEntry, 'wire' | 'plain'>): ReadPayload {
  const before = known.get(stored);
  if (before) return before;
  const payload = decodePayload(stored);
  known.set(stored, payload);
  return payload;
}

function decodePayload(stored: Pick<StoredEntry, 'wire' | 'plain'>): ReadPayload {
  try {
    const [header, , salt, wire] = decodeAs(WireEntry, stored.wire);
    if (salt.length === 0 && wire.length === 0) return { kind: 'dropped' };
    if (!stored.plain && isEncrypted(header)) return { kind: 'unknown' };
    const payload = stored.plain ?? wire;
    const value = decodeCbor(payload);
    const kind = kindOf(value);
    if (kind === undefined) return { kind: 'unreadable' };
    return knownKinds.has(kind) ? parseAs(Payload, value) : { kind: 'unknown' };
  } catch (error) {
    if (error instanceof ProtocolError) return { kind: 'unreadable' };
    throw error;
  }
}

/** Looks at nothing else: a header is held against its schema when it comes in, and pages of entries are read at once. */
function isEncrypted(header: Uint8Array): boolean {
  const value = decodeCbor(header);
  return typeof value !== 'object' || value === null || (value as { key?: unknown }).key !== 0;
}

function kindOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'kind')) return undefined;
  const { kind } = value as { kind: unknown };
  return typeof kind === 'string' ? kind : undefined;
}
