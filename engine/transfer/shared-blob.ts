/**
 * A file that several devices receive, on one that does so: fetches from all links that are handed to it, tells over each of them what it
 * has, and serves that, from the first block on. The device that offered the file needs none of this: it is asked like any sender.
 *
 * Invariant: nobody is told of a block, or given one, that is not had (invariant 2), and nobody who may not have the file.
 */
import { ProtocolError } from '../../protocol/errors.ts';
import type { DeviceId, OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { BlobSink, Clock, Hashes, Random } from '../ports.ts';
import { BlockSet } from './block-set.ts';
import { blockCount, validRanges, type Ranges } from './blocks.ts';
import { ReceivedBlob } from './held-blob.ts';
import type { IncomingBlob } from './incoming-blob.ts';
import type { LinkTransfers, SharedFile } from './link-transfers.ts';
import type { Found } from './sender.ts';
import { Sources } from './sources.ts';
import type { HaveFrame, SourceEvent, StopReason } from './transfer-events.ts';

/** What becomes had is told this often at most: ten small frames a second, however fast the link. */
const TELL_MS = 100;
/** How often a device may begin anew over one link, which is answered each time: a person pauses and resumes not more often. */
const BEGINS_PER_LINK = 256;

export interface SharedBlobParts {
  blob: IncomingBlob;
  /** The sink of `blob`. */
  sink: BlobSink;
  /** This device. */
  own: DeviceId;
  offeredBy: DeviceId;
  clock: Clock;
  hashes: Hashes;
  random: Random;
  /** Whether the offer is shared with the device. */
  mayServe(device: DeviceId, offer: OfferId): boolean;
  report(event: SourceEvent): void;
}

export class SharedBlob implements SharedFile {
  readonly offer: OfferId;
  readonly file: number;
  readonly sources: Sources;
  readonly #held: ReceivedBlob;
  /** With how often the other end began. */
  readonly #links = new Map<LinkTransfers, number>();
  /** Had and not told yet. */
  #untold = new BlockSet();
  #toldAt = -Infinity;
  #cancelTell: (() => void) | undefined;

  constructor(private readonly parts: SharedBlobParts) {
    const { blob, sink } = parts;
    this.offer = blob.offer;
    this.file = blob.file;
    this.sources = new Sources(parts);
    this.#held = new ReceivedBlob(blob.offer, blob.file, sink);
    blob.whenHad((blocks) => this.#had(blocks));
  }

  /** Fetches over this link, and serves. Each device that takes part is at the other end of at most one. */
  join(link: LinkTransfers): void {
    if (this.#links.has(link) || !this.#mayServe(link.device)) return;
    this.#links.set(link, 0);
    link.share(this);
    this.#tell([link], this.parts.blob.haveRanges, true);
    this.sources.add(link.device, link.receiver);
  }

  /** The link is gone, or its device may not have the file any more. */
  leave(link: LinkTransfers): void {
    if (!this.#links.delete(link)) return;
    link.unshare(this);
    link.sender.stop(this.offer, this.file, 'cancelled');
    this.sources.remove(link.device);
  }

  /** What the device at the other end of a link gets when it asks for this file. */
  find(device: DeviceId): Found {
    return this.#mayServe(device) ? { kind: 'blob', blob: this.#held } : { kind: 'refused', reason: 'cancelled' };
  }

  told(by: LinkTransfers, { ranges, begin }: HaveFrame): void {
    if (!validRanges(ranges, blockCount(this.parts.blob.sizeBytes)))
      throw new ProtocolError('malformed', 'has blocks that the file does not have');
    const begun = (this.#links.get(by) ?? 0) + (begin ? 1 : 0);
    if (begun > BEGINS_PER_LINK) throw new ProtocolError('too-large', 'begins again and again');
    this.#links.set(by, begun);
    this.sources.have(by.device, ranges, begin);
    if (begin) this.#tell([by], this.parts.blob.haveRanges, false);
  }

  stopped(by: LinkTransfers, reason: StopReason): void {
    this.sources.stopped(by.device, reason);
  }

  available(by: LinkTransfers): void {
    this.sources.available(by.device);
  }

  /** Stops fetching and serving; the blob and its sink are the caller's to close. */
  close(reason: StopReason): void {
    this.#cancelTell?.();
    this.sources.close(reason);
    for (const link of this.#links.keys()) {
      link.unshare(this);
      link.sender.stop(this.offer, this.file, reason);
    }
    this.#links.clear();
  }

  #mayServe(device: DeviceId): boolean {
    return this.parts.mayServe(device, this.offer);
  }

  #had(blocks: readonly number[]): void {
    for (const block of blocks) this.#untold.add(block);
    if (this.#links.size === 0) return;
    const waitMs = this.#toldAt + TELL_MS - this.parts.clock.now();
    if (waitMs <= 0) this.#tellNews();
    else
      this.#cancelTell ??= this.parts.clock.after(waitMs, () => {
        this.#cancelTell = undefined;
        this.#tellNews();
      });
  }

  #tellNews(): void {
    this.#toldAt = this.parts.clock.now();
    const news = this.#untold.ranges();
    this.#untold = new BlockSet();
    if (news.length > 0) this.#tell(this.#links.keys(), news, false);
  }

  #tell(links: Iterable<LinkTransfers>, have: Ranges, begin: boolean): void {
    const { offer, file } = this;
    for (const link of links) {
      for (let at = 0; at === 0 || at < have.length; at += limits.rangesPerHave) {
        const ranges = have.slice(at, at + limits.rangesPerHave).map(([first, end]): [number, number] => [first, end]);
        link.tell({ kind: 'have', offer, file, ranges, begin: begin && at === 0 });
      }
    }
  }
}
