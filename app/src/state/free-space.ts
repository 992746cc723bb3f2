/** What is free here for another file: what can be written, less what accepted files still need. */
import type { Causeway } from '../../../engine/causeway.ts';
import { acceptedBytes, standingOf } from '../../../engine/exchange/offer.ts';
import type { IncomingOffer } from './view.ts';

/** While an offer does not fit, its reader may be making room. */
const againMs = 3000;

/** Bytes that accepted files still need on this device. */
function promisedBytes(engine: Causeway): number {
  let bytes = 0;
  for (const record of engine.transfers.all()) {
    const { offered, answer } = record;
    if (!offered || offered.mine || answer.kind !== 'accepted' || answer.by !== engine.device) continue;
    offered.files.forEach((_, index) => {
      if (['accepted', 'paused'].includes(standingOf(record, index)))
        bytes += Math.max(0, acceptedBytes(record, index) - engine.transfers.progressOf(record.offer, index).doneBytes);
    });
  }
  return bytes;
}

/** Measures when offers come and go, and again and again while one does not fit; not otherwise, measuring disturbs a disk that is written to. */
export class SpaceWatch {
  #bytes: number | undefined;
  #waiting = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly measure: () => Promise<number | undefined>,
    private readonly changed: () => void,
    private readonly report: (problem: unknown) => void,
  ) {}

  /** Undefined until it is measured. */
  freeBytes(engine: Causeway): number | undefined {
    return this.#bytes === undefined ? undefined : Math.max(0, this.#bytes - promisedBytes(engine));
  }

  /** To be told of the offers that are shown. */
  watch(offers: readonly IncomingOffer[]): void {
    const news = offers.length !== this.#waiting;
    this.#waiting = offers.length;
    if (offers.length === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (news) this.look();
    else if (offers.some(({ freeBytes = Infinity, totalBytes }) => freeBytes < totalBytes))
      this.#timer ??= setTimeout(() => this.look(), againMs);
  }

  /** Measures now, if an offer waits for it. */
  look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting === 0) return;
    this.measure().then((bytes) => {
      this.#bytes = bytes;
      this.changed();
    }, this.report);
  }
}
