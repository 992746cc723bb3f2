/**
 * An offer that its author deleted. What is left of it is that it was there: its files have no names any more, nothing that is said of it counts, and
 * to whatever moves files it is withdrawn for good, whoever had received it. Pure.
 */
import type { OfferRecord } from './offer.ts';

/** @returns the same object when it is deleted already, or nobody knows what was offered. */
export function deletedOffer(record: OfferRecord): OfferRecord {
  const { offer, account, conversation, group, offered, answer } = record;
  if (!offered || record.deleted) return record;
  return {
    offer,
    account,
    conversation,
    ...(group ? { group } : {}),
    offered: { ...offered, files: offered.files.map(({ size }) => ({ name: '', size, type: '' })) },
    answer,
    // Of each file the bytes are still to be removed.
    files: offered.files.map(() => ({ cancelledBy: offered.mine ? 'me' : 'them', cleared: false })),
    deleted: true,
  };
}
