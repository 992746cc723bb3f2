/** What is free here for another file: what can be written, less what accepted files still need. */
import type { Causeway } from '../../../engine/causeway.ts';
import { acceptedBytes, fileKey, standingOf } from '../../../engine/exchange/offer.ts';
import type { IncomingOffer } from './views/files.ts';

/** While an offer does not fit, its reader may be making room. */
const againMs = 3000;

/** Files that this device accepted, by what is agreed of them. */
function* acceptedHere(engine: Causeway) {
  for (const record of engine.transfers.all()) {
    const { offer, offered, answer } = record;
    if (!offered || offered.mine || answer.kind !== 'accepted' || answer.by !== engine.device) continue;
    for (const file of offered.files.keys()) {
      const standing = standingOf(record, file);
      const { doneBytes } = engine.transfers.progressOf(offer, file);
      yield { key: fileKey(offer, file), standing, doneBytes, sizeBytes: acceptedBytes(record, file) };
    }
  }
}

/** Measures when offers come and go, and again and again while one does not fit; not otherwise, measuring disturbs a disk that is written to. */
export class SpaceWatch {
  #bytes: number | undefined;
  /** How much was here of accepted files when it was measured, or when they were accepted later: what came since then is not free any more. */
  readonly #hadBytes = new Map<string, number>();
  #waiting = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly measure: () => Promise<number | undefined>,
    private readonly changed: () => void,
    private readonly report: (problem: unknown) => void,
  ) {}

  /** Undefined until it is measured. */
  freeBytes(engine: Causeway): number | undefined {
    if (this.#bytes === undefined) return undefined;
    let free = this.#bytes;
    for (const { key, standing, doneBytes, sizeBytes } of acceptedHere(engine)) {
      const awaited = standing === 'accepted' || standing === 'paused';
      if (awaited && !this.#hadBytes.has(key)) this.#hadBytes.set(key, doneBytes);
      const hadBytes = this.#hadBytes.get(key);
      if (hadBytes !== undefined && (awaited || standing === 'done')) free -= Math.max(0, sizeBytes - hadBytes);
    }
    return Math.max(0, free);
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
      this.#hadBytes.clear();
      this.changed();
    }, this.report);
  }
}
