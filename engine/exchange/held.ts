/** Files that their receiver accepted and does not want for now. Whoever connects anew cannot know of them: the receiver says so (`held`). */
import type { DeviceId } from '../../protocol/ids.ts';
import type { Link } from '../links/link.ts';
import { standingOf, type OfferRecord } from './offer.ts';
import type { ProgressBook } from './progress.ts';

export type HeldReason = 'paused' | 'no-space';

export class Held {
  constructor(
    private readonly own: DeviceId,
    private readonly progress: ProgressBook,
  ) {}

  /** Says over the link to the sender of a file what this side holds back of it, if anything. */
  tell(link: Link, record: OfferRecord, file: number): void {
    const { offer, offered, answer } = record;
    if (offered?.device !== link.device || answer.kind !== 'accepted' || answer.by !== this.own) return;
    const reason = this.#reason(record, file);
    if (reason) link.control({ kind: 'held', offer, file, reason });
  }

  /** The other end of the link says it of a file of this side; whether that was news. */
  heard(link: Link, record: OfferRecord | undefined, file: number, reason: HeldReason): boolean {
    if (record?.account !== link.account || record.offered?.device !== this.own) return false;
    const { offer, offered, answer } = record;
    if (answer.kind !== 'accepted' || answer.by !== link.device) return false;
    if (file >= offered.files.length || standingOf(record, file) !== 'accepted') return false;
    const progress = this.progress.of(offer, file);
    if (progress.activity.kind !== 'idle') return false;
    progress.stopped({ kind: 'paused-there', reason });
    return true;
  }

  #reason(record: OfferRecord, file: number): HeldReason | undefined {
    const standing = standingOf(record, file);
    if (standing === 'paused') return 'paused';
    const full = this.progress.known(record.offer, file)?.activity.kind === 'no-space';
    return standing === 'accepted' && full ? 'no-space' : undefined;
  }
}
