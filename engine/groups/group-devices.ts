/**
 * Owns which devices are whose in a group. A chain of device lists proves itself from its root on, so it does not matter who carries it, nor
 * in what order; of two lists that both continue a chain the one that stands first in the log counts.
 */
import { fromBase64 } from '../../protocol/bytes.ts';
import { decodeAs } from '../../protocol/codec.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DeviceId, PublicKey } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { DeviceListBody, type Device, type SignedDeviceList } from '../../protocol/people.ts';
import { compareEntries } from '../feed/order.ts';
import { verifyChain, type VerifiedChain } from '../identity/device-list.ts';
import type { Hashes, Signatures } from '../ports.ts';
import type { LogEntry } from './log-entry.ts';

export interface GroupChain {
  lists: readonly SignedDeviceList[];
  chain: VerifiedChain;
}

export class GroupDevices {
  readonly #claims = new Map<DeviceId, PublicKey[]>();
  readonly #devices = new Map<DeviceId, Device>();

  constructor(private readonly chains: ReadonlyMap<PublicKey, GroupChain>) {
    for (const [root, { chain }] of chains)
      for (const device of chain.everyDevice) {
        this.#claims.set(device.id, [...(this.#claims.get(device.id) ?? []), root]);
        this.#devices.set(device.id, device);
      }
  }

  /** Roots under which a device was ever certified, who named it first in front. */
  claimants(device: DeviceId): readonly PublicKey[] {
    return this.#claims.get(device) ?? [];
  }

  /** Its keys; a device's id is their hash, so whoever names it, they are the same. */
  device(id: DeviceId): Device | undefined {
    return this.#devices.get(id);
  }

  /** Devices of the newest list under a root; undefined when no valid list is in the log. */
  current(root: PublicKey): readonly Device[] | undefined {
    return this.chains.get(root)?.chain.newest.devices;
  }

  chain(root: PublicKey): GroupChain | undefined {
    return this.chains.get(root);
  }

  /** Everybody who ever was certified, with their signing keys. */
  every(): Iterable<Device> {
    return this.#devices.values();
  }
}

/** Verifies the chains that a log carries, each list once. */
export class ChainReader {
  readonly #verified = new Map<string, Promise<VerifiedChain | undefined>>();

  constructor(private readonly ports: { hashes: Hashes; signatures: Signatures }) {}

  async read(entries: readonly LogEntry[]): Promise<GroupDevices> {
    const chains = new Map<PublicKey, GroupChain>();
    for (const { payload } of entries.toSorted(compareEntries)) {
      if (payload.kind !== 'group-create' && payload.kind !== 'group-admit' && payload.kind !== 'group-devices')
        continue;
      const { lists } = payload;
      const root = rootOf(lists[0]);
      if (root === undefined || ('root' in payload && payload.root !== root)) continue;
      const known = chains.get(root);
      const longer = [...(known?.lists ?? [])];
      for (const list of lists) {
        if (numberOf(list) !== longer.length) continue;
        if (await this.#verify([...longer, list])) longer.push(list);
      }
      const chain = await this.#verify(longer);
      if (chain) chains.set(root, { lists: longer, chain });
    }
    return new GroupDevices(chains);
  }

  #verify(lists: readonly SignedDeviceList[]): Promise<VerifiedChain | undefined> {
    if (lists.length === 0 || lists.length > limits.deviceListsPerAccount) return Promise.resolve(undefined);
    const key = lists.map(({ body, signature }) => `${body} ${signature}`).join(' ');
    let verified = this.#verified.get(key);
    if (!verified) this.#verified.set(key, (verified = this.#verifyNow(lists)));
    return verified;
  }

  async #verifyNow(lists: readonly SignedDeviceList[]): Promise<VerifiedChain | undefined> {
    try {
      return await verifyChain(lists, this.ports);
    } catch (problem) {
      if (problem instanceof ProtocolError) return undefined;
      throw problem;
    }
  }
}

const bodyOf = (list: SignedDeviceList | undefined): DeviceListBody | undefined => {
  if (!list) return undefined;
  try {
    return decodeAs(DeviceListBody, fromBase64(list.body));
  } catch {
    return undefined; // not a device list: it certifies nobody
  }
};
const rootOf = (list: SignedDeviceList | undefined): PublicKey | undefined => bodyOf(list)?.root;
const numberOf = (list: SignedDeviceList): number | undefined => bodyOf(list)?.number;
