/** What goes on with one file right now, beside its durable facts: nothing here outlives the process. */
import { Rate } from '../transfer/rate.ts';

export type Activity =
  /** Nothing moves. */
  | { kind: 'idle' }
  | { kind: 'running' }
  /** All is sent, or all is here: the receipt or the root is awaited. */
  | { kind: 'verifying' }
  /** The sender cannot read the file any more; `mine` when that is this device. */
  | { kind: 'needs-file'; mine: boolean }
  /** The other side paused it. */
  | { kind: 'paused-there' };

export class Progress {
  activity: Activity = { kind: 'idle' };
  doneBytes = 0;
  readonly #rate = new Rate();

  /** `doneBytes` of the file; `movedBytes` counts from where the stream began and may start over with a new one. */
  moved(now: number, movedBytes: number): void {
    if (movedBytes < this.#moved) this.#rate.reset();
    this.#moved = movedBytes;
    this.#rate.sample(now, movedBytes);
  }
  #moved = 0;

  stopped(activity: Activity): void {
    this.activity = activity;
    this.#rate.reset();
    this.#moved = 0;
  }

  bytesPerSecond(now: number): number | undefined {
    return this.activity.kind === 'running' ? this.#rate.bytesPerSecond(now) : undefined;
  }

  secondsLeft(now: number, sizeBytes: number): number | undefined {
    return this.activity.kind === 'running' ? this.#rate.secondsLeft(now, sizeBytes - this.doneBytes) : undefined;
  }
}
