/**
 * One Socket.IO connection: whose session it is, which device proved itself on it, and what the server says to it. Nothing about it is kept
 * when it ends.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'socket.io';
import type { ServerEvent, ServerEventName } from '../../protocol/events.ts';
import type { AccountId, DeviceId, PlaceId } from '../../protocol/ids.ts';
import { limits, PROTOCOL_VERSION } from '../../protocol/limits.ts';

/** Messages that may wait for a client that does not take them, before relayed ones are refused. */
const relayBacklog = 512;

export class Connection {
  readonly account: AccountId;
  readonly sessionHash: string;
  /** Absent where the server cannot tell. */
  readonly place: PlaceId | undefined;
  /** Set by the directory once the device proved itself. */
  device: DeviceId | undefined;
  /** What an unproven connection says that it wants to become: where the answers to its approval go. */
  guest: DeviceId | undefined;
  /** What the device signs; good for this connection only, and for one proof. */
  challenge = '';
  readonly #socket: Socket;
  #held: (() => void)[] | undefined;

  constructor(socket: Socket, account: AccountId, sessionHash: string, place: PlaceId | undefined) {
    this.#socket = socket;
    this.account = account;
    this.sessionHash = sessionHash;
    this.place = place;
  }

  welcome(now: number): void {
    this.challenge = randomBytes(32).toString('base64url');
    this.send('welcome', {
      protocol: PROTOCOL_VERSION,
      challenge: this.challenge,
      account: this.account,
      serverTime: now,
    });
  }

  send<Name extends ServerEventName>(name: Name, event: ServerEvent<Name>): void {
    if (this.#held) this.#held.push(() => this.#socket.emit(name, event));
    else this.#socket.emit(name, event);
  }

  /** @returns whether the client acknowledged in time. */
  async sendForAck<Name extends ServerEventName>(name: Name, event: ServerEvent<Name>): Promise<boolean> {
    try {
      await this.#socket.timeout(limits.ackTimeoutMs).emitWithAck(name, event);
      return true;
    } catch {
      return false; // not acknowledged in time, or the connection ended: what that means is up to the caller
    }
  }

  get connected(): boolean {
    return this.#socket.connected;
  }

  /** Whether the client takes what it is sent. A frozen one is noticed by the heartbeat; until then little may pile up for it. */
  hasRoom(): boolean {
    const { writeBuffer } = this.#socket.conn as unknown as { writeBuffer: readonly unknown[] };
    return this.#socket.connected && writeBuffer.length < relayBacklog;
  }

  /** Keeps events back until `release`, so that none overtakes the answer whose snapshot includes it. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) send();
  }

  /** Says why, then closes. */
  end(reason: 'replaced' | 'ended' | 'deleted', revoked = false): void {
    this.release();
    this.#socket.emit(reason, revoked ? { revoked } : {});
    this.#socket.disconnect(true);
  }

  /** Closes without a word; the client may come back. */
  drop(): void {
    this.#socket.disconnect(true);
  }
}
