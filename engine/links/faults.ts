/**
 * Which devices broke the protocol, and how often in a row. Whoever does it again is left alone for a while: the same would come over the next
 * link, and the one after it.
 */
import type { DeviceId } from '../../protocol/ids.ts';

/** One may come of a change that crossed on the way. */
const faultyFrom = 2;
const restMs = 60_000;

export class Faults {
  readonly #inARow = new Map<DeviceId, { count: number; restUntil: number }>();

  add(device: DeviceId, now: number): void {
    const count = (this.#inARow.get(device)?.count ?? 0) + 1;
    this.#inARow.set(device, { count, restUntil: count < faultyFrom ? now : now + restMs });
  }

  /** Whether what the device sends cannot be used, as far as is known. */
  isFaulty(device: DeviceId): boolean {
    return (this.#inARow.get(device)?.count ?? 0) >= faultyFrom;
  }

  /** For how long, in milliseconds, no link to the device is worth a try. */
  restMs(device: DeviceId, now: number): number {
    // A clock that was set back must not make it longer.
    return Math.min(restMs, Math.max(0, (this.#inARow.get(device)?.restUntil ?? now) - now));
  }

  /** Something about the device is new: it may be another version by now. */
  endRest(device: DeviceId, now: number): void {
    const faults = this.#inARow.get(device);
    if (faults) faults.restUntil = now;
  }

  /** A link with it was of use. @returns whether it was faulty. */
  forgive(device: DeviceId): boolean {
    const before = this.isFaulty(device);
    this.#inARow.delete(device);
    return before;
  }
}
