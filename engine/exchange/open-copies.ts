/** Files that are here whole and open for others who lack them: as few as possible, and none for long that nobody asks for. */
import { SinkError } from '../ports.ts';
import { acceptedBlocks, fileKey, type OfferRecord } from './offer.ts';
import type { OpenFile, OpenFiles } from './open-files.ts';
import type { Sharing } from './sharing.ts';

/** A copy that nobody asked for is closed: a browser opens only so many files. */
const copyIdleMs = 30_000;
/**
 * Copies open at a time: each costs a browser three open files. One more takes the place of one that nobody asked for in the last seconds; when
 * there is none, whoever asks is told that it is not to be had now.
 */
const copiesMax = 32;
const copyInUseMs = 5000;

export interface OpenCopiesPorts {
  files: OpenFiles;
  sharing: Sharing;
  report(problem: unknown): void;
}

export class OpenCopies {
  /** Copies that are being opened. */
  readonly #opening = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(private readonly ports: OpenCopiesPorts) {}

  /** A file that is whole now goes on to others, if it is one that several fetch. @returns whether it stays open for that. */
  keepOpen(key: string): boolean {
    const open = this.ports.files.get(key);
    if (!open?.shared || (!open.copy && !this.#hasRoom())) return false;
    open.copy = true;
    return true;
  }

  #hasRoom(): boolean {
    const copies = this.ports.files.all().filter(({ copy }) => copy);
    if (copies.length < copiesMax) return true;
    const quietest = copies
      .map(({ offer, file }) => ({ offer, file, quietMs: this.ports.sharing.quietMs(fileKey(offer, file)) ?? 0 }))
      .reduce((one, other) => (other.quietMs > one.quietMs ? other : one));
    if (quietest.quietMs < copyInUseMs) return false;
    void this.ports.files.stop(quietest.offer, quietest.file, 'done');
    return true;
  }

  /** Opens a file that is here whole, for others who lack it. One that came over a single link lacks what they need to trust it. */
  open(record: OfferRecord, file: number): Promise<void> {
    const key = fileKey(record.offer, file);
    const under = this.#opening.get(key);
    if (under) return under;
    if (this.#stopped || this.ports.files.get(key) || !this.#hasRoom()) return Promise.resolve();
    const opening = this.#open(record, file).finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  async #open(record: OfferRecord, file: number): Promise<void> {
    const { files, sharing } = this.ports;
    const key = fileKey(record.offer, file);
    const open = files.open(record, file);
    open.copy = true;
    open.shared = true;
    try {
      const blob = await open.blob;
      const [first] = acceptedBlocks(record, file);
      const provable = first === undefined || (await blob.sink.signedLeaves(first[0])) !== undefined;
      if (files.get(key) !== open) return;
      if (provable) sharing.begin(record, file, blob);
      else await files.stop(record.offer, file, 'unavailable');
    } catch (problem) {
      if (!(problem instanceof SinkError)) throw problem;
      this.ports.report(problem);
      await files.stop(record.offer, file, 'unavailable');
    }
  }

  /** Nobody asked for a copy for so long. */
  quiet({ offer, file }: OpenFile, forMs: number): void {
    if (forMs >= copyIdleMs) void this.ports.files.stop(offer, file, 'done');
  }

  stop(): void {
    this.#stopped = true;
  }
}
