/**
 * What a list of people shows of each conversation: its last message, how much of it is unread, and how far its entries were taken in. All of it
 * can be rebuilt from the feeds except what was read.
 */
import type { EntryRef } from '../../protocol/entry.ts';
import type { AccountId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import { fartherOf, isNews, type ReadMarks } from '../devices/read-marks.ts';
import { placeOfWire } from '../feed/entry.ts';
import type { Feeds } from '../feed/log.ts';
import { compareEntries } from '../feed/order.ts';
import { readPayload } from '../feed/payload.ts';
import type { StoredEntry } from '../ports.ts';
import type { Records } from '../records.ts';

export interface Summary {
  conversation: ConversationId;
  last?: { at: number; mine: boolean; lamport?: number } & Partial<EntryRef> &
    ({ kind: 'text'; text: string } | { kind: 'files'; names: string[] });
  /** Messages of others since the conversation was last looked at, on whichever device of this account. */
  unread: number;
  /** One of those names this person. */
  mentioned?: boolean;
  /** How far the feeds of others were read, and what of that the other devices of this account were told. */
  read?: ReadMarks;
  shared?: ReadMarks;
  /** Entries of each feed that this summary, and all else that follows from entries, has taken in. */
  taken: (readonly [DeviceId, number])[];
}

export interface SummariesPorts {
  feeds: Feeds;
  /** Milliseconds since 1970. */
  now(): number;
  summaries: Records<Summary>;
  isMine(device: DeviceId): boolean;
  own(): AccountId;
  changed(conversation: ConversationId): void;
  report(problem: unknown): void;
}

/** How far back the message before a deleted one is looked for, for the list of people. */
const refreshEntries = 100;

/** What messages say now, in their order; absent where there is nothing to show. */
export type WordsOf = (
  conversation: ConversationId,
  entries: readonly StoredEntry[],
) => Promise<readonly (string | undefined)[]>;

export class Summaries {
  readonly #summaries = new Map<ConversationId, Summary>();
  #looking: ConversationId | undefined;
  /** Places of entries that are being imported. */
  readonly #quiet = new Set<string>();

  constructor(private readonly ports: SummariesPorts) {}

  async load(): Promise<void> {
    for (const summary of await this.ports.summaries.all()) this.#summaries.set(summary.conversation, summary);
  }

  of(conversation: ConversationId): Summary {
    return this.#summaries.get(conversation) ?? { conversation, unread: 0, taken: [] };
  }

  /** How many entries of a feed were taken in. */
  taken(conversation: ConversationId, device: DeviceId): number {
    return new Map(this.of(conversation).taken).get(device) ?? 0;
  }

  /** The conversation on the screen: what comes in there is read. */
  lookAt(conversation: ConversationId | undefined): void {
    this.#looking = conversation;
    const summary = conversation === undefined ? undefined : this.#summaries.get(conversation);
    const read = summary && this.#allRead(summary);
    if (summary && read && (summary.unread > 0 || isNews(read, summary.read ?? [])))
      this.#keepSummary({ ...summary, unread: 0, read }).catch((problem: unknown) => this.ports.report(problem));
  }

  /** Conversations in which more was read here than the other devices of this account were told. */
  async readNews(): Promise<{ conversation: ConversationId; read: ReadMarks }[]> {
    const news: { conversation: ConversationId; read: ReadMarks }[] = [];
    for (const summary of this.#summaries.values()) {
      const read = summary.read ?? (await this.#readBefore(summary));
      if (isNews(read, summary.shared ?? [])) news.push({ conversation: summary.conversation, read });
    }
    return news;
  }

  /** What a device of this account has read, this one too: it is in the feed for all of them. */
  async learnRead(conversation: ConversationId, marks: ReadMarks): Promise<void> {
    const before = this.of(conversation);
    const read = fartherOf(before.read ?? (await this.#readBefore(before)), marks);
    const unread = await this.#unreadBeyond(conversation, read);
    const shared = fartherOf(before.shared ?? [], marks);
    const now = this.of(conversation);
    const looking = conversation === this.#looking;
    await this.#keepSummary({ ...now, read: fartherOf(read, now.read ?? []), unread: looking ? 0 : unread, shared });
    this.ports.changed(conversation);
  }

  /** Takes committed entries of one conversation into its summary, once all else that follows from them is durable. */
  async onCommitted(entries: readonly StoredEntry[]): Promise<void> {
    const conversation = entries[0]?.conversation;
    if (conversation === undefined) return;
    let summary = this.of(conversation);
    const taken = new Map(summary.taken);
    for (const entry of entries) {
      if (entry.sequence < (taken.get(entry.device) ?? 0)) continue;
      summary = this.#summarise(summary, entry);
      taken.set(entry.device, entry.sequence + 1);
    }
    summary = { ...summary, taken: [...taken] };
    await this.#keepSummary(conversation === this.#looking ? { ...summary, read: this.#allRead(summary) } : summary);
    this.ports.changed(conversation);
  }

  #summarise(summary: Summary, entry: StoredEntry): Summary {
    const payload = readPayload(entry);
    if (payload.kind !== 'text' && payload.kind !== 'offer') return summary;
    const mine = this.ports.isMine(entry.device);
    const seen =
      mine || entry.conversation === this.#looking || isRead(summary, entry) || this.#quiet.has(placeKey(entry));
    const unread = seen ? summary.unread : summary.unread + 1;
    const named = payload.kind === 'text' && payload.mentions?.includes(this.ports.own()) === true;
    const wasNamed = summary.unread > 0 && summary.mentioned === true;
    const mentioned = seen ? wasNamed : wasNamed || named;
    const { last: before } = summary;
    if (before && comesBefore(entry, before)) return { ...summary, unread, mentioned };
    // Whoever has a clock that is behind is not therefore below others; a clock that was ahead once, this one, is over.
    const at = Math.max(entry.wall, Math.min(before?.at ?? 0, this.ports.now()));
    const common = { at, mine, lamport: entry.lamport, device: entry.device, sequence: entry.sequence };
    const last =
      payload.kind === 'text'
        ? ({ kind: 'text', text: payload.text.slice(0, 200), ...common } as const)
        : ({ kind: 'files', names: payload.files.slice(0, 3).map((file) => file.name), ...common } as const);
    return { ...summary, unread, mentioned, last };
  }

  /** While `work` runs, these entries are taken as read: their person brought them. */
  async quietly(wires: readonly Uint8Array[], conversation: ConversationId, work: () => Promise<void>): Promise<void> {
    const keys = wires.flatMap((wire) => {
      const place = placeOfWire(wire);
      return place ? [placeKey({ ...place, conversation })] : [];
    });
    for (const key of keys) this.#quiet.add(key);
    try {
      await work();
    } finally {
      for (const key of keys) this.#quiet.delete(key);
    }
  }

  /** The last message is not what it was any more: shown are its new words, or the message before it. */
  async refresh(conversation: ConversationId, altered: readonly EntryRef[], wordsOf: WordsOf): Promise<void> {
    const summary = this.#summaries.get(conversation);
    const { last } = summary ?? {};
    if (!summary || !altered.some(({ device, sequence }) => last?.device === device && last.sequence === sequence))
      return;
    const newest = await this.ports.feeds.history(conversation, refreshEntries);
    const words = await wordsOf(conversation, newest);
    let fresh: Summary = { conversation, unread: 0, taken: [] };
    newest.forEach((entry, index) => {
      const text = words[index];
      if (text === undefined) return;
      const next = this.#summarise(fresh, entry);
      fresh = next.last?.kind === 'text' ? { ...next, last: { ...next.last, text: text.slice(0, 200) } } : next;
    });
    // Meanwhile it may have been read: nothing but the last message is taken from before.
    const { last: _, ...now } = this.of(conversation);
    await this.#keepSummary({ ...now, ...(fresh.last ? { last: fresh.last } : {}) });
  }

  async #keepSummary(summary: Summary): Promise<void> {
    this.#summaries.set(summary.conversation, summary);
    await this.ports.summaries.put(summary.conversation, summary);
  }

  /** Everything of others that was taken in counts as read. */
  #allRead({ taken, read = [] }: Summary): ReadMarks {
    return fartherOf(
      read,
      taken.filter(([device]) => !this.ports.isMine(device)),
    );
  }

  /** Of a summary that only counts: how far was read, found from the newest messages. */
  async #readBefore(summary: Summary): Promise<ReadMarks> {
    const marks = new Map(this.#allRead(summary));
    let left = summary.unread;
    for (let before: StoredEntry | undefined; left > 0;) {
      const page = await this.ports.feeds.history(summary.conversation, 200, before);
      for (const entry of page.toReversed()) {
        if (left === 0 || this.ports.isMine(entry.device) || !isMessage(entry)) continue;
        left--;
        marks.set(entry.device, entry.sequence);
      }
      before = page[0];
      if (!before) break;
    }
    return fartherOf([...marks], []);
  }

  async #unreadBeyond(conversation: ConversationId, read: ReadMarks): Promise<number> {
    if (conversation === this.#looking) return 0;
    const marks = new Map(read);
    let unread = 0;
    for (const [device, length] of this.of(conversation).taken) {
      const from = marks.get(device) ?? 0;
      if (from >= length || this.ports.isMine(device)) continue;
      unread += (await this.ports.feeds.range(conversation, device, from, length - from)).filter(isMessage).length;
    }
    return unread;
  }
}

const placeKey = ({ conversation, device, sequence }: EntryRef & { conversation: ConversationId }): string =>
  `${conversation}/${device}/${sequence}`;

/** In the order of the conversation; of a summary that an earlier version wrote only the time is known. */
function comesBefore(entry: StoredEntry, { at, lamport, device, sequence }: NonNullable<Summary['last']>): boolean {
  if (lamport === undefined || device === undefined || sequence === undefined) return at > entry.wall;
  return compareEntries(entry, { lamport, device, sequence }) < 0;
}

function isMessage(entry: StoredEntry): boolean {
  const { kind } = readPayload(entry);
  return kind === 'text' || kind === 'offer';
}

const isRead = ({ read = [] }: Summary, { device, sequence }: StoredEntry): boolean =>
  read.some(([one, length]) => one === device && sequence < length);
