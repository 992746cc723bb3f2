/**
 * Owns what this device knows of one group's log: verifies what needs a signature, once, and folds the rest. The result depends only on
 * which entries were added, not on their order.
 */
import { toBase64, type Bytes } from '../../protocol/bytes.ts';
import type { ConversationId, DeviceId, InvitationId } from '../../protocol/ids.ts';
import type { Device } from '../../protocol/people.ts';
import { compareEntries } from '../feed/order.ts';
import type { Hashes, Signatures } from '../ports.ts';
import type { GroupDevices } from './group-devices.ts';
import { ChainReader } from './group-devices.ts';
import { founds, isOf, joinMessage, type LogEntry, type LogEntryOf } from './log-entry.ts';
import { foldMembership, type Membership } from './membership.ts';

export interface GroupState {
  membership: Membership;
  devices: GroupDevices;
  /** Devices of the members' newest lists. */
  current: ReadonlyMap<DeviceId, Device>;
}

export class GroupLog {
  readonly #known = new Set<string>();
  /** In the order of the log. */
  readonly #entries: LogEntry[] = [];
  readonly #chains: ChainReader;
  readonly #keys = new Map<InvitationId, Bytes[]>();
  readonly #admissions = new Map<InvitationId, LogEntryOf<'group-admit'>[]>();
  readonly #proofs = new Map<string, boolean>();
  #founding: LogEntryOf<'group-create'> | undefined;
  #state: GroupState | undefined;

  constructor(
    readonly id: ConversationId,
    private readonly ports: { hashes: Hashes; signatures: Signatures },
  ) {
    this.#chains = new ChainReader(ports);
  }

  /** Entries whose authors' signatures were verified; one that is there already changes nothing. @returns devices that they name. */
  async add(entries: readonly LogEntry[]): Promise<Device[]> {
    const fresh = entries.filter((entry) => {
      const name = nameOf(entry);
      return !this.#known.has(name) && this.#known.add(name);
    });
    if (fresh.length === 0) return [];
    this.#state = undefined;
    this.#entries.push(...fresh);
    this.#entries.sort(compareEntries);
    for (const entry of fresh) {
      if (isOf(entry, 'group-create') && !this.#founding && (await founds(entry, this.id, this.ports.hashes)))
        this.#founding = entry;
      await this.#prove(entry);
    }
    return this.#chains.add(fresh);
  }

  /** Undefined while the entry that founds the group is not there. The same object as long as nothing was added. */
  state(): GroupState | undefined {
    const founding = this.#founding;
    if (!founding) return undefined;
    const { devices } = this.#chains;
    // Whoever signed the founding entry has to be a device of the root that the id names.
    if (!devices.claimants(founding.device).includes(founding.payload.root)) return undefined;
    return (this.#state ??= this.#fold(founding, devices));
  }

  /** Devices that entries name which nobody has verified. */
  named(entries: readonly LogEntry[]): Promise<Device[]> {
    return this.#chains.named(entries);
  }

  #fold(founding: LogEntryOf<'group-create'>, devices: GroupDevices): GroupState {
    const membership = foldMembership({
      founding,
      entries: this.#entries,
      devices,
      proven: (admission, key) => this.#proofs.get(proofKey(admission, key)) === true,
    });
    const members = [...membership.members.values()].flatMap(({ root }) => devices.current(root) ?? []);
    return { membership, devices, current: new Map(members.map((device) => [device.id, device])) };
  }

  async #prove(entry: LogEntry): Promise<void> {
    if (isOf(entry, 'group-invite')) {
      const { invitation, key } = entry.payload;
      this.#keys.set(invitation, [...(this.#keys.get(invitation) ?? []), key]);
      for (const admission of this.#admissions.get(invitation) ?? []) await this.#verify(admission, key);
    } else if (isOf(entry, 'group-admit')) {
      const { invitation } = entry.payload;
      const admissions = this.#admissions.get(invitation);
      if (admissions) admissions.push(entry);
      else this.#admissions.set(invitation, [entry]);
      for (const key of this.#keys.get(invitation) ?? []) await this.#verify(entry, key);
    }
  }

  async #verify(admission: LogEntryOf<'group-admit'>, key: Bytes): Promise<void> {
    const { invitation, account, root, proof } = admission.payload;
    const name = proofKey(admission, key);
    if (this.#proofs.has(name)) return;
    this.#proofs.set(name, await this.ports.signatures.verify(key, joinMessage(invitation, account, root), proof));
  }
}

const nameOf = ({ device, sequence }: LogEntry): string => `${device} ${sequence}`;
const proofKey = (admission: LogEntry, key: Bytes): string => `${admission.hash} ${toBase64(key)}`;
