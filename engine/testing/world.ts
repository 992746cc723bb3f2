/**
 * Owns a small world on one virtual clock: people with devices whose stores outlive their processes, a signaling server, wires. A process can
 * be killed at any durable effect, reloaded, cut off; nothing of a dead process is ever heard again. Everything follows from one seed.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import type { OfferedFile } from '../../protocol/entry.ts';
import type { ChatId, DeviceId, OfferId } from '../../protocol/ids.ts';
import { Causeway, type CausewayPorts, type Outcome } from '../causeway.ts';
import type { Annotation } from '../messages/annotation.ts';
import type { Expiry } from '../messages/expiries.ts';
import type { GroupRow } from '../groups/rows.ts';
import type { ConversationMarks } from '../messages/messages.ts';
import type { DeliveryRow } from '../exchange/deliveries.ts';
import type { Summary } from '../exchange/summaries.ts';
import { isHere } from '../exchange/copies.ts';
import { acceptedBlocks, acceptedBytes, factsOf, standingOf, type OfferRecord } from '../exchange/offer.ts';
import { isDeviceRow, type StoredOffer } from '../exchange/offer-rows.ts';
import type { QueueOrder } from '../exchange/transfer-queue.ts';
import type { KnownFork } from '../feed/log.ts';
import { readPayload } from '../feed/payload.ts';
import type { Person } from '../people/people.ts';
import type { Clock, FeedStore, StoredEntry } from '../ports.ts';
import type { Lookup, Records } from '../records.ts';
import { SinkError } from '../ports.ts';
import { TestAccount, testKeys, type TestKeys } from './accounts.ts';
import { VirtualClock } from './clock.ts';
import { groupCryptoOf } from './group-crypto.ts';
import { cheapCrypto, hashes, seededRandom, type TestCrypto } from './keys.ts';
import { MemoryBlobs } from './memory-blobs.ts';
import { MemoryFeedStore } from './memory-feed-store.ts';
import type { KeptChoice } from '../devices/own-choices.ts';
import { MemoryRecords } from './memory-records.ts';
import { MemorySignaling } from './memory-signaling.ts';
import { SimWires, type WireShape } from './sim-wires.ts';

export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export interface WorldOptions {
  seed?: number;
  wires?: Partial<WireShape>;
  crypto?: TestCrypto;
}

/** Two people who are contacts, running and linked up. */
export async function friends(options: WorldOptions = {}): Promise<{ world: World; ann: Machine; bob: Machine }> {
  const world = new World(options);
  const [ann, bob] = [await world.person(), await world.person()];
  world.befriend(ann, bob);
  await ann.start();
  await bob.start();
  await world.run(500);
  return { world, ann, bob };
}

export class World {
  readonly clock = new VirtualClock();
  readonly server: MemorySignaling;
  readonly wires: SimWires;
  readonly machines: Machine[] = [];
  readonly seed: number;
  #accounts = 0;

  readonly crypto: TestCrypto;

  constructor({ seed = 1, wires = {}, crypto = cheapCrypto }: WorldOptions = {}) {
    this.seed = seed;
    this.crypto = crypto;
    this.server = new MemorySignaling(this.clock);
    this.wires = new SimWires(this.clock, seededRandom(seed), wires);
  }

  /** A registered account with one device, not started. */
  async person(): Promise<Machine> {
    const number = this.#accounts++;
    const keys = await testKeys(this.machines.length + 1, this.crypto);
    const account = await TestAccount.create(number, keys.device, `person-${number}`, this.crypto);
    await this.server.register(account);
    return this.#machine(account, keys);
  }

  /** Another device of the account, certified by its root, not started. */
  async secondDevice(of: Machine): Promise<Machine> {
    const keys = await testKeys(this.machines.length + 1, this.crypto);
    await of.account.change([...(await of.account.devices()), keys.device]);
    await this.server.accountChanged(of.account);
    return this.#machine(of.account, keys);
  }

  /** A device with new keys under a new root of the account. */
  async resetRoot(of: Machine): Promise<Machine> {
    const keys = await testKeys(this.machines.length + 1, this.crypto);
    await of.account.reset(this.#accounts++, 1, keys.device);
    await this.server.accountChanged(of.account);
    return this.#machine(of.account, keys);
  }

  /** A device with new keys in place of one that is running, over what that one stored; not started. */
  async replacement(of: Machine): Promise<Machine> {
    const keys = await testKeys(this.machines.length + 1, this.crypto);
    const outcomes: Outcome[] = [];
    of.act(async (engine) => {
      outcomes.push(await engine.replaceThisDevice(keys.device));
    });
    await this.run(5_000, () => outcomes.length > 0);
    if (outcomes[0]?.ok !== true) throw new Error('the device was not replaced');
    await of.close();
    return this.#machine(of.account, keys, of);
  }

  befriend(...machines: Machine[]): void {
    for (const a of machines)
      for (const b of machines) if (a.account.id < b.account.id) this.server.befriend(a.account.id, b.account.id);
  }

  /** Lets time pass, or less when `done` comes true; says whether it did. */
  async run(durationMs: number, done: () => boolean = () => false): Promise<boolean> {
    await this.clock.run(durationMs, settle, done);
    return done();
  }

  #machine(account: TestAccount, keys: TestKeys, before?: Machine): Machine {
    const machine = new Machine(this, this.machines.length, account, keys, before);
    this.machines.push(machine);
    return machine;
  }
}

/** One life of a machine: everything that it hands out goes silent when it dies. */
interface Life {
  alive: boolean;
  engine: Causeway | undefined;
}

/** When a process is killed: before the effect that it was about to have, or after it. */
export type CrashPoint = { effects: number; when: 'before' | 'after' };

export class Machine {
  readonly feeds: MemoryFeedStore;
  readonly people: MemoryRecords<Person>;
  readonly offers = new MemoryRecords<StoredOffer>();
  readonly summaries = new MemoryRecords<Summary>();
  readonly deliveries = new MemoryRecords<DeliveryRow>();
  readonly queue = new MemoryRecords<QueueOrder>();
  readonly choices = new MemoryRecords<KeptChoice>();
  readonly annotations = new MemoryRecords<Annotation>();
  readonly marks = new MemoryRecords<ConversationMarks>();
  readonly expiries = new MemoryRecords<Expiry>();
  readonly groups = new MemoryRecords<GroupRow>();
  readonly forks = new MemoryRecords<KnownFork>();
  readonly blobs = new MemoryBlobs(hashes);
  /** Files that were offered, by key: what the person could choose again. */
  readonly originals = new Map<string, { offer: OfferId; file: number; content: Bytes }>();
  readonly reports: unknown[] = [];
  readonly stopped: string[] = [];
  /** Invariants of what is shown that did not hold. */
  readonly lies: string[] = [];
  crashAt: CrashPoint | undefined;
  /** How wrong the clock of this machine is. */
  clockAheadMs = 0;
  /** Fails the next so many writes of records. */
  failingWrites = 0;
  #life: Life = { alive: false, engine: undefined };
  readonly #shown = new Map<string, number>();
  #lives = 0;

  constructor(
    readonly world: World,
    readonly index: number,
    readonly account: TestAccount,
    readonly keys: TestKeys,
    /** In whose browser it goes on. */
    before?: Machine,
  ) {
    this.feeds = before?.feeds ?? new MemoryFeedStore();
    this.people = before?.people ?? new MemoryRecords<Person>();
  }

  /** A backup of the profile; what comes back puts the profile back to it. */
  backup(): () => void {
    const feeds = this.feeds.snapshot();
    const summaries = this.summaries.snapshot();
    const deliveries = this.deliveries.snapshot();
    return () => {
      this.feeds.restore(feeds);
      this.summaries.restore(summaries);
      this.deliveries.restore(deliveries);
    };
  }

  get device(): DeviceId {
    return this.keys.id;
  }

  get running(): boolean {
    return this.#life.engine !== undefined;
  }

  get engine(): Causeway {
    if (!this.#life.engine) throw new Error('this machine is not running');
    return this.#life.engine;
  }

  /** Resolves when it runs, or was killed on the way. */
  async start(): Promise<void> {
    if (this.#life.alive) return;
    const life: Life = { alive: true, engine: undefined };
    this.#life = life;
    this.#shown.clear();
    const starting = Causeway.start(this.#ports(life), this.account.own, {
      changed: () => this.#look(life),
      committed: () => undefined,
      ahead: () => undefined,
      altered: () => undefined,
      account: () => undefined,
      stopped: (reason) => this.stopped.push(reason),
    });
    starting.then(
      (engine) => {
        if (!life.alive) return;
        life.engine = engine;
        this.#look(life);
      },
      (problem: unknown) => {
        if (!life.alive) return;
        this.reports.push(problem);
        this.crash(); // a person would load the page again
      },
    );
    for (let turns = 0; turns < 200 && life.alive && !life.engine; turns++) await settle();
  }

  /** The process is gone at once. */
  crash(): void {
    const life = this.#life;
    this.#life = { alive: false, engine: undefined };
    this.crashAt = undefined;
    if (!life.alive) return;
    life.alive = false;
    this.blobs.crash();
    for (const wire of this.world.wires.of(this.device)) wire.kill();
    for (const client of [...this.world.server.clients]) if (client.device === this.device) client.died();
  }

  /** The page is left in good order. */
  async close(): Promise<void> {
    const life = this.#life;
    if (!life.engine) {
      this.crash();
      return;
    }
    await Promise.race([life.engine.stop(), settle().then(settle).then(settle)]);
    this.#life = { alive: false, engine: undefined };
    this.crashAt = undefined;
    life.alive = false;
    this.blobs.crash();
    for (const wire of this.world.wires.of(this.device)) wire.kill();
  }

  /** What a person can do, done unless this machine is off; whatever it becomes is not awaited. */
  act<T>(what: (engine: Causeway) => Promise<T>): void {
    const { engine } = this.#life;
    if (!engine) return;
    const life = this.#life;
    what(engine).catch((problem: unknown) => {
      if (life.alive) this.reports.push(problem);
    });
  }

  /** @param described what the offer says of the files beside name and size. */
  offer(to: ChatId, contents: readonly Bytes[], described: Partial<OfferedFile> = {}): OfferId | undefined {
    const { engine } = this.#life;
    if (!engine) return undefined;
    const offer = engine.newOfferId();
    const files: OfferedFile[] = contents.map((content, file) => {
      this.blobs.attach(offer, file, content);
      this.originals.set(`${offer}-${file}`, { offer, file, content });
      return { name: `file ${file}`, size: content.length, type: '', ...described };
    });
    this.act((running) => running.offer(to, offer, files));
    return offer;
  }

  /** Chooses every file again of which this machine lost sight. */
  provideAll(): void {
    const { engine } = this.#life;
    for (const { offer, file, content } of this.originals.values()) {
      const record = engine?.transfers.get(offer);
      if (
        !record ||
        this.blobs.has(offer, file) ||
        ['done', 'cancelled', 'declined'].includes(standingOf(record, file))
      )
        continue;
      this.blobs.attach(offer, file, content);
      engine?.transfers.provided(offer, file);
    }
  }

  person(other: Machine): Person {
    const person = this.engine.people.get(other.account.id);
    if (!person) throw new Error(`machine ${this.index} does not know machine ${other.index}`);
    return person;
  }

  async history(other: Machine): Promise<StoredEntry[]> {
    const { conversation } = this.person(other);
    return this.feeds.history(conversation, Number.MAX_SAFE_INTEGER);
  }

  async texts(other: Machine): Promise<string[]> {
    return (await this.history(other)).flatMap((entry) => {
      const payload = readPayload(entry);
      return payload.kind === 'text' ? [payload.text] : [];
    });
  }

  /** As it is durable now, without what devices of a group say of it. */
  durableOffer(offer: string): OfferRecord | undefined {
    const stored = this.offers.at(offer);
    return stored && !isDeviceRow(stored) ? stored : undefined;
  }

  async durableOffers(): Promise<OfferRecord[]> {
    return (await this.offers.all()).flatMap((stored) => (isDeviceRow(stored) ? [] : [stored]));
  }

  record(offer: OfferId): OfferRecord {
    const record = this.engine.transfers.get(offer);
    if (!record) throw new Error(`machine ${this.index} does not know the offer`);
    return record;
  }

  doneBytes(offer: OfferId, file = 0): number {
    return this.engine.transfers.progressOf(offer, file).doneBytes;
  }

  standing(offer: OfferId, file = 0): string {
    const record = this.engine.transfers.get(offer);
    return record?.offered ? standingOf(record, file) : 'unknown';
  }

  activity(offer: OfferId, file = 0): string {
    return this.engine.transfers.progressOf(offer, file).activity.kind;
  }

  /** Holds what is shown against what was shown, and what is true. */
  #look(life: Life): void {
    const { engine } = life;
    if (!life.alive || !engine) return;
    for (const record of engine.transfers.all()) {
      record.offered?.files.forEach((_, file) => {
        const key = `${record.offer}-${file}`;
        const standing = standingOf(record, file);
        const { doneBytes } = engine.transfers.progressOf(record.offer, file);
        const { cleared, again } = factsOf(record, file);
        if (cleared && !again) this.#shown.set(key, 0); // let go of: it may begin anew
        const before = this.#shown.get(key) ?? factsOf(this.durableOffer(record.offer) ?? record, file).doneBytes ?? 0;
        // A file whose bytes were not those that were promised begins anew.
        if (doneBytes < before && standing === 'accepted' && !factsOf(record, file).again)
          this.lies.push(`${key} went from ${before} back to ${doneBytes}`);
        const sizeBytes = acceptedBytes(record, file);
        if (doneBytes > sizeBytes) this.lies.push(`${key} has ${doneBytes} of ${sizeBytes} bytes`);
        this.#shown.set(key, doneBytes);
        if (
          isHere(record, file, this.device) &&
          !this.blobs.hasBlocks(record.offer, file, acceptedBlocks(record, file))
        )
          this.lies.push(`${key} is done and not here`);
      });
    }
  }

  #ports(life: Life): CausewayPorts {
    const { world } = this;
    const clock: Clock = {
      now: () => Math.floor(world.clock.now()) + this.clockAheadMs,
      after: (delayMs, run) => world.clock.after(delayMs, () => life.alive && run()),
    };
    const random = seededRandom(world.seed * 1000 + this.index * 100 + this.#lives++);
    const never = <T>() => new Promise<T>(() => undefined);
    const read = async <T>(result: Promise<T>): Promise<T> => {
      const value = await result;
      return life.alive ? value : never();
    };
    /** A durable effect: the process may die before or after it. */
    const effect = async <T>(run: () => Promise<T>): Promise<T> => {
      if (!life.alive) return never();
      const point = this.crashAt && --this.crashAt.effects <= 0 ? this.crashAt.when : undefined;
      if (point === 'before') {
        this.crash();
        return never();
      }
      const value = await run();
      if (point === 'after') this.crash();
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have died meanwhile
      return life.alive ? value : never();
    };
    const records = <T>(store: MemoryRecords<T>): Records<T> & Lookup<T> => {
      store.beforeWrite = () => {
        if (this.failingWrites > 0) {
          this.failingWrites--;
          throw new Error('the storage failed once');
        }
      };
      return {
        all: () => read(store.all()),
        get: (keys) => read(store.get(keys)),
        put: (key, record) => {
          const copy = structuredClone(record);
          return effect(() => store.put(key, copy));
        },
        delete: (key) => effect(() => store.delete(key)),
      };
    };
    const feeds: FeedStore = {
      heads: (...args) => read(this.feeds.heads(...args)),
      range: (...args) => read(this.feeds.range(...args)),
      history: (...args) => read(this.feeds.history(...args)),
      historyAfter: (...args) => read(this.feeds.historyAfter(...args)),
      replace: (entries) => effect(() => this.feeds.replace(entries)),
      append: (entries) => effect(() => this.feeds.append(entries)),
    };
    this.blobs.disk.beforeEffect = () => {
      if (!this.crashAt || --this.crashAt.effects > 0) return;
      this.crash();
      throw new SinkError('storage');
    };
    return {
      clock,
      random,
      hashes,
      signatures: world.crypto.signatures,
      keys: this.keys,
      openWire: world.wires.openerOf(this.device, () => life.alive),
      connect: world.server.connector(this.account.id, this.device, clock),
      feeds,
      blobs: {
        openSource: (offer, file, sizeBytes) => read(this.blobs.openSource(offer, file, sizeBytes)),
        hasSource: (...args) => read(this.blobs.hasSource(...args)),
        hasOriginal: (offer, file) => read(this.blobs.hasOriginal(offer, file)),
        openSink: (...args) => (life.alive ? read(this.blobs.openSink(...args)) : never()),
        freeBytes: () => read(this.blobs.freeBytes()),
        hasRoom: (bytes) => read(this.blobs.hasRoom(bytes)),
        removeCopy: (...args) => effect(() => this.blobs.removeCopy(...args)),
        remove: (...args) => effect(() => this.blobs.remove(...args)),
        erase: (...args) => effect(() => this.blobs.erase(...args)),
      },
      people: records(this.people),
      offers: records(this.offers),
      summaries: records(this.summaries),
      deliveries: records(this.deliveries),
      queue: records(this.queue),
      choices: records(this.choices),
      annotations: records(this.annotations),
      marks: records(this.marks),
      expiries: records(this.expiries),
      groups: records(this.groups),
      forks: records(this.forks),
      crypto: groupCryptoOf(world.crypto),
      report: (problem) => {
        if (life.alive) this.reports.push(problem);
      },
    };
  }
}
