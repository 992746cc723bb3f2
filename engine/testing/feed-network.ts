/**
 * Owns a simulated network of peers that share one conversation: their stores outlive crashes, their links drop, duplicate and reorder
 * frames, and nothing moves unless a test says so. All ports resolve in microtasks, so `settle` is enough to let a step end.
 */
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { decodeFrame, encodeControl } from '../../protocol/frame.ts';
import type { Fork } from '../feed/chain.ts';
import { Feeds } from '../feed/log.ts';
import { readPayload } from '../feed/payload.ts';
import { ConversationSync, type FeedFrame, type SyncEvent } from '../feed/sync.ts';
import type { FeedStore, StoredEntry } from '../ports.ts';
import { cheapDevice, cheapSignatures, hashes, seededRandom, type TestDevice } from './keys.ts';
import { MemoryFeedStore } from './memory-feed-store.ts';

export const conversation = 'C'.repeat(43) as ConversationId;

export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** When the next write of a peer kills it: before anything is written, or after all of it is. */
export type CrashPoint = 'before' | 'after';

export class SimulatedPeer {
  readonly device: TestDevice;
  readonly disk = new MemoryFeedStore();
  /** Texts whose append has resolved. */
  readonly acknowledged: string[] = [];
  readonly forks: Fork[] = [];
  readonly ends = new Set<LinkEnd>();
  crashAtNextWrite: CrashPoint | undefined;
  feeds: Feeds;
  #said = 0;
  #lives = 0;

  constructor(
    readonly index: number,
    readonly network: FeedNetwork,
    device = cheapDevice(index),
  ) {
    this.device = device;
    this.feeds = this.#boot();
  }

  /** Kills the peer and starts it again on its disk; its links are gone. */
  crash(): void {
    for (const end of [...this.ends]) end.link.cut();
    this.feeds = this.#boot();
  }

  /** Appends a text that nobody else says. Not awaited: a crash may leave it open for ever. */
  say(size = 0): void {
    const text = `${this.index}:${this.#said++}${'.'.repeat(size)}`;
    void this.feeds.append(conversation, { kind: 'text', text }).then((appended) => {
      if (appended.kind === 'committed') this.acknowledged.push(text);
    });
  }

  async history(): Promise<StoredEntry[]> {
    return this.disk.history(conversation, Number.MAX_SAFE_INTEGER);
  }

  async texts(): Promise<string[]> {
    return (await this.history()).map((entry) => {
      const payload = readPayload(entry);
      return payload.kind === 'text' ? payload.text : payload.kind;
    });
  }

  #boot(): Feeds {
    const seed = this.index * 1000 + this.#lives++;
    const feeds = new Feeds({
      store: this.#store(),
      hashes,
      signatures: cheapSignatures,
      device: this.device,
      clock: { now: () => 1_700_000_000_000 },
      random: seededRandom(seed),
    });
    feeds.listen(() => {
      for (const end of this.ends) this.network.watch(end.sync.onLocal());
    });
    return feeds;
  }

  #store(): FeedStore {
    const { disk } = this;
    let dead = false;
    const alive = <T>(result: Promise<T>): Promise<T> => (dead ? new Promise(() => undefined) : result);
    return {
      heads: (...args) => alive(disk.heads(...args)),
      range: (...args) => alive(disk.range(...args)),
      history: (...args) => alive(disk.history(...args)),
      historyAfter: (...args) => alive(disk.historyAfter(...args)),
      replace: (...args) => alive(disk.replace(...args)),
      append: async (entries) => {
        await alive(Promise.resolve());
        const point = this.crashAtNextWrite;
        if (point !== 'before') await disk.append(entries);
        if (!point) return;
        dead = true;
        this.crashAtNextWrite = undefined;
        this.crash();
        await alive(Promise.resolve());
      },
    };
  }
}

export class LinkEnd {
  /** Frames on their way to this end. */
  readonly inbox: Bytes[] = [];
  readonly events: SyncEvent[] = [];
  readonly sync: ConversationSync;
  other!: LinkEnd;

  constructor(
    readonly peer: SimulatedPeer,
    remote: SimulatedPeer,
    readonly link: SimulatedLink,
  ) {
    this.sync = new ConversationSync({
      ports: { signatures: cheapSignatures, device: peer.device },
      feeds: peer.feeds,
      conversation,
      peer: remote.device.id,
      authors: (device) => peer.network.keyFor(peer, device),
      send: (frame) => {
        if (link.open) this.other.inbox.push(encodeControl(frame));
      },
      report: (event) => {
        this.events.push(event);
        if (event.kind === 'fork') peer.forks.push(event.fork);
      },
    });
  }

  /** Gives the frame at `index` to this end, and removes it unless `keep`. */
  deliver(index = 0, keep = false): void {
    const bytes = keep ? this.inbox[index] : this.inbox.splice(index, 1)[0];
    if (!bytes) return;
    const frame = decodeFrame(bytes);
    if (frame.type !== 'control') throw new Error('not a control frame');
    this.peer.network.frames++;
    this.peer.network.watch(this.sync.onFrame(frame.control as FeedFrame));
  }
}

export class SimulatedLink {
  readonly ends: readonly [LinkEnd, LinkEnd];
  open = true;

  /** Both start the sync, or only the first. */
  constructor(a: SimulatedPeer, b: SimulatedPeer, starts: 'both' | 'first') {
    this.ends = [new LinkEnd(a, b, this), new LinkEnd(b, a, this)];
    [this.ends[0].other, this.ends[1].other] = [this.ends[1], this.ends[0]];
    for (const end of this.ends) {
      end.peer.ends.add(end);
      if (starts === 'both' || end === this.ends[0]) end.peer.network.watch(end.sync.start());
    }
  }

  /** Loses all that is on its way. */
  cut(): void {
    this.open = false;
    for (const end of this.ends) {
      end.sync.close();
      end.inbox.length = 0;
      end.peer.ends.delete(end);
    }
  }
}

export class FeedNetwork {
  readonly peers: SimulatedPeer[];
  frames = 0;
  /** What the engine threw at any end. */
  readonly faults: unknown[] = [];
  /** Says which key a peer knows of a device; all of them unless a test changes it. */
  keyFor = (_peer: SimulatedPeer, device: DeviceId): Uint8Array | undefined =>
    this.peers.find((peer) => peer.device.id === device)?.device.publicKey;

  constructor(count: number) {
    this.peers = Array.from({ length: count }, (_, index) => new SimulatedPeer(index, this));
  }

  /** A second device with the same keys and a copy of the disk, as a restored backup makes one. */
  async twinOf(peer: SimulatedPeer): Promise<SimulatedPeer> {
    const twin = new SimulatedPeer(this.peers.length, this, peer.device);
    await twin.disk.append(await peer.history());
    this.peers.push(twin);
    return twin;
  }

  watch(work: Promise<void>): void {
    work.catch((error: unknown) => this.faults.push(error));
  }

  peer(index: number): SimulatedPeer {
    const peer = this.peers[index % this.peers.length];
    if (!peer) throw new Error('no peer');
    return peer;
  }

  linkOf(a: SimulatedPeer, b: SimulatedPeer): SimulatedLink | undefined {
    return [...a.ends].find((end) => end.other.peer === b)?.link;
  }

  connect(a: SimulatedPeer, b: SimulatedPeer, starts: 'both' | 'first' = 'both'): SimulatedLink {
    this.linkOf(a, b)?.cut();
    return new SimulatedLink(a, b, starts);
  }

  ends(): LinkEnd[] {
    return this.peers.flatMap((peer) => [...peer.ends]);
  }

  /** Delivers everything in order until nothing moves. @throws when that takes more than `maxFrames`. */
  async quiet(maxFrames = 5000): Promise<void> {
    const end = this.frames + maxFrames;
    await settle();
    for (let busy = this.ends(); busy.some(({ inbox }) => inbox.length > 0); busy = this.ends()) {
      if (this.frames > end) throw new Error(`the network does not come to rest within ${maxFrames} frames`);
      for (const linkEnd of busy) linkEnd.deliver();
      await settle();
    }
  }

  /** New links along a chain or between all, then everything delivered. */
  async heal(shape: 'chain' | 'mesh', maxFrames?: number): Promise<void> {
    for (const { link } of this.ends()) link.cut();
    this.peers.forEach((peer) => (peer.crashAtNextWrite = undefined));
    this.peers.forEach((a, index) => {
      for (const b of this.peers.slice(index + 1, shape === 'chain' ? index + 2 : undefined)) this.connect(a, b);
    });
    await this.quiet(maxFrames);
  }
}
