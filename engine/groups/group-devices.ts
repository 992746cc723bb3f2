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
import { compareEntries, type Position } from '../feed/order.ts';
import { verifyChain, type VerifiedChain } from '../identity/device-list.ts';
import type { Hashes, Signatures } from '../ports.ts';
import type { LogEntry } from './log-entry.ts';

export interface GroupChain {
  lists: readonly SignedDeviceList[];
  chain: VerifiedChain;
  /** Where in the log its first list stands. */
  place: Position;
}

export class GroupDevices {
  readonly #claims = new Map<DeviceId, PublicKey[]>();
  readonly #devices = new Map<DeviceId, Device>();

  constructor(private readonly chains: ReadonlyMap<PublicKey, GroupChain>) {
    const inOrder = [...chains].sort(([, a], [, b]) => compareEntries(a.place, b.place));
    for (const [root, { chain }] of inOrder)
      for (const device of chain.everyDevice) {
        const claims = this.#claims.get(device.id);
        if (claims) claims.push(root);
        else this.#claims.set(device.id, [root]);
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
}

/** An entry that carries device lists of one root. */
interface Carrier {
  root: PublicKey;
  place: Position;
  lists: readonly SignedDeviceList[];
}

/** Verifies the chains that a log carries, each list once; a chain is looked at again only when an entry brings more of it. */
export class ChainReader {
  readonly #carriers = new Map<PublicKey, Carrier[]>();
  readonly #chains = new Map<PublicKey, GroupChain>();
  readonly #verified = new Map<string, Promise<VerifiedChain | undefined>>();
  #devices = new GroupDevices(new Map());

  constructor(private readonly ports: { hashes: Hashes; signatures: Signatures }) {}

  /** Of all entries that were added, in whatever order they came. */
  get devices(): GroupDevices {
    return this.#devices;
  }

  /** Each entry once. @returns devices that are named now, those that were named under the same roots before among them. */
  async add(entries: readonly LogEntry[]): Promise<Device[]> {
    const carriers = entries.flatMap((entry) => carrierOf(entry) ?? []);
    for (const carrier of carriers)
      this.#carriers.set(carrier.root, [...(this.#carriers.get(carrier.root) ?? []), carrier]);
    const named: Device[] = [];
    for (const root of rootsOf(carriers)) {
      const chain = await this.#chainOf(this.#carriers.get(root) ?? []);
      if (!chain) continue;
      this.#chains.set(root, chain);
      named.push(...chain.chain.everyDevice);
    }
    if (named.length > 0) this.#devices = new GroupDevices(new Map(this.#chains));
    return named;
  }

  /** Devices that entries name which nobody has verified: a device's id is the hash of its keys, so nothing is lost by looking. */
  async named(entries: readonly LogEntry[]): Promise<Device[]> {
    const carriers = entries.flatMap((entry) => carrierOf(entry) ?? []);
    const named: Device[] = [];
    for (const root of rootsOf(carriers)) {
      const more = carriers.filter((carrier) => carrier.root === root);
      const chain = await this.#chainOf([...(this.#carriers.get(root) ?? []), ...more]);
      named.push(...(chain?.chain.everyDevice ?? []));
    }
    return named;
  }

  async #chainOf(carriers: readonly Carrier[]): Promise<GroupChain | undefined> {
    let lists: SignedDeviceList[] = [];
    let found: GroupChain | undefined;
    for (const { place, lists: more } of carriers.toSorted((a, b) => compareEntries(a.place, b.place))) {
      for (const list of more) {
        if (numberOf(list) !== lists.length) continue;
        const chain = await this.#verify([...lists, list]);
        if (!chain) continue;
        lists = [...lists, list];
        found = { lists, chain, place: found?.place ?? place };
      }
    }
    return found;
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
const rootsOf = (carriers: readonly Carrier[]): Set<PublicKey> => new Set(carriers.map(({ root }) => root));

function carrierOf(entry: LogEntry): Carrier | undefined {
  const { payload } = entry;
  if (payload.kind !== 'group-create' && payload.kind !== 'group-admit' && payload.kind !== 'group-devices')
    return undefined;
  const root = rootOf(payload.lists[0]);
  if (root === undefined || ('root' in payload && payload.root !== root)) return undefined;
  return { root, place: entry, lists: payload.lists };
}

const numberOf = (list: SignedDeviceList): number | undefined => bodyOf(list)?.number;
