/**
 * Owns what this device knows of its own account: the server's last word on it, the verified chain of its device lists, and the lists that this
 * device adds to the chain. The server cannot take the account over: a chain of other keys than those known here is refused.
 */
import { ProtocolError } from '../../protocol/errors.ts';
import type { OwnAccount } from '../../protocol/http.ts';
import type { AccountId, DeviceId, PublicKey } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { shownName } from '../../protocol/names.ts';
import type { Device, DeviceListBody } from '../../protocol/people.ts';
import { Serial } from '../feed/serial.ts';
import {
  compareToPin,
  listAfter,
  listWith,
  pinOf,
  signList,
  verifyChain,
  type VerifiedChain,
} from '../identity/device-list.ts';
import { done, type Outcome } from '../outcome.ts';
import type { Person } from '../people/people.ts';
import type { DeviceKeys, Hashes, Signatures } from '../ports.ts';
import type { Signaling } from '../signaling.ts';

export interface LocalAccountPorts {
  hashes: Hashes;
  signatures: Signatures;
  keys: DeviceKeys;
  request: Signaling['request'];
  /** This account as a person, once it was kept. */
  self(): Person | undefined;
  keepSelf(account: OwnAccount, chain: VerifiedChain, device: DeviceId): Promise<void>;
  /** The server's word was taken in. */
  changed(account: OwnAccount): void;
}

export class LocalAccount {
  /** What the server says is verified in the order in which it came. */
  readonly #line = new Serial();
  #account: OwnAccount;
  #chain: VerifiedChain;

  constructor(
    known: { account: OwnAccount; chain: VerifiedChain },
    private readonly ports: LocalAccountPorts,
  ) {
    this.#account = known.account;
    this.#chain = known.chain;
  }

  get account(): OwnAccount {
    return this.#account;
  }

  get id(): AccountId {
    return this.#account.id;
  }

  get root(): PublicKey {
    return this.#chain.newest.root;
  }

  /** The devices of this account, this one among them. */
  get devices(): readonly Device[] {
    return this.#chain.newest.devices;
  }

  /** Those too that are none any more: what they signed stays valid. */
  get everyDevice(): readonly Device[] {
    return this.#chain.everyDevice;
  }

  /** This device, once it is in the list. */
  get here(): Device | undefined {
    return this.devices.find(({ id }) => id === this.ports.keys.id);
  }

  isMine(device: DeviceId): boolean {
    return (
      device === this.ports.keys.id ||
      this.#chain.everyDevice.some((own) => own.id === device) ||
      // Of an earlier root, as this device or another one remembers it.
      this.ports.self()?.everyDevice.some((own) => own.id === device) === true
    );
  }

  keepSelf(): Promise<void> {
    return this.ports.keepSelf(this.#account, this.#chain, this.ports.keys.id);
  }

  /** @throws ProtocolError when the server names other keys than those with which this device works: then nothing of it is believed. */
  take(account: OwnAccount): Promise<void> {
    return this.#line.run(async () => {
      const chain = await verifyChain(account.lists, this.ports);
      const standing = compareToPin(pinOf(this.#chain), chain);
      if (account.id !== this.#account.id || standing === 'changed')
        throw new ProtocolError('not-allowed', 'another account than this device is of');
      if (standing === 'older') return;
      this.#account = account;
      this.#chain = chain;
      await this.keepSelf();
      this.ports.changed(account);
    });
  }

  add(device: Device): Promise<Outcome> {
    return this.#append((chain) => listWith(chain, device));
  }

  async rename(device: DeviceId, name: string): Promise<Outcome> {
    const clean = shownName(name, limits.deviceNameMaxLength);
    if (!clean) return { ok: false, error: { code: 'malformed' } };
    if (this.devices.every((own) => own.id !== device || own.name === clean)) return done;
    return this.#change((devices) => devices.map((own) => (own.id === device ? { ...own, name: clean } : own)));
  }

  /** Contacts and the server stop accepting the device; what it has it keeps. */
  async revoke(device: DeviceId): Promise<Outcome> {
    if (device === this.ports.keys.id) return { ok: false, error: { code: 'not-allowed' } };
    return this.#change((devices) => devices.filter((own) => own.id !== device));
  }

  /** Takes this device out of the list, as the last thing it does. The only device stays: a list cannot be empty. */
  async removeThisDevice(): Promise<Outcome> {
    if (this.devices.length < 2) return done;
    return this.#change((devices) => devices.filter((own) => own.id !== this.ports.keys.id));
  }

  #change(change: (devices: Device[]) => Device[]): Promise<Outcome> {
    return this.#append((chain) => listAfter(chain, change([...chain.newest.devices])));
  }

  async #append(make: (chain: VerifiedChain) => DeviceListBody): Promise<Outcome> {
    const account = this.#account;
    const { id: signer } = this.ports.keys;
    const body = make(this.#chain);
    if (body.devices.length > limits.devicesPerAccount || body.number >= limits.deviceListsPerAccount)
      return { ok: false, error: { code: 'too-large' } };
    const list = await signList(body, { signer, sign: (message) => this.ports.keys.sign(message) });
    const answer = await this.ports.request('devices:append', { list });
    if (!answer.ok) return answer;
    await this.take({ ...account, lists: [...account.lists, list] });
    return done;
  }
}
