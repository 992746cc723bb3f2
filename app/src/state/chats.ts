/** What a person decides of a conversation on this device alone: pinned, muted, archived, and what was begun to be written. */
import type { Records } from '../../../engine/records.ts';
import type { AccountId } from '../../../protocol/ids.ts';

export interface Chat {
  account: AccountId;
  pinned: boolean;
  muted: boolean;
  archived: boolean;
  draft: string;
}

export class Chats {
  readonly #chats = new Map<AccountId, Chat>();

  constructor(
    private readonly records: Records<Chat>,
    private readonly report: (problem: unknown) => void,
  ) {}

  async load(): Promise<void> {
    for (const chat of await this.records.all()) this.#chats.set(chat.account, chat);
  }

  of(account: AccountId): Chat {
    return this.#chats.get(account) ?? { account, pinned: false, muted: false, archived: false, draft: '' };
  }

  /** Shown at once, kept as soon as the storage has it. */
  change(account: AccountId, chosen: Partial<Omit<Chat, 'account'>>): void {
    const chat = { ...this.of(account), ...chosen };
    this.#chats.set(account, chat);
    this.records.put(account, chat).catch(this.report);
  }

  /** What is being written: known at once, to be kept with `change` soon. */
  begun(account: AccountId, draft: string): void {
    this.#chats.set(account, { ...this.of(account), draft });
  }

  /** Somebody wrote: an archived conversation is back, unless it is to be quiet and this person was not named. Says whether it came back. */
  heard(account: AccountId, named: boolean): boolean {
    const { archived, muted } = this.of(account);
    if (!archived || (muted && !named)) return false;
    this.change(account, { archived: false });
    return true;
  }
}
