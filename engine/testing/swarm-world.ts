/**
 * A file on its way from one device to many that give it to each other, on one virtual clock: links of different speeds, full mesh or sparse,
 * members that crash and come back, one that serves rubbish, one that says it has what it never sends. Everything follows from one seed.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { CHUNK_HEADER_BYTES, decodeFrame } from '../../protocol/frame.ts';
import type { DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Clock, Hashes } from '../ports.ts';
import { allBlocks, blockCount } from '../transfer/blocks.ts';
import { IncomingBlob } from '../transfer/incoming-blob.ts';
import { LinkTransfers } from '../transfer/link-transfers.ts';
import { OfferedBlob } from '../transfer/offered-blob.ts';
import type { Found } from '../transfer/sender.ts';
import { SharedBlob } from '../transfer/shared-blob.ts';
import type { IncomingEvent, ReceiverEvent, SourceEvent } from '../transfer/transfer-events.ts';
import type { VirtualClock } from './clock.ts';
import { cheapDevice, cheapSignatures, seededRandom, type TestDevice } from './keys.ts';
import { MemoryDisk, MemorySource } from './memory-blob.ts';
import { SimLink, type SimLinkShape } from './sim-link.ts';

export const SWARM_OFFER = 'offer-of-22-characters' as OfferId;
const FILE = 0;
const KEY = 'file';
/** How long after a link ended on one side both have noticed and made a new one. */
const RELINK_MS = 300;

/** What a member does beside what it should. */
export type Manner =
  | 'honest'
  /** Serves blocks that are not those of the file. */
  | 'liar'
  /** Says that it has everything and sends nothing. */
  | 'silent'
  /** Says that it takes part and has nothing, and fetches nothing. */
  | 'idle';

interface Cable {
  ends: readonly [SwarmMember, SwarmMember];
  shape: SimLinkShape;
  /** Absent while it is cut. */
  link: SimLink | undefined;
}

export class SwarmWorld {
  readonly members: SwarmMember[] = [];
  readonly #cables: Cable[] = [];
  /** Chunk bytes that each device put on its links. */
  readonly sentBytes = new Map<DeviceId, number>();
  /** Bytes of `have` frames, and of all frames. */
  haveBytes = 0;
  allBytes = 0;
  /** Errors that ended links, and defects. */
  readonly faults: { at: SwarmMember; error: unknown }[] = [];
  /** Blocks that an honest member told of, or sent, and had not. */
  readonly lies: string[] = [];

  constructor(
    readonly clock: VirtualClock,
    readonly seed: number,
    readonly content: Bytes,
    readonly hashes: Hashes,
  ) {}

  /** The first one is the sender. */
  add(manner: Manner = 'honest'): SwarmMember {
    const member = new SwarmMember(this, this.members.length, manner);
    this.members.push(member);
    return member;
  }

  get sender(): SwarmMember {
    const [sender] = this.members;
    if (sender === undefined) throw new Error('no sender');
    return sender;
  }

  get receivers(): SwarmMember[] {
    return this.members.slice(1);
  }

  get honest(): SwarmMember[] {
    return this.receivers.filter(({ manner }) => manner === 'honest');
  }

  get done(): boolean {
    return this.honest.every((member) => member.running && member.root !== undefined);
  }

  /** How many times the file the sender sent. */
  get uploads(): number {
    return (this.sentBytes.get(this.sender.device.id) ?? 0) / this.content.length;
  }

  connect(a: SwarmMember, b: SwarmMember, shape: SimLinkShape): void {
    const cable: Cable = { ends: [a, b], shape, link: undefined };
    this.#cables.push(cable);
    this.#plug(cable);
  }

  /** Ends the links of a member; those at the other ends notice at once. */
  unplug(member: SwarmMember): void {
    for (const cable of this.#cables) if (cable.ends.includes(member)) this.#cut(cable);
  }

  /** Makes the links of a member anew to all that run. */
  plug(member: SwarmMember): void {
    for (const cable of this.#cables) if (cable.ends.includes(member) && cable.link === undefined) this.#plug(cable);
  }

  #plug(cable: Cable): void {
    const [a, b] = cable.ends;
    if (!a.running || !b.running) return;
    const link = new SimLink(this.clock, cable.shape, a.device.id, b.device.id);
    cable.link = link;
    const broken = () => {
      if (cable.link !== link) return;
      this.#cut(cable);
      this.clock.after(RELINK_MS, () => {
        if (cable.link === undefined) this.#plug(cable);
      });
    };
    for (const [from, to, end] of [
      [a, b, link.a],
      [b, a, link.b],
    ] as const) {
      end.onSend = (frame) => this.#look(from, frame);
      end.onFrame = from.attach(to, end, broken);
    }
    // Only when both ends listen.
    a.join(b);
    b.join(a);
  }

  #cut(cable: Cable): void {
    if (cable.link === undefined) return;
    cable.link.cut();
    cable.link = undefined;
    const [a, b] = cable.ends;
    a.detach(b);
    b.detach(a);
  }

  /** Holds what is sent against what is had. */
  #look(from: SwarmMember, frame: Bytes): void {
    this.allBytes += frame.length;
    if (frame[0] === 2) return;
    const decoded = decodeFrame(frame);
    if (decoded.type === 'chunk') {
      const { id } = from.device;
      this.sentBytes.set(id, (this.sentBytes.get(id) ?? 0) + frame.length - CHUNK_HEADER_BYTES);
      if (!from.has(decoded.block)) this.lies.push(`${from.index} sent block ${decoded.block}`);
    } else if (decoded.type === 'control' && decoded.control.kind === 'have') {
      this.haveBytes += frame.length;
      for (const [first, end] of decoded.control.ranges)
        for (let block = first; block < end; block++)
          if (!from.has(block)) this.lies.push(`${from.index} told of block ${block}`);
    }
  }
}

export class SwarmMember {
  readonly device: TestDevice;
  readonly disk: MemoryDisk;
  shared: SharedBlob | undefined;
  root: Bytes | undefined;
  running = true;
  readonly events: IncomingEvent[] = [];
  readonly sourceEvents: SourceEvent[] = [];
  readonly receiverEvents: ReceiverEvent[] = [];
  /** The most that was ever kept beside the sink. */
  mostAsideBytes = 0;
  readonly #links = new Map<SwarmMember, LinkTransfers>();
  readonly #offered: OfferedBlob | undefined;
  #life = 0;

  constructor(
    readonly world: SwarmWorld,
    readonly index: number,
    readonly manner: Manner,
  ) {
    this.device = cheapDevice(1 + index);
    this.disk = new MemoryDisk(world.hashes);
    if (index > 0) this.open();
    else {
      const source = new MemorySource(world.content, world.hashes);
      this.#offered = new OfferedBlob(SWARM_OFFER, FILE, source, world.hashes);
      this.#offered.accept(allBlocks(world.content.length));
    }
  }

  /** Opens the file to receive it, with what an earlier life left of it. */
  open(): void {
    const { world } = this;
    if (this.manner === 'idle') return;
    const life = ++this.#life;
    const alive = () => this.#life === life;
    // Whatever a process that is gone set up does not run.
    const clock: Clock = {
      now: () => world.clock.now(),
      after: (delayMs, run) => world.clock.after(delayMs, () => alive() && run()),
    };
    const sink = this.disk.open(KEY, world.content.length);
    const blob: IncomingBlob = new IncomingBlob({
      offer: SWARM_OFFER,
      file: FILE,
      sink,
      wanted: allBlocks(world.content.length),
      publicKey: world.sender.device.publicKey,
      clock,
      hashes: world.hashes,
      report: (event) => {
        if (!alive()) return;
        this.events.push(event);
        if (event.kind === 'complete') this.root = event.root;
      },
      fault: (error) => alive() && world.faults.push({ at: this, error }),
    });
    this.shared = new SharedBlob({
      blob,
      sink,
      own: this.device.id,
      offeredBy: world.sender.device.id,
      clock,
      hashes: world.hashes,
      random: seededRandom(world.seed * 1000 + this.index * 10 + life),
      mayServe: () => true,
      report: (event) => alive() && this.sourceEvents.push(event),
    });
    blob.start();
  }

  /** The process is gone, with all that was not durable. */
  crash(): void {
    this.running = false;
    this.world.unplug(this);
    this.#life++;
    this.shared = undefined;
    this.root = undefined;
    this.disk.crash();
  }

  restart(): void {
    if (this.running) return;
    this.running = true;
    this.open();
    this.world.plug(this);
  }

  /** Whether a block is durable here; whoever is not honest is not asked. */
  has(block: number): boolean {
    return this.manner !== 'honest' || this.#offered !== undefined || this.disk.leavesOf(KEY).has(block);
  }

  /** One end of a new link. @returns what takes the frames that come in. */
  attach(other: SwarmMember, end: SimLink['a'], broken: () => void): (frame: Bytes) => void {
    const { world } = this;
    const isCurrent = () => this.#links.get(other) === link;
    const fault = (error: unknown) => {
      if (!isCurrent()) return;
      world.faults.push({ at: this, error });
      broken();
    };
    const link: LinkTransfers = new LinkTransfers({
      link: end,
      clock: world.clock,
      signatures: cheapSignatures,
      own: this.device.id,
      keys: this.device,
      find: () => Promise.resolve(this.#find(other)),
      sending: () => undefined,
      receiving: (event) => {
        this.receiverEvents.push(event);
        if (event.kind === 'stalled' && isCurrent()) broken();
      },
      fault,
    });
    this.#links.set(other, link);
    return (frame) => {
      this.mostAsideBytes = Math.max(this.mostAsideBytes, this.shared?.sources.asideBytes ?? 0);
      try {
        link.onFrame(decodeFrame(frame));
      } catch (error) {
        fault(error);
      }
    };
  }

  join(other: SwarmMember): void {
    const link = this.#links.get(other);
    if (link === undefined) return;
    this.shared?.join(link);
    if (this.manner === 'honest') return;
    const told: { ranges: [number, number][]; begin: boolean } =
      this.manner === 'idle'
        ? { ranges: [], begin: true }
        : { ranges: [[0, blockCount(this.world.content.length)]], begin: false };
    link.tell({ kind: 'have', offer: SWARM_OFFER, file: FILE, ...told });
  }

  detach(other: SwarmMember): void {
    const link = this.#links.get(other);
    if (link === undefined) return;
    this.#links.delete(other);
    this.shared?.leave(link);
    link.close();
  }

  contentOnDisk(): Bytes {
    return this.disk.contentOf(KEY);
  }

  #find(other: SwarmMember): Found | Promise<Found> {
    if (this.#offered !== undefined) return { kind: 'blob', blob: this.#offered };
    if (this.manner === 'silent') return new Promise<Found>(() => undefined);
    if (this.manner === 'liar') return { kind: 'blob', blob: this.#lies() };
    return this.shared?.find(other.device.id) ?? { kind: 'refused', reason: 'unavailable' };
  }

  /** The right leaves, and other bytes. */
  #lies(): OfferedBlob {
    const { world } = this;
    const right = new MemorySource(world.content, world.hashes);
    const wrong = {
      sizeBytes: right.sizeBytes,
      leaves: () => right.leaves(),
      close: () => undefined,
      read: async (block: number) => {
        const { data, hash } = await right.read(block);
        data[0] = 1 + (data[0] ?? 0);
        return { data, hash };
      },
    };
    const blob = new OfferedBlob(SWARM_OFFER, FILE, wrong, world.hashes);
    // It knows what the sender signed: anybody who took part does.
    blob.prove = (first, leaves) => world.sender.proof(first, leaves);
    return blob;
  }

  proof(first: number, leaves: readonly Bytes[]): ReturnType<OfferedBlob['prove']> {
    if (this.#offered === undefined) throw new Error('only the sender signs');
    return this.#offered.prove(first, leaves, this.device);
  }
}
