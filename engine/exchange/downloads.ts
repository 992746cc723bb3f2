/** Which files this device wants could be fetched now, from whom and in which order, and which are. It only looks: `Incoming` asks for them. */
import type { Link } from '../links/link.ts';
import type { DeviceKeys } from '../ports.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import { isShared } from './copies.ts';
import { acceptedBytes, factsOf, fileKey, standingOf, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { OpenFile, OpenFiles } from './open-files.ts';
import type { ProgressBook } from './progress.ts';
import type { Queued } from './queue.ts';
import type { Rests } from './rests.ts';
import type { Sharing } from './sharing.ts';
import type { TransferQueue } from './transfer-queue.ts';

/** A file of several sources that nothing comes of for so long leaves its place to the next one in line. */
export const quietMs = 10_000;

/** A file that could be fetched now; `from` where one link leads to it, and absent where several may. */
export interface Download extends Queued {
  from?: { link: Link; transfers: LinkTransfers };
  record: OfferRecord;
}

type Reachable = Pick<Download, 'from' | 'record' | 'file'>;

export interface DownloadsPorts {
  keys: DeviceKeys;
  offers: Offers;
  progress: ProgressBook;
  queue: TransferQueue;
  links: ReadonlyMap<Link, LinkTransfers>;
  /** Whether files between two people go over the link. */
  isDirect(link: Link): boolean;
  sharing: Sharing;
  files: OpenFiles;
  rests: Rests;
  /** Bundles whose manifest is asked for before they are answered. */
  manifests: ReadonlySet<string>;
}

export class Downloads {
  constructor(private readonly ports: DownloadsPorts) {}

  /** Files of an offer that this device accepted and has not got, and bundles whose manifest it asked for. */
  filesToFetch(record: OfferRecord): number[] {
    const { offered, answer } = record;
    const own = answer.kind === 'accepted' && answer.by === this.ports.keys.id;
    return [...(offered?.files.keys() ?? [])].filter((file) => {
      const standing = standingOf(record, file);
      const again = factsOf(record, file).again === true;
      if (offered?.mine && !again) return false;
      if (standing === 'waiting') return this.ports.manifests.has(fileKey(record.offer, file));
      return standing === 'accepted' && (own || again);
    });
  }

  /** Files that are not fetched though their sender is connected, in order. */
  line(): Download[] {
    return this.ports.queue.inOrder(this.#reachable(false));
  }

  /** Manifests to choose from: somebody waits for them, and they are small, so they stand in no line. */
  manifests(): Download[] {
    return this.#reachable(true);
  }

  running(): Queued[] {
    const moves = ({ offer, file, shared, fetchedBy }: OpenFile) =>
      shared ? (this.ports.sharing.quietMs(fileKey(offer, file)) ?? 0) < quietMs : fetchedBy.size > 0;
    const fetched = this.ports.files
      .all()
      .filter((open) => !open.root && !open.manifestOnly && !open.copy && moves(open));
    return fetched.flatMap(({ offer, file }) => {
      const record = this.ports.offers.get(offer);
      return record ? this.#queued(record, file) : [];
    });
  }

  #reachable(waiting: boolean): Download[] {
    return [...this.#fetchable(), ...this.#sharable()]
      .filter(({ record, file }) => (standingOf(record, file) === 'waiting') === waiting)
      .filter(({ record, file }) => !this.#isHeld(record, file))
      .map((one) => ({ ...one, ...this.#queued(one.record, one.file) }));
  }

  /** What is neither fetched nor left alone for a while, of those who are connected. */
  #fetchable(): Reachable[] {
    return [...this.ports.links].flatMap(([link, transfers]) => {
      if (!this.ports.isDirect(link)) return [];
      const records = this.ports.offers
        .ofAccount(link.account)
        .filter(({ offered }) => offered?.device === link.device);
      return records.flatMap((record) =>
        this.filesToFetch(record)
          .filter((file) => {
            const key = fileKey(record.offer, file);
            if (isShared(record, file) || this.ports.rests.isResting(link, key)) return false;
            return !this.ports.files.get(key)?.fetchedBy.has(link);
          })
          .map((file) => ({ from: { link, transfers }, record, file })),
      );
    });
  }

  /** Files of several sources that are not open for them, of which somebody who may have them is linked. */
  #sharable(): Reachable[] {
    return this.ports.offers.shared().flatMap((record) => {
      const files = this.filesToFetch(record).filter(
        (file) => isShared(record, file) && !this.ports.files.get(fileKey(record.offer, file))?.shared,
      );
      return files.length > 0 && this.ports.sharing.reaches(record) ? files.map((file) => ({ record, file })) : [];
    });
  }

  /** Whether it is no use to ask for the file now: whatever holds it back says when that is over. */
  #isHeld(record: OfferRecord, file: number): boolean {
    const { kind } = this.ports.progress.of(record.offer, file).activity;
    return ['needs-file', 'paused-there', 'no-space', 'verifying'].includes(kind);
  }

  #queued(record: OfferRecord, file: number): Queued {
    const { offer, offered } = record;
    const leftBytes = acceptedBytes(record, file) - this.ports.progress.of(offer, file).doneBytes;
    return { key: fileKey(offer, file), at: offered?.at ?? 0, file, leftBytes };
  }
}
