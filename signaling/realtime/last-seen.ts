/** When devices, and somebody's last device, went offline: at once in memory, into the store a minute later with all others of that minute. */
import type { Logger } from 'pino';
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import type { AccountRecord, Store } from '../store/store.ts';

const flushIntervalMs = 60_000;

class Times {
  readonly accounts = new Map<AccountId, number>();
  readonly devices = new Map<DeviceId, number>();
}

export class LastSeen {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #waiting = new Times();
  /** Under way to the store, and still the newest truth until they are there. */
  #flushing = new Times();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
    this.#timer = setInterval(() => void this.flush(), flushIntervalMs).unref();
  }

  note(account: AccountId, at: number): void {
    this.#waiting.accounts.set(account, at);
  }

  noteDevice(device: DeviceId, at: number): void {
    this.#waiting.devices.set(device, at);
  }

  of({ id, lastSeenAt }: AccountRecord): number | undefined {
    return this.#waiting.accounts.get(id) ?? this.#flushing.accounts.get(id) ?? lastSeenAt;
  }

  /** Of the devices of the newest list, those that were ever seen to go. */
  ofDevices({ devices, devicesSeenAt = [] }: AccountRecord): [DeviceId, number][] {
    const stored = new Map(devicesSeenAt);
    return devices.flatMap((id): [DeviceId, number][] => {
      const at = this.#waiting.devices.get(id) ?? this.#flushing.devices.get(id) ?? stored.get(id);
      return at === undefined ? [] : [[id, at]];
    });
  }

  /** Never rejects: a time that could not be written waits for the next flush. */
  async flush(): Promise<void> {
    if (this.#waiting.accounts.size + this.#waiting.devices.size === 0) return;
    const flushing = this.#waiting;
    this.#flushing = flushing;
    this.#waiting = new Times();
    try {
      await this.#store.noteLastSeen(flushing.accounts, flushing.devices);
    } catch (error) {
      this.#log.error({ err: error }, 'times of going offline could not be written');
      for (const [id, at] of flushing.accounts) if (!this.#waiting.accounts.has(id)) this.#waiting.accounts.set(id, at);
      for (const [id, at] of flushing.devices) if (!this.#waiting.devices.has(id)) this.#waiting.devices.set(id, at);
    }
    this.#flushing = new Times();
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.flush();
  }
}
