/**
 * Says with which devices this one may be linked for the sake of groups, what such a link serves, and whom this device hands on to. It all follows from the
 * logs, from who is online, and from what is left to say between those who parted.
 */
import type { AccountId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { Device } from '../../protocol/people.ts';
import type { Group } from './group.ts';
import type { Joining } from './joining.ts';
import type { Leaving } from './leaving.ts';
import { neighbours } from './neighbours.ts';
import { nobody, type Parted } from './parted.ts';
import type { GroupPorts } from './ports.ts';

/** To whom something is handed on over links that are open. */
export interface HandsOnTo {
  /** Without this account's own devices: as long as each of them is linked, nobody else needs to be told. */
  wanted: ReadonlySet<DeviceId>;
  has(device: DeviceId): boolean;
}

export interface GroupLinksParts {
  all(): Group[];
  of(conversation: ConversationId): Group | undefined;
  joining: Joining;
  leaving: Leaving;
  parted: Parted;
}

export class GroupLinks {
  /** Found once for all who are online at a time. */
  readonly #near = new WeakMap<Group, { version: number; near: Set<DeviceId> }>();

  constructor(
    private readonly ports: GroupPorts,
    private readonly parts: GroupLinksParts,
  ) {}

  /** Whether this account is in the group, or has left it and nobody is known to have heard of it. */
  isAmong(group: Group): boolean {
    return group.me !== undefined || this.parts.leaving.has(group);
  }

  /** A member's device that this one may be linked with, or one of somebody who parted a moment ago. */
  allowed(device: DeviceId): { account: AccountId; device: Device } | undefined {
    for (const group of this.parts.all()) {
      const found = this.isAmong(group) ? group.device(device) : undefined;
      const account = found && group.accountOf(device);
      if (found && account !== undefined) return { account, device: found };
    }
    return this.parts.parted.get(device) ?? this.parts.joining.host(device);
  }

  isOnline(device: DeviceId): boolean {
    if (this.parts.joining.host(device)?.online) return true;
    return this.parts.all().some((group) => this.#isNamed(group, device));
  }

  /** Whether the server says that it is there, as that of a member. */
  #isNamed(group: Group, device: DeviceId): boolean {
    const account = group.accountOf(device);
    return account !== undefined && group.online(account).includes(device);
  }

  /** What a link to a device serves. Nobody gets the chat who is no member, nor asks for it who cannot read it. */
  conversationsWith(device: DeviceId): ConversationId[] {
    const { leaving, parted, joining } = this.parts;
    return this.parts.all().flatMap((group) => {
      if (this.ports.isMine(device)) return this.conversationsOf(group);
      if (group.me && group.device(device)) return this.conversationsOf(group);
      const servesLog =
        parted.of(group).has(device) ||
        (leaving.has(group) && group.device(device) !== undefined) ||
        (!group.me && joining.host(device)?.group === group.id);
      return servesLog ? [group.log] : [];
    });
  }

  conversationsOf(group: Group): ConversationId[] {
    return group.keys.some ? [group.log, group.chat] : [group.log];
  }

  /** Devices of members that this one hands on to, of all that are online. */
  neighbours(group: Group): Set<DeviceId> {
    const known = this.#near.get(group);
    if (known?.version === group.version) return known.near;
    const near = neighbours(this.ports.keys.id, this.online(group), group.id);
    this.#near.set(group, { version: group.version, near });
    return near;
  }

  /**
   * To whom what is new in a log or a chat is told: neighbours, this account's own, and of the log those who parted. An open link is better proof
   * that a member is there than the server, which names nobody while it is away, and few when it is just back: whom it does not name is told too.
   */
  handsOnTo(conversation: ConversationId): HandsOnTo | undefined {
    const group = this.parts.of(conversation);
    if (!group?.me) return undefined;
    const near = this.neighbours(group);
    // They may be let in again: an entry that was not told over their link while they were out would not be told later.
    const parted = conversation === group.log ? this.parts.parted.of(group) : nobody;
    const wanted = new Set([...near, ...parted.keys()]);
    const unnamed = (device: DeviceId) => group.device(device) !== undefined && !this.#isNamed(group, device);
    const has = (device: DeviceId) => wanted.has(device) || this.ports.isMine(device) || unnamed(device);
    return { wanted, has };
  }

  /** Devices of the other members that are online. */
  online(group: Group): DeviceId[] {
    const { account } = this.ports.own();
    return [...(group.membership?.members.keys() ?? [])].flatMap((other) =>
      other === account ? [] : group.online(other),
    );
  }

  /** Devices to ring while this account is about to join. */
  hosts(): DeviceId[] {
    return this.parts.joining.hosts();
  }
}
