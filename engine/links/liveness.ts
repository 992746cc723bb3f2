/** Whether the other end of one connection still answers what it owes. */
import { CHUNK_HEADER_BYTES, type Frame } from '../../protocol/frame.ts';
import type { Bytes } from '../../protocol/bytes.ts';

export class Liveness {
  /** When the other end was last heard. */
  heardAt: number;
  /** Since when it owes an answer. */
  #owesSince: number | undefined;
  /** Bytes of chunks sent and acknowledged. */
  #chunkBytes = 0;
  #ackedBytes = 0;
  /** What waited when it was last looked at: that it gets less is a sign of life too, on a slow connection the only one for long. */
  #waitingBytes = 0;

  constructor(private readonly now: () => number) {
    this.heardAt = now();
  }

  /** A chunk is owed an ack. The answers that other frames are owed are watched where they are asked for. */
  sent(frame: Bytes): void {
    if (frame[0] !== 1) return;
    this.#chunkBytes += frame.length - CHUNK_HEADER_BYTES;
    this.owed();
  }

  owed(): void {
    this.#owesSince ??= this.now();
  }

  heard(frame: Frame): void {
    this.heardAt = this.now();
    if (frame.type === 'ack') this.#ackedBytes = Math.max(this.#ackedBytes, frame.receivedBytes);
    this.#owesSince = this.#ackedBytes < this.#chunkBytes ? this.heardAt : undefined;
  }

  /** Milliseconds that an answer is owed; to be asked every now and then. */
  silentMs(bufferedBytes: number): number {
    if (bufferedBytes < this.#waitingBytes) this.heardAt = this.now();
    this.#waitingBytes = bufferedBytes;
    return this.#owesSince === undefined ? 0 : this.now() - Math.max(this.#owesSince, this.heardAt);
  }
}
