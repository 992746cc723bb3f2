/**
 * Owns all feeds of this device: what is appended, what is taken from others, who listens. The only writer of its `FeedStore`.
 *
 * - An entry is durable before anybody hears of it (invariants 3 and 9), so this device never writes two entries at one place.
 * - Every change of a conversation waits for the one before it.
 * - Its own feed is taken from peers like any other: a restored profile learns its own entries back.
 * - A feed that is found forked keeps what it has and takes nothing more, also after a restart: the proof is kept.
 */
import type { Payload } from '../../protocol/entry.ts';
import type { GroupPayload } from '../../protocol/group.ts';
import type { ProtocolError } from '../../protocol/errors.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { Clock, DeviceKeys, FeedStore, Hashes, Random, Signatures, StoredEntry } from '../ports.ts';
import type { Records } from '../records.ts';
import { nextBatch } from './batch.ts';
import { followFeed, type Fork, type Head } from './chain.ts';
import {
  NO_PREVIOUS,
  readEntry,
  withoutPayload,
  writeEntry,
  type AuthorLookup,
  type PayloadCipher,
  type VerifiedEntry,
} from './entry.ts';
import { Newest } from './newest.ts';
import { compareEntries } from './order.ts';
import { encodePayload } from './payload.ts';
import { RememberedSignatures } from './remembered-signatures.ts';
import { Serial } from './serial.ts';

export interface FeedPorts {
  store: FeedStore;
  hashes: Hashes;
  signatures: Signatures;
  device: DeviceKeys;
  clock: Pick<Clock, 'now'>;
  random: Random;
  /** Proofs of forks; without it they are known in memory only. */
  forks?: Records<KnownFork>;
  /** For conversations that have keys. */
  cipher?: PayloadCipher;
  /** How many entries of a feed count: those from there on are neither taken, told, sent nor shown. Infinity where nothing says otherwise. */
  limitOf?(conversation: ConversationId, device: DeviceId): number;
}

/** `foundAt`: by the clock of this device, milliseconds since 1970. */
export interface KnownFork extends Fork {
  foundAt: number;
}

export type Appended =
  | { kind: 'committed'; entry: StoredEntry }
  | { kind: 'too-large'; sizeBytes: number }
  /** This device's own feed is forked; nobody would take the entry. */
  | { kind: 'forked'; fork: Fork };

/** What became of a batch. A feed can be in several of these. */
export interface Received {
  /** New and durable now. */
  committed: readonly StoredEntry[];
  /** How far the batch shows that its sender has each feed; only feeds of which something was new or already there. */
  shared: ReadonlyMap<DeviceId, number>;
  /** Feeds of which entries before these are lacking. */
  gaps: readonly DeviceId[];
  unknownAuthors: readonly DeviceId[];
  /** Found by this batch. */
  forks: readonly KnownFork[];
  /** Feeds that are refused since an earlier fork. */
  refused: readonly DeviceId[];
  /** The first entry that breaks the protocol: its sender should not have carried it. */
  bad: ProtocolError | undefined;
}

interface Conversation {
  heads: Map<DeviceId, Head>;
  /** The largest seen. */
  lamport: number;
}

/** A header names this many feeds (`EntryHeader`). */
const HEADS = 64;

export class Feeds {
  readonly #ports: FeedPorts;
  readonly #lines = new Map<ConversationId, Serial>();
  readonly #conversations = new Map<ConversationId, Promise<Conversation>>();
  readonly #forks = new Map<ConversationId, Map<DeviceId, KnownFork>>();
  readonly #newest = new Newest();
  readonly #listeners = new Set<(entries: readonly StoredEntry[]) => void>();

  constructor(ports: FeedPorts) {
    this.#ports = { ...ports, signatures: new RememberedSignatures(ports.signatures) };
  }

  /** Reads which feeds were found forked before; to be awaited before anything is taken. */
  async load(): Promise<void> {
    for (const fork of (await this.#ports.forks?.all()) ?? []) this.#remember(fork);
  }

  /** Calls `listener` with entries of one conversation, in the order of their commits. It must not throw. Returns how to stop it. */
  listen(listener: (entries: readonly StoredEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves after the entry is durable. Rejects as the store does; then nothing was written that anybody has heard of. */
  append(conversation: ConversationId, payload: Payload | GroupPayload): Promise<Appended> {
    return this.#inLine(conversation, async () => {
      const { store, device } = this.#ports;
      const fork = this.#forks.get(conversation)?.get(device.id);
      if (fork) return { kind: 'forked', fork };
      const encoded = encodePayload(payload);
      if (encoded.kind === 'too-large') return encoded;
      const state = await this.#load(conversation);
      const own = state.heads.get(device.id);
      const place = {
        conversation,
        sequence: own?.length ?? 0,
        previous: own?.hash ?? NO_PREVIOUS,
        heads: headsOf(state, device.id, own?.lamport ?? 0),
        lamport: Math.min(state.lamport + 1, Number.MAX_SAFE_INTEGER),
      };
      const entry = await writeEntry(this.#ports, place, encoded.bytes);
      await this.#commit(store, conversation, state, [entry]);
      return { kind: 'committed', entry };
    });
  }

  /** Verifies `wires` and commits, per feed, all up to the first that does not continue it. Rejects only as the store does. */
  async receive(conversation: ConversationId, wires: readonly Uint8Array[], authors: AuthorLookup): Promise<Received> {
    const read = await Promise.all(wires.map((wire) => readEntry(this.#ports, conversation, wire, authors)));
    const perFeed = new Map<DeviceId, VerifiedEntry[]>();
    const unknownAuthors = new Set<DeviceId>();
    let bad: ProtocolError | undefined;
    for (const outcome of read) {
      if (outcome.kind === 'bad') bad ??= outcome.error;
      else if (outcome.kind !== 'ok') unknownAuthors.add(outcome.device);
      else if (this.#counts(outcome.verified.entry)) {
        const { device } = outcome.verified.entry;
        const feed = perFeed.get(device);
        if (feed) feed.push(outcome.verified);
        else perFeed.set(device, [outcome.verified]);
      }
    }
    const merged = await this.#inLine(conversation, () => this.#merge(conversation, perFeed));
    return { ...merged, bad: bad ?? merged.bad, unknownAuthors: [...unknownAuthors] };
  }

  /**
   * Takes the newest entries of a conversation, ahead of those before them. What is written here from now on comes after them.
   * @returns whether there is something to show that was not there.
   */
  async receiveNewest(
    conversation: ConversationId,
    wires: readonly Uint8Array[],
    authors: AuthorLookup,
  ): Promise<boolean> {
    const read = await Promise.all(wires.map((wire) => readEntry(this.#ports, conversation, wire, authors)));
    return this.#inLine(conversation, async () => {
      const state = await this.#load(conversation);
      const ahead = read.flatMap((outcome) => {
        if (outcome.kind !== 'ok' || !this.#counts(outcome.verified.entry)) return [];
        const { entry } = outcome.verified;
        return entry.sequence >= (state.heads.get(entry.device)?.length ?? 0) ? [entry] : [];
      });
      const more = this.#newest.keep(conversation, ahead);
      state.lamport = Math.max(state.lamport, ...ahead.map(({ lamport }) => lamport));
      return more;
    });
  }

  /** The newest entries are here before others. */
  isAhead(conversation: ConversationId): boolean {
    return this.#ahead(conversation).length > 0;
  }

  /** What came ahead and may still be taken when its turn comes: meanwhile its author may have been removed, or found to have forked. */
  #ahead(conversation: ConversationId): readonly StoredEntry[] {
    const forks = this.forks(conversation);
    return this.#newest.of(conversation).filter((entry) => !forks.has(entry.device) && this.#counts(entry));
  }

  /** How many entries of each feed this device has. */
  async frontier(conversation: ConversationId): Promise<Map<DeviceId, number>> {
    const { heads } = await this.#load(conversation);
    return new Map([...heads].map(([device, { length }]) => [device, this.#limited(conversation, device, length)]));
  }

  /** What a peer with this frontier lacks: see `nextBatch`. */
  async entriesAfter(
    conversation: ConversationId,
    theirs: ReadonlyMap<DeviceId, number>,
    maxBytes: number,
  ): Promise<StoredEntry[]> {
    return nextBatch(this.#ports.store, conversation, await this.frontier(conversation), theirs, maxBytes);
  }

  /** The newest `limit` entries of a conversation before `before` (of all when absent), in the order of the conversation. */
  async history(
    conversation: ConversationId,
    limit: number,
    before?: { lamport: number; device: DeviceId; sequence: number },
  ): Promise<StoredEntry[]> {
    const stored = await this.#counting(this.#ports.store.history(conversation, limit, before));
    const ahead = before ? [] : this.#ahead(conversation);
    const [first] = ahead;
    if (!first) return stored;
    // What lies before those that came ahead is not all here.
    const since = stored.filter((entry) => compareEntries(entry, first) > 0);
    return [...ahead, ...since].sort(compareEntries).slice(-limit);
  }

  /** The oldest `limit` entries after a place in the order of the conversation. */
  historyAfter(
    conversation: ConversationId,
    limit: number,
    after: { lamport: number; device: DeviceId; sequence: number },
  ): Promise<StoredEntry[]> {
    return this.#counting(this.#ports.store.historyAfter(conversation, limit, after));
  }

  /** Forgets what these entries said; they keep their places in their feeds. Says which of them there were to forget. */
  drop(
    conversation: ConversationId,
    places: readonly { device: DeviceId; sequence: number }[],
  ): Promise<StoredEntry[]> {
    return this.#inLine(conversation, async () => {
      const found = await Promise.all(
        places.map((place) => this.committedAt(conversation, place.device, place.sequence)),
      );
      const bare = found.flatMap((entry) => {
        const without = entry && withoutPayload(entry);
        return without && without !== entry ? [without] : [];
      });
      if (bare.length > 0) await this.#ports.store.replace(bare);
      return bare;
    });
  }

  /** Entries `from` to `from + limit - 1` of one feed, in sequence. */
  range(conversation: ConversationId, device: DeviceId, from: number, limit: number): Promise<StoredEntry[]> {
    return this.#ports.store.range(conversation, device, from, limit);
  }

  /** `undefined` when this device has no such entry, not even ahead of others. */
  async entryAt(conversation: ConversationId, device: DeviceId, sequence: number): Promise<StoredEntry | undefined> {
    return (await this.committedAt(conversation, device, sequence)) ?? this.#newest.at(conversation, device, sequence);
  }

  /** `undefined` as long as the entry is not in the store, though it may have come ahead. */
  async committedAt(
    conversation: ConversationId,
    device: DeviceId,
    sequence: number,
  ): Promise<StoredEntry | undefined> {
    const [stored] = await this.#ports.store.range(conversation, device, sequence, 1);
    return stored;
  }

  /** Feeds of the conversation that were found forked. */
  forks(conversation: ConversationId): ReadonlyMap<DeviceId, KnownFork> {
    return this.#forks.get(conversation) ?? new Map();
  }

  /** Whether this device wrote two histories, as when its profile was set back: then nobody takes what it writes any more. */
  get isForked(): boolean {
    return [...this.#forks.values()].some((forks) => forks.has(this.#ports.device.id));
  }

  async #merge(
    conversation: ConversationId,
    perFeed: ReadonlyMap<DeviceId, VerifiedEntry[]>,
  ): Promise<Omit<Received, 'unknownAuthors'>> {
    const { store } = this.#ports;
    const state = await this.#load(conversation);
    const committed: StoredEntry[] = [];
    const shared = new Map<DeviceId, number>();
    const gaps: DeviceId[] = [];
    const forks: KnownFork[] = [];
    const refused: DeviceId[] = [];
    let bad: ProtocolError | undefined;
    for (const [device, entries] of perFeed) {
      if (this.#forks.get(conversation)?.has(device)) {
        refused.push(device);
        continue;
      }
      entries.sort((a, b) => a.entry.sequence - b.entry.sequence);
      const first = entries[0]?.entry.sequence ?? 0;
      const stored = entriesFrom(store, conversation, device, first, entries.length);
      const followed = await followFeed(state.heads.get(device), entries, stored);
      committed.push(...followed.fresh);
      if (followed.shared > 0) shared.set(device, followed.shared);
      if (followed.stop?.kind === 'gap') gaps.push(device);
      if (followed.stop?.kind === 'fork') forks.push({ ...followed.stop.fork, foundAt: this.#ports.clock.now() });
      if (followed.stop?.kind === 'bad') bad ??= followed.stop.error;
    }
    if (committed.length > 0) await this.#commit(store, conversation, state, committed);
    for (const fork of forks) {
      this.#remember(fork);
      await this.#ports.forks?.put(`${conversation}/${fork.device}`, fork);
    }
    return { committed, shared, gaps, forks, refused, bad };
  }

  #remember(fork: KnownFork): void {
    const known = this.#forks.get(fork.conversation) ?? new Map<DeviceId, KnownFork>();
    this.#forks.set(fork.conversation, known.set(fork.device, fork));
  }

  #counts({ conversation, device, sequence }: StoredEntry): boolean {
    return sequence < (this.#ports.limitOf?.(conversation, device) ?? Infinity);
  }

  #limited(conversation: ConversationId, device: DeviceId, length: number): number {
    return Math.min(length, this.#ports.limitOf?.(conversation, device) ?? Infinity);
  }

  async #counting(found: Promise<StoredEntry[]>): Promise<StoredEntry[]> {
    return (await found).filter((entry) => this.#counts(entry));
  }

  /** `state` follows the store, never leads it; after a failed write it is read again, since the write may or may not be there. */
  async #commit(store: FeedStore, conversation: ConversationId, state: Conversation, entries: readonly StoredEntry[]) {
    try {
      await store.append(entries);
    } catch (error) {
      this.#conversations.delete(conversation);
      throw error;
    }
    for (const { device, sequence, hash, lamport } of entries) {
      state.heads.set(device, { length: sequence + 1, hash, lamport });
      state.lamport = Math.max(state.lamport, lamport);
    }
    this.#newest.passed(conversation, new Map([...state.heads].map(([device, { length }]) => [device, length])));
    for (const listener of this.#listeners) listener(entries);
  }

  async #load(conversation: ConversationId): Promise<Conversation> {
    const known = this.#conversations.get(conversation);
    if (known) return known;
    const loading = this.#ports.store.heads(conversation).then((heads) => ({
      heads: new Map(heads),
      lamport: Math.max(0, ...[...heads.values()].map(({ lamport }) => lamport)),
    }));
    this.#conversations.set(conversation, loading);
    try {
      return await loading;
    } catch (error) {
      if (this.#conversations.get(conversation) === loading) this.#conversations.delete(conversation);
      throw error;
    }
  }

  #inLine<T>(conversation: ConversationId, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(conversation) ?? new Serial();
    this.#lines.set(conversation, line);
    return line.run(work);
  }
}

/** The feeds of the others that moved on since this one's last entry, which has the others; those that moved last, ascending by device. */
function headsOf(state: Conversation, self: DeviceId, since: number): [DeviceId, number][] {
  return [...state.heads]
    .filter(([device, { lamport }]) => device !== self && lamport > since)
    .sort(([, a], [, b]) => b.lamport - a.lamport)
    .slice(0, HEADS)
    .map(([device, { length }]): [DeviceId, number] => [device, length])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Reads entries that are known to be there; `count` from `first` on in one go, when one of them is asked for. */
function entriesFrom(store: FeedStore, conversation: ConversationId, device: DeviceId, first: number, count: number) {
  let run: Promise<StoredEntry[]> | undefined;
  return async (sequence: number): Promise<StoredEntry> => {
    run ??= store.range(conversation, device, first, count);
    const entry = (await run)[sequence - first] ?? (await store.range(conversation, device, sequence, 1))[0];
    if (!entry) throw new Error(`feed store lacks entry ${sequence} below its head`);
    return entry;
  };
}
