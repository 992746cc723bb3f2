/** Speed over the last two minutes, in steps of two seconds, for a small graph. Pure: time comes in. */
export const stepMs = 2000;
export const steps = 60;

export interface Speeds {
  down: number;
  up: number;
}

/** Bytes per second, the oldest first, `steps` of them; `down` and `up` are equally long. */
export interface Series {
  down: number[];
  up: number[];
}

export class SpeedSeries {
  /** By step since 1970: sum and number of what was sampled in it. */
  readonly #buckets = new Map<number, { down: number; up: number; samples: number }>();

  sample(now: number, { down, up }: Speeds): void {
    const step = Math.floor(now / stepMs);
    const { down: d, up: u, samples } = this.#buckets.get(step) ?? { down: 0, up: 0, samples: 0 };
    this.#buckets.set(step, { down: d + down, up: u + up, samples: samples + 1 });
    for (const old of this.#buckets.keys()) if (old <= step - steps || old > step) this.#buckets.delete(old);
  }

  /** Means of each step up to `now`; nothing was sampled where nothing moved. */
  at(now: number): Series {
    const last = Math.floor(now / stepMs);
    const means = Array.from({ length: steps }, (_, index) => {
      const bucket = this.#buckets.get(last - steps + 1 + index);
      return bucket ? { down: bucket.down / bucket.samples, up: bucket.up / bucket.samples } : { down: 0, up: 0 };
    });
    return { down: means.map(({ down }) => down), up: means.map(({ up }) => up) };
  }

  /** Whether anything moved in the time that is shown. */
  any(now: number): boolean {
    const { down, up } = this.at(now);
    return [...down, ...up].some((speed) => speed > 0);
  }
}
