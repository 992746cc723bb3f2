/**
 * What is known of one offer of files: facts from feeds and knocks, folded in whatever order they come, and the status derived from them.
 * A receipt beats a cancellation: who has the whole file has it. Facts of an offer may be known before the offer itself.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { equalBytes } from '../../protocol/bytes.ts';
import type { OfferedFile, Payload } from '../../protocol/entry.ts';
import type { AccountId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';

export type FailureReason = 'no-space' | 'storage' | 'changed' | 'verification';

export interface FileFacts {
  cancelledBy?: 'me' | 'them';
  /** The root that the offering device bound the file to. */
  root?: Bytes;
  /** The root of a recipient's receipt. */
  receipt?: Bytes;
  /** Stopped by this person until resumed; known on this device alone. */
  paused?: boolean;
  /** What went wrong on this device until the person tries again. */
  failed?: FailureReason;
  /** As far as it was shown, so that a reload does not show less. */
  doneBytes?: number;
  /** What this device kept of the bytes is removed. */
  cleared?: boolean;
}

export interface OfferRecord {
  offer: OfferId;
  /** The other person, and the conversation it belongs to. */
  account: AccountId;
  conversation: ConversationId;
  /** Absent until the offer itself is known. Thumbnails stay in the entry. */
  offered?: {
    /** The device that has the files. */
    device: DeviceId;
    mine: boolean;
    at: number;
    files: Omit<OfferedFile, 'thumbnail'>[];
    /** It came, or was sent, as a knock to somebody who is no contact yet. */
    knocked: boolean;
  };
  answer: { kind: 'waiting' } | { kind: 'accepted'; by: DeviceId } | { kind: 'declined' };
  files: FileFacts[];
}

export const fileKey = (offer: OfferId, file: number): string => `${offer}-${file}`;

export function emptyOffer(offer: OfferId, account: AccountId, conversation: ConversationId): OfferRecord {
  return { offer, account, conversation, answer: { kind: 'waiting' }, files: [] };
}

export interface FactSource {
  /** The device that says so, and whether it is of this account. */
  device: DeviceId;
  mine: boolean;
  at: number;
}

/** The offer payloads of a feed. */
export type OfferPayload = Extract<Payload, { offer: OfferId }>;

/**
 * Adds one fact. Facts of somebody who may not say so (a receipt by the sender, a root by another device) change nothing.
 * @returns the same object when nothing changed.
 */
export function withFact(record: OfferRecord, payload: OfferPayload, source: FactSource): OfferRecord {
  const { offered } = record;
  switch (payload.kind) {
    case 'offer': {
      if (offered && !offered.knocked) return record;
      if (offered && offered.device !== source.device) return record;
      const files = payload.files.map(({ thumbnail: _, ...file }) => file);
      return { ...record, offered: { device: source.device, mine: source.mine, at: offered?.at ?? source.at, files, knocked: false } };
    }
    case 'answer':
      // Only who was asked can answer; the first answer counts.
      if (record.answer.kind !== 'waiting' || offered?.mine === source.mine) return record;
      return { ...record, answer: payload.verdict === 'accepted' ? { kind: 'accepted', by: source.device } : { kind: 'declined' } };
    case 'cancel':
      if (factsOf(record, payload.file).cancelledBy) return record;
      return withFileFacts(record, payload.file, { cancelledBy: source.mine ? 'me' : 'them' });
    case 'close':
      if ((offered && offered.device !== source.device) || factsOf(record, payload.file).root) return record;
      return withFileFacts(record, payload.file, { root: payload.root });
    case 'receipt':
      if (offered?.mine === source.mine || factsOf(record, payload.file).receipt) return record;
      return withFileFacts(record, payload.file, { receipt: payload.root });
  }
}

export const factsOf = (record: OfferRecord, file: number): FileFacts => record.files[file] ?? {};

export function withFileFacts(record: OfferRecord, file: number, facts: FileFacts): OfferRecord {
  const files = Array.from({ length: Math.max(record.files.length, file + 1) }, (_, index) => record.files[index] ?? {});
  files[file] = { ...files[file], ...facts };
  return { ...record, files };
}

export function withoutFailure(record: OfferRecord, file: number): OfferRecord {
  const { failed: _, ...facts } = factsOf(record, file);
  return { ...record, files: record.files.map((other, index) => (index === file ? facts : other)) };
}

/** What the facts make of one file; what is running right now is not among them. */
export type Standing = 'waiting' | 'accepted' | 'paused' | 'done' | 'declined' | 'cancelled' | 'failed';

export function standingOf(record: OfferRecord, file: number): Standing {
  const facts = factsOf(record, file);
  if (facts.receipt && (!facts.root || equalBytes(facts.root, facts.receipt))) return 'done';
  if (record.answer.kind === 'declined') return 'declined';
  if (facts.cancelledBy) return 'cancelled';
  if (facts.failed) return 'failed';
  if (facts.paused) return 'paused';
  return record.answer.kind === 'accepted' ? 'accepted' : 'waiting';
}

/** Whether an offer still needs its recipient's answer. */
export const needsAnswer = (record: OfferRecord): boolean =>
  record.offered?.mine === false && record.answer.kind === 'waiting' && record.offered.files.some((_, file) => standingOf(record, file) === 'waiting');
