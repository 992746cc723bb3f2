/**
 * The signaling server in memory, as `protocol/events.ts` describes it: accounts and relations are durable, connections, presence and
 * knocks are not. What it says on one connection arrives in order, after a delay. It trusts nobody and checks what the real one checks, but
 * for sizes and rates.
 */
import type { Result } from '../../protocol/errors.ts';
import {
  clientEvents,
  type ClientEventName,
  type ClientRequest,
  type ClientResponse,
  type ServerEvent,
} from '../../protocol/events.ts';
import type { AccountId, DeviceId, PlaceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Contact, NearbyPerson, Relation, SignedDeviceList } from '../../protocol/people.ts';
import * as v from 'valibot';
import type { Clock } from '../ports.ts';
import type { Answer, Signaling, SignalingEvents } from '../signaling.ts';
import type { TestAccount } from './accounts.ts';
import { MemoryGroups, type GroupRequest } from './memory-groups.ts';

type Stance = 'none' | 'wants' | 'declined' | 'blocked';
type Knock = ServerEvent<'knock'> & { to: DeviceId };

export class MemorySignaling {
  readonly accounts = new Map<AccountId, TestAccount>();
  readonly #owners = new Map<DeviceId, AccountId>();
  readonly #stances = new Map<string, Stance>();
  readonly #connections = new Map<DeviceId, Connection>();
  readonly #deleted = new Set<AccountId>();
  readonly #nearby = new Map<DeviceId, PlaceId>();
  /** The network of a device. */
  placeOf = (_device: DeviceId): PlaceId => 'A'.repeat(22) as PlaceId;
  readonly clients = new Set<Client>();
  knocks: Knock[] = [];
  /** Who has a handle; a lying server names somebody else. */
  found = (handle: string): TestAccount | undefined =>
    [...this.accounts.values()].find((account) => account.handle === handle);
  up = true;
  delayMs = 5;
  /** Of devices that are further away than the others. */
  readonly delaysMs = new Map<DeviceId, number>();
  reconnectMs = 700;
  /** Browsers that ask to become devices. */
  readonly guests = new Map<DeviceId, { account: AccountId; take(event: ServerEvent<'approval'>): void }>();
  /** What a lying server makes of a step of an approval. */
  tampered = (event: ServerEvent<'approval'>): ServerEvent<'approval'> => event;
  /** Every box that passed, in order. */
  readonly relayed: { kind: 'signal' | 'knock'; from: DeviceId; to: DeviceId; box: string }[] = [];

  readonly groups: MemoryGroups;

  constructor(readonly clock: Clock) {
    const { accounts } = this;
    const online = (account: AccountId) => this.online(account);
    this.groups = new MemoryGroups({ accounts, online, say: (...args) => this.say(...args), now: () => clock.now() });
  }

  async register(account: TestAccount): Promise<void> {
    this.accounts.set(account.id, account);
    for (const { id } of await account.devices()) this.#owners.set(id, account.id);
  }

  /** The account's lists or root changed: everybody who may know is told. */
  async accountChanged(account: TestAccount): Promise<void> {
    await this.register(account);
    const devices = new Set((await account.devices()).map(({ id }) => id));
    for (const connection of [...this.#connections.values()]) {
      if (connection.account === account.id && !devices.has(connection.device))
        connection.client.stop('unknown-device');
      else if (connection.account === account.id) connection.say((events) => events.account(account.own));
      else if (!['none', 'blocked'].includes(this.relation(connection.account, account.id)))
        connection.say((events) => events.contact(this.contact(connection.account, account.id)));
    }
    this.groups.changed(account.id);
  }

  #knows(viewer: AccountId, other: AccountId): boolean {
    return this.relation(viewer, other) === 'accepted' || this.groups.fellows(viewer).has(other);
  }

  /** The account is gone, with all that others had of it. */
  delete(id: AccountId): void {
    const viewers = [...this.accounts.keys()].filter((viewer) => viewer !== id && this.relation(viewer, id) !== 'none');
    const last = new Map(viewers.map((viewer) => [viewer, this.contact(viewer, id)]));
    for (const key of this.#stances.keys()) if (key.split(' ').includes(id)) this.#stances.delete(key);
    const groups = this.groups.without(id);
    this.accounts.delete(id);
    this.#deleted.add(id);
    for (const connection of [...this.#connections.values()]) {
      const contact = last.get(connection.account);
      if (connection.account === id) connection.client.stop('deleted');
      else if (contact) connection.say((events) => events.contact({ ...contact, relation: 'none', online: [] }));
    }
    for (const tell of groups) tell();
  }

  befriend(a: AccountId, b: AccountId): void {
    this.#stances.set(`${a} ${b}`, 'wants');
    this.#stances.set(`${b} ${a}`, 'wants');
  }

  relation(viewer: AccountId, other: AccountId): Relation {
    const mine = this.#stances.get(`${viewer} ${other}`) ?? 'none';
    const theirs = this.#stances.get(`${other} ${viewer}`) ?? 'none';
    if (mine === 'blocked') return 'blocked';
    if (mine === 'wants') return theirs === 'wants' ? 'accepted' : 'outgoing';
    return mine === 'none' && theirs === 'wants' ? 'incoming' : 'none';
  }

  contact(viewer: AccountId, other: AccountId): Contact {
    const relation = this.relation(viewer, other);
    const account = this.accounts.get(other);
    if (!account) throw new Error('no such account');
    return {
      account: account.public,
      relation,
      since: Math.floor(this.clock.now()),
      online: relation === 'accepted' ? this.online(other) : [],
    };
  }

  online(account: AccountId): DeviceId[] {
    return [...this.#connections.values()].filter((one) => one.account === account).map((one) => one.device);
  }

  /** SIGKILL: connections and knocks are gone. */
  kill(): void {
    this.up = false;
    this.knocks = [];
    this.#nearby.clear();
    for (const connection of [...this.#connections.values()]) connection.client.dropped();
    this.#connections.clear();
  }

  start(): void {
    this.up = true;
  }

  /** The port of one process of a device. */
  connector(account: AccountId, device: DeviceId, clock: Clock): (events: SignalingEvents) => Signaling {
    return (events) => {
      const client = new Client(this, account, device, clock, events);
      this.clients.add(client);
      client.connectLater(this.delayMs);
      return client;
    };
  }

  /** A guest asks a device of its account. @returns whether it is there. */
  ask(to: DeviceId, event: ServerEvent<'approval'>): boolean {
    if (!this.#connections.has(to)) return false;
    this.say(to, (events) => events.approval(this.tampered(event)));
    return true;
  }

  /** Says something to a device as this server would, true or not. */
  say(device: DeviceId, what: (events: SignalingEvents) => void): void {
    this.#connections.get(device)?.say(what);
  }

  async connect(client: Client): Promise<void> {
    const account = this.accounts.get(client.account);
    const devices = await account?.devices();
    if (!account || !devices?.some(({ id }) => id === client.device)) {
      client.stop('unknown-device');
      return;
    }
    if (!this.up) {
      client.connectLater(this.reconnectMs);
      return;
    }
    this.#connections.get(client.device)?.client.stop('replaced');
    const connection = new Connection(client, this.delayTo(client));
    this.#connections.set(client.device, connection);
    client.connection = connection;
    const contacts = [...this.accounts.keys()]
      .filter((other) => other !== client.account && this.relation(client.account, other) !== 'none')
      .map((other) => this.contact(client.account, other));
    const serverAheadMs = this.clock.now() - connection.client.clock.now();
    connection.say((events) => events.ready({ account: account.own, contacts, serverAheadMs }));
    this.#presence(client.account);
    this.#devices(client.account);
    for (const knock of this.knocks.filter(({ to }) => to === client.device)) this.#deliver(knock);
  }

  delayTo({ device }: Client): number {
    return this.delaysMs.get(device) ?? this.delayMs;
  }

  /** The server notices that a client is gone. */
  gone(client: Client): void {
    if (this.#connections.get(client.device)?.client !== client) return;
    this.#connections.delete(client.device);
    this.#leaveNearby(client.device);
    this.#presence(client.account);
    this.#devices(client.account);
  }

  async answer<Name extends ClientEventName>(
    client: Client,
    name: Name,
    body: ClientRequest<Name>,
  ): Promise<Result<ClientResponse<Name>>> {
    const request = v.parse(clientEvents[name].request, body);
    await Promise.resolve();
    const value = this.#do(client, name, request as never);
    return value as Result<ClientResponse<Name>>;
  }

  #do(client: Client, name: ClientEventName, request: never): Result<unknown> {
    const refuse = (code: 'not-allowed' | 'unknown-handle' | 'offline' | 'unknown-device') => ({
      ok: false as const,
      error: { code },
    });
    switch (name) {
      case 'people:lookup': {
        const { handle } = request as ClientRequest<'people:lookup'>;
        const found = this.found(handle);
        return found ? { ok: true, value: found.public } : refuse('unknown-handle');
      }
      case 'people:departed': {
        const { accounts } = request as { accounts: AccountId[] };
        return { ok: true, value: { departed: accounts.filter((account) => this.#deleted.has(account)) } };
      }
      case 'nearby:join': {
        const place = this.placeOf(client.device);
        const { place: expected = place } = request as ClientRequest<'nearby:join'>;
        if (expected !== place) return { ok: false, error: { code: 'elsewhere' } };
        this.#nearby.set(client.device, place);
        this.#tellNearby(place);
        return { ok: true, value: { place, people: this.#nearbyOf(client.account, place) } };
      }
      case 'nearby:leave':
        this.#leaveNearby(client.device);
        return { ok: true, value: null };
      case 'contact:request':
        return this.#decide(client, (request as ClientRequest<'contact:request'>).account as AccountId, 'request');
      case 'contact:answer': {
        const { account, verdict } = request as ClientRequest<'contact:answer'>;
        return this.#decide(client, account as AccountId, verdict);
      }
      case 'signal': {
        const { to, box } = request as ClientRequest<'signal'> & { to: DeviceId };
        const owner = this.#owners.get(to);
        if (!owner) return refuse('unknown-device');
        if (owner !== client.account && !this.#knows(client.account, owner)) return refuse('not-allowed');
        const target = this.#connections.get(to);
        if (!target) return refuse('offline');
        this.relayed.push({ kind: 'signal', from: client.device, to, box });
        target.say((events) => events.signal({ account: client.account, device: client.device, box }));
        return { ok: true, value: null };
      }
      case 'knock': {
        const { to, id, box } = request as ServerEvent<'knock'> & { to: DeviceId };
        const owner = this.#owners.get(to);
        if (!owner) return refuse('unknown-device');
        if (!['outgoing', 'incoming', 'accepted'].includes(this.relation(client.account, owner)))
          return refuse('not-allowed');
        if (['declined', 'blocked'].includes(this.#stances.get(`${owner} ${client.account}`) ?? 'none'))
          return { ok: true, value: null };
        this.relayed.push({ kind: 'knock', from: client.device, to, box });
        const knock: Knock = { account: client.account, device: client.device, id, box, to };
        this.knocks = this.knocks.filter((other) => other.id !== id || other.to !== to);
        const same = this.knocks.filter((other) => other.to === to && other.account === client.account);
        if (same.length >= limits.knocksPerSender) this.knocks = this.knocks.filter((other) => other !== same[0]);
        this.knocks.push(knock);
        this.#deliver(knock);
        return { ok: true, value: null };
      }
      case 'approval': {
        const { from, to, box } = request as ServerEvent<'approval'> & { to: DeviceId };
        const event = { from, box };
        const guest = this.guests.get(to);
        if (from.id !== client.device) return refuse('not-allowed');
        if (guest?.account !== client.account) return refuse('offline');
        this.clock.after(this.delayMs, () => guest.take(this.tampered(event)));
        return { ok: true, value: null };
      }
      case 'devices:append': {
        const account = this.accounts.get(client.account);
        const { list } = request as ClientRequest<'devices:append'>;
        if (!account || list.signer !== client.device) return refuse('not-allowed');
        account.lists = [...account.lists, list as SignedDeviceList];
        // Answered first: the change may end the connection that asked for it.
        this.clock.after(2 * this.delayMs, () => void this.accountChanged(account));
        return { ok: true, value: null };
      }
      case 'ice:servers':
        return { ok: true, value: { iceServers: [] } };
      case 'account:update':
        return { ok: true, value: this.accounts.get(client.account)?.own };
      case 'groups:mine':
      case 'groups:change':
      case 'groups:people':
      case 'groups:ask':
      case 'groups:reply':
        return this.groups.answer(client.account, name satisfies GroupRequest, request);
      default:
        return refuse('not-allowed');
    }
  }

  #leaveNearby(device: DeviceId): void {
    const place = this.#nearby.get(device);
    if (place && this.#nearby.delete(device)) this.#tellNearby(place);
  }

  #tellNearby(place: PlaceId): void {
    for (const [device, where] of this.#nearby) {
      const account = this.#owners.get(device);
      if (where === place && account) this.say(device, (events) => events.nearby(this.#nearbyOf(account, place)));
    }
  }

  #nearbyOf(viewer: AccountId, place: PlaceId): NearbyPerson[] {
    const owners = [...this.#nearby].flatMap(([device, where]) =>
      where === place ? (this.#owners.get(device) ?? []) : [],
    );
    return [...new Set(owners)].flatMap((id) => {
      const account = id === viewer ? undefined : this.accounts.get(id);
      return account ? [{ account: id, ...handleOf(account), root: account.rootKey }] : [];
    });
  }

  #deliver(knock: Knock): void {
    const { to: _, ...event } = knock;
    this.#connections.get(knock.to)?.say((events) => {
      void events.knock(event).then(
        () => (this.knocks = this.knocks.filter((other) => other !== knock)),
        () => undefined,
      );
    });
  }

  #decide(
    { account: actor, device }: Client,
    other: AccountId,
    verdict: ClientRequest<'contact:answer'>['verdict'] | 'request',
  ): Result<Contact> {
    if (!this.accounts.has(other)) return { ok: false, error: { code: 'unknown-handle' } };
    const mine = this.#stances.get(`${actor} ${other}`) ?? 'none';
    const theirs = this.#stances.get(`${other} ${actor}`) ?? 'none';
    const before = [this.relation(actor, other), this.relation(other, actor)];
    const set = (nextMine: Stance, nextTheirs = theirs) => {
      this.#stances.set(`${actor} ${other}`, nextMine);
      this.#stances.set(`${other} ${actor}`, nextTheirs);
    };
    if (verdict === 'request') set('wants');
    else if (verdict === 'accept') {
      if (mine !== 'wants' && (theirs !== 'wants' || mine === 'blocked'))
        return { ok: false, error: { code: 'not-allowed' } };
      if (mine === 'wants' && theirs !== 'wants') return { ok: false, error: { code: 'not-allowed' } };
      set('wants');
    } else if (verdict === 'decline') {
      if (mine === 'none' && theirs === 'wants') set('declined');
    } else if (verdict === 'block') set('blocked');
    else if (verdict === 'unblock') {
      if (mine === 'blocked') set(theirs === 'wants' ? 'declined' : 'none');
    } else if (mine !== 'blocked' && mine !== 'declined') set('none', theirs === 'wants' ? 'none' : theirs);
    const after = [this.relation(actor, other), this.relation(other, actor)];
    // Who did it has it as the answer, its other devices as everybody.
    for (const [at, viewer, seen] of [[0, actor, other] as const, [1, other, actor] as const])
      if (before[at] !== after[at])
        for (const told of this.online(viewer))
          if (told !== device) this.say(told, (events) => events.contact(this.contact(viewer, seen)));
    if (after.some((relation) => relation === 'none' || relation === 'blocked'))
      this.knocks = this.knocks.filter(
        ({ account, to }) =>
          !([actor, other].includes(account) && [actor, other].includes(this.#owners.get(to) as AccountId)),
      );
    return { ok: true, value: this.contact(actor, other) };
  }

  #devices(account: AccountId): void {
    const online = this.online(account);
    for (const device of online) this.say(device, (events) => events.devices({ online: online.slice(), seenAt: [] }));
  }

  #presence(account: AccountId): void {
    const online = this.online(account);
    for (const connection of this.#connections.values())
      if (this.#knows(connection.account, account))
        connection.say((events) => events.presence({ account, online: online.slice(), lastSeenAt: this.clock.now() }));
  }
}

const handleOf = ({ public: { handle, displayName } }: TestAccount) => ({ handle, displayName });

class Connection {
  constructor(
    readonly client: Client,
    private readonly delayMs: number,
  ) {}

  get account(): AccountId {
    return this.client.account;
  }

  get device(): DeviceId {
    return this.client.device;
  }

  say(what: (events: SignalingEvents) => void): void {
    this.client.clock.after(this.delayMs, () => {
      if (this.client.connection === this) what(this.client.events);
    });
  }
}

class Client implements Signaling {
  connection: Connection | undefined;
  #stopped = false;

  constructor(
    private readonly server: MemorySignaling,
    readonly account: AccountId,
    readonly device: DeviceId,
    /** Of the process: nothing happens any more once it is dead. */
    readonly clock: Clock,
    readonly events: SignalingEvents,
  ) {}

  connectLater(delayMs: number): void {
    if (this.#stopped) return;
    this.clock.after(delayMs, () => {
      if (!this.#stopped && !this.connection) void this.server.connect(this);
    });
  }

  request<Name extends ClientEventName>(name: Name, body: ClientRequest<Name>): Promise<Answer<ClientResponse<Name>>> {
    const none = { ok: false, error: { code: 'no-server' } } as const;
    const { connection } = this;
    if (!connection) return Promise.resolve(none);
    return new Promise((resolve, reject) => {
      const delayMs = this.server.delayTo(this);
      this.clock.after(delayMs, () => {
        if (this.connection !== connection) resolve(none);
        else
          this.server.answer(this, name, body).then((answer) => {
            this.clock.after(delayMs, () => resolve(this.connection === connection ? answer : none));
          }, reject);
      });
    });
  }

  wake(): void {
    this.connectLater(1);
  }

  close(): void {
    this.#stopped = true;
    this.connection = undefined;
    this.server.clients.delete(this);
    this.server.gone(this);
  }

  stop(reason: Parameters<SignalingEvents['stopped']>[0]): void {
    this.#stopped = true;
    this.connection = undefined;
    this.clock.after(1, () => this.events.stopped(reason));
    this.server.gone(this);
  }

  /** The connection broke. */
  dropped(): void {
    this.connection = undefined;
    this.clock.after(1, () => this.events.lost());
    this.connectLater(this.server.reconnectMs);
  }

  /** Its process died; the server notices later, if it is still there. */
  died(): void {
    this.#stopped = true;
    this.connection = undefined;
    this.server.clients.delete(this);
    this.server.clock.after(3_000, () => this.server.gone(this));
  }
}
export type { Client as SignalingClient };
