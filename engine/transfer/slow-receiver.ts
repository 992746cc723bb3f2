/**
 * Notices a receiver that asked for a file and does not let it come: it gives no credit, or acknowledges nothing, or next to nothing of either.
 * It answers to everything else, so its link lives, and it would hold the place of that file, and what waits for it, for ever.
 */
import type { Clock } from '../ports.ts';
import type { OutgoingStream } from './outgoing-stream.ts';
import { Trickle } from './trickle.ts';
import type { Window } from './window.ts';

const WATCH_MS = 1000;

interface SlowReceiverParts {
  clock: Clock;
  window: Window;
  /** Streams of which not all is sent. */
  unsent(): OutgoingStream[];
  /** It is the receiver's fault that this stream does not go on. */
  late(stream: OutgoingStream): void;
}

export class SlowReceiver {
  readonly #credit = new Map<OutgoingStream, { trickle: Trickle; seenBytes: number }>();
  readonly #acks = { trickle: new Trickle(), seenBytes: 0 };
  #cancel: (() => void) | undefined;

  constructor(private readonly parts: SlowReceiverParts) {}

  /** There is something to watch; it goes on until there is not. */
  start(): void {
    this.#cancel ??= this.parts.clock.after(WATCH_MS, () => this.#look());
  }

  stop(): void {
    this.#cancel?.();
    this.#credit.clear();
  }

  #look(): void {
    this.#cancel = undefined;
    const streams = this.parts.unsent();
    for (const stream of this.#credit.keys()) if (!streams.includes(stream)) this.#credit.delete(stream);
    if (streams.length === 0) return;
    const late = this.#acksLate() ? streams : streams.filter((stream) => this.#creditLate(stream));
    this.start();
    for (const stream of late) this.parts.late(stream);
  }

  #acksLate(): boolean {
    const { clock, window } = this.parts;
    return lateSince(this.#acks, window.ackedBytes, clock.now(), window.inFlightBytes > 0);
  }

  #creditLate(stream: OutgoingStream): boolean {
    const { creditBytes, outOfCredit, allTaken } = stream;
    const watched = this.#credit.get(stream) ?? { trickle: new Trickle(), seenBytes: creditBytes };
    this.#credit.set(stream, watched);
    return lateSince(watched, creditBytes, this.parts.clock.now(), outOfCredit && !allTaken);
  }
}

function lateSince(
  watched: { trickle: Trickle; seenBytes: number },
  bytes: number,
  now: number,
  due: boolean,
): boolean {
  watched.trickle.moved(bytes - watched.seenBytes);
  watched.seenBytes = bytes;
  return watched.trickle.tooSlow(now, due);
}
