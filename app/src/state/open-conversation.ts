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
  #stopped = false;

  constructor(private readonly around: Surroundings) {}

  /** Resolves when it is on the screen. */
  async open(account: AccountId): Promise<void> {
    const { engine, extras } = this.around;
    const talk = talkOf(engine, account);
    if (!talk || this.timeline?.account === account) return;
    const { unread } = engine.conversations.summary(talk.conversation);
    const timeline = new Timeline(engine, account, unread, extras);
    await timeline.load(talk);
    if (this.#stopped) return;
    this.timeline = timeline;
    engine.lookAt(account);
    this.seen();
    this.around.show();
  }

  close(): void {
    this.timeline = undefined;
    this.around.engine.lookAt(undefined);
    this.around.show();
  }

  /** What is on the screen of somebody who looks is seen. */
  seen(): void {
    const { engine, report } = this.around;
    if (this.timeline && document.visibilityState === 'visible') engine.seen(this.timeline.account).catch(report);
  }

  /** @param talk where the entries were committed. */
  committed(talk: Talk | undefined, entries: readonly StoredEntry[]): void {
    const { changed, report } = this.around;
    if (!this.timeline || !talk || this.timeline.account !== talk.account) changed();
    else
      this.timeline.add(talk, entries).then(() => {
        this.seen();
        this.around.show();
      }, report);
  }

  altered(conversation: ConversationId, messages: readonly EntryRef[]): void {
    this.timeline?.refresh(conversation, messages).then(() => this.around.changed(), this.around.report);
  }

  stop(): void {
    this.#stopped = true;
    this.timeline = undefined;
  }
}
