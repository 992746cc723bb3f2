/**
 * People who let others behind the same address see them: in memory alone, as long as their connection lives and they want it. Who is in a
 * place is told to those who are in it, and to nobody else. A place is a hash under a key that ends with this process, so that it tells nobody
 * the address, and means nothing tomorrow.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { AccountId, PlaceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { NearbyPerson } from '../../protocol/people.ts';
import { bodyOf } from '../accounts/device-lists.ts';
import { refuse } from '../refusal.ts';
import { shuns } from '../store/relations.ts';
import type { Store } from '../store/store.ts';
import type { Connection } from './connection.ts';

/** Changes of one place that come within this time are told as one. */
const tellDelayMs = 200;

const secret = randomBytes(32);

/** @param network as `networkOf` names it. */
export const placeOf = (network: string): PlaceId =>
  createHmac('sha256', secret).update(network).digest().subarray(0, 16).toString('base64url') as PlaceId;

export class Nearby {
  /** Who came first is first. */
  readonly #places = new Map<PlaceId, Map<AccountId, Set<Connection>>>();
  readonly #changed = new Set<PlaceId>();
  #waiting = false;

  constructor(
    private readonly store: Store,
    private readonly report: (problem: unknown) => void,
  ) {}

  /**
   * @param expected where the client believes to be: it is not shown to others elsewhere without being asked again.
   * @throws Refusal `nearby-unavailable`, `elsewhere`, `nearby-full`.
   */
  async join(connection: Connection, expected?: PlaceId): Promise<{ place: PlaceId; people: NearbyPerson[] }> {
    // It may have ended since it asked, and would then stay here for ever.
    if (!connection.connected) refuse('not-allowed');
    const place = connection.place ?? refuse('nearby-unavailable');
    if (expected !== undefined && expected !== place) refuse('elsewhere');
    const here = this.#places.get(place) ?? new Map<AccountId, Set<Connection>>();
    if (!here.has(connection.account) && here.size >= limits.nearbyPeople) refuse('nearby-full');
    this.#places.set(place, here.set(connection.account, new Set(here.get(connection.account)).add(connection)));
    this.#tellLater(place);
    return { place, people: await this.#seenBy(connection.account, here) };
  }

  leave(connection: Connection): void {
    const { place, account } = connection;
    const here = place && this.#places.get(place);
    const connections = here?.get(account);
    if (!here || !connections?.delete(connection) || connections.size > 0) return;
    here.delete(account);
    if (here.size === 0) this.#places.delete(place);
    this.#tellLater(place);
  }

  /** Name, keys, or how somebody stands to others changed: whoever sees them here sees that. */
  changed(account: AccountId): void {
    for (const [place, here] of this.#places) if (here.has(account)) this.#tellLater(place);
  }

  #tellLater(place: PlaceId): void {
    this.#changed.add(place);
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      const places = [...this.#changed];
      this.#changed.clear();
      for (const one of places) this.#tell(one).catch(this.report);
    }, tellDelayMs).unref();
  }

  async #tell(place: PlaceId): Promise<void> {
    const here = this.#places.get(place);
    for (const [viewer, connections] of here ?? []) {
      const people = await this.#seenBy(viewer, here ?? new Map<AccountId, Set<Connection>>());
      for (const connection of connections) connection.send('nearby', { people });
    }
  }

  /** Nobody sees, or is seen by, somebody whom they declined or blocked. */
  async #seenBy(viewer: AccountId, here: ReadonlyMap<AccountId, unknown>): Promise<NearbyPerson[]> {
    const people: NearbyPerson[] = [];
    for (const other of [...here.keys()]) {
      if (other === viewer) continue;
      const pair = await this.store.pair(viewer, other);
      if (shuns(pair, viewer) || shuns(pair, other)) continue;
      const record = await this.store.account(other);
      const newest = record?.lists.at(-1);
      if (!record || !newest) continue;
      const { handle, displayName } = record;
      people.push({ account: other, handle, displayName, root: bodyOf(newest).root });
    }
    return people;
  }
}
