/**
 * The contact book: what the server says of people, held against what this device has pinned. The server may reorder, withhold or lie;
 * keys only ever change here by a verified chain, or loudly.
 */
import type { AccountId, ConversationId, DeviceId, PublicKey } from '../../protocol/ids.ts';
import { shownName } from '../../protocol/names.ts';
import { limits } from '../../protocol/limits.ts';
import type { OwnPerson } from '../../protocol/own-facts.ts';
import type { Contact, Device, PublicAccount, Relation } from '../../protocol/people.ts';
import type { AcceptRule } from '../exchange/rules.ts';
import { factOf, gistOf, withFact } from '../devices/own-people.ts';
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
  /** When this device heard that the account was deleted. Says the server, so it is taken back as soon as there is word of the person again. */
  departedAt?: number;
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
  /** The root key that this person compared with theirs; it says nothing of another one. */
  verifiedRoot?: PublicKey;
  /** When that was said, or taken back. */
  verifiedAt?: number;
  /** Kept although it is in force only while the keys are verified. */
  acceptRule?: AcceptRule;
  /** Devices that this device saw being added after it knew the person, oldest first. */
  added?: { name: string; at: number }[];
  /** The gist of what the devices of this account were last told of the person (`own-people.ts`). */
  shared?: string;
}

/** Notices of added devices that are kept of a person. */
const addedMax = 16;

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
  readonly #online = new Map<AccountId, ReadonlySet<DeviceId>>();
  /** Who names a device in the newest list, who did so first in front. Anybody can name the public keys of somebody else. */
  readonly #claims = new Map<DeviceId, AccountId[]>();
  #turn: Promise<void> = Promise.resolve();
  #self: AccountId | undefined;

  constructor(
    private readonly ports: PeoplePorts,
    /** This account's root in force. */
    private readonly ownRoot: () => PublicKey,
    private readonly events: PeopleEvents,
  ) {}

  async load(): Promise<void> {
    for (const person of await this.ports.records.all()) this.#keep(person);
  }

  /** This account as a person: the other devices of it are whom one talks to, under the direct conversation of the root with itself. */
  keepSelf(account: PublicAccount, chain: VerifiedChain, device: DeviceId): Promise<void> {
    this.#self = account.id;
    return this.#inTurn(async () => {
      const before = this.#people.get(account.id);
      const keys = await this.#keysOf(chain, before, false);
      const self: Person = {
        account: account.id,
        handle: account.handle,
        displayName: shownName(account.displayName, limits.displayNameMaxLength),
        relation: 'accepted',
        since: before?.since ?? this.ports.now(),
        ...keys,
        devices: keys.devices.filter(({ id }) => id !== device),
      };
      if (JSON.stringify(self) === JSON.stringify(before)) return;
      await this.#save(self);
      this.#setOnline(account.id, [...this.online(account.id)]);
    });
  }

  isSelf(account: AccountId): boolean {
    return account === this.#self;
  }

  /** Takes what another device of this account says of a person. */
  learn(fact: OwnPerson): Promise<void> {
    return this.#inTurn(async () => {
      if (this.isSelf(fact.account)) return;
      const before = this.#people.get(fact.account);
      const own = { root: this.ownRoot(), hashes: this.ports.hashes, now: this.ports.now() };
      const person = await withFact(before, fact, own);
      const gist = gistOf(factOf(person));
      const shared = gist === gistOf(fact) ? gist : before?.shared;
      const learned = { ...person, ...(shared === undefined ? {} : { shared }) };
      if (JSON.stringify(learned) !== JSON.stringify(before)) await this.#save(learned);
    });
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

  /** The person whose newest list certifies this device. Of several the accepted contact counts, and of those who named it first. */
  byDevice(device: DeviceId): { person: Person; device: Device } | undefined {
    const people = (this.#claims.get(device) ?? []).flatMap((account) => this.#people.get(account) ?? []);
    const person = people.find(({ relation }) => relation === 'accepted') ?? people[0];
    const found = person?.devices.find(({ id }) => id === device);
    return person && found && { person, device: found };
  }

  online(account: AccountId): ReadonlySet<DeviceId> {
    return this.#online.get(account) ?? new Set();
  }

  /** The whole contact list of the server: who is missing in it is no contact any more. */
  snapshot(contacts: readonly Contact[]): Promise<void> {
    return this.#inTurn(async () => {
      const named = new Set(contacts.map((contact) => contact.account.id));
      const gone = this.all().filter(
        ({ account, relation }) => !named.has(account) && relation !== 'none' && !this.isSelf(account),
      );
      // One that cannot be stored must not keep the others from being heard.
      for (const contact of contacts)
        await this.#apply(contact).catch((problem: unknown) => this.events.refused(contact.account.id, problem));
      for (const person of gone) {
        this.#setOnline(person.account, []);
        await this.#save({ ...person, relation: 'none', since: this.ports.now() }).catch((problem: unknown) =>
          this.events.refused(person.account, problem),
        );
      }
    });
  }

  apply(contact: Contact): Promise<void> {
    return this.#inTurn(() => this.#apply(contact));
  }

  /** Who parted, or is gone: the server's lists do not tell the one from the other. */
  mayHaveDeparted(): AccountId[] {
    return this.all().flatMap(({ account, relation, departedAt }) =>
      relation === 'none' && departedAt === undefined ? [account] : [],
    );
  }

  /** These accounts were deleted. Of a contact that is not believed. */
  departed(accounts: readonly AccountId[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const account of accounts) {
        const person = this.#people.get(account);
        if (person?.relation === 'none') await this.#save({ ...person, departedAt: this.ports.now() });
      }
    });
  }

  /** A person found by handle, before anything is asked of them. */
  meet(account: PublicAccount): Promise<Person | undefined> {
    return this.#inTurn(async () => {
      const relation = this.#people.get(account.id)?.relation ?? 'none';
      const since = this.#people.get(account.id)?.since ?? this.ports.now();
      await this.#apply({ account, relation, since, online: [...this.online(account.id)] });
      return this.#people.get(account.id);
    });
  }

  /** Resolves when everything that was said of people until now is taken in. */
  settled(): Promise<void> {
    return this.#turn;
  }

  /** In turn with what is said of contacts: the contact that was said before must not undo it. Of nobody but contacts is it believed. */
  presence(account: AccountId, online: readonly DeviceId[], lastSeenAt?: number): Promise<void> {
    return this.#inTurn(async () => {
      const person = this.#people.get(account);
      if (person?.relation !== 'accepted') return;
      this.#setOnline(account, online);
      if (lastSeenAt === undefined || lastSeenAt === person.lastSeenAt) this.events.changed(account);
      else await this.#save({ ...person, lastSeenAt });
    });
  }

  /** The connection to the server is lost: nobody is known to be online. */
  nobodyOnline(): Promise<void> {
    return this.#inTurn(() => {
      const accounts = [...this.#online.keys()];
      this.#online.clear();
      for (const account of accounts) this.events.changed(account);
      return Promise.resolve();
    });
  }

  acknowledgeKeys(account: AccountId): Promise<void> {
    return this.#inTurn(async () => {
      const person = this.#people.get(account);
      if (person) await this.#save({ ...person, keysAcknowledged: true });
    });
  }

  /** The person compared the keys that are in force, or takes that back. */
  setVerified(account: AccountId, verified: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const person = this.#people.get(account);
      if (!person) return;
      const { verifiedRoot: _, ...rest } = person;
      // What was said last counts on every device of this account, though a clock is off.
      const bare = { ...rest, verifiedAt: Math.max(this.ports.now(), (person.verifiedAt ?? 0) + 1) };
      await this.#save(
        verified
          ? { ...bare, verifiedRoot: person.pin.root, ...(person.keysChangedAt ? { keysAcknowledged: true } : {}) }
          : bare,
      );
    });
  }

  setAcceptRule(account: AccountId, rule: AcceptRule | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const person = this.#people.get(account);
      if (!person) return;
      const { acceptRule: _, ...bare } = person;
      await this.#save(rule ? { ...bare, acceptRule: rule } : bare);
    });
  }

  /** After this account's own root changed: every direct conversation has another id. */
  rekey(): Promise<void> {
    return this.#inTurn(async () => {
      for (const person of this.all()) {
        if (this.isSelf(person.account)) continue;
        const conversation = await directConversation(this.ownRoot(), person.pin.root, this.ports.hashes);
        if (conversation !== person.conversation)
          await this.#save({ ...person, conversation, earlier: earlierOf(person, conversation) });
      }
    });
  }

  async #apply(contact: Contact): Promise<void> {
    const { account, relation, since } = contact;
    if (this.isSelf(account.id)) return; // it is known from its own chain
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
    const keys =
      before && (standing === 'same' || standing === 'older')
        ? before
        : await this.#keysOf(chain, before, standing === 'changed');
    const id = account.id;
    const lastSeenAt = contact.lastSeenAt ?? before?.lastSeenAt;
    const saved = this.#save({
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
      ...(before?.verifiedRoot === undefined ? {} : { verifiedRoot: before.verifiedRoot }),
      ...(before?.verifiedAt === undefined ? {} : { verifiedAt: before.verifiedAt }),
      ...(before?.acceptRule === undefined ? {} : { acceptRule: before.acceptRule }),
      ...(keys.added === undefined ? {} : { added: keys.added }),
      ...(before?.shared === undefined ? {} : { shared: before.shared }),
      ...(keys.keysChangedAt === undefined
        ? {}
        : {
            keysChangedAt: keys.keysChangedAt,
            keysAcknowledged: standing !== 'changed' && before?.keysAcknowledged === true,
          }),
    });
    // Who is online does not wait for the storage, nor depend on it.
    this.#setOnline(id, relation === 'accepted' ? contact.online : []);
    this.events.changed(id);
    await saved;
  }

  async #keysOf(chain: VerifiedChain, before: Person | undefined, changed: boolean) {
    const conversation = await directConversation(this.ownRoot(), chain.newest.root, this.ports.hashes);
    const known = new Map(before?.everyDevice.map((device) => [device.id, device]));
    for (const device of chain.everyDevice) known.set(device.id, device);
    const keysChangedAt = changed ? this.ports.now() : before?.keysChangedAt;
    // Under other keys everything is new, and that is told loudly enough.
    const fresh = before && !changed ? chain.newest.devices.filter((one) => !isKnown(before, one)) : [];
    const notices = fresh.map(({ name }) => ({ name: shownName(name), at: this.ports.now() }));
    const added = [...(before?.added ?? []), ...notices].slice(-addedMax);
    return {
      pin: pinOf(chain),
      devices: chain.newest.devices,
      everyDevice: [...known.values()],
      conversation,
      earlier: before ? earlierOf(before, conversation) : [],
      ...(added.length > 0 ? { added } : {}),
      ...(keysChangedAt !== undefined ? { keysChangedAt } : {}),
    };
  }

  /** In memory at once: a block or a revoked device must count although the storage is full. */
  async #save(person: Person): Promise<void> {
    this.#keep(person);
    this.events.changed(person.account);
    await this.ports.records.put(person.account, person);
  }

  #keep(person: Person): void {
    const { account } = person;
    const devices = new Set(person.devices.map(({ id }) => id));
    for (const { id } of this.#people.get(account)?.devices ?? []) {
      if (devices.has(id)) continue;
      const left = this.#claims.get(id)?.filter((other) => other !== account) ?? [];
      if (left.length > 0) this.#claims.set(id, left);
      else this.#claims.delete(id);
    }
    this.#people.set(account, person);
    for (const id of devices) {
      const claims = this.#claims.get(id) ?? [];
      if (!claims.includes(account)) this.#claims.set(id, [...claims, account]);
    }
  }

  #setOnline(account: AccountId, devices: readonly DeviceId[]): void {
    const before = this.online(account);
    const person = this.#people.get(account);
    const certified = devices.filter((device) => person?.devices.some(({ id }) => id === device));
    if (certified.length > 0) this.#online.set(account, new Set(certified));
    else this.#online.delete(account);
    const fresh = certified.filter((device) => !before.has(device));
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

const isKnown = (person: Person, device: Device): boolean => person.everyDevice.some(({ id }) => id === device.id);

/** The conversations before `next`; a person who goes back and forth between keys does not make the list grow. */
function earlierOf({ conversation, earlier }: Person, next: ConversationId): ConversationId[] {
  if (conversation === next) return earlier;
  return [...earlier.filter((id) => id !== next && id !== conversation), conversation];
}
