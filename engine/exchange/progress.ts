/** What goes on with one file right now, beside its durable facts: nothing here outlives the process. */
import type { OfferId } from '../../protocol/ids.ts';
import { factsOf, fileKey, type OfferRecord } from './offer.ts';
import { Rate } from '../transfer/rate.ts';

export type Activity =
  /** Nothing moves. */
  | { kind: 'idle' }
  | { kind: 'running' }
  /** All is sent, or all is here: the receipt or the root is awaited. */
  | { kind: 'verifying' }
  /** The sender cannot read the file any more; `mine` when that is this device. */
  | { kind: 'needs-file'; mine: boolean }
  /** The other side paused it, or its disk is full. */
  | { kind: 'paused-there'; reason: 'paused' | 'no-space' }
  /** The disk here is full: it goes on when there is room. */
  | { kind: 'no-space' }
  /** Its sender sent too little for too long: it is asked again later. */
  | { kind: 'too-slow' };

export class Progress {
  activity: Activity = { kind: 'idle' };
  doneBytes = 0;
  /** The link went away under it, and it has not begun again since. */
  interrupted = false;
  readonly #rate = new Rate();

  /** `doneBytes` of the file; `movedBytes` counts from where the stream began and may start over with a new one. */
  moved(now: number, movedBytes: number): void {
    if (movedBytes < this.#moved) this.#rate.reset();
    this.#moved = movedBytes;
    this.#rate.sample(now, movedBytes);
  }
  #moved = 0;

  begun(): void {
    this.activity = { kind: 'running' };
    this.interrupted = false;
  }

  stopped(activity: Activity): void {
    this.activity = activity;
    this.interrupted = false;
    this.#rate.reset();
    this.#moved = 0;
  }

  /** Forgets what the other side, or a missing file, held back; says whether anything did. */
  release(): boolean {
    const held = this.activity.kind === 'needs-file' || this.activity.kind === 'paused-there';
    if (held) this.stopped({ kind: 'idle' });
    return held;
  }

  /** How far a file that stops here came: a reload does not open it, and must not show less. */
  kept(): { doneBytes?: number } {
    return this.doneBytes > 0 ? { doneBytes: this.doneBytes } : {};
  }

  bytesPerSecond(now: number): number | undefined {
    return this.activity.kind === 'running' ? this.#rate.bytesPerSecond(now) : undefined;
  }

  secondsLeft(now: number, sizeBytes: number): number | undefined {
    return this.activity.kind === 'running' ? this.#rate.secondsLeft(now, sizeBytes - this.doneBytes) : undefined;
  }
}

/** Progress of every file that was looked at. */
export class ProgressBook {
  readonly #all = new Map<string, Progress>();

  constructor(private readonly recordOf: (offer: OfferId) => OfferRecord | undefined) {}

  of(offer: OfferId, file: number): Progress {
    const key = fileKey(offer, file);
    let progress = this.#all.get(key);
    if (!progress) {
      progress = new Progress();
      const record = this.recordOf(offer);
      progress.doneBytes = (record && factsOf(record, file).doneBytes) ?? 0;
      this.#all.set(key, progress);
    }
    return progress;
  }

  /** The same, if anything happened with the file yet. */
  known(offer: OfferId, file: number): Progress | undefined {
    return this.#all.get(fileKey(offer, file));
  }
}
