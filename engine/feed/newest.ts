/**
 * Owns the newest entries of conversations of which much is lacking: shown at once, while what comes before them is on its way in order. Each is
 * verified like any other but for its place in its feed, which shows when the feed has come so far; then it is an entry like all. In memory only.
 */
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { StoredEntry } from '../ports.ts';
import { compareEntries } from './order.ts';

export class Newest {
  /** In the order of the conversation. */
  readonly #entries = new Map<ConversationId, StoredEntry[]>();

  of(conversation: ConversationId): readonly StoredEntry[] {
    return this.#entries.get(conversation) ?? [];
  }

  at(conversation: ConversationId, device: DeviceId, sequence: number): StoredEntry | undefined {
    return this.of(conversation).find((entry) => entry.device === device && entry.sequence === sequence);
  }

  /** Says whether there are more now. */
  keep(conversation: ConversationId, entries: readonly StoredEntry[]): boolean {
    const known = this.of(conversation);
    const more = entries.filter(({ device, sequence }) => !this.at(conversation, device, sequence));
    if (more.length === 0) return false;
    this.#entries.set(conversation, [...known, ...more].sort(compareEntries).slice(-limits.newestEntries));
    return true;
  }

  /** These are committed: they are in the store. */
  passed(conversation: ConversationId, lengths: ReadonlyMap<DeviceId, number>): void {
    const known = this.#entries.get(conversation);
    if (!known) return;
    const left = known.filter(({ device, sequence }) => sequence >= (lengths.get(device) ?? 0));
    if (left.length > 0) this.#entries.set(conversation, left);
    else this.#entries.delete(conversation);
  }
}
