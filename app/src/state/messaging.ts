/** What a person does with messages, over the engine and what this device keeps of it: drafts, choices, the search text. */
import { tick } from 'svelte';
import type { Causeway, Outcome } from '../../../engine/causeway.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import { toUtf8 } from '../../../protocol/bytes.ts';
import type { EntryRef } from '../../../protocol/entry.ts';
import type { AccountId, ConversationId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import type { AccountDatabase } from '../platform/database.ts';
import { idbRecords } from '../platform/idb-records.ts';
import { Chats } from './chats.ts';
import { accountsNamed } from './mentions.ts';
import type { SearchIndex } from './search-index.ts';
import { allTalks, authorsOf, talkOf, type Talk } from './talk.ts';
import type { Timeline } from './timeline.ts';
import type { ActionResult, FoundMessage, MessageActions } from './actions.ts';
import type { Discretion, PersonRow } from './view.ts';
import type { MessagePlace } from './views/messages.ts';

interface Surroundings {
  engine: Causeway;
  db: AccountDatabase;
  timeline(): Timeline | undefined;
  rowOf(talk: Talk): PersonRow;
  /** Opens the conversation; resolves when it is on the screen. */
  open(account: AccountId): Promise<void>;
  /** Runs something that may fail because the storage does. */
  guard(work: () => Promise<Outcome>): Promise<ActionResult>;
  changed(): void;
  report: (problem: unknown) => void;
}

/** New messages are found within this time even if nobody searches meanwhile; sooner would only write the same segment more often. */
const indexAfterMs = 3_000;
const draftAfterMs = 150;
const snippetUnits = 200;

export class Messaging implements MessageActions {
  readonly chats: Chats;
  /** Loaded after the first screen is there. */
  readonly #index: Promise<SearchIndex>;
  #indexTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #toIndex = new Set<ConversationId>();
  #draft: { account: AccountId; draft: string; timer: ReturnType<typeof setTimeout> } | undefined;

  private constructor(private readonly around: Surroundings) {
    const { db, engine, report } = around;
    this.chats = new Chats({
      records: idbRecords(db, 'chats'),
      choices: engine.choices,
      choose: (choice) => engine.choose(choice),
      report,
    });
    this.#index = loadIndex(db, engine);
  }

  static async start(around: Surroundings): Promise<Messaging> {
    const messaging = new Messaging(around);
    await messaging.chats.load();
    messaging.#indexSoon(allTalks(around.engine).map(({ conversation }) => conversation));
    return messaging;
  }

  stop(): void {
    clearTimeout(this.#indexTimer);
    this.#keepDraft();
  }

  /** Entries of one conversation were committed. */
  committed(person: Talk, entries: readonly StoredEntry[]): void {
    const theirs = entries.some(({ device }) => !this.around.engine.isMine(device));
    const { last, unread, mentioned } = this.around.engine.conversations.summary(person.conversation);
    if (theirs && last && !last.mine) this.chats.heard(person.account, unread > 0 && mentioned === true);
    this.#indexSoon([person.conversation]);
  }

  altered(conversation: ConversationId, messages: readonly EntryRef[]): void {
    this.#index.then((index) => index.altered(conversation, messages)).catch(this.around.report);
  }

  async sendText(account: AccountId, text: string, reply?: EntryRef): Promise<ActionResult> {
    if (toUtf8(text).length > limits.textBytes) return { ok: false, error: { code: 'too-large' } };
    // Whoever writes wants to see it, wherever in the conversation they read.
    await this.showNewest();
    const { engine } = this.around;
    const talk = talkOf(engine, account);
    const named = talk ? accountsNamed(engine, talk, text) : [];
    return this.around.guard(() => engine.sendText(account, text, reply, named));
  }

  async edit(account: AccountId, of: EntryRef, text: string): Promise<ActionResult> {
    if (toUtf8(text).length > limits.textBytes) return { ok: false, error: { code: 'too-large' } };
    return this.around.guard(() => this.around.engine.say(account, { kind: 'edit', of: refOf(of), text }));
  }

  async delete(account: AccountId, of: EntryRef): Promise<ActionResult> {
    return this.around.guard(() => this.around.engine.say(account, { kind: 'delete', of: refOf(of) }));
  }

  async react(account: AccountId, to: EntryRef, emoji?: string): Promise<ActionResult> {
    const payload = { kind: 'react', to: refOf(to), ...(emoji === undefined ? {} : { emoji }) } as const;
    return this.around.guard(() => this.around.engine.say(account, payload));
  }

  async setTimer(account: AccountId, afterMs: number): Promise<ActionResult> {
    return this.around.guard(() => this.around.engine.say(account, { kind: 'timer', afterMs }));
  }

  writing(account: AccountId, draft: string): void {
    if (draft !== '') this.around.engine.typing(account);
    this.chats.begun(account, draft);
    if (this.#draft && this.#draft.account !== account) this.#keepDraft();
    clearTimeout(this.#draft?.timer);
    const timer = setTimeout(() => this.#keepDraft(), draftAfterMs);
    this.#draft = { account, draft, timer };
  }

  setChat(account: AccountId, chosen: Partial<Pick<PersonRow, 'pinned' | 'muted' | 'archived'>>): void {
    this.chats.change(account, chosen);
    this.around.changed();
  }

  get discretion(): Discretion {
    const { read, typing } = this.around.engine.choices.discretion;
    return { read, typing };
  }

  setDiscretion({ read, typing }: Discretion): void {
    this.around.engine.choose({ kind: 'own-discretion', read, typing }).catch(this.around.report);
    this.around.changed();
  }

  async showOlder(): Promise<void> {
    await this.around.timeline()?.older();
    await this.#shownAndTrimmed('older');
  }

  async showNewer(): Promise<void> {
    await this.around.timeline()?.newer();
    await this.#shownAndTrimmed('newer');
  }

  /** Two steps: a list can tell rows that came at one end from rows that went at the other only one at a time. */
  async #shownAndTrimmed(towards: 'older' | 'newer'): Promise<void> {
    this.around.changed();
    await tick();
    await this.around.timeline()?.trim(towards);
    this.around.changed();
  }

  async showNewest(): Promise<void> {
    const timeline = this.around.timeline();
    const talk = timeline && talkOf(this.around.engine, timeline.account);
    if (talk && timeline.hasNewer) await timeline.load(talk);
    this.around.changed();
  }

  async show(account: AccountId, place: MessagePlace): Promise<void> {
    await this.around.open(account);
    await this.around.timeline()?.around(place);
    this.around.changed();
  }

  async showDate(at: number): Promise<void> {
    await this.around.timeline()?.atDate(at);
    this.around.changed();
  }

  async search(words: string, most: number, account?: AccountId): Promise<FoundMessage[]> {
    const { engine } = this.around;
    const people = allTalks(engine).filter((talk) => account === undefined || talk.account === account);
    const byConversation = new Map(
      people.flatMap((person) => [person.conversation, ...person.earlier].map((one) => [one, person] as const)),
    );
    const index = await this.#index;
    const hits = await index.search(words, [...byConversation.keys()], most);
    const found = await Promise.all(
      hits.map(async ({ conversation, device, sequence, at }): Promise<FoundMessage[]> => {
        const person = byConversation.get(conversation);
        const entry = await engine.feeds.entryAt(conversation, device, sequence);
        const [text] = entry ? await engine.messages.words(conversation, [entry]) : [];
        if (!person || !text) return [];
        const row = this.around.rowOf(person);
        const names = {
          mine: engine.account.displayName || engine.account.handle,
          theirs: row.displayName || row.handle,
        };
        const { name, apart: author = name } = authorsOf(engine, person, names)(device);
        const place = { conversation, device, sequence };
        return [
          { key: `${conversation}/${device}/${sequence}`, place, person: row, author, text: snippet(text, words), at },
        ];
      }),
    );
    return found.flat();
  }

  searchBegun(): void {
    this.#index.then((index) => index.begin()).catch(this.around.report);
  }

  searchDone(): void {
    this.#index.then((index) => index.end(), this.around.report);
  }

  #keepDraft(): void {
    const draft = this.#draft;
    if (!draft) return;
    clearTimeout(draft.timer);
    this.#draft = undefined;
    this.chats.keep(draft.account, draft.draft);
  }

  #indexSoon(conversations: readonly ConversationId[]): void {
    for (const conversation of conversations) this.#toIndex.add(conversation);
    this.#indexTimer ??= setTimeout(() => {
      this.#indexTimer = undefined;
      const some = [...this.#toIndex];
      this.#toIndex.clear();
      this.#index
        .then((index) => Promise.all(some.map((conversation) => index.take(conversation))))
        .catch(this.around.report);
    }, indexAfterMs);
  }
}

async function loadIndex(db: AccountDatabase, engine: Causeway): Promise<SearchIndex> {
  const [{ SearchIndex: Index }, { idbSegments }] = await Promise.all([
    import('./search-index.ts'),
    import('../platform/idb-segments.ts'),
  ]);
  const index = new Index(idbSegments(db), engine);
  await index.load();
  return index;
}

const refOf = ({ device, sequence }: EntryRef): EntryRef => ({ device, sequence });

/** The part of a long message around the first word that was found. */
function snippet(text: string, query: string): string {
  const [first = ''] = query.trim().toLowerCase().split(/\s+/);
  const at = Math.max(0, text.toLowerCase().indexOf(first) - snippetUnits / 4);
  return `${at > 0 ? '…' : ''}${text.slice(at, at + snippetUnits)}${text.length > at + snippetUnits ? '…' : ''}`;
}
