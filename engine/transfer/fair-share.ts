/**
 * What a receiver may ask of the device that offered a file while others receive it too. All ask that one, and it should send each block
 * about once: each receiver takes its own share of the file, by its place among the devices that take part, and has the rest from the others.
 *
 * Measured in the simulated swarm, eight receivers, links of 2 to 10 MB/s: asking for random blocks the sender sent 3.7 to 5.7 times the file of 4 to
 * 16 MiB; by shares 1.0 times, of larger files under 1.9 times.
 */
import type { DeviceId } from '../../protocol/ids.ts';
import type { Picker, PickOptions } from './picker.ts';

/** A device that was just added is taken for one that takes part; until then it told so, or does not. */
const EXPECTED_MS = 2000;
/**
 * So many times the number of receivers: of fewer blocks that the offering device alone has, two receivers would often ask for the same one.
 * Of more, a fast receiver helps the slow ones.
 */
const PLENTY = 8;
/** Of what is beyond its share little is under way at a time: what others got meanwhile is told a moment later. */
const SCARCE_BLOCKS = 4;
/**
 * Near the end a receiver asks for such a block when nothing came from others for this time, or for twice the time that the offering device
 * takes for a block; one receiver after the other, so that one gets it for all.
 */
const PATIENCE_MS = 1000;
const LONGEST_PATIENCE_MS = 10_000;
/**
 * Others who say that they have the rest and bring nothing in so many times what the offering device takes for a block, and in that time at least, are not waited
 * for: a few blocks at a time then come from the offering device, whoever has them.
 */
const FORSAKEN_BLOCKS = 12;
const FORSAKEN_MS = 1000;
const STAGGER_MS = 250;
/** The same for those who may ask for nothing at all, and have not seen how fast a block comes: over a slow line one of them should get it for all. */
const LAST_STAGGER_MS = 5000;

/** A device that may take part. */
export interface Sharer {
  readonly device: DeviceId;
  /** The one that offered the file. */
  readonly offered: boolean;
  /** It told that it takes part. */
  readonly takesPart: boolean;
  readonly addedAt: number;
}

export class FairShare {
  #askedBlocks = 0;

  constructor(
    private readonly own: DeviceId,
    /** Blocks of the file, and those that were missing at first. */
    private readonly blocks: number,
    private readonly wantedBlocks: number,
  ) {}

  /** The offering device was asked for so many blocks more. */
  asked(blocks: number): void {
    this.#askedBlocks += blocks;
  }

  /**
   * What to pick for the offering device, of which `maxBlocks` would fit. `gotAt`: when another source last sent a block; `blockMs`: how long the
   * offering device takes for one, `underWay`: how many it was asked for.
   */
  pick(
    now: number,
    maxBlocks: number,
    picker: Picker,
    sharers: Iterable<Sharer>,
    { gotAt, blockMs, underWay }: { gotAt: number; blockMs: number; underWay: number },
  ): PickOptions {
    const others = othersAmong(sharers, now);
    if (others.length === 0) return { maxBlocks };
    const count = others.length + 1;
    const place = this.#placeAmong(others);
    const upTo = (receivers: number, blocks: number): number => Math.floor((receivers * blocks) / count);
    const share = upTo(place + 1, this.wantedBlocks) - upTo(place, this.wantedBlocks) - this.#askedBlocks;
    if (share > 0) return { maxBlocks: Math.min(maxBlocks, share), from: upTo(place, this.blocks) };
    const idleMs = now - gotAt - STAGGER_MS * place;
    if (idleMs >= Math.max(FORSAKEN_MS, FORSAKEN_BLOCKS * blockMs))
      return { maxBlocks: Math.min(maxBlocks, SCARCE_BLOCKS - underWay), from: picker.anywhere() };
    const scarce = { maxHolders: 1, from: picker.anywhere() };
    if (picker.scarce >= PLENTY * count) return { maxBlocks: Math.min(maxBlocks, SCARCE_BLOCKS - underWay), ...scarce };
    const patienceMs = Math.min(LONGEST_PATIENCE_MS, Math.max(PATIENCE_MS, 2 * blockMs));
    return { maxBlocks: idleMs >= patienceMs ? 1 : 0, ...scarce };
  }

  /**
   * How long whoever may ask for nothing, since others are to get it, waits for them in all, in milliseconds: of those who take part some may
   * fetch nothing. 0 when none of them does.
   */
  longestWaitMs(now: number, sharers: Iterable<Sharer>): number {
    const others = othersAmong(sharers, now);
    return others.length === 0 ? 0 : LONGEST_PATIENCE_MS + LAST_STAGGER_MS * this.#placeAmong(others);
  }

  #placeAmong(others: readonly Sharer[]): number {
    return others.filter(({ device }) => device < this.own).length;
  }
}

const othersAmong = (sharers: Iterable<Sharer>, now: number): Sharer[] =>
  [...sharers].filter(({ offered, takesPart, addedAt }) => !offered && (takesPart || now - addedAt < EXPECTED_MS));
