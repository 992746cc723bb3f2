/**
 * Two devices that transfer one file over a simulated link, both of which outlive it: a link can be cut and made anew, and either side can
 * reload. What a test looks at is the disk, the events, and the bytes that were sent.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { CHUNK_HEADER_BYTES, decodeFrame } from '../../protocol/frame.ts';
import type { OfferId } from '../../protocol/ids.ts';
import type { DeviceKeys, Hashes, LaneEvents, LinkPort, Signatures } from '../ports.ts';
import { allBlocks } from '../transfer/blocks.ts';
import { IncomingBlob } from '../transfer/incoming-blob.ts';
import { LeafTable } from '../transfer/leaf-table.ts';
import { LinkTransfers } from '../transfer/link-transfers.ts';
import { SpeedLimit } from '../transfer/speed-limit.ts';
import { OfferedBlob } from '../transfer/offered-blob.ts';
import type { IncomingEvent, ReceiverEvent, SenderEvent } from '../transfer/transfer-events.ts';
import type { VirtualClock } from './clock.ts';
import { MemoryDisk, MemorySource } from './memory-blob.ts';
import { SimLink, type SimEnd, type SimLinkShape } from './sim-link.ts';

export interface PairParts {
  clock: VirtualClock;
  shape: SimLinkShape;
  content: Bytes;
  sender: DeviceKeys & { publicKey: Bytes };
  receiver: DeviceKeys & { publicKey: Bytes };
  /** Lanes beside lane 0, from when a link is made. */
  extraLanes?: number;
  hashes: Hashes;
  signatures: Signatures;
}

export const OFFER = 'offer-of-22-characters' as OfferId;
const FILE = 0;
const KEY = `${OFFER}-${FILE}`;

export class TransferPair {
  readonly disk: MemoryDisk;
  source: MemorySource;
  blob: OfferedBlob;
  incoming: IncomingBlob | undefined;
  link: SimLink | undefined;
  /** Lanes beside lane 0 of the link in use, by number. */
  readonly lanes = new Map<number, SimLink>();
  #laneEvents: { sending: LaneEvents; receiving: LaneEvents } | undefined;
  sending: LinkTransfers | undefined;
  receiving: LinkTransfers | undefined;
  /** Everything that was told, oldest first. */
  readonly senderEvents: SenderEvent[] = [];
  readonly incomingEvents: IncomingEvent[] = [];
  readonly receiverEvents: ReceiverEvent[] = [];
  /** What ended a link: errors thrown for frames, and those between. */
  readonly faults: { at: 'sender' | 'receiver'; error: unknown }[] = [];
  readonly downLimit = new SpeedLimit();
  /** Chunk bytes that left the sender, over all links. */
  sentBytes = 0;
  /** May replace what the sender puts on the link; undefined drops it. */
  tamper: (frame: Bytes) => Bytes | undefined = (frame) => frame;

  constructor(readonly parts: PairParts) {
    this.disk = new MemoryDisk(parts.hashes);
    this.source = new MemorySource(parts.content, parts.hashes);
    this.blob = this.#offer();
  }

  get root(): Bytes | undefined {
    return this.incomingEvents.find((event) => event.kind === 'complete')?.root;
  }

  /** Ends the link in use, if any, and makes a new one. */
  connect(): void {
    this.cut();
    const { clock, sender, receiver, signatures, shape } = this.parts;
    const link = new SimLink(clock, shape, sender.id, receiver.id);
    const common = { clock, signatures };
    const sending: LinkTransfers = new LinkTransfers({
      ...common,
      link: this.#withLanes(link.a, 'sending'),
      own: sender.id,
      keys: sender,
      laneCount: { step: () => 1 + (this.parts.extraLanes ?? 0) },
      find: (offer, file) =>
        Promise.resolve(
          offer === OFFER && file === FILE
            ? { kind: 'blob', blob: this.blob }
            : { kind: 'refused', reason: 'unavailable' },
        ),
      sending: (event) => this.senderEvents.push(event),
      receiving: () => undefined,
      fault: (error) => this.fault('sender', error),
    });
    const receiving: LinkTransfers = new LinkTransfers({
      ...common,
      link: this.#withLanes(link.b, 'receiving'),
      own: receiver.id,
      keys: receiver,
      downLimit: this.downLimit,
      find: () => Promise.resolve({ kind: 'refused', reason: 'unavailable' }),
      sending: () => undefined,
      receiving: (event) => this.receiverEvents.push(event),
      fault: (error) => this.fault('receiver', error),
    });
    link.a.onFrame = (frame) => this.#frame('sender', sending, frame);
    link.b.onFrame = (frame) => {
      const arriving = this.tamper(frame);
      if (arriving !== undefined) this.#frame('receiver', receiving, arriving);
    };
    link.a.onSend = (frame) => this.#count(frame);
    this.link = link;
    this.sending = sending;
    this.receiving = receiving;
    for (let number = 1; number <= (this.parts.extraLanes ?? 0); number++) this.openLane(number);
    if (this.incoming !== undefined) receiving.receiver.fetch(this.incoming);
  }

  openLane(number: number, shape = this.parts.shape): void {
    const { clock, sender, receiver } = this.parts;
    const lane = new SimLink(clock, shape, sender.id, receiver.id);
    lane.a.onSend = (frame) => this.#count(frame);
    lane.a.onFrame = (frame) => this.#laneFrame('sending', number, frame);
    lane.b.onFrame = (frame) => this.#laneFrame('receiving', number, frame);
    this.lanes.set(number, lane);
    this.#laneEvents?.receiving.opened(number, lane.b);
    this.#laneEvents?.sending.opened(number, lane.a);
  }

  /** The lane dies, with all that is under way on it. */
  closeLane(number: number): void {
    this.lanes.get(number)?.cut();
    this.lanes.delete(number);
    this.#laneEvents?.receiving.closed(number);
    this.#laneEvents?.sending.closed(number);
  }

  cut(): void {
    for (const lane of this.lanes.values()) lane.cut();
    this.lanes.clear();
    this.#laneEvents = undefined;
    this.link?.cut();
    this.sending?.close();
    this.receiving?.close();
    this.link = undefined;
  }

  /** The receiver opens the file, anew after a crash, and fetches it over the link in use. */
  openIncoming(): IncomingBlob {
    const { clock, hashes, sender } = this.parts;
    const incoming: IncomingBlob = new IncomingBlob({
      offer: OFFER,
      file: FILE,
      sink: this.disk.open(KEY, this.parts.content.length),
      wanted: allBlocks(this.parts.content.length),
      publicKey: sender.publicKey,
      clock,
      hashes,
      // A crashed receiver tells nobody anything.
      report: (event) => {
        if (this.incoming === incoming) this.incomingEvents.push(event);
      },
      fault: (error) => {
        if (this.incoming === incoming) this.fault('receiver', error);
      },
    });
    this.incoming = incoming;
    incoming.start();
    if (this.link !== undefined) this.receiving?.receiver.fetch(incoming);
    return incoming;
  }

  /** The receiver's process is gone, with all that was not durable. */
  crashReceiver(): void {
    this.cut();
    this.incoming = undefined;
    this.disk.crash();
  }

  /** The sender's page is reloaded; the leaves it knew are beside the source, or lost when `forget`. */
  reloadSender(forget: boolean): void {
    this.cut();
    const leaves = forget ? new LeafTable() : this.source.leaves();
    this.blob.close();
    this.source = new MemorySource(this.parts.content, this.parts.hashes, leaves);
    this.blob = this.#offer();
  }

  #offer(): OfferedBlob {
    const blob = new OfferedBlob(OFFER, FILE, this.source, this.parts.hashes);
    blob.accept(allBlocks(this.parts.content.length));
    return blob;
  }

  get haveBlocks(): ReadonlyMap<number, Bytes> {
    return this.disk.leavesOf(KEY);
  }

  blockOnDisk(block: number): Bytes | undefined {
    return this.disk.blockOf(KEY, block);
  }

  contentOnDisk(): Bytes {
    return this.disk.contentOf(KEY);
  }

  fault(at: 'sender' | 'receiver', error: unknown): void {
    this.faults.push({ at, error });
    this.cut();
  }

  /** The lanes are there whatever is wanted: what is tested is what they carry. */
  #withLanes(end: SimEnd, side: 'sending' | 'receiving'): LinkPort {
    return Object.assign(end, {
      lanes: {
        want: () => undefined,
        listen: (events: LaneEvents) => {
          this.#laneEvents = { sending: events, receiving: events, ...this.#laneEvents, [side]: events };
        },
      },
    });
  }

  #count(frame: Bytes): void {
    if (frame[0] === 1) this.sentBytes += frame.length - CHUNK_HEADER_BYTES;
  }

  #laneFrame(side: 'sending' | 'receiving', number: number, frame: Bytes): void {
    try {
      const decoded = decodeFrame(frame);
      if (decoded.type !== 'control') this.#laneEvents?.[side].frame(number, decoded);
    } catch (error) {
      this.fault(side === 'sending' ? 'sender' : 'receiver', error);
    }
  }

  #frame(at: 'sender' | 'receiver', to: LinkTransfers, frame: Bytes): void {
    try {
      to.onFrame(decodeFrame(frame));
    } catch (error) {
      this.fault(at, error);
    }
  }
}
