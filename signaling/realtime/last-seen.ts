/** When somebody's last device went offline: at once in memory, into the store a minute later with all others of that minute. */
import type { Logger } from 'pino';
import type { AccountId } from '../../protocol/ids.ts';
import type { AccountRecord, Store } from '../store/store.ts';

const flushIntervalMs = 60_000;

export class LastSeen {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #waiting = new Map<AccountId, number>();
  /** Under way to the store, and still the newest truth until they are there. */
  #flushing = new Map<AccountId, number>();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), flushIntervalMs).unref();
  }

  note(account: AccountId, at: number): void {
    this.#waiting.set(account, at);
  }

  of({ id, lastSeenAt }: AccountRecord): number | undefined {
    return this.#waiting.get(id) ?? this.#flushing.get(id) ?? lastSeenAt;
  }

  /** Never rejects: a time that could not be written waits for the next flush. */
  async flush(): Promise<void> {
    if (this.#waiting.size === 0) return;
    this.#flushing = this.#waiting;
    this.#waiting = new Map();
    try {
      await this.#store.noteLastSeen(this.#flushing);
    } catch (error) {
      this.#log.error({ err: error }, 'times of going offline could not be written');
      this.#waiting = new Map([...this.#flushing, ...this.#waiting]);
    }
    this.#flushing = new Map();
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.flush();
  }
}
