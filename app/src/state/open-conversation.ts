/** The one conversation that is on the screen: its timeline, and that what somebody looks at is seen. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import type { EntryRef } from '../../../protocol/entry.ts';
import type { AccountId, ConversationId } from '../../../protocol/ids.ts';
import type { CardExtras } from './file-cards.ts';
import { talkOf, type Talk } from './talk.ts';
import { Timeline } from './timeline.ts';

interface Surroundings {
  engine: Causeway;
  extras: CardExtras;
  /** Shows at once what changed; `changed` soon. */
  show: () => void;
  changed: () => void;
  report: (problem: unknown) => void;
}

export class OpenConversation {
  /** Undefined while none is open. */
  timeline: Timeline | undefined;
  /** What is being read before it is shown: only what was asked for last gets there. */
  #next: { timeline: Timeline; loaded: Promise<void> } | undefined;

  constructor(private readonly around: Surroundings) {}

  /** What was asked for and is not shown yet. */
  get opening(): AccountId | undefined {
    return this.#next?.timeline.account;
  }

  /** Resolves when it is on the screen, or when something else was asked for meanwhile. */
  async open(account: AccountId): Promise<void> {
    const { engine, extras } = this.around;
    const talk = talkOf(engine, account);
    if (!talk) return;
    if (this.timeline?.account === account) {
      this.#next = undefined;
      return;
    }
    if (this.#next?.timeline.account !== account) {
      const { unread } = engine.conversations.summary(talk.conversation);
      const timeline = new Timeline(engine, account, unread, extras);
      this.#next = { timeline, loaded: timeline.load(talk) };
      this.around.changed();
    }
    const next = this.#next;
    try {
      await next.loaded;
    } catch (problem) {
      // Asked for once more, it is read anew.
      if (this.#next === next) this.#next = undefined;
      this.around.changed();
      throw problem;
    }
    if (this.#next !== next) return;
    this.#next = undefined;
    this.timeline = next.timeline;
    this.look();
    this.seen();
    this.around.show();
  }

  close(): void {
    this.#next = undefined;
    this.timeline = undefined;
    this.look();
    this.around.show();
  }

  /** Tells what is open, and whether somebody looks. */
  look(): void {
    this.around.engine.lookAt(this.timeline?.account, isVisible());
  }

  /** Somebody looks again, or does not any more. What came while nobody did is unread, and shown as that. */
  visibilityChanged(): void {
    const { engine, show, report } = this.around;
    const { timeline } = this;
    const talk = timeline && talkOf(engine, timeline.account);
    const unread = talk && isVisible() ? engine.conversations.summary(talk.conversation).unread : 0;
    if (timeline && talk && unread > 0) timeline.cameUnseen(talk, unread).then(show, report);
    this.look();
    this.seen();
  }

  /** What is on the screen of somebody who looks is seen. */
  seen(): void {
    const { engine, report } = this.around;
    if (this.timeline && isVisible()) engine.seen(this.timeline.account).catch(report);
  }

  /** @param talk where the entries were committed. */
  committed(talk: Talk | undefined, entries: readonly StoredEntry[]): void {
    const { changed, show, report } = this.around;
    const shown = talk && this.timeline?.account === talk.account;
    if (!shown) changed();
    for (const timeline of this.#held())
      if (talk && timeline.account === talk.account)
        timeline.add(talk, entries).then(() => {
          this.seen();
          show();
        }, report);
  }

  /** The newest of a conversation came before others. */
  ahead(talk: Talk | undefined): void {
    for (const timeline of this.#held())
      if (talk && timeline.account === talk.account && !timeline.hasNewer)
        timeline.load(talk).then(() => this.around.show(), this.around.report);
  }

  altered(conversation: ConversationId, messages: readonly EntryRef[]): void {
    for (const timeline of this.#held())
      timeline.refresh(conversation, messages).then(() => this.around.changed(), this.around.report);
  }

  stop(): void {
    this.#next = undefined;
    this.timeline = undefined;
  }

  #held(): Timeline[] {
    return [this.timeline, this.#next?.timeline].filter((one) => one !== undefined);
  }
}

const isVisible = (): boolean => document.visibilityState === 'visible';
