/**
 * Sealed offers that wait, in memory, for a device that is offline or has not acknowledged them. Every limit is kept by forgetting the
 * oldest in silence, so that a sender cannot tell from an answer whether anybody is there (invariant 6).
 */
import type { ServerEvent } from '../../protocol/events.ts';
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';

export interface Knock {
  readonly event: ServerEvent<'knock'>;
  readonly toAccount: AccountId;
  readonly to: DeviceId;
  readonly at: number;
}

export class Knocks {
  readonly #maxBytes: number;
  /** Oldest first, over all devices. */
  readonly #all = new Set<Knock>();
  readonly #byDevice = new Map<DeviceId, Set<Knock>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  put(knock: Knock): void {
    const waiting = this.waitingFor(knock.to, knock.at);
    const ofSender = waiting.filter((other) => other.event.account === knock.event.account);
    const same = ofSender.find(
      (other) => other.event.id === knock.event.id && other.event.device === knock.event.device,
    );
    if (same) this.forget(same);
    else if (ofSender.length >= limits.knocksPerSender) this.#forgetFirst(ofSender);
    else if (waiting.length >= limits.knocksPerRecipient) this.#forgetFirst(ofLoudestSender(waiting));
    this.#add(knock);
    for (const oldest of this.#all) {
      if (this.#bytes <= this.#maxBytes) break;
      this.forget(oldest);
    }
  }

  /** Oldest first; forgets those past their time. */
  waitingFor(device: DeviceId, now: number): Knock[] {
    for (const knock of this.#byDevice.get(device) ?? []) if (now - knock.at > limits.knockTtlMs) this.forget(knock);
    return [...(this.#byDevice.get(device) ?? [])];
  }

  forget(knock: Knock): void {
    if (!this.#all.delete(knock)) return;
    this.#bytes -= knock.event.box.length;
    const left = this.#byDevice.get(knock.to);
    left?.delete(knock);
    if (left?.size === 0) this.#byDevice.delete(knock.to);
  }

  /** When two people part, what one has waiting for the other goes. */
  forgetBetween(one: AccountId, other: AccountId): void {
    for (const knock of this.#all) {
      const from = knock.event.account;
      if ((from === one && knock.toAccount === other) || (from === other && knock.toAccount === one))
        this.forget(knock);
    }
  }

  /** All that one has sent or has waiting. */
  forgetAccount(account: AccountId): void {
    for (const knock of this.#all)
      if (knock.event.account === account || knock.toAccount === account) this.forget(knock);
  }

  forgetDevice(device: DeviceId): void {
    for (const knock of this.#byDevice.get(device) ?? []) this.forget(knock);
  }

  /** Insertion order is age, so this stops at the first that is young enough. */
  forgetExpired(now: number): void {
    for (const knock of this.#all) {
      if (now - knock.at <= limits.knockTtlMs) break;
      this.forget(knock);
    }
  }

  get size(): number {
    return this.#all.size;
  }

  #add(knock: Knock): void {
    this.#all.add(knock);
    this.#bytes += knock.event.box.length;
    const waiting = this.#byDevice.get(knock.to);
    if (waiting) waiting.add(knock);
    else this.#byDevice.set(knock.to, new Set([knock]));
  }

  #forgetFirst(knocks: readonly Knock[]): void {
    if (knocks[0]) this.forget(knocks[0]);
  }
}

/** Who has most waiting gives way, so that one sender cannot push out the others. */
function ofLoudestSender(waiting: readonly Knock[]): Knock[] {
  const bySender = new Map<AccountId, Knock[]>();
  for (const knock of waiting) {
    const own = bySender.get(knock.event.account);
    if (own) own.push(knock);
    else bySender.set(knock.event.account, [knock]);
  }
  return [...bySender.values()].reduce((most, knocks) => (knocks.length > most.length ? knocks : most), []);
}
