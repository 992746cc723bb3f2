/**
 * Owns from where to where a power holds: membership, the role of an admin, ownership. A power is granted and revoked at places in the order of
 * the log. Whoever loses one may still write entries with an early Lamport time; a revocation therefore says how long each of their feeds
 * was, and what is beyond that does not count, wherever it stands in the order.
 */
import type { FeedLengths } from '../../protocol/group.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { compareEntries, type Position } from '../feed/order.ts';

interface Turn {
  place: Position;
  /** Absent for a grant. */
  revoked?: {
    /** Absent when the person gave the power up: who lies about that can only keep what they had. */
    lengths: ReadonlyMap<DeviceId, number> | undefined;
  };
}

export class Tenure {
  readonly #turns: Turn[] = [];

  grant(place: Position): void {
    this.#add({ place });
  }

  revoke(place: Position, lengths?: FeedLengths): void {
    this.#add({ place, revoked: { lengths: lengths && new Map(lengths) } });
  }

  /** Whether an entry at this place is covered. */
  holds(place: Position): boolean {
    let held = false;
    for (const { place: at, revoked } of this.#turns) {
      if (compareEntries(at, place) < 0) held = !revoked;
      else if (revoked?.lengths && place.sequence >= (revoked.lengths.get(place.device) ?? 0)) return false;
    }
    return held;
  }

  /** Whether it is held at a place, whoever writes there. */
  heldAt(place: Position): boolean {
    let held = false;
    for (const { place: at, revoked } of this.#turns) if (compareEntries(at, place) < 0) held = !revoked;
    return held;
  }

  /** Whether it holds after all that was said. */
  get now(): boolean {
    const last = this.#turns.at(-1);
    return last !== undefined && !last.revoked;
  }

  #add(turn: Turn): void {
    let at = this.#turns.length;
    while (at > 0 && compareEntries((this.#turns[at - 1] as Turn).place, turn.place) > 0) at--;
    this.#turns.splice(at, 0, turn);
  }
}
