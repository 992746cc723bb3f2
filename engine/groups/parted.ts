/**
 * Owns whose devices were those of fellow members until a moment ago. Their links stay so long, and serve the log alone, for the word that ended it:
 * whoever left learns that it was taken, whoever was removed learns why, and the end of a group is handed on.
 */
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import type { Device } from '../../protocol/people.ts';
import type { Delays } from './delays.ts';
import type { GroupState } from './group-log.ts';
import type { Group } from './group.ts';

/** Enough for an entry and its acknowledgement behind what else waits in a slow link. */
const partedMs = 10_000;

export interface PartedDevice {
  account: AccountId;
  device: Device;
}

export const nobody: ReadonlyMap<DeviceId, PartedDevice> = new Map();

export class Parted {
  readonly #devices = new Map<Group, Map<DeviceId, PartedDevice>>();

  constructor(
    private readonly delays: Delays,
    private readonly over: (group: Group) => void,
  ) {}

  get(device: DeviceId): PartedDevice | undefined {
    for (const devices of this.#devices.values()) {
      const found = devices.get(device);
      if (found) return found;
    }
    return undefined;
  }

  of(group: Group): ReadonlyMap<DeviceId, PartedDevice> {
    return this.#devices.get(group) ?? nobody;
  }

  /** @param before the group when this account was in it last. @param own its own account. */
  look(group: Group, before: GroupState, own: AccountId): void {
    for (const { account, root } of before.membership.members.values()) {
      if (account === own || (group.me && group.membership?.members.has(account))) continue;
      this.#keep(group, account, before.devices.current(root) ?? []);
    }
  }

  #keep(group: Group, account: AccountId, devices: readonly Device[]): void {
    const kept = this.#devices.get(group) ?? new Map<DeviceId, PartedDevice>();
    this.#devices.set(group, kept);
    const parted = devices.map((device): PartedDevice => ({ account, device }));
    for (const one of parted) kept.set(one.device.id, one);
    this.delays.after(partedMs, async () => {
      for (const one of parted) if (kept.get(one.device.id) === one) kept.delete(one.device.id);
      if (kept.size === 0 && this.#devices.get(group) === kept) this.#devices.delete(group);
      this.over(group);
      await Promise.resolve();
    });
  }
}
