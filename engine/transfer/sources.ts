/**
 * Fetches one file from several sources at once: the device that offered it, which has all of it, and others that told what they have.
 * `Picker` says what to ask of whom; this asks, puts together, and decides who is used.
 *
 * Invariants: a block counts only with the hash that the offering device signed, whoever sent it; a source that sends another one is never
 * asked again for this file; one that says that it has blocks and does not deliver loses its turn.
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Clock, Hashes, Random } from '../ports.ts';
import { Assembly } from './assembly.ts';
import { BlockSet } from './block-set.ts';
import { blockCount, type Ranges } from './blocks.ts';
import { FairShare } from './fair-share.ts';
import type { IncomingBlob } from './incoming-blob.ts';
import type { SignedLeaves } from './leaf-batch.ts';
import { Picker, type PickOptions } from './picker.ts';
import type { Receiver } from './receiver.ts';
import { SourcePart, type PartOwner } from './source-part.ts';
import type { SourceEvent, StopReason } from './transfer-events.ts';

const WATCH_MS = 500;
/** By then `FairShare` expects nobody any more who has not told that they take part. */
const EXPECTED_LONG_MS = 2500;
/** A source that sends nothing for so long though it is its turn. Less than what ends a link: others have the blocks. */
const SILENT_MS = 4000;
/** No block takes longer than this, at 2 KB/s. */
const BLOCK_MS = 120_000;
/** How long a source that did not deliver is left alone at first; twice as long each time, up to the longest. */
const REST_MS = 5000;
const LONGEST_REST_MS = 300_000;
const BUSY_REST_MS = 1000;
/** At the end a block is asked of a second source when the first one had this time. The offering device comes last: all ask it. */
const AGAIN_MS = 1000;
const AGAIN_OFFERED_MS = 3000;
const AGAIN_BLOCKS = 2;
/** Of a small file runs are shorter, so that there are some for everybody. */
const RUNS_PER_SOURCE = 4;
export interface SourcesParts {
  blob: IncomingBlob;
  /** This device. */
  own: DeviceId;
  /** The device that offered the file. */
  offeredBy: DeviceId;
  clock: Clock;
  hashes: Hashes;
  random: Random;
  report(event: SourceEvent): void;
}

export class Sources implements PartOwner {
  readonly #parts = new Map<DeviceId, SourcePart>();
  readonly #banned = new Set<DeviceId>();
  readonly #picker: Picker;
  readonly #assembly: Assembly;
  readonly #fairShare: FairShare;
  /** When a block last came from another device than that one. */
  #gotAt: number;
  #cancelWatch: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  /** Blocks that the offering device said that it cannot read. */
  readonly #changed = new BlockSet();
  /** Sources that may be asked for more. */
  readonly #due = new Set<SourcePart>();
  #closed = false;

  constructor(private readonly parts: SourcesParts) {
    const { blob, own, random } = parts;
    const blocks = blockCount(blob.sizeBytes);
    this.#picker = new Picker(blob.missing, blocks, () => fraction(random));
    this.#fairShare = new FairShare(own, blocks, this.#picker.left);
    this.#assembly = new Assembly(blob, parts.hashes);
    this.#gotAt = parts.clock.now();
  }

  /** Devices that sent what the offering device did not sign. */
  get banned(): ReadonlySet<DeviceId> {
    return this.#banned;
  }

  /** Bytes that are kept in memory beside the sink. */
  get asideBytes(): number {
    return this.#assembly.asideBytes;
  }

  /** A device that may have the file, and the receiver of the link to it; again for a new link. A banned one is not used. */
  add(device: DeviceId, receiver: Receiver): void {
    this.remove(device);
    if (this.#banned.has(device) || this.#closed) return;
    const { blob, clock, offeredBy } = this.parts;
    const part = new SourcePart(device, receiver, device === offeredBy, blob, this, clock.now());
    this.#parts.set(device, part);
    this.#picker.add(device);
    if (part.offered) this.#picker.have(device, [[0, blockCount(blob.sizeBytes)]]);
    this.#pumpSoon(part);
  }

  /** The link is gone, or the device is not to be asked any more: what was under way there is asked of others. */
  remove(device: DeviceId, reason: StopReason = 'cancelled'): void {
    const part = this.#parts.get(device);
    if (part === undefined) return;
    this.#parts.delete(device);
    part.cancelRest?.();
    this.#assembly.letGo(device, this.#picker.askedOf(device));
    this.#picker.remove(device);
    part.receiver.stop(part, reason);
    this.#pumpAllSoon();
  }

  /** A source told what it has, beside what it told before unless `begin`. `ranges` are within the file. */
  have(device: DeviceId, ranges: Ranges, begin: boolean): void {
    const part = this.#parts.get(device);
    if (part === undefined || part.offered) return;
    part.takesPart = true;
    if (begin) this.#picker.forget(device);
    this.#picker.have(device, ranges);
    this.#pumpSoon(part);
  }

  /** The source ended the stream. */
  stopped(device: DeviceId, reason: StopReason): void {
    const part = this.#parts.get(device);
    if (part === undefined) return;
    if (reason === 'unavailable' && !part.offered) this.#picker.forget(device);
    this.#rest(part, reason === 'busy' ? BUSY_REST_MS : this.#restMs(part));
  }

  /** The source can serve again: it need not rest any longer. */
  available(device: DeviceId): void {
    const part = this.#parts.get(device);
    if (part?.cancelRest !== undefined) this.#wake(part);
  }

  close(reason: StopReason): void {
    this.#closed = true;
    this.#cancelWatch?.();
    this.#cancelLook?.();
    for (const part of this.#parts.values()) {
      part.cancelRest?.();
      part.receiver.stop(part, reason);
    }
    this.#parts.clear();
  }

  claim(part: SourcePart, onNewStream: boolean): Ranges {
    if (!this.#uses(part) || this.parts.blob.state.kind !== 'running') return [];
    if (onNewStream) this.#picker.streamEnded(part.device);
    const now = this.parts.clock.now();
    const asked = this.#picker.askedOf(part.device).size - part.whole.size;
    const run = this.#runBlocks();
    const depth = part.depth(2 * run);
    // By halves: not a frame for every block.
    if (asked > depth / 2) return [];
    const picked = new BlockSet();
    for (let room = depth - asked; room > 0;) {
      const blocks = this.#picker.pick(part.device, now, this.#limitOf(part, Math.min(run, room), now));
      if (blocks.length === 0) break;
      for (const block of blocks) picked.add(block);
      room -= blocks.length;
      if (part.offered) this.#fairShare.asked(blocks.length);
    }
    if (picked.count === 0 && asked === 0) {
      const askedBefore = now - (part.offered ? AGAIN_OFFERED_MS : AGAIN_MS);
      for (const block of this.#picker.pickAgain(part.device, now, askedBefore, AGAIN_BLOCKS)) picked.add(block);
    }
    if (picked.count > 0 && asked === 0) part.idled(now);
    if (picked.count > 0) this.#cancelWatch ??= this.parts.clock.after(WATCH_MS, () => this.#watch());
    else if (!this.#cancelWatch)
      this.#cancelLook ??= this.parts.clock.after(EXPECTED_LONG_MS, () => this.#lookWhoTakesPart());
    return picked.ranges();
  }

  release(part: SourcePart, ranges: Ranges): void {
    if (!this.#uses(part)) return;
    const blocks = [...new BlockSet(ranges).from(0)];
    for (const block of blocks) part.whole.delete(block);
    this.#assembly.letGo(part.device, blocks);
    this.#picker.giveBack(part.device, blocks);
    this.#pumpAllSoon();
  }

  /** Others may have them; of this source they are asked for again over a new link. */
  unreadable(part: SourcePart, ranges: Ranges): void {
    if (!this.#uses(part)) return;
    this.release(part, ranges);
    this.#picker.lack(part.device, ranges);
    if (part.offered) for (const [first, end] of ranges) this.#changed.add(first, end);
  }

  /** All is had but what the offering device cannot read any more, and nobody here has that. */
  #endIfRestIsChanged(): void {
    const stranded = this.#changed.count > 0 ? this.#picker.stranded : [];
    const left = new BlockSet(stranded);
    if (left.count > 0 && this.#changed.within(stranded).count === left.count) this.parts.blob.unreadable(stranded);
  }

  write(part: SourcePart, block: number, offset: number, data: Bytes): void {
    if (!this.#uses(part)) return;
    part.moved(this.parts.clock.now(), data.length);
    this.#assembly.write(part.device, block, offset, data);
  }

  async hashOf(part: SourcePart, block: number): Promise<Bytes | undefined> {
    if (!this.#uses(part)) return undefined;
    part.whole.add(block);
    const hash = this.#assembly.hashOf(part.device, block);
    this.#pumpSoon(part);
    return hash;
  }

  async verify(
    part: SourcePart,
    block: number,
    hash: Bytes,
    leaf: Bytes,
    signed: SignedLeaves,
  ): Promise<'had' | 'missing' | 'failed'> {
    const { blob } = this.parts;
    if (blob.state.kind !== 'running') return 'failed';
    // It was taken from the source meanwhile.
    if (!this.#uses(part) || !this.#picker.askedOf(part.device).has(block)) return 'missing';
    part.whole.delete(block);
    if (!equalBytes(hash, leaf)) return this.#bad(part, block, hash, leaf);
    part.failures = 0;
    if (!part.offered) this.#gotAt = this.parts.clock.now();
    this.#wonBy(part, block);
    part.committing++;
    try {
      return (await this.#assembly.settle(part.device, block)) ? await blob.commit(block, hash, signed) : 'failed';
    } finally {
      part.committing--;
      part.heardAt = this.parts.clock.now();
    }
  }

  forged(part: SourcePart): void {
    if (this.#uses(part)) this.#ban(part, 'forged-leaves');
  }

  /** The offering device cannot be done without: its second bad block fails the file. */
  #bad(part: SourcePart, block: number, hash: Bytes, leaf: Bytes): Promise<'had' | 'missing' | 'failed'> {
    if (part.offered) {
      this.release(part, [[block, block + 1]]);
      return this.parts.blob.verify(block, hash, leaf);
    }
    this.#ban(part, 'bad-block');
    return Promise.resolve('missing');
  }

  #ban(part: SourcePart, reason: 'bad-block' | 'forged-leaves'): void {
    this.#banned.add(part.device);
    this.remove(part.device, 'bad-block');
    this.parts.report({ kind: 'banned', device: part.device, reason });
  }

  #wonBy(winner: SourcePart, block: number): void {
    for (const device of this.#picker.done(block)) {
      const part = this.#parts.get(device);
      if (part === undefined || part === winner) continue;
      part.whole.delete(block);
      this.#assembly.letGo(device, [block]);
      part.receiver.drop(part, [[block, block + 1]]);
    }
  }

  #limitOf(part: SourcePart, maxBlocks: number, now: number): PickOptions {
    if (!part.offered) return { maxBlocks };
    return this.#fairShare.pick(now, maxBlocks, this.#picker, this.#parts.values(), {
      gotAt: this.#gotAt,
      blockMs: part.blockMs,
      underWay: this.#picker.askedOf(part.device).size,
    });
  }

  #runBlocks(): number {
    const runs = RUNS_PER_SOURCE * Math.max(1, this.#parts.size);
    return Math.min(limits.leafBatchBlocks, Math.max(1, Math.floor(this.#picker.left / runs)));
  }

  /** Nothing could be asked, for it was left to others: where none of them takes part, or gets it, nobody else would ask again. */
  #lookWhoTakesPart(): void {
    this.#cancelLook = undefined;
    if (this.#cancelWatch || this.#closed || this.parts.blob.state.kind !== 'running') return;
    const now = this.parts.clock.now();
    const leftMs = this.#gotAt + this.#fairShare.longestWaitMs(now, this.#parts.values()) - now;
    if (leftMs <= 0) this.#watch();
    else this.#cancelLook = this.parts.clock.after(leftMs, () => this.#lookWhoTakesPart());
  }

  #watch(): void {
    this.#cancelWatch = undefined;
    if (this.#closed || this.parts.blob.state.kind !== 'running') return;
    this.#cancelWatch = this.parts.clock.after(WATCH_MS, () => this.#watch());
    const now = this.parts.clock.now();
    for (const part of [...this.#parts.values()]) {
      const oldest = this.#picker.oldestAsked(part.device);
      if (oldest === undefined || part.committing > 0) continue;
      if (now - part.heardAt < SILENT_MS && now - oldest < BLOCK_MS) continue;
      this.parts.report({ kind: 'late', device: part.device });
      this.#rest(part, this.#restMs(part));
      part.receiver.stop(part, 'too-slow');
    }
    this.#pumpAllSoon();
    this.#endIfRestIsChanged();
  }

  #restMs(part: SourcePart): number {
    return Math.min(LONGEST_REST_MS, REST_MS * 2 ** part.failures++);
  }

  #rest(part: SourcePart, delayMs: number): void {
    this.#assembly.letGo(part.device, this.#picker.askedOf(part.device));
    part.whole.clear();
    this.#picker.rest(part.device);
    part.cancelRest?.();
    part.cancelRest = this.parts.clock.after(delayMs, () => this.#wake(part));
    this.#pumpAllSoon();
  }

  #wake(part: SourcePart): void {
    part.cancelRest?.();
    part.cancelRest = undefined;
    if (!this.#uses(part)) return;
    this.#picker.wake(part.device);
    this.#pumpSoon(part);
  }

  /** Whether the part is still the one of its device: one whose link is gone may have words left to say. */
  #uses(part: SourcePart): boolean {
    return this.#parts.get(part.device) === part;
  }

  #pumpAllSoon(): void {
    for (const part of this.#parts.values()) this.#pumpSoon(part);
  }

  /** After whatever is being worked off now: a receiver that ends a stream is not to be asked to open one meanwhile. */
  #pumpSoon(part: SourcePart): void {
    this.#due.add(part);
    if (this.#due.size > 1) return;
    void Promise.resolve().then(() => {
      const due = [...this.#due];
      this.#due.clear();
      if (this.#closed || this.parts.blob.state.kind !== 'running') return;
      for (const each of due) if (this.#uses(each) && each.cancelRest === undefined) each.receiver.more(each);
    });
  }
}

function fraction(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
  return (a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** 32;
}
