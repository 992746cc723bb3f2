/**
 * When a device is rung again to which a link failed: later each time that it does in a row, with half of the delay at random, so that both
 * sides and many peers do not ring in step.
 */
import type { DeviceId } from '../../protocol/ids.ts';
import type { Clock, Random } from '../ports.ts';

const firstRetryMs = 500;
const lastRetryMs = 10_000;

export interface RetriesPorts {
  clock: Clock;
  random: Random;
  /** It is time to ring the device. */
  due(device: DeviceId): void;
}

export class Retries {
  readonly #failures = new Map<DeviceId, number>();
  readonly #waiting = new Map<DeviceId, () => void>();

  constructor(private readonly ports: RetriesPorts) {}

  /** Whether the device is rung again by itself. */
  has(device: DeviceId): boolean {
    return this.#waiting.has(device);
  }

  /** Counts as one more failure. @param restMs for how long no link to it is worth a try. */
  later(device: DeviceId, restMs: number): void {
    if (this.#waiting.has(device)) return;
    const failures = this.#failures.get(device) ?? 0;
    this.#failures.set(device, failures + 1);
    const delay = Math.min(lastRetryMs, firstRetryMs * 2 ** failures);
    const jitter = (this.ports.random.bytes(1)[0] ?? 0) / 256;
    this.#waiting.set(
      device,
      this.ports.clock.after(restMs + delay * (0.5 + jitter / 2), () => {
        this.#waiting.delete(device);
        this.ports.due(device);
      }),
    );
  }

  cancel(device: DeviceId): void {
    this.#waiting.get(device)?.();
    this.#waiting.delete(device);
  }

  /** The next failure is no repetition of those before. */
  forgive(device: DeviceId): void {
    this.#failures.delete(device);
  }

  stop(): void {
    for (const device of [...this.#waiting.keys()]) this.cancel(device);
  }
}
