/** How far entries got, this account's own and those of others that its devices pass on to each other: by conversation and author. */
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { Delivery, type DeliveryRecord, type DeliveryState } from '../feed/delivery.ts';
import type { SyncEvent } from '../feed/sync.ts';
import type { Records } from '../records.ts';

export interface DeliveryRow {
  conversation: ConversationId;
  /** Whose feed; absent for that of this device. */
  author?: DeviceId;
  acknowledged: DeliveryRecord;
}

export interface DeliveriesPorts {
  here: DeviceId;
  deliveries: Records<DeliveryRow>;
  isMine(device: DeviceId): boolean;
  report(problem: unknown): void;
}

export class Deliveries {
  readonly #deliveries = new Map<ConversationId, Map<DeviceId, Delivery>>();

  constructor(private readonly ports: DeliveriesPorts) {}

  async load(): Promise<void> {
    for (const { conversation, author = this.ports.here, acknowledged } of await this.ports.deliveries.all())
      this.#of(conversation).set(author, new Delivery(acknowledged));
  }

  stateOf(
    conversation: ConversationId,
    sequence: number,
    recipients: readonly DeviceId[],
    author: DeviceId = this.ports.here,
  ): DeliveryState {
    return this.#deliveries.get(conversation)?.get(author)?.stateOf(sequence, recipients) ?? 'queued';
  }

  /** A device was sent, or has, so much of a feed. @returns whether that counts. */
  take(
    conversation: ConversationId,
    device: DeviceId,
    { kind, author, length }: Extract<SyncEvent, { length: number }>,
  ): boolean {
    const isMine = this.ports.isMine(device);
    // Between own devices it counts what the other one has of anybody's.
    if (!this.ports.isMine(author) && !isMine) return false;
    const here = author === this.ports.here;
    // Its word without a signature is enough for what others wrote: nothing is shown by it.
    if (kind === 'has' && (here || !isMine)) return false;
    const deliveries = this.#of(conversation);
    const delivery = deliveries.get(author) ?? new Delivery();
    deliveries.set(author, delivery);
    if (kind === 'sent') delivery.sent(device, length);
    else if (delivery.acknowledged(device, length)) {
      const row = { conversation, ...(here ? {} : { author }), acknowledged: delivery.record() };
      const key = here ? conversation : `${conversation}/${author}`;
      this.ports.deliveries.put(key, row).catch((problem: unknown) => this.ports.report(problem));
    }
    return true;
  }

  linkClosed(conversation: ConversationId, device: DeviceId): void {
    for (const delivery of this.#deliveries.get(conversation)?.values() ?? []) delivery.linkClosed(device);
  }

  #of(conversation: ConversationId): Map<DeviceId, Delivery> {
    let deliveries = this.#deliveries.get(conversation);
    if (!deliveries) this.#deliveries.set(conversation, (deliveries = new Map<DeviceId, Delivery>()));
    return deliveries;
  }
}
