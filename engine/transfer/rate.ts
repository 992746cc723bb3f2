/** Speed and time left of a transfer, from counts of bytes. Pure: time comes in. */
const SPAN_MS = 4000;
/** Below this there is too little to say anything. */
const MIN_SPAN_MS = 500;
const STEP_MS = 100;

export class Rate {
  /** [time, bytes so far], at least `STEP_MS` apart, the oldest just over `SPAN_MS` back. */
  #samples: { at: number; bytes: number }[] = [];

  /** `bytes` moved so far, not decreasing; call `reset` where it starts anew. */
  sample(now: number, bytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && now - last.at < STEP_MS) return;
    this.#samples.push({ at: now, bytes });
    while ((this.#samples[1]?.at ?? Infinity) <= now - SPAN_MS) this.#samples.shift();
  }

  reset(): void {
    this.#samples = [];
  }

  /** Over the last 4 s up to `now`; undefined until half a second was seen. */
  bytesPerSecond(now: number): number | undefined {
    const last = this.#samples.at(-1);
    const first = this.#samples.find((sample) => sample.at >= now - SPAN_MS - STEP_MS) ?? last;
    if (first === undefined || last === undefined || now - first.at < MIN_SPAN_MS) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (now - first.at);
  }

  /** Undefined while the speed is not known or nothing moves. */
  secondsLeft(now: number, remainingBytes: number): number | undefined {
    const speed = this.bytesPerSecond(now);
    return speed === undefined || speed <= 0 ? undefined : remainingBytes / speed;
  }
}
