/** Who is writing now. Said over open links alone, never stored; it ends by itself. */
import type { AccountId, ConversationId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Link } from '../links/link.ts';
import type { Clock } from '../ports.ts';

export class Typing {
  readonly #saidAt = new Map<ConversationId, number>();
  readonly #shown = new Map<AccountId, () => void>();

  constructor(
    private readonly clock: Clock,
    private readonly changed: (account: AccountId) => void,
  ) {}

  /** The person typed something: told to these links, at most once in `limits.typingIntervalMs`. */
  say(conversation: ConversationId, links: readonly Link[]): void {
    const now = this.clock.now();
    if (links.length === 0 || now - (this.#saidAt.get(conversation) ?? -Infinity) < limits.typingIntervalMs) return;
    this.#saidAt.set(conversation, now);
    for (const link of links) link.control({ kind: 'typing', conversation });
  }

  /** What was written was sent: the next message is told anew. */
  sent(conversation: ConversationId): void {
    this.#saidAt.delete(conversation);
  }

  heard(account: AccountId): void {
    const before = this.#shown.get(account);
    before?.();
    this.#shown.set(
      account,
      this.clock.after(limits.typingShownMs, () => this.over(account)),
    );
    if (!before) this.changed(account);
  }

  /** A message came, or the link is gone. */
  over(account: AccountId): void {
    const cancel = this.#shown.get(account);
    if (!cancel) return;
    cancel();
    this.#shown.delete(account);
    this.changed(account);
  }

  by(account: AccountId): boolean {
    return this.#shown.has(account);
  }
}
