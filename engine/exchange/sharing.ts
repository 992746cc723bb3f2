/**
 * Files that are open here and go over several links: each is given to every link that leads to somebody who may have it. Which files these
 * are, and when they are opened and closed, is decided in `Incoming`.
 */
import type { DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Link } from '../links/link.ts';
import type { Clock, DeviceKeys, Hashes, Random } from '../ports.ts';
import type { IncomingBlob } from '../transfer/incoming-blob.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { Found } from '../transfer/sender.ts';
import { SharedBlob } from '../transfer/shared-blob.ts';
import type { StopReason } from '../transfer/transfer-events.ts';
import { fileKey, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';

const watchMs = 2000;

export interface SharingPorts {
  clock: Clock;
  hashes: Hashes;
  random: Random;
  keys: DeviceKeys;
  offers: Offers;
  links: ReadonlyMap<Link, LinkTransfers>;
  /** Whether a device is certified for somebody who may read the conversation of this offer, now. */
  mayHave(record: OfferRecord, device: DeviceId): boolean;
  /** Nothing of the file came or went for so long. */
  quiet(offer: OfferId, file: number, forMs: number): void;
  report(problem: unknown): void;
}

interface Shared {
  offer: OfferId;
  file: number;
  blob: SharedBlob;
  movedAt: number;
}

export class Sharing {
  readonly #files = new Map<string, Shared>();
  #cancelWatch: (() => void) | undefined;
  #stopped = false;

  constructor(private readonly ports: SharingPorts) {}

  /** From now on the file goes over all links of those who may have it. */
  begin(record: OfferRecord, file: number, blob: IncomingBlob): void {
    const { offer, offered } = record;
    const key = fileKey(offer, file);
    if (!offered || this.#stopped || this.#files.has(key)) return;
    const shared = new SharedBlob({
      ...this.ports,
      blob,
      sink: blob.sink,
      own: this.ports.keys.id,
      offeredBy: offered.device,
      mayServe: (device) => this.#mayHave(offer, device),
      report: (event) => {
        if (event.kind === 'banned')
          this.ports.report(new Error(`${event.device} sent what was not signed: ${event.reason}`));
      },
    });
    this.#files.set(key, { offer, file, blob: shared, movedAt: this.ports.clock.now() });
    for (const transfers of this.ports.links.values()) shared.join(transfers);
    this.#watchLater();
  }

  /** The file is not given to anybody any more; its blob is the caller's to close. */
  end(key: string, reason: StopReason): void {
    this.#files.get(key)?.blob.close(reason);
    this.#files.delete(key);
  }

  has(key: string): boolean {
    return this.#files.has(key);
  }

  /** Something of it came or went. */
  moved(key: string): void {
    const shared = this.#files.get(key);
    if (shared) shared.movedAt = this.ports.clock.now();
  }

  /** For how long nothing of it came or went, in milliseconds; undefined when it is not shared. */
  quietMs(key: string): number | undefined {
    const shared = this.#files.get(key);
    return shared && this.ports.clock.now() - shared.movedAt;
  }

  /** Whether a link leads to anybody who may have the file. */
  reaches(record: OfferRecord): boolean {
    return [...this.ports.links.keys()].some(({ device }) => this.ports.mayHave(record, device));
  }

  /** What a device gets that asks for a file which is open here; undefined when it is not. */
  find(key: string, device: DeviceId): Found | undefined {
    const shared = this.#files.get(key);
    if (!shared) return undefined;
    shared.movedAt = this.ports.clock.now();
    return shared.blob.find(device);
  }

  linkOpened(transfers: LinkTransfers): void {
    for (const { blob } of this.#files.values()) blob.join(transfers);
  }

  linkClosed(transfers: LinkTransfers): void {
    for (const { blob } of this.#files.values()) blob.leave(transfers);
  }

  /** Who may have what is different now. */
  review(): void {
    for (const { offer, blob } of this.#files.values())
      for (const transfers of this.ports.links.values()) {
        if (this.#mayHave(offer, transfers.device)) blob.join(transfers);
        else blob.leave(transfers);
      }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWatch?.();
    for (const key of [...this.#files.keys()]) this.end(key, 'unavailable');
  }

  #mayHave(offer: OfferId, device: DeviceId): boolean {
    const record = this.ports.offers.get(offer);
    return record !== undefined && this.ports.mayHave(record, device);
  }

  #watchLater(): void {
    if (this.#stopped || this.#files.size === 0) return;
    this.#cancelWatch ??= this.ports.clock.after(watchMs, () => {
      this.#cancelWatch = undefined;
      const now = this.ports.clock.now();
      for (const { offer, file, movedAt } of [...this.#files.values()])
        if (now - movedAt >= watchMs) this.ports.quiet(offer, file, now - movedAt);
      this.#watchLater();
    });
  }
}
