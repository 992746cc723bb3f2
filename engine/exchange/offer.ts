/**
 * What is known of one offer of files: facts from feeds and knocks, folded in whatever order they come, and the status derived from them.
 * A receipt beats a cancellation: who has the whole file has it. Facts of an offer may be known before the offer itself.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { equalBytes } from '../../protocol/bytes.ts';
import type { OfferedFile, Payload } from '../../protocol/entry.ts';
import type { ChatId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { rangesBytes, type Ranges } from '../transfer/blocks.ts';
import { chosenBlocks, validChoice, type Choice } from './choice.ts';
import { groupEarlyMax, withCopyFact, withGroupFact } from './copies.ts';

/** `differs`: in a group, all came, each block signed by the offering device, and it is not the file that this device bound to its root. */
export type FailureReason = 'storage' | 'changed' | 'verification' | 'differs';

/** Who removed a file that was received here: its person, the limit that they set, or the browser. */
export type GoneReason = 'cleared' | 'limit' | 'lost';

export interface FileFacts {
  cancelledBy?: 'me' | 'them';
  /** The root that the offering device bound the file to. */
  root?: Bytes;
  /** The root of a recipient's receipt. */
  receipt?: Bytes;
  /** The device of the recipient that received it, by its receipt. */
  receivedBy?: DeviceId;
  /** Devices that said that they have the whole file, and not since then that they let go of it; the offering device is not among them. */
  holders?: DeviceId[];
  /** Devices that said that they fetch it, or have a part of it. */
  takers?: DeviceId[];
  /** Of those the ones that want a part of it alone: they never have the whole. */
  partial?: DeviceId[];
  /** In a group: the root of the whole file by the first receipt that is known here, and by those of holders who name another one. */
  told?: Bytes;
  toldOtherwise?: [DeviceId, Bytes][];
  /** In a group: the blocks that this device wants of it; absent for all. */
  blocks?: Ranges;
  /** This device fetches it once more, for itself; nothing changes for anybody else. */
  again?: boolean;
  /** Stopped by this person until resumed; known on this device alone. */
  paused?: boolean;
  /** What went wrong on this device until the person tries again. */
  failed?: FailureReason;
  /** Of a sent file, and of a received one that is stopped: as far as it was shown, so that a reload does not show less. Otherwise that it was begun. */
  doneBytes?: number;
  /** What this device kept of the bytes is removed. */
  cleared?: boolean;
  /** In a group: its person does not want it here any more, which the others may not have been told yet. */
  unwanted?: boolean | undefined;
  /** The person does not want to see it in the list of transfers any more. */
  unlisted?: boolean;
  /** It was received on this device, and its bytes are not here any more. */
  gone?: GoneReason | undefined;
  /** When it was last saved or opened here, milliseconds since 1970. */
  usedAt?: number | undefined;
}

export type Answer =
  | { kind: 'waiting' }
  /** `chosen`: what was accepted, when it was not everything. */
  | { kind: 'accepted' | 'declined'; by: DeviceId; lamport: number; chosen?: Choice };

export interface OfferRecord {
  offer: OfferId;
  /** The other person, or the group, and the conversation it belongs to. */
  account: ChatId;
  conversation: ConversationId;
  /** Offered in a group: each device of each member answers for itself, and `answer` is that of this one. */
  group?: true;
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
  answer: Answer;
  files: FileFacts[];
  /** This device answered by a rule of its person. */
  byRule?: boolean;
  /** In a group: when this device decided to fetch it without asking its person, by its own clock, milliseconds since 1970. */
  unaskedAt?: number;
  /** Its author deleted it (`deleted-offer.ts`). */
  deleted?: true;
  /** What was said of the offer before it was known itself. */
  early?: { payload: OfferPayload; source: FactSource }[];
}

export const fileKey = (offer: OfferId, file: number): string => `${offer}-${file}`;
/** What `fileKey` made a key of. */
export function fileOf(key: string): { offer: OfferId; file: number } {
  const dash = key.lastIndexOf('-');
  return { offer: key.slice(0, dash) as OfferId, file: Number(key.slice(dash + 1)) };
}

export function emptyOffer(
  offer: OfferId,
  account: ChatId,
  conversation: ConversationId,
  inGroup: boolean,
): OfferRecord {
  return {
    offer,
    account,
    conversation,
    answer: { kind: 'waiting' },
    files: [],
    ...(inGroup ? { group: true } : {}),
  };
}

export interface FactSource {
  /** The device that says so, and whether it is of this account; in a group whether it is this device. */
  device: DeviceId;
  mine: boolean;
  at: number;
  /** Of the entry that says so; absent when a knock does. */
  lamport?: number;
}

/** The offer payloads of a feed. */
export type OfferPayload = Extract<Payload, { offer: OfferId }>;

/** All that can be said of an offer before it: each file cancelled, closed and received, and answers. */
const earlyMax = 3 * limits.filesPerOffer + limits.devicesPerAccount;

/**
 * Adds one fact. Facts of somebody who may not say so (a receipt by the sender, a root by another device) change nothing.
 * @returns the same object when nothing changed.
 */
export function withFact(record: OfferRecord, payload: OfferPayload, source: FactSource, knocked = false): OfferRecord {
  if (record.deleted) return record;
  if (payload.kind === 'offer') return withOffer(record, payload, source, knocked);
  const { offered, early = [] } = record;
  if (!offered) {
    // Who may say it shows only when it is known who offers.
    const known = early.some(
      ({ source: { device, lamport } }) => device === source.device && lamport === source.lamport,
    );
    return known || early.length >= (record.group ? groupEarlyMax : earlyMax)
      ? record
      : { ...record, early: [...early, { payload, source }] };
  }
  if (record.group) return withGroupFact(record, payload, source);
  if (payload.kind === 'answer') {
    if (offered.mine === source.mine) return record;
    const { verdict: kind, chosen } = payload;
    if (chosen && !validChoice(offered.files, chosen)) return record;
    const lamport = source.lamport ?? Number.MAX_SAFE_INTEGER;
    const answer = { kind, by: source.device, lamport, ...(chosen ? { chosen } : {}) };
    return record.answer.kind === 'waiting' || comesBefore(answer, record.answer) ? { ...record, answer } : record;
  }
  if (payload.file >= offered.files.length) return record;
  record = withCopyFact(record, payload, source);
  const facts = factsOf(record, payload.file);
  switch (payload.kind) {
    case 'cancel':
      if (facts.cancelledBy || isReceived(record, facts)) return record;
      return withFileFacts(record, payload.file, { cancelledBy: source.mine ? 'me' : 'them' });
    case 'close':
      if (offered.device !== source.device || facts.root) return record;
      return withFileFacts(record, payload.file, { root: payload.root });
    case 'receipt': {
      if (offered.mine === source.mine) return record;
      const wrong = facts.receipt && facts.root && !equalBytes(facts.receipt, facts.root);
      if ((facts.receipt && !wrong) || (wrong && facts.receipt && equalBytes(facts.receipt, payload.root)))
        return record;
      return withFileFacts(record, payload.file, { receipt: payload.root, receivedBy: source.device });
    }
  }
}

/** An offer, by knock or by feed, counts once; of a knock the feed's word may still make another list as long as nobody answered it. */
function withOffer(
  record: OfferRecord,
  payload: Extract<OfferPayload, { kind: 'offer' }>,
  source: FactSource,
  knocked: boolean,
): OfferRecord {
  const { offered, early = [] } = record;
  if (offered && (!offered.knocked || offered.device !== source.device)) return record;
  const told = payload.files.map(({ thumbnail: _, ...file }) => file);
  const files = offered && (record.answer.kind !== 'waiting' || sameFiles(offered.files, told)) ? offered.files : told;
  if (offered && knocked && files === offered.files) return record;
  const { early: _, ...bare } = record;
  const known: OfferRecord = {
    ...bare,
    offered: { device: source.device, mine: source.mine, at: offered?.at ?? source.at, files, knocked },
  };
  return early.reduce((before, fact) => withFact(before, fact.payload, fact.source), known);
}

/** Of two answers of one account the earlier one in the order of the conversation counts, on every device. */
function comesBefore(a: { by: DeviceId; lamport: number }, b: { by: DeviceId; lamport: number }): boolean {
  return a.lamport !== b.lamport ? a.lamport < b.lamport : a.by < b.by;
}

function sameFiles(
  a: readonly Omit<OfferedFile, 'thumbnail'>[],
  b: readonly Omit<OfferedFile, 'thumbnail'>[],
): boolean {
  return (
    a.length === b.length &&
    a.every((file, index) => {
      const other = b[index];
      return (
        file.name === other?.name &&
        file.size === other.size &&
        file.type === other.type &&
        file.modifiedAt === other.modifiedAt
      );
    })
  );
}

export const factsOf = (record: OfferRecord, file: number): FileFacts => record.files[file] ?? {};

export function withFileFacts(record: OfferRecord, file: number, facts: FileFacts): OfferRecord {
  const files = Array.from(
    { length: Math.max(record.files.length, file + 1) },
    (_, index) => record.files[index] ?? {},
  );
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
  if (record.deleted) return 'cancelled';
  const facts = factsOf(record, file);
  const { again = false } = facts;
  if (isReceived(record, facts) && !again) return 'done';
  if (!again && (record.answer.kind === 'declined' || leftOut(record.answer, file))) return 'declined';
  if (facts.cancelledBy && !again) return 'cancelled';
  if (facts.failed) return 'failed';
  if (facts.paused) return 'paused';
  return again || isAccepted(record, facts) ? 'accepted' : 'waiting';
}

/** By the root that the sender bound it to; in a group by the leaves that the offering device signed, which whoever has the file has checked. */
const isReceived = (record: OfferRecord, { receipt, root }: FileFacts): boolean =>
  receipt !== undefined && (record.group === true || (root !== undefined && equalBytes(root, receipt)));

/** In a group each file is fetched, or not, for itself. */
const isAccepted = ({ answer, group }: OfferRecord, { takers = [], unwanted }: FileFacts): boolean =>
  answer.kind === 'accepted' && (!group || (takers.includes(answer.by) && !unwanted));

const choiceOf = ({ answer }: OfferRecord): Choice | undefined =>
  answer.kind === 'waiting' ? undefined : answer.chosen;

const leftOut = (answer: Answer, file: number): boolean =>
  answer.kind === 'accepted' && answer.chosen?.every((one) => one.file !== file) === true;

/** The blocks of a file that were accepted, or all of them while nobody answered. */
export function acceptedBlocks(record: OfferRecord, file: number): Ranges {
  const offered = record.offered?.files[file];
  if (!offered) return [];
  return factsOf(record, file).blocks ?? chosenBlocks(offered, file, choiceOf(record));
}

/** Bytes of those blocks: what is to be moved. */
export function acceptedBytes(record: OfferRecord, file: number): number {
  const offered = record.offered?.files[file];
  return offered ? rangesBytes(offered.size, acceptedBlocks(record, file)) : 0;
}

/** Whether an offer still needs its recipient's answer. In a group nobody waits for one. */
export const needsAnswer = (record: OfferRecord): boolean =>
  !record.group &&
  record.offered?.mine === false &&
  record.answer.kind === 'waiting' &&
  record.offered.files.some((_, file) => standingOf(record, file) === 'waiting');

/** Whether this device decided to accept an offer without asking, and has not said so yet. */
export const isPromised = (record: OfferRecord): boolean =>
  record.group
    ? record.unaskedAt !== undefined && record.answer.kind === 'waiting' && standingOf(record, 0) === 'waiting'
    : record.byRule === true && needsAnswer(record);
