/** A proven link to one device: frames in, frames out, and the watch over whether the other side still answers. */
import type { Bytes } from '../../protocol/bytes.ts';
import { CHUNK_HEADER_BYTES, encodeControl, type ControlFrame, type Frame } from '../../protocol/frame.ts';
import type { AccountId, DeviceId, LinkId } from '../../protocol/ids.ts';
import type { LinkPort } from '../ports.ts';
import type { Wire } from '../session/wire.ts';

export class Link implements LinkPort {
  /** When the other side was last heard, and since when it owes an answer. */
  #heardAt: number;
  #owesSince: number | undefined;
  /** Bytes of chunks sent and acknowledged over this link. */
  #chunkBytes = 0;
  #ackedBytes = 0;
  /** What waited when it was last looked at: that it gets less is a sign of life too, on a slow link the only one for long. */
  #waitingBytes = 0;
  /** When this link last carried anything of use. */
  usedAt: number;
  path: 'direct' | 'relayed' | undefined;

  constructor(
    readonly id: LinkId,
    readonly account: AccountId,
    readonly device: DeviceId,
    private readonly wire: Wire,
    private readonly now: () => number,
  ) {
    this.#heardAt = this.usedAt = now();
  }

  /** A chunk is owed an ack. The answers that other frames are owed are watched where they are asked for. */
  send(frame: Bytes): void {
    this.usedAt = this.now();
    const chunk = frame[0] === 1;
    if (chunk) {
      this.#chunkBytes += frame.length - CHUNK_HEADER_BYTES;
      this.#owesSince ??= this.usedAt;
    }
    this.wire.send(frame, !chunk);
  }

  /** Entries are owed a `committed`. */
  control(frame: ControlFrame): void {
    this.send(encodeControl(frame));
    if (frame.kind === 'entries') this.#owesSince ??= this.usedAt;
  }

  get bufferedBytes(): number {
    return this.wire.bufferedBytes;
  }

  whenDrained(run: () => void): void {
    this.wire.whenDrained(run);
  }

  heard(frame: Frame): void {
    this.#heardAt = this.usedAt = this.now();
    if (frame.type === 'ack') this.#ackedBytes = Math.max(this.#ackedBytes, frame.receivedBytes);
    this.#owesSince = this.#ackedBytes < this.#chunkBytes ? this.#heardAt : undefined;
  }

  /** Milliseconds that the other side owes an answer; to be asked every now and then. */
  silentMs(): number {
    const { bufferedBytes } = this.wire;
    if (bufferedBytes < this.#waitingBytes) this.#heardAt = this.now();
    this.#waitingBytes = bufferedBytes;
    return this.#owesSince === undefined ? 0 : this.now() - Math.max(this.#owesSince, this.#heardAt);
  }

  async measurePath(): Promise<void> {
    this.path = await this.wire.path();
  }

  close(): void {
    this.wire.close();
  }
}
