/** Who is connected, in memory: every connection by account, and for each proven device its one connection. */
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import type { Connection } from './connection.ts';

export class Directory {
  readonly #connections = new Map<AccountId, Set<Connection>>();
  readonly #devices = new Map<AccountId, Map<DeviceId, Connection>>();

  add(connection: Connection): void {
    const known = this.#connections.get(connection.account);
    if (known) known.add(connection);
    else this.#connections.set(connection.account, new Set([connection]));
  }

  /** @returns whether a device went offline with it. */
  remove(connection: Connection): boolean {
    const left = this.#connections.get(connection.account);
    left?.delete(connection);
    if (left?.size === 0) this.#connections.delete(connection.account);
    return this.unprove(connection);
  }

  /** @returns the connection that the device had before. */
  prove(connection: Connection, device: DeviceId): Connection | undefined {
    let devices = this.#devices.get(connection.account);
    if (!devices) this.#devices.set(connection.account, (devices = new Map<DeviceId, Connection>()));
    const before = devices.get(device);
    if (before) before.device = undefined;
    connection.device = device;
    devices.set(device, connection);
    return before === connection ? undefined : before;
  }

  unprove(connection: Connection): boolean {
    const { account, device } = connection;
    connection.device = undefined;
    const devices = this.#devices.get(account);
    if (device === undefined || devices?.get(device) !== connection) return false;
    devices.delete(device);
    if (devices.size === 0) this.#devices.delete(account);
    return true;
  }

  /** Connections of an account, proven or not. */
  connectionsOf(account: AccountId): readonly Connection[] {
    return [...(this.#connections.get(account) ?? [])];
  }

  countOf(account: AccountId): number {
    return this.#connections.get(account)?.size ?? 0;
  }

  /** Connections of proven devices. */
  provenOf(account: AccountId): readonly Connection[] {
    return [...(this.#devices.get(account)?.values() ?? [])];
  }

  device(account: AccountId, device: DeviceId): Connection | undefined {
    return this.#devices.get(account)?.get(device);
  }

  online(account: AccountId): DeviceId[] {
    return [...(this.#devices.get(account)?.keys() ?? [])];
  }

  accountsOnline(): AccountId[] {
    return [...this.#devices.keys()];
  }

  *all(): Generator<Connection> {
    for (const connections of this.#connections.values()) yield* connections;
  }
}
