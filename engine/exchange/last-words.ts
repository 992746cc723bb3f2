/**
 * The entries that end a file: the root of its sender, the receipt of its recipient. Each is written once; when the storage fails it is
 * tried again until the engine stops. Where this device may not write, because it is in the group no more or its feed is forked, it waits until
 * it is asked for again.
 */
import type { Payload } from '../../protocol/entry.ts';
import type { ConversationId } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';

const retryMs = 1000;

export interface LastWordsPorts {
  clock: Clock;
  /** Resolves when the entry is durable and taken into its record; to false when this device may not write there. */
  append(conversation: ConversationId, payload: Payload): Promise<boolean>;
  /** The entry of this file may not be written: what else ends it counts now. Not to be asked for again by this. */
  refused(key: string): void;
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
      .then((payload) => payload === undefined || this.ports.append(conversation, payload))
      .then(
        (written) => {
          if (written) over();
          else {
            this.#keys.delete(key);
            if (!this.#stopped) this.ports.refused(key);
          }
        },
        (problem: unknown) => {
          this.ports.report(problem);
          if (!this.#stopped) this.#keys.set(key, this.ports.clock.after(retryMs, over));
        },
      );
  }

  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#keys.values()) cancel();
    this.#keys.clear();
  }
}
