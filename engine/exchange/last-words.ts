/**
 * The entries that end a file: the root of its sender, the receipt of its recipient. Each is written once; when the storage fails it is
 * tried again until the engine stops.
 */
import type { Payload } from '../../protocol/entry.ts';
import type { ConversationId } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';

const retryMs = 1000;

export interface LastWordsPorts {
  clock: Clock;
  /** Resolves when the entry is durable and taken into its record. */
  append(conversation: ConversationId, payload: Payload): Promise<void>;
  report(problem: unknown): void;
}

export class LastWords {
  readonly #keys = new Map<string, () => void>();
  #stopped = false;

  constructor(private readonly ports: LastWordsPorts) {}

  /** Whether an entry of this file is on its way to the feed. */
  busy(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Makes and writes the entry unless one is being written; `ended` is called when it was, or when it is to be tried again. */
  say(key: string, conversation: ConversationId, make: () => Promise<Payload | undefined>, ended: () => void): void {
    if (this.#keys.has(key) || this.#stopped) return;
    this.#keys.set(key, () => undefined);
    const over = () => {
      this.#keys.delete(key);
      if (!this.#stopped) ended();
    };
    make()
      .then((payload) => payload && this.ports.append(conversation, payload))
      .then(over, (problem: unknown) => {
        this.ports.report(problem);
        if (!this.#stopped) this.#keys.set(key, this.ports.clock.after(retryMs, over));
      });
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#keys.values()) cancel();
    this.#keys.clear();
  }
}
