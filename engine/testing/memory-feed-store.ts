/** Owns feeds in memory. What is appended is there at once and survives the engine that used the store, as a disk would. */
import { equalBytes } from '../../protocol/bytes.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { compareEntries, type Position } from '../feed/order.ts';
import type { FeedStore, StoredEntry } from '../ports.ts';

export class MemoryFeedStore implements FeedStore {
  #conversations = new Map<ConversationId, Map<DeviceId, readonly StoredEntry[]>>();

  /** All that is stored now, to be given to `restore` later: a backup of the profile. */
  snapshot(): ReadonlyMap<ConversationId, ReadonlyMap<DeviceId, readonly StoredEntry[]>> {
    return new Map([...this.#conversations].map(([conversation, feeds]) => [conversation, new Map(feeds)]));
  }

  restore(snapshot: ReturnType<MemoryFeedStore['snapshot']>): void {
    this.#conversations = new Map([...snapshot].map(([conversation, feeds]) => [conversation, new Map(feeds)]));
  }

  heads(conversation: ConversationId) {
    const heads: Awaited<ReturnType<FeedStore['heads']>> = new Map();
    for (const [device, entries] of this.#feeds(conversation)) {
      const last = entries.at(-1);
      if (last) heads.set(device, { length: entries.length, hash: last.hash, lamport: last.lamport });
    }
    return Promise.resolve(heads);
  }

  range(conversation: ConversationId, device: DeviceId, from: number, limit: number) {
    const entries = this.#feeds(conversation).get(device) ?? [];
    return Promise.resolve(entries.slice(from, from + limit));
  }

  append(entries: readonly StoredEntry[]): Promise<void> {
    // All or nothing: the feeds that are touched are copied once.
    const changed = new Map<string, { conversation: ConversationId; device: DeviceId; feed: StoredEntry[] }>();
    for (const entry of entries) {
      const { conversation, device, sequence } = entry;
      const key = `${conversation} ${device}`;
      const known = changed.get(key) ?? {
        conversation,
        device,
        feed: [...(this.#feeds(conversation).get(device) ?? [])],
      };
      changed.set(key, known);
      const present = known.feed[sequence];
      if (present ? !equalBytes(present.hash, entry.hash) : sequence !== known.feed.length)
        return Promise.reject(new Error(`entry ${sequence} does not continue its feed of ${known.feed.length}`));
      if (!present) known.feed.push({ ...entry });
    }
    const conversations = new Map(this.#conversations);
    for (const { conversation, device, feed } of changed.values())
      conversations.set(conversation, new Map(conversations.get(conversation)).set(device, feed));
    this.#conversations = conversations;
    return Promise.resolve();
  }

  history(conversation: ConversationId, limit: number, before?: Position) {
    const all = [...this.#feeds(conversation).values()].flat().sort(compareEntries);
    const earlier = before ? all.filter((entry) => compareEntries(entry, before) < 0) : all;
    return Promise.resolve(earlier.slice(Math.max(0, earlier.length - limit)));
  }

  historyAfter(conversation: ConversationId, limit: number, after: Position) {
    const all = [...this.#feeds(conversation).values()].flat().sort(compareEntries);
    return Promise.resolve(all.filter((entry) => compareEntries(entry, after) > 0).slice(0, limit));
  }

  replace(entries: readonly StoredEntry[]): Promise<void> {
    for (const entry of entries) {
      const feeds = this.#conversations.get(entry.conversation);
      const feed = feeds?.get(entry.device);
      const present = feed?.[entry.sequence];
      if (!feeds || !feed || !present || !equalBytes(present.hash, entry.hash)) continue;
      feeds.set(entry.device, feed.with(entry.sequence, { ...entry }));
    }
    return Promise.resolve();
  }

  #feeds(conversation: ConversationId): ReadonlyMap<DeviceId, readonly StoredEntry[]> {
    return this.#conversations.get(conversation) ?? new Map();
  }
}
