import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceId } from '../../protocol/ids.ts';
import { BlockSet } from './block-set.ts';
import { Picker } from './picker.ts';

const RUNS = process.env['CAUSEWAY_LONG'] === undefined ? 500 : 20_000;
const id = (index: number): DeviceId => `source ${index}` as DeviceId;
const [a, b, c] = [id(0), id(1), id(2)];
const blocksOf = (ranges: BlockSet) => [...ranges.from(0)];

/** 0 up to 1, from a seed. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

function pickerOf(blocks: number, have: Record<string, [number, number][]>): Picker {
  const picker = new Picker([[0, blocks]], blocks, () => 0);
  for (const [source, ranges] of Object.entries(have)) {
    picker.add(source as DeviceId);
    picker.have(source as DeviceId, ranges);
  }
  return picker;
}

describe('Picker', () => {
  it('takes the rarest blocks first, in a run', () => {
    const picker = pickerOf(32, { [a]: [[0, 32]], [b]: [[0, 20]], [c]: [[0, 26]] });
    expect(picker.pick(a, 0, { maxBlocks: 8 })).toEqual([26, 27, 28, 29, 30, 31]);
    expect(picker.pick(a, 0, { maxBlocks: 8 })).toEqual([20, 21, 22, 23]);
    expect(picker.pick(a, 0, { maxBlocks: 8 })).toEqual([24, 25]);
    expect(picker.pick(c, 0, { maxBlocks: 3 })).toEqual([0, 1, 2]);
    expect(picker.pick(c, 0, { maxBlocks: 8 })).toEqual([3, 4, 5, 6, 7]);
  });

  it('leaves out what more sources have than it may', () => {
    const picker = pickerOf(16, { [a]: [[0, 16]], [b]: [[0, 12]] });
    expect(picker.scarce).toBe(4);
    expect(picker.pick(a, 0, { maxBlocks: 8, maxHolders: 1 })).toEqual([12, 13, 14, 15]);
    expect(picker.pick(a, 0, { maxBlocks: 8, maxHolders: 1 })).toEqual([]);
    picker.rest(b);
    expect(picker.scarce).toBe(16);
    expect(picker.pick(a, 0, { maxBlocks: 8, maxHolders: 1 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('does not ask a source for what it turns out to lack', () => {
    const picker = pickerOf(8, { [a]: [[0, 8]], [b]: [[4, 8]] });
    const asked = picker.pick(a, 0, { maxBlocks: 8, from: 4, maxHolders: 2 });
    picker.giveBack(a, asked);
    picker.streamEnded(a);
    picker.lack(a, [[2, 6]]);
    expect(picker.scarce).toBe(6);
    expect(picker.pick(a, 0, { maxBlocks: 8, from: 0 })).toEqual([0, 1]);
    expect(picker.pick(a, 0, { maxBlocks: 8, from: 0 })).toEqual([6, 7]);
    expect(picker.pick(a, 0, { maxBlocks: 8 })).toEqual([]);
    expect(picker.pick(b, 0, { maxBlocks: 8 })).toEqual([4, 5]);
    expect(picker.left).toBe(8);
  });

  it('takes what is told again without looking at each block', () => {
    const blocks = 4_194_304; // of a file of 1 TiB
    const picker = pickerOf(blocks, { [a]: [[0, blocks]] });
    const began = performance.now();
    for (let times = 0; times < 200; times++) picker.have(a, [[0, blocks]]);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(picker.scarce).toBe(blocks);
  });

  it('begins where it is told to, and goes round', () => {
    const picker = pickerOf(16, { [a]: [[0, 16]] });
    expect(picker.pick(a, 0, { maxBlocks: 8, from: 11 })).toEqual([11, 12, 13, 14, 15]);
    expect(picker.pick(a, 0, { maxBlocks: 8, from: 11 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('gives the blocks of a source that is gone to others', () => {
    const picker = pickerOf(8, { [a]: [[0, 8]], [b]: [[0, 8]] });
    picker.pick(a, 0, { maxBlocks: 8 });
    expect(picker.pick(b, 0, { maxBlocks: 8 })).toEqual([]);
    picker.remove(a);
    expect(picker.pick(b, 0, { maxBlocks: 8 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('asks a second source at the end, after the first had its time, and tells who need not go on', () => {
    const picker = pickerOf(8, { [a]: [[0, 8]], [b]: [[0, 8]], [c]: [[0, 8]] });
    picker.pick(a, 100, { maxBlocks: 4 });
    expect(picker.endgame).toBe(false);
    expect(picker.pickAgain(b, 5000, 4000, 8)).toEqual([]);
    picker.pick(a, 200, { maxBlocks: 4 });
    expect(picker.pickAgain(b, 1150, 150, 8)).toEqual([0, 1, 2, 3]);
    expect(picker.pickAgain(c, 9000, 8000, 8)).toEqual([4, 5, 6, 7]);
    expect(picker.done(2).sort()).toEqual([a, b].sort());
    expect(picker.askedOf(a).has(2)).toBe(false);
    expect(picker.left).toBe(7);
  });

  it('does not ask a source again on the same stream', () => {
    const picker = pickerOf(4, { [a]: [[0, 4]] });
    picker.pick(a, 0, { maxBlocks: 4 });
    picker.giveBack(a, [1]);
    expect(picker.pick(a, 0, { maxBlocks: 4 })).toEqual([]);
    picker.streamEnded(a);
    expect(picker.pick(a, 0, { maxBlocks: 4 })).toEqual([1]);
  });

  const step = fc.record({
    what: fc.constantFrom('pick', 'pick', 'pick', 'again', 'deliver', 'deliver', 'lose', 'have', 'rest', 'wake', 'stream', 'leave', 'forget'), // prettier-ignore
    source: fc.nat(4),
    first: fc.nat(79),
    count: fc.integer({ min: 1, max: 12 }),
  });

  it(`asks within what a source has, once except at the end, and gets all that is to be had (${RUNS} runs)`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.array(fc.tuple(fc.nat(79), fc.integer({ min: 1, max: 30 })), { minLength: 1, maxLength: 4 }),
        fc.integer(),
        fc.array(step, { maxLength: 120 }),
        (blocks, wantedRuns, seed, steps) => {
          const wanted = new BlockSet();
          for (const [first, count] of wantedRuns) wanted.add(Math.min(first, blocks), Math.min(first + count, blocks));
          const picker = new Picker(wanted.ranges(), blocks, chance(seed));
          // The model: what each source has, what is asked of whom, what is done.
          const sources = new Map<DeviceId, { have: Set<number>; asked: Set<number>; resting: boolean }>();
          const done = new Set<number>();
          const freeIn = () =>
            blocksOf(wanted).filter(
              (block) => !done.has(block) && ![...sources.values()].some(({ asked }) => asked.has(block)),
            );
          let now = 0;
          const taken = (source: DeviceId, picked: number[], again: boolean) => {
            const model = sources.get(source);
            const free = new Set(freeIn());
            const end = free.size === 0;
            for (const block of picked) {
              expect(model?.have.has(block) && !model.resting).toBe(true);
              expect(wanted.has(block) && !done.has(block) && !model?.asked.has(block)).toBe(true);
              const copies = [...sources.values()].filter(({ asked }) => asked.has(block)).length;
              expect(copies).toBe(again ? 1 : 0);
            }
            if (again && picked.length > 0) expect(end).toBe(true);
            for (const block of picked) model?.asked.add(block);
          };
          const deliver = (source: DeviceId, block: number) => {
            const others = picker.done(block);
            for (const other of others) expect(sources.get(other)?.asked.delete(block)).toBe(true);
            expect(others).toContain(source);
            done.add(block);
          };
          for (const { what, source: index, first, count } of steps) {
            const source = id(index);
            now += 100;
            const model = sources.get(source);
            if (model === undefined) {
              picker.add(source);
              sources.set(source, { have: new Set(), asked: new Set(), resting: false });
              continue;
            }
            const range = new BlockSet([[Math.min(first, blocks), Math.min(first + count, blocks)]]);
            if (what === 'pick') taken(source, picker.pick(source, now, { maxBlocks: count }), false);
            else if (what === 'again') taken(source, picker.pickAgain(source, now, now - 500, count), true);
            else if (what === 'deliver') {
              const [block] = model.asked;
              if (block !== undefined) deliver(source, block);
            } else if (what === 'lose') {
              const lost = [...model.asked].slice(0, count);
              picker.giveBack(source, lost);
              for (const block of lost) model.asked.delete(block);
            } else if (what === 'have') {
              picker.have(source, range.ranges());
              for (const block of blocksOf(range)) model.have.add(block);
            } else if (what === 'rest' || what === 'forget') {
              picker.rest(source);
              if (what === 'forget') {
                picker.forget(source);
                model.have.clear();
              }
              model.resting = true;
              model.asked.clear();
            } else if (what === 'wake') {
              picker.wake(source);
              model.resting = false;
            } else if (what === 'stream') {
              picker.giveBack(source, [...model.asked]);
              model.asked.clear();
              picker.streamEnded(source);
            } else {
              picker.remove(source);
              sources.delete(source);
            }
            expect(picker.left).toBe(wanted.count - done.size);
            const holders = (block: number) =>
              [...sources.values()].filter(({ have, resting }) => !resting && have.has(block)).length;
            const left = blocksOf(wanted).filter((block) => !done.has(block));
            expect(picker.scarce).toBe(left.filter((block) => holders(block) <= 1).length);
          }
          // Everybody delivers what is asked of him from here on.
          for (const [source, model] of sources) {
            picker.wake(source);
            model.resting = false;
            picker.giveBack(source, [...model.asked]);
            model.asked.clear();
          }
          for (let progress = true; progress;) {
            progress = false;
            for (const [source, model] of sources) {
              picker.streamEnded(source);
              const picked = picker.pick(source, now, { maxBlocks: 8 });
              taken(source, picked, false);
              for (const block of picked) deliver(source, block);
              progress ||= picked.length > 0;
              expect(model.asked.size).toBe(0);
            }
          }
          const had = new Set([...sources.values()].flatMap(({ have }) => [...have]));
          expect(blocksOf(wanted).filter((block) => had.has(block) && !done.has(block))).toEqual([]);
        },
      ),
      { numRuns: RUNS },
    );
  });
});
