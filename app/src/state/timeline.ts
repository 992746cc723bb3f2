/**
 * A window of the open conversation: some hundred entries around what the person looks at, read by pages from the feed store. How long the
 * conversation is makes no difference to what is in memory.
 */
import type { Causeway } from '../../../engine/causeway.ts';
import { compareEntries } from '../../../engine/feed/order.ts';
import { readPayload, type ReadPayload } from '../../../engine/feed/payload.ts';
import { Serial } from '../../../engine/feed/serial.ts';
import type { Annotation } from '../../../engine/messages/annotation.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import type { EntryRef } from '../../../protocol/entry.ts';
import type { AccountId, ConversationId, DeviceId } from '../../../protocol/ids.ts';
import { datePlace } from './date-place.ts';
import type { CardExtras } from './file-cards.ts';
import { isShown, itemsOf, keyOf } from './message-items.ts';
import { isTheirs, type Talk } from './talk.ts';
import type { MessageItem, MessagePlace } from './views/messages.ts';

/** Entries read at a time, and how many messages among them make a page: two screens of a tall desk. */
const entriesAtATime = 120;
const messagesPerPage = 60;
/** More entries than this are let go at the far end. */
const windowEntries = 900;

export interface Shown {
  entry: StoredEntry;
  payload: ReadPayload;
  annotation: Annotation | undefined;
}
export interface Read extends Shown {
  /** The message that it answers; absent while that is not here. */
  quoted?: Shown | undefined;
}

export class Timeline {
  #read: Read[] = [];
  readonly #line = new Serial();
  #eras: ConversationId[] = [];
  #hasOlder = false;
  #hasNewer = false;
  /** The first message that was unread when the conversation was opened, or looked at again. */
  #firstUnread: string | undefined;
  #target: { key: string; times: number } | undefined;
  /** Entries between those that are here in order and those that came ahead of them. */
  #lacking = 0;

  constructor(
    private readonly engine: Causeway,
    readonly account: AccountId,
    /** Messages that were unread when the conversation was opened. */
    private readonly unreadAtOpen: number,
    private readonly extras: CardExtras,
  ) {}

  /** The newest page, and as much before it as was unread. */
  load(talk: Talk): Promise<void> {
    return this.#line.run(async () => {
      this.#eras = erasOf(talk);
      this.#read = [];
      this.#hasNewer = false;
      this.#hasOlder = true;
      this.#target = undefined;
      // All that is unread in one go, not page by page. Of more than is ever held a page is enough: all of it is unread.
      const wanted = this.unreadAtOpen > windowEntries ? 0 : this.unreadAtOpen;
      await this.#pageBefore(wanted);
      await this.#countLacking();
      const theirs = () => this.#theirs(talk, this.#read);
      if (this.unreadAtOpen === 0 || this.#firstUnread !== undefined) return;
      const more = () => theirs().length < wanted && this.#hasOlder && this.#read.length < windowEntries;
      while (more() && !this.#awaited()) await this.#pageBefore();
      const first = theirs().at(-this.unreadAtOpen) ?? theirs()[0];
      this.#firstUnread = first && keyOf(first.entry);
    });
  }

  /** So many of the newest came while nobody looked. */
  cameUnseen(talk: Talk, count: number): Promise<void> {
    return this.#line.run(async () => {
      const newest = this.#hasNewer
        ? await this.#shown(await this.engine.feeds.history(talk.conversation, entriesAtATime + count))
        : this.#read;
      const theirs = this.#theirs(talk, newest);
      const first = theirs.at(-count) ?? theirs[0];
      if (first) this.#firstUnread = keyOf(first.entry);
    });
  }

  #theirs(talk: Talk, shown: readonly Shown[]): Shown[] {
    const byOthers = isTheirs(this.engine, talk);
    return shown.filter(({ entry, payload }) => isMessage(payload) && byOthers(entry.device));
  }

  older(): Promise<void> {
    return this.#line.run(async () => {
      if (this.#hasOlder) await this.#pageBefore();
    });
  }

  newer(): Promise<void> {
    return this.#line.run(async () => {
      if (this.#hasNewer) await this.#pageAfter();
    });
  }

  /** Lets go of what is far from this end. */
  trim(towards: 'older' | 'newer'): Promise<void> {
    return this.#line.run(() => {
      if (this.#read.length <= windowEntries) return Promise.resolve();
      if (towards === 'older') this.#hasNewer = true;
      else this.#hasOlder = true;
      this.#read = towards === 'older' ? this.#read.slice(0, windowEntries) : this.#read.slice(-windowEntries);
      return Promise.resolve();
    });
  }

  get hasNewer(): boolean {
    return this.#hasNewer;
  }

  /** A window around a message, which is the target then. Says whether the message is there. */
  around(place: MessagePlace): Promise<boolean> {
    return this.#line.run(async () => {
      const key = keyOf(place);
      const known = this.#read.some(({ entry }) => keyOf(entry) === key);
      if (!known && !(await this.#startAt(place))) return false;
      this.#target = { key, times: (this.#target?.times ?? 0) + 1 };
      return true;
    });
  }

  /** A window around the first message from this time on. */
  async atDate(at: number): Promise<void> {
    for (const [index, conversation] of this.#eras.entries()) {
      const entry = await datePlace(this.engine.feeds, conversation, at);
      if (entry) {
        const found = (await this.engine.feeds.historyAfter(conversation, entriesAtATime, entry)).find(
          (one) => one.wall >= at && isMessage(readPayload(one)),
        );
        const first = isMessage(readPayload(entry)) ? entry : (found ?? entry);
        await this.around(first);
        return;
      }
      if (index === this.#eras.length - 1) break;
    }
  }

  /** Entries that were committed. */
  add(talk: Talk, entries: readonly StoredEntry[]): Promise<void> {
    return this.#line.run(async () => {
      // The keys may have changed since the conversation was opened.
      this.#eras = erasOf(talk);
      const known = new Set(this.#read.map(({ entry }) => keyOf(entry)));
      const [first] = this.#read;
      const [last] = this.#read.slice(-1);
      const within = entries.filter(
        (entry) =>
          this.#eras.includes(entry.conversation) &&
          !known.has(keyOf(entry)) &&
          (!this.#hasOlder || !first || this.#compare(entry, first.entry) > 0) &&
          (!this.#hasNewer || !last || this.#compare(entry, last.entry) < 0),
      );
      await this.#countLacking();
      if (within.length === 0) return;
      this.#read.push(...(await this.#readAll(within)));
      this.#read.sort((a, b) => this.#compare(a.entry, b.entry));
      // A long history that comes in order would otherwise all be held.
      if (this.#hasNewer || this.#read.length <= 2 * windowEntries) return;
      this.#read = this.#read.slice(-windowEntries);
      this.#hasOlder = true;
    });
  }

  /** What is said of these messages, or whether they are there, changed. */
  refresh(conversation: ConversationId, messages: readonly EntryRef[]): Promise<void> {
    return this.#line.run(async () => {
      const changed = new Set(messages.map((one) => keyOf({ ...one, conversation })));
      const touched = ({ entry, quoted }: Read) =>
        changed.has(keyOf(entry)) || (quoted !== undefined && changed.has(keyOf(quoted.entry)));
      const stale = this.#read.filter(touched);
      if (stale.length === 0) return;
      const fresh = await Promise.all(
        stale.map(({ entry }) => this.engine.feeds.entryAt(entry.conversation, entry.device, entry.sequence)),
      );
      const read = await this.#readAll(fresh.flatMap((entry) => entry ?? []));
      const byKey = new Map(read.map((one) => [keyOf(one.entry), one]));
      this.#read = this.#read.map((one) => byKey.get(keyOf(one.entry)) ?? one);
    });
  }

  view(
    talk: Talk,
    author: { mine: string; theirs: string },
  ): {
    items: MessageItem[];
    firstUnread: number;
    hasOlder: boolean;
    hasNewer: boolean;
    target?: { key: string; times: number };
    onTheWay?: number;
  } {
    const [hasOlder, hasNewer] = [this.#hasOlder, this.#hasNewer];
    const items = itemsOf(this.engine, this.#read, talk, author, this.extras, { hasOlder, hasNewer });
    const firstUnread = this.#firstUnread === undefined ? -1 : items.findIndex(({ key }) => key === this.#firstUnread);
    return {
      items,
      firstUnread,
      hasOlder,
      hasNewer,
      ...(this.#awaited() ? { onTheWay: this.#lacking } : {}),
      ...(this.#target ? { target: this.#target } : {}),
    };
  }

  /** What comes before the newest entries is on its way: it is shown once all of it is there. */
  #awaited(): boolean {
    const { feeds, conversations } = this.engine;
    return this.#eras.some((era) => feeds.isAhead(era) && conversations.isServed(era));
  }

  async #countLacking(): Promise<void> {
    let lacking = 0;
    for (const era of this.#eras.filter((one) => this.engine.feeds.isAhead(one))) {
      const lengths = await this.engine.feeds.frontier(era);
      const firsts = new Map<DeviceId, number>();
      for (const { entry } of this.#read) {
        const { conversation, device, sequence } = entry;
        if (conversation === era && sequence >= (lengths.get(device) ?? 0))
          firsts.set(device, Math.min(firsts.get(device) ?? Infinity, sequence));
      }
      for (const [device, first] of firsts) lacking += first - (lengths.get(device) ?? 0);
    }
    this.#lacking = lacking;
  }

  #compare(a: StoredEntry, b: StoredEntry): number {
    return this.#eras.indexOf(a.conversation) - this.#eras.indexOf(b.conversation) || compareEntries(a, b);
  }

  /** Begins a new window at this message. Says whether it is there. */
  async #startAt({ conversation, device, sequence }: MessagePlace): Promise<boolean> {
    const entry = await this.engine.feeds.entryAt(conversation, device, sequence);
    if (!entry || !this.#eras.includes(conversation)) return false;
    this.#read = await this.#readAll([entry]);
    this.#hasOlder = this.#hasNewer = true;
    await this.#pageBefore();
    await this.#pageAfter();
    return true;
  }

  async #pageBefore(atLeast = messagesPerPage): Promise<void> {
    const { feeds } = this.engine;
    const first = this.#read[0]?.entry;
    let era = first ? this.#eras.indexOf(first.conversation) : this.#eras.length - 1;
    if (first && this.#awaited()) return;
    let before = first;
    const limit = Math.max(entriesAtATime, atLeast);
    for (let messages = 0; messages < Math.max(messagesPerPage, atLeast);) {
      const conversation = this.#eras[era];
      if (conversation === undefined) {
        this.#hasOlder = false;
        return;
      }
      // Before those that came ahead there is more, whether anybody brings what is between or not.
      const onlyAhead = before === undefined && feeds.isAhead(conversation);
      const entries = await feeds.history(conversation, limit, before);
      const read = await this.#readAll(entries);
      this.#read.unshift(...read);
      messages += read.filter(isShown).length;
      before = entries[0];
      if (this.#awaited()) return;
      if (entries.length < limit && !onlyAhead) {
        era--;
        before = undefined;
      }
    }
  }

  async #pageAfter(): Promise<void> {
    const { feeds } = this.engine;
    const last = this.#read.at(-1)?.entry;
    let era = last ? this.#eras.indexOf(last.conversation) : 0;
    let after: Parameters<typeof feeds.historyAfter>[2] = last ?? beginning;
    for (let messages = 0; messages < messagesPerPage;) {
      const conversation = this.#eras[era];
      if (conversation === undefined) {
        this.#hasNewer = false;
        return;
      }
      const entries = await feeds.historyAfter(conversation, entriesAtATime, after);
      const read = await this.#readAll(entries);
      this.#read.push(...read);
      messages += read.filter(isShown).length;
      after = entries.at(-1) ?? after;
      if (entries.length < entriesAtATime) {
        era++;
        after = beginning;
      }
    }
  }

  async #readAll(entries: readonly StoredEntry[]): Promise<Read[]> {
    const read = await this.#shown(entries);
    return Promise.all(
      read.map(async (one) => {
        if (one.payload.kind !== 'text' || !one.payload.reply) return one;
        const { device, sequence } = one.payload.reply;
        const quoted = await this.engine.feeds.entryAt(one.entry.conversation, device, sequence);
        return { ...one, quoted: quoted && (await this.#shown([quoted]))[0] };
      }),
    );
  }

  async #shown(entries: readonly StoredEntry[]): Promise<Shown[]> {
    const annotations = new Map<string, Annotation | undefined>();
    for (const conversation of new Set(entries.map((entry) => entry.conversation))) {
      const ours = entries.filter((entry) => entry.conversation === conversation);
      const found = await this.engine.messages.annotations(conversation, ours);
      ours.forEach((entry, index) => annotations.set(keyOf(entry), found[index]));
    }
    return entries.map((entry) => ({ entry, payload: readPayload(entry), annotation: annotations.get(keyOf(entry)) }));
  }
}

const beginning = { lamport: 0, device: '' as DeviceId, sequence: 0 };
const isMessage = ({ kind }: ReadPayload): boolean => kind === 'text' || kind === 'offer';

/** What was written under earlier keys comes first: Lamport times of two conversations say nothing of each other. */
const erasOf = ({ earlier, conversation }: Talk): ConversationId[] => [...earlier, conversation];
