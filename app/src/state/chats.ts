/**
 * What a person decides of a conversation: pinned, muted, archived, the same on all their devices (`own-choices.ts`); and what was begun to be
 * written, on this device alone.
 */
import type { ChatChoice, OwnChoices } from '../../../engine/devices/own-choices.ts';
import type { Records } from '../../../engine/records.ts';
import type { OwnChat } from '../../../protocol/own-facts.ts';
import type { AccountId } from '../../../protocol/ids.ts';

export interface Chat extends ChatChoice {
  account: AccountId;
  draft: string;
}

/** As it is kept. The marks were kept here before they went to other devices. */
export type KeptChat = Pick<Chat, 'account' | 'draft'> & Partial<ChatChoice>;

interface Ports {
  records: Records<KeptChat>;
  choices: Pick<OwnChoices, 'chat'>;
  choose: (choice: OwnChat) => Promise<void>;
  report: (problem: unknown) => void;
}

export class Chats {
  readonly #drafts = new Map<AccountId, string>();

  constructor(private readonly ports: Ports) {}

  async load(): Promise<void> {
    for (const { account, draft, pinned, muted, archived } of await this.ports.records.all()) {
      this.#drafts.set(account, draft);
      if (pinned === undefined) continue;
      await this.#choose(account, { pinned, muted: muted === true, archived: archived === true });
      await this.ports.records.put(account, { account, draft });
    }
  }

  of(account: AccountId): Chat {
    const { pinned, muted, archived } = this.ports.choices.chat(account);
    return { account, pinned, muted, archived, draft: this.#drafts.get(account) ?? '' };
  }

  /** Shown at once, kept as soon as the storage has it. */
  change(account: AccountId, chosen: Partial<ChatChoice>): void {
    this.#choose(account, chosen).catch(this.ports.report);
  }

  /** What is being written: known at once, to be kept with `keep` soon. */
  begun(account: AccountId, draft: string): void {
    this.#drafts.set(account, draft);
  }

  keep(account: AccountId, draft: string): void {
    this.begun(account, draft);
    this.ports.records.put(account, { account, draft }).catch(this.ports.report);
  }

  /** Somebody wrote: an archived conversation is back, unless it is to be quiet and this person was not named. Says whether it came back. */
  heard(account: AccountId, named: boolean): boolean {
    const { archived, muted } = this.of(account);
    if (!archived || (muted && !named)) return false;
    this.change(account, { archived: false });
    return true;
  }

  async #choose(about: AccountId, chosen: Partial<ChatChoice>): Promise<void> {
    const before = this.of(about);
    const { pinned, muted, archived } = { ...before, ...chosen };
    if (pinned === before.pinned && muted === before.muted && archived === before.archived) return;
    await this.ports.choose({ kind: 'own-chat', about, pinned, muted, archived });
  }
}
