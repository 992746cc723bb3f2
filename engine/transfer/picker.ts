/**
 * Which blocks to ask of which source, for one file that several have. Pure: time and chance come in.
 *
 * Every block that is wanted is free, under way (asked of one source, at the end of two), or done. Rarest first: of the free blocks that a
 * source has those that the fewest usable sources have; among equals the run goes on where the last one of that source ended, and begins at a
 * random place, so that the receivers of a file begin at different ones. Blocks are picked in runs within an aligned unit of `UNIT_BLOCKS`,
 * so that reading and the batches of leaves stay consecutive.
 *
 * Invariants: a block is asked of no source that did not tell that it has it; of a second one only when no block is free any more (endgame)
 * and the first one had its time; never of three.
 */
import type { DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { BlockSet } from './block-set.ts';
import type { Ranges } from './blocks.ts';

/** As many as one batch of leaves covers. */
const UNIT_BLOCKS = limits.leafBatchBlocks;
/** How many free blocks are looked at for one run, 2 GiB: in larger files the rarest of these. */
const LOOKED_AT_BLOCKS = 8192;
/** Ranges remembered of one source. One that tells of more gaps is used for what it told first. */
const RANGES_PER_SOURCE = 65_536;
const COPIES = 2;

interface Source {
  have: BlockSet;
  /** Not asked for anything for now, and no holder for others. */
  resting: boolean;
  /** Under way from this source. */
  asked: Set<number>;
  /** Ever asked of it on the stream that is open: not to be asked for there again. */
  spent: BlockSet;
  /** Where its next run begins when nothing is rarer. */
  next: number | undefined;
}

export interface PickOptions {
  maxBlocks: number;
  /** Leaves out blocks that more usable sources than so many have. */
  maxHolders?: number;
  /** Where to look first, instead of where the last run ended. */
  from?: number;
}

export class Picker {
  readonly #free: BlockSet;
  /** Of each block under way: who is to send it, and when each was asked. */
  readonly #underWay = new Map<number, Map<DeviceId, number>>();
  readonly #sources = new Map<DeviceId, Source>();
  /** Usable sources that told that they have a block. */
  readonly #holders: Uint8Array;
  #scarce: number;

  /** `wanted`: blocks to get, of the `blocks` that the file has. `random`: 0 up to 1. */
  constructor(
    wanted: Ranges,
    private readonly blocks: number,
    private readonly random: () => number,
  ) {
    this.#free = new BlockSet(wanted);
    this.#holders = new Uint8Array(blocks);
    this.#scarce = this.#free.count;
  }

  /** Blocks that are not done. */
  get left(): number {
    return this.#free.count + this.#underWay.size;
  }

  get endgame(): boolean {
    return this.#free.count === 0;
  }

  add(source: DeviceId): void {
    if (!this.#sources.has(source))
      this.#sources.set(source, {
        have: new BlockSet(),
        resting: false,
        asked: new Set(),
        spent: new BlockSet(),
        next: undefined,
      });
  }

  /** A source that is gone gives its blocks back. */
  remove(source: DeviceId): void {
    this.rest(source);
    this.#sources.delete(source);
  }

  /** The source has these blocks too. */
  have(source: DeviceId, ranges: Ranges): void {
    const known = this.#of(source);
    for (const [first, end] of ranges) {
      if (known.have.rangeCount >= RANGES_PER_SOURCE) return;
      const fresh = known.resting ? [] : known.have.missingOf(first, end);
      for (const [from, to] of fresh) for (let block = from; block < to; block++) this.#count(block, 1);
      known.have.add(first, end);
    }
  }

  /** What the source told does not count any more. */
  forget(source: DeviceId): void {
    const known = this.#of(source);
    const { resting } = known;
    this.rest(source);
    known.have = new BlockSet();
    known.resting = resting;
  }

  /** The source does not have these blocks after all. */
  lack(source: DeviceId, ranges: Ranges): void {
    const known = this.#of(source);
    for (const [first, end] of ranges) {
      for (let block = first; !known.resting && block < end; block++) if (known.have.has(block)) this.#count(block, -1);
      known.have.delete(first, end);
    }
  }

  /** Blocks that are not done and that no source has, one that rests neither; none while others are under way, or to be had. */
  get stranded(): Ranges {
    if (this.#underWay.size > 0) return [];
    const left = this.#free.ranges();
    for (const { have } of this.#sources.values()) if (have.within(left).count > 0) return [];
    return left;
  }

  /** The source is not used until `wake`; its blocks are given back. */
  rest(source: DeviceId): void {
    const known = this.#of(source);
    this.giveBack(source, [...known.asked]);
    if (known.resting) return;
    known.resting = true;
    this.#countAll(known, -1);
  }

  wake(source: DeviceId): void {
    const known = this.#of(source);
    if (!known.resting) return;
    known.resting = false;
    this.#countAll(known, 1);
  }

  /** Blocks that are not done and that at most one usable source has. */
  get scarce(): number {
    return this.#scarce;
  }

  /** A random place to begin at. */
  anywhere(): number {
    return UNIT_BLOCKS * Math.floor((this.random() * this.blocks) / UNIT_BLOCKS);
  }

  /** Blocks under way from a source. */
  askedOf(source: DeviceId): ReadonlySet<number> {
    return this.#of(source).asked;
  }

  /** When the block was asked of the source that has been under way from it for longest. */
  oldestAsked(source: DeviceId): number | undefined {
    let oldest: number | undefined;
    for (const block of this.#of(source).asked) {
      const at = this.#underWay.get(block)?.get(source);
      if (at !== undefined) oldest = Math.min(oldest ?? at, at);
    }
    return oldest;
  }

  /** Takes a run for a source, ascending and without a gap; empty when nothing free is to be had there. */
  pick(source: DeviceId, now: number, { maxBlocks, maxHolders = Infinity, from }: PickOptions): number[] {
    const known = this.#of(source);
    if (known.resting || maxBlocks < 1) return [];
    const first = this.#rarest(known, maxHolders, from ?? known.next ?? this.anywhere());
    if (first === undefined) return [];
    const holders = this.#holders[first];
    const unitEnd = Math.min(this.blocks, first - (first % UNIT_BLOCKS) + UNIT_BLOCKS, first + maxBlocks);
    const run: number[] = [];
    for (let block = first; block < unitEnd; block++) {
      if (!this.#isOpenTo(known, block) || this.#holders[block] !== holders) break;
      run.push(block);
    }
    for (const block of run) this.#ask(source, known, block, now);
    known.next = first + run.length;
    return run;
  }

  /**
   * At the end: up to `maxBlocks` blocks that another source was asked for at or before `askedBefore` and has not sent. Whoever is first wins.
   */
  pickAgain(source: DeviceId, now: number, askedBefore: number, maxBlocks: number): number[] {
    const known = this.#of(source);
    if (known.resting || !this.endgame) return [];
    const late: { block: number; since: number }[] = [];
    for (const [block, by] of this.#underWay) {
      const since = Math.min(...by.values());
      if (
        by.size < COPIES &&
        since <= askedBefore &&
        !by.has(source) &&
        known.have.has(block) &&
        !known.spent.has(block)
      )
        late.push({ block, since });
    }
    late.sort((a, b) => a.since - b.since || a.block - b.block);
    const picked = late.slice(0, maxBlocks).map(({ block }) => block);
    for (const block of picked) this.#ask(source, known, block, now);
    return picked;
  }

  /** Blocks that a source was asked for and does not send: free again, unless another one still sends them. */
  giveBack(source: DeviceId, blocks: Iterable<number>): void {
    const known = this.#of(source);
    for (const block of blocks) {
      const asked = this.#underWay.get(block);
      if (!known.asked.delete(block) || asked === undefined) continue;
      asked.delete(source);
      if (asked.size > 0) continue;
      this.#underWay.delete(block);
      this.#free.add(block);
    }
  }

  /** The block is there. @returns the sources that are still asked for it, which need not send it any more. */
  done(block: number): DeviceId[] {
    if (this.#isLeft(block) && (this.#holders[block] ?? 0) <= 1) this.#scarce--;
    const others = [...(this.#underWay.get(block)?.keys() ?? [])];
    this.#underWay.delete(block);
    this.#free.delete(block);
    for (const source of others) this.#sources.get(source)?.asked.delete(block);
    return others;
  }

  /** The stream of the source is over: what was asked for on it may be asked for again on another one. */
  streamEnded(source: DeviceId): void {
    this.#of(source).spent = new BlockSet();
  }

  #ask(source: DeviceId, known: Source, block: number, now: number): void {
    known.asked.add(block);
    known.spent.add(block);
    this.#free.delete(block);
    const asked = this.#underWay.get(block);
    if (asked === undefined) this.#underWay.set(block, new Map([[source, now]]));
    else asked.set(source, now);
  }

  #rarest(known: Source, maxHolders: number, from: number): number | undefined {
    let best: number | undefined;
    let fewest = maxHolders + 1;
    let looked = 0;
    for (const block of this.#free.from(from)) {
      if (++looked > LOOKED_AT_BLOCKS) break;
      const holders = this.#holders[block] ?? 0;
      if (holders >= fewest || !this.#isOpenTo(known, block)) continue;
      best = block;
      fewest = holders;
      if (holders === 1) break; // this source alone: no block is rarer
    }
    return best;
  }

  #isOpenTo(known: Source, block: number): boolean {
    return this.#free.has(block) && known.have.has(block) && !known.spent.has(block);
  }

  #isLeft(block: number): boolean {
    return this.#free.has(block) || this.#underWay.has(block);
  }

  #countAll({ have }: Source, by: 1 | -1): void {
    for (const [first, end] of have.ranges()) for (let block = first; block < end; block++) this.#count(block, by);
  }

  #count(block: number, by: 1 | -1): void {
    const before = this.#holders[block] ?? 0;
    this.#holders[block] = before + by;
    // One more or one less than one other source.
    if (Math.min(before, before + by) === 1 && this.#isLeft(block)) this.#scarce -= by;
  }

  #of(source: DeviceId): Source {
    const known = this.#sources.get(source);
    if (known === undefined) throw new Error(`no source ${source}`);
    return known;
  }
}
