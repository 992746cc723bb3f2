/** Keeps the STUN and TURN servers that the server names, for as long as its credentials for them hold. */
import type { Clock } from '../ports.ts';
import type { WireOptions } from '../session/wire.ts';
import type { Signaling } from '../signaling.ts';

/** Asked for anew after this; TURN credentials live longer. */
const iceServersMs = 10 * 60_000;

export interface IceServersPorts {
  clock: Clock;
  request: Signaling['request'];
}

export class IceServers {
  #known: { at: number; value: WireOptions['iceServers'] } | undefined;

  constructor(private readonly ports: IceServersPorts) {}

  /** Those known before when the server does not answer, else none. */
  async ask(): Promise<WireOptions['iceServers']> {
    const now = this.ports.clock.now();
    if (this.#known && now - this.#known.at < iceServersMs) return this.#known.value;
    const answer = await this.ports.request('ice:servers', {});
    if (!answer.ok) return this.#known?.value ?? [];
    this.#known = { at: now, value: answer.value.iceServers };
    return answer.value.iceServers;
  }

  forget(): void {
    this.#known = undefined;
  }
}
