/**
 * The contact book: what the server says of people, held against what this device has pinned. The server may reorder, withhold or lie;
 * keys only ever change here by a verified chain, or loudly.
 */
import type { AccountId, ConversationId, DeviceId, PublicKey } from '../../protocol/ids.ts';
import { shownName } from '../../protocol/names.ts';
import { limits } from '../../protocol/limits.ts';
import type { Contact, Device, PublicAccount, Relation } from '../../protocol/people.ts';
import { directConversation } from '../identity/conversation-id.ts';
import { compareToPin, pinOf, verifyChain, type Pin, type VerifiedChain } from '../identity/device-list.ts';
import type { Hashes, Signatures } from '../ports.ts';
import type { Records } from '../records.ts';

export interface Person {
  account: AccountId;
  handle: string;
  displayName: string;
  relation: Relation;
  since: number;
  lastSeenAt?: number;
  pin: Pin;
  /** Devices of the newest verified list. */
  devices: Device[];
  /** Every device that was ever certified; their entries stay valid. */
  everyDevice: Device[];
  /** The direct conversation under the keys in force, and those under earlier keys, oldest first. */
  conversation: ConversationId;
  earlier: ConversationId[];
  /** When the keys last changed, and whether the person has seen to it. */
  keysChangedAt?: number;
  keysAcknowledged?: boolean;
}

export interface PeopleEvents {
  /** A person appeared, changed or went away. */
  changed(account: AccountId): void;
  /** Devices of a contact that were not online before are now. */
  cameOnline(person: Person, devices: DeviceId[]): void;
  /** The server's word does not fit what is pinned or is not well formed; nothing was applied. */
  refused(account: AccountId, problem: unknown): void;
}

export interface PeoplePorts {
  hashes: Hashes;
  signatures: Signatures;
  records: Records<Person>;
  now(): number;
}

export class People {
  readonly #people = new Map<AccountId, Person>();
  readonly #online = new Map<AccountId, Set<DeviceId>>();
  readonly #byDevice = new Map<DeviceId, { person: Person; device: Device }>();
  #turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly ports: PeoplePorts,
    /** This account's root in force. */
    private readonly ownRoot: () => PublicKey,
    private readonly events: PeopleEvents,
  ) {}

  async load(): Promise<void> {
    for (const person of await this.ports.records.all()) this.#keep(person);
  }

  get(account: AccountId): Person | undefined {
    return this.#people.get(account);
  }

  all(): Person[] {
    return [...this.#people.values()];
  }

  byHandle(handle: string): Person | undefined {
    return this.all().find((person) => person.handle === handle);
  }

  byConversation(conversation: ConversationId): Person | undefined {
    return this.all().find((person) => person.conversation === conversation || person.earlier.includes(conversation));
  }

  /** The person whose newest list certifies this device. */
  byDevice(device: DeviceId): { person: Person; device: Device } | undefined {
    return this.#byDevice.get(device);
  }

  online(account: AccountId): ReadonlySet<DeviceId> {
    return this.#online.get(account) ?? new Set();
  }

  /** The whole contact list of the server: who is missing in it is no contact any more. */
  snapshot(contacts: readonly Contact[]): Promise<void> {
    return this.#inTurn(async () => {
      const named = new Set(contacts.map((contact) => contact.account.id));
      for (const contact of contacts) await this.#apply(contact);
      for (const person of this.all())
        if (!named.has(person.account) && person.relation !== 'none') await this.#save({ ...person, relation: 'none', since: this.ports.now() });
    });
  }

  apply(contact: Contact): Promise<void> {
    return this.#inTurn(() => this.#apply(contact));
  }

  /** A person found by handle, before anything is asked of them. */
  meet(account: PublicAccount): Promise<Person | undefined> {
    return this.#inTurn(async () => {
      const relation = this.#people.get(account.id)?.relation ?? 'none';
      await this.#apply({ account, relation, since: this.ports.now(), online: [...this.online(account.id)] });
      return this.#people.get(account.id);
    });
  }

  /** Resolves when everything that was said of people until now is taken in. */
  settled(): Promise<void> {
    return this.#turn;
  }

  presence(account: AccountId, online: readonly DeviceId[], lastSeenAt?: number): void {
    this.#setOnline(account, online);
    const person = this.#people.get(account);
    if (person && lastSeenAt !== undefined && lastSeenAt !== person.lastSeenAt) {
      person.lastSeenAt = lastSeenAt;
      void this.ports.records.put(account, person).catch((problem: unknown) => this.events.refused(account, problem));
    }
    this.events.changed(account);
  }

  /** The connection to the server is lost: nobody is known to be online. */
  nobodyOnline(): void {
    for (const account of this.#online.keys()) {
      this.#online.delete(account);
      this.events.changed(account);
    }
  }

  acknowledgeKeys(account: AccountId): Promise<void> {
    return this.#inTurn(async () => {
      const person = this.#people.get(account);
      if (person) await this.#save({ ...person, keysAcknowledged: true });
    });
  }

  /** After this account's own root changed: every direct conversation has another id. */
  rekey(): Promise<void> {
    return this.#inTurn(async () => {
      for (const person of this.all()) {
        const conversation = await directConversation(this.ownRoot(), person.pin.root, this.ports.hashes);
        if (conversation !== person.conversation)
          await this.#save({ ...person, conversation, earlier: [...person.earlier.filter((id) => id !== conversation), person.conversation] });
      }
    });
  }

  async #apply(contact: Contact): Promise<void> {
    const { account, relation, since } = contact;
    const before = this.#people.get(account.id);
    let chain: VerifiedChain;
    try {
      chain = await verifyChain(account.lists, this.ports);
    } catch (problem) {
      this.events.refused(account.id, problem);
      return;
    }
    const names = { handle: account.handle, displayName: shownName(account.displayName, limits.displayNameMaxLength) };
    const standing = before ? compareToPin(before.pin, chain) : 'newer';
    const keys = before && (standing === 'same' || standing === 'older') ? before : await this.#keysOf(chain, before, standing === 'changed');
    const id = account.id;
    const lastSeenAt = contact.lastSeenAt ?? before?.lastSeenAt;
    await this.#save({
      account: id,
      ...names,
      relation,
      since,
      ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
      pin: keys.pin,
      devices: keys.devices,
      everyDevice: keys.everyDevice,
      conversation: keys.conversation,
      earlier: keys.earlier,
      ...(keys.keysChangedAt === undefined ? {} : { keysChangedAt: keys.keysChangedAt, keysAcknowledged: standing !== 'changed' && before?.keysAcknowledged === true }),
    });
    this.#setOnline(id, relation === 'accepted' ? contact.online : []);
    this.events.changed(id);
  }

  async #keysOf(chain: VerifiedChain, before: Person | undefined, changed: boolean) {
    const conversation = await directConversation(this.ownRoot(), chain.newest.root, this.ports.hashes);
    const known = new Map(before?.everyDevice.map((device) => [device.id, device]));
    for (const device of chain.everyDevice) known.set(device.id, device);
    const keysChangedAt = changed ? this.ports.now() : before?.keysChangedAt;
    return {
      pin: pinOf(chain),
      devices: chain.newest.devices,
      everyDevice: [...known.values()],
      conversation,
      earlier: before && before.conversation !== conversation ? [...before.earlier, before.conversation] : (before?.earlier ?? []),
      ...(keysChangedAt !== undefined ? { keysChangedAt } : {}),
    };
  }

  async #save(person: Person): Promise<void> {
    await this.ports.records.put(person.account, person);
    this.#keep(person);
    this.events.changed(person.account);
  }

  #keep(person: Person): void {
    const before = this.#people.get(person.account);
    for (const device of before?.devices ?? []) this.#byDevice.delete(device.id);
    this.#people.set(person.account, person);
    for (const device of person.devices) this.#byDevice.set(device.id, { person, device });
  }

  #setOnline(account: AccountId, devices: readonly DeviceId[]): void {
    const before = this.online(account);
    this.#online.set(account, new Set(devices));
    const fresh = devices.filter((device) => !before.has(device));
    const person = this.#people.get(account);
    if (person && fresh.length > 0) this.events.cameOnline(person, fresh);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.then(
      () => undefined,
      () => undefined, // the caller gets the rejection; the next in turn must not
    );
    return result;
  }
}
