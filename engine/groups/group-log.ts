/**
 * Owns what this device knows of one group's log: verifies what needs a signature, once, and folds the rest. The result depends only on
 * which entries were added, not on their order.
 */
import { toBase64, type Bytes } from '../../protocol/bytes.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { Device } from '../../protocol/people.ts';
import type { Hashes, Signatures } from '../ports.ts';
import type { GroupDevices } from './group-devices.ts';
import { ChainReader } from './group-devices.ts';
import { founds, isOf, joinMessage, type LogEntry, type LogEntryOf } from './log-entry.ts';
import { foldMembership, type Membership } from './membership.ts';

export interface GroupState {
  membership: Membership;
  devices: GroupDevices;
}

export class GroupLog {
  readonly #entries = new Map<string, LogEntry>();
  readonly #chains: ChainReader;
  readonly #proofs = new Map<string, boolean>();
  #founding: LogEntryOf<'group-create'> | undefined;

  constructor(
    readonly id: ConversationId,
    private readonly ports: { hashes: Hashes; signatures: Signatures },
  ) {
    this.#chains = new ChainReader(ports);
  }

  /** Entries whose authors' signatures were verified; one that is there already changes nothing. */
  async add(entries: readonly LogEntry[]): Promise<void> {
    for (const entry of entries) {
      this.#entries.set(`${entry.device} ${entry.sequence}`, entry);
      if (isOf(entry, 'group-create') && !this.#founding && (await founds(entry, this.id, this.ports.hashes)))
        this.#founding = entry;
    }
  }

  /** Undefined while the entry that founds the group is not there. */
  async state(): Promise<GroupState | undefined> {
    const founding = this.#founding;
    if (!founding) return undefined;
    const entries = [...this.#entries.values()];
    const devices = await this.#chains.read(entries);
    // Whoever signed the founding entry has to be a device of the root that the id names.
    if (!devices.claimants(founding.device).includes(founding.payload.root)) return undefined;
    await this.#prove(entries);
    const membership = foldMembership({
      founding,
      entries,
      devices,
      proven: (admission, key) => this.#proofs.get(proofKey(admission, key)) === true,
    });
    return { membership, devices };
  }

  /** Devices that these entries and those that are here name, whether they count or not: a device's id is the hash of its keys. */
  async namedDevices(more: readonly LogEntry[] = []): Promise<Iterable<Device>> {
    return (await this.#chains.read([...this.#entries.values(), ...more])).every();
  }

  has(device: DeviceId, sequence: number): boolean {
    return this.#entries.has(`${device} ${sequence}`);
  }

  async #prove(entries: readonly LogEntry[]): Promise<void> {
    const keys = new Map<string, Bytes[]>();
    for (const entry of entries)
      if (isOf(entry, 'group-invite')) {
        const { invitation, key } = entry.payload;
        keys.set(invitation, [...(keys.get(invitation) ?? []), key]);
      }
    for (const entry of entries) {
      if (!isOf(entry, 'group-admit')) continue;
      const { invitation, account, root, proof } = entry.payload;
      for (const key of keys.get(invitation) ?? []) {
        const name = proofKey(entry, key);
        if (this.#proofs.has(name)) continue;
        const proven = await this.ports.signatures.verify(key, joinMessage(invitation, account, root), proof);
        this.#proofs.set(name, proven);
      }
    }
  }
}

const proofKey = (admission: LogEntry, key: Bytes): string => `${admission.hash} ${toBase64(key)}`;
