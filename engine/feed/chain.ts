/**
 * Owns how verified entries continue one feed: sequence without holes, the hash of the entry before, a Lamport time that grows. Pure.
 * A feed is followed up to the first entry that does not continue it; what comes after that is not looked at.
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { StoredEntry } from '../ports.ts';
import type { VerifiedEntry } from './entry.ts';

export interface Head {
  /** Entries in the feed. */
  length: number;
  /** Hash of the last header. */
  hash: Bytes;
  lamport: number;
}

/**
 * Proof that a device wrote two histories: `theirs` is at the place of `ours` with another hash, or directly after it with another
 * previous hash. Both are signed by the device.
 */
export interface Fork {
  conversation: ConversationId;
  device: DeviceId;
  ours: StoredEntry;
  theirs: StoredEntry;
}

export interface Followed {
  /** New entries that continue the feed. */
  fresh: StoredEntry[];
  /** How far the feed is known to be the peer's as well: one more than the last entry that was new or already there. */
  shared: number;
  stop?: { kind: 'gap' } | { kind: 'fork'; fork: Fork } | { kind: 'bad'; error: ProtocolError };
}

/**
 * `incoming` are entries of one feed in ascending sequence; `stored` gives an entry below the head's length.
 * Lamport time must grow, except at the largest safe integer, where a feed may stay: so nobody can stop a conversation by using it up.
 */
export async function followFeed(
  head: Head | undefined,
  incoming: readonly VerifiedEntry[],
  stored: (sequence: number) => Promise<StoredEntry>,
): Promise<Followed> {
  const base = head?.length ?? 0;
  const fresh: StoredEntry[] = [];
  let shared = 0;
  let last: Pick<Head, 'hash' | 'lamport'> | undefined = head;
  const at = (sequence: number) => (sequence < base ? stored(sequence) : fresh[sequence - base]);
  for (const { entry, previous } of incoming) {
    const { conversation, device, sequence } = entry;
    const length = base + fresh.length;
    if (sequence > length) return { fresh, shared, stop: { kind: 'gap' } };
    const present = sequence < length ? await at(sequence) : undefined;
    if (present && !equalBytes(present.hash, entry.hash))
      return { fresh, shared, stop: { kind: 'fork', fork: { conversation, device, ours: present, theirs: entry } } };
    if (!present) {
      if (last && !equalBytes(last.hash, previous)) {
        const ours = await at(length - 1);
        if (!ours) throw new Error('feed without its last entry');
        return { fresh, shared, stop: { kind: 'fork', fork: { conversation, device, ours, theirs: entry } } };
      }
      if (last && entry.lamport <= last.lamport && entry.lamport !== Number.MAX_SAFE_INTEGER)
        return {
          fresh,
          shared,
          stop: { kind: 'bad', error: new ProtocolError('malformed', 'Lamport time goes back') },
        };
      fresh.push(entry);
      last = entry;
    }
    shared = Math.max(shared, sequence + 1);
  }
  return { fresh, shared };
}
