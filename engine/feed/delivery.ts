/**
 * Owns what this device may say about its own entries in one conversation (invariant 3): `queued` is committed here, `sent` is handed to
 * an open link, `delivered` is acknowledged by a device of the recipient. Only acknowledgements outlive a restart.
 */
import type { DeviceId } from '../../protocol/ids.ts';

export type DeliveryState = 'queued' | 'sent' | 'delivered';

/** Acknowledged entries of this device's feed, per device that holds them; to be stored as it is. */
export type DeliveryRecord = readonly (readonly [DeviceId, number])[];

export class Delivery {
  readonly #acknowledged: Map<DeviceId, number>;
  readonly #sent = new Map<DeviceId, number>();

  constructor(record: DeliveryRecord = []) {
    this.#acknowledged = new Map(record);
  }

  /** The first `length` entries were handed to the link to `peer`. */
  sent(peer: DeviceId, length: number): void {
    this.#sent.set(peer, Math.max(length, this.#sent.get(peer) ?? 0));
  }

  /** `peer` holds the first `length` entries. Says whether that is news, and so to be stored. */
  acknowledged(peer: DeviceId, length: number): boolean {
    if (length <= (this.#acknowledged.get(peer) ?? 0)) return false;
    this.#acknowledged.set(peer, length);
    return true;
  }

  /** The link to `peer` is gone: what it did not acknowledge waits again. */
  linkClosed(peer: DeviceId): void {
    this.#sent.delete(peer);
  }

  /** State of this device's entry `sequence` towards somebody with these devices. */
  stateOf(sequence: number, recipients: readonly DeviceId[]): DeliveryState {
    const reaches = (lengths: ReadonlyMap<DeviceId, number>) =>
      recipients.some((device) => sequence < (lengths.get(device) ?? 0));
    if (reaches(this.#acknowledged)) return 'delivered';
    return reaches(this.#sent) ? 'sent' : 'queued';
  }

  record(): DeliveryRecord {
    return [...this.#acknowledged];
  }
}
