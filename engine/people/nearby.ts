/**
 * Being found by people behind the same address, and finding them: off until the person switches it on, and off again when the connection
 * comes from another network, so that nobody is shown where they did not ask for it. Kept nowhere: after a reload it is off.
 */
import type { ClientEventName, ClientRequest, ClientResponse } from '../../protocol/events.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { PlaceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { shownName } from '../../protocol/names.ts';
import type { NearbyPerson } from '../../protocol/people.ts';
import type { Answer } from '../signaling.ts';

export type NearbyState =
  /** `because`: it was on, or was to be, and the server ended it. */
  | { kind: 'off'; because?: ErrorCode | 'no-server' }
  | { kind: 'turning-on' }
  /** `place`: where the person wanted it. Without a connection nobody is seen, and nobody sees. */
  | { kind: 'on'; place: PlaceId; people: readonly NearbyPerson[] };

type Request = <Name extends ClientEventName>(
  name: Name,
  body: ClientRequest<Name>,
) => Promise<Answer<ClientResponse<Name>>>;

export class Nearby {
  #state: NearbyState = { kind: 'off' };

  constructor(
    private readonly request: Request,
    private readonly changed: () => void,
  ) {}

  get state(): NearbyState {
    return this.#state;
  }

  async turnOn(): Promise<void> {
    if (this.#state.kind !== 'off') return;
    const asking: NearbyState = { kind: 'turning-on' };
    this.#become(asking);
    await this.#join(asking, {});
  }

  /** Nothing is shown from here on; the server is told, and drops it by itself when it does not hear of it. */
  async turnOff(): Promise<void> {
    if (this.#state.kind === 'off') return;
    this.#become({ kind: 'off' });
    await this.request('nearby:leave', {});
  }

  /** On again after a cut, in the same place only. */
  async connected(): Promise<void> {
    if (this.#state.kind === 'on') await this.#join(this.#state, { place: this.#state.place });
  }

  lost(): void {
    if (this.#state.kind === 'on') this.#become({ ...this.#state, people: [] });
  }

  /** All who are nearby now. */
  take(people: readonly NearbyPerson[]): void {
    if (this.#state.kind === 'on') this.#become({ ...this.#state, people: people.map(shown) });
  }

  async #join(before: NearbyState, where: ClientRequest<'nearby:join'>): Promise<void> {
    const answer = await this.request('nearby:join', where);
    if (this.#state.kind === 'off') {
      // Turned off meanwhile: the server may have heard of it in the other order.
      if (answer.ok) await this.request('nearby:leave', {});
      return;
    }
    if (answer.ok) this.#become({ kind: 'on', place: answer.value.place, people: answer.value.people.map(shown) });
    // Cut off again while it asked: the next connection asks.
    else if (before.kind === 'turning-on' || answer.error.code !== 'no-server')
      this.#become({ kind: 'off', because: answer.error.code });
  }

  #become(state: NearbyState): void {
    this.#state = state;
    this.changed();
  }
}

const shown = (person: NearbyPerson): NearbyPerson => ({
  ...person,
  displayName: shownName(person.displayName, limits.displayNameMaxLength),
});
