import { describe, expect, it } from 'vitest';
import type { Wire, WireStats } from '../session/wire.ts';
import { LinkMeasures } from './link-measures.ts';

const MB = 1_000_000;
/** What the wrapping of each packet makes of so many bytes. */
const wrapped = (bytes: number): number => bytes * 1.055;

const nothing: WireStats = { path: undefined, roundTripMs: undefined, sentBytes: undefined };

/** A connection of which a test says what it measures. */
class MeasuredWire {
  sentBytes = 0;
  bufferedBytes = 0;
  asked = 0;
  measured = nothing;
  stats(): Promise<WireStats> {
    this.asked++;
    return Promise.resolve(this.measured);
  }
}

function measuring(count: number) {
  let now = 1000;
  let wires = Array.from({ length: count }, () => new MeasuredWire());
  const measures = new LinkMeasures(
    () => now,
    () => wires as unknown as Wire[],
  );
  return {
    measures,
    wires,
    use: (others: MeasuredWire[]) => (wires = others),
    later: (ms: number) => (now += ms),
    /** So many bytes were handed to a wire, and its network was given so many. */
    sends: (wire: MeasuredWire | undefined, payload: number, network: number) => {
      if (!wire) throw new Error('no such wire');
      wire.sentBytes += payload;
      wire.measured = { ...wire.measured, sentBytes: (wire.measured.sentBytes ?? 0) + network };
    },
    look: async () => {
      now += 1000;
      await measures.measure();
      return measures.lossRatio;
    },
  };
}

describe('what is measured of a link', () => {
  it('is path and round trip of lane 0, and no more than four of its lanes are asked', async () => {
    const { measures, wires, look } = measuring(6);
    wires.forEach(
      (wire, lane) => (wire.measured = { ...nothing, path: lane === 0 ? 'relayed' : 'direct', roundTripMs: 50 + lane }),
    );
    await look();
    expect([measures.path, measures.roundTripMs]).toEqual(['relayed', 50]);
    expect(wires.map(({ asked }) => asked)).toEqual([1, 1, 1, 1, 0, 0]);
  });

  it('keeps the path while the connection does not say one', async () => {
    const { measures, wires, look } = measuring(1);
    if (wires[0]) wires[0].measured = { ...nothing, path: 'same-network', roundTripMs: 3 };
    await look();
    if (wires[0]) wires[0].measured = nothing;
    await look();
    expect([measures.path, measures.roundTripMs]).toEqual(['same-network', undefined]);
  });

  it('is asked once a second at most, however many look', async () => {
    const { measures, wires, later } = measuring(1);
    await Promise.all([measures.measure(), measures.measure()]);
    later(999);
    await measures.measure();
    expect([wires[0]?.asked, measures.ageMs]).toEqual([1, 999]);
    later(1);
    await measures.measure();
    expect(wires[0]?.asked).toBe(2);
  });

  it('knows no loss before a megabyte went out, then what was sent again', async () => {
    const { wires, sends, look } = measuring(1);
    sends(wires[0], 5 * MB, wrapped(9 * MB));
    expect(await look()).toBeUndefined(); // nothing to hold it against
    sends(wires[0], 0.5 * MB, wrapped(0.6 * MB));
    expect(await look()).toBeUndefined();
    sends(wires[0], 0.6 * MB, wrapped(0.65 * MB));
    expect(await look()).toBeCloseTo(1 - 1.1 / 1.25);
    sends(wires[0], 4 * MB, wrapped(4 * MB));
    expect(await look()).toBeCloseTo(0);
  });

  it('does not take for lost what waits in the connection, nor less than was sent for more', async () => {
    const { wires, sends, look } = measuring(1);
    await look();
    sends(wires[0], 0, 0);
    await look();
    const [wire] = wires;
    if (!wire) throw new Error('no wire');
    wire.bufferedBytes = MB;
    sends(wire, 3 * MB, wrapped(2 * MB));
    expect(await look()).toBeCloseTo(0);
    wire.bufferedBytes = 0;
    sends(wire, 2 * MB, MB);
    expect(await look()).toBe(0);
  });

  it('is over all lanes that are asked, and those that are gone do not count', async () => {
    const { wires, sends, look, use } = measuring(2);
    for (const wire of wires) sends(wire, 0, 0);
    await look();
    sends(wires[0], 2 * MB, wrapped(2 * MB));
    sends(wires[1], 2 * MB, wrapped(3 * MB));
    expect(await look()).toBeCloseTo(1 / 5);
    use(wires.slice(0, 1));
    sends(wires[0], 2 * MB, wrapped(2 * MB));
    expect(await look()).toBeCloseTo(0);
    // Back again it is begun with anew.
    use(wires);
    sends(wires[1], 2 * MB, wrapped(4 * MB));
    sends(wires[0], 2 * MB, wrapped(2 * MB));
    expect(await look()).toBeCloseTo(0);
  });
});
