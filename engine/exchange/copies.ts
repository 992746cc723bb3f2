/**
 * Who has a copy of a file, and who fetches it, by what devices say of themselves. A file stays: whoever has it can hand it to whoever lacks it,
 * again and again, as long as both may read the conversation.
 *
 * Invariant: what one device says changes nothing of what another one has or does. Only the device that offered a file withdraws it.
 */
import type { DeviceId } from '../../protocol/ids.ts';
import { equalBytes } from '../../protocol/bytes.ts';
import { limits } from '../../protocol/limits.ts';
import { agreementOn, isContradicted, withRootTold } from './agreement.ts';
import { validChoice } from './choice.ts';
import {
  factsOf,
  standingOf,
  withFileFacts,
  type FactSource,
  type FileFacts,
  type OfferPayload,
  type OfferRecord,
} from './offer.ts';

type SaidOf<Kind extends OfferPayload['kind']> = Extract<OfferPayload, { kind: Kind }>;

/** What is said of an offer in a group before it is known: an answer and a receipt of each device that may write there. */
export const groupEarlyMax = 2 * limits.feedsPerConversation;

/** Devices that have the whole file, by their word. In a group not those of which the offering device says that it is another file. */
export function holdersOf(facts: FileFacts): readonly DeviceId[] {
  const { holders, receivedBy } = facts;
  if (!holders) return receivedBy === undefined ? [] : [receivedBy];
  return facts.told && facts.root ? holders.filter((device) => !isContradicted(facts, device)) : holders;
}

/** Whether this device has all that it wanted of a file, and has not let go of it. */
export function isHere(record: OfferRecord, file: number, here: DeviceId): boolean {
  const facts = factsOf(record, file);
  if (standingOf(record, file) !== 'done' || facts.cleared || facts.gone !== undefined) return false;
  return record.group ? record.offered?.device !== here : holdersOf(facts).includes(here);
}

/** Whether this device may hand a file on that is here: not one of which the offering device says that it is another. */
export const mayHandOn = (record: OfferRecord, file: number, here: DeviceId): boolean =>
  isHere(record, file, here) && agreementOn(record, file) !== 'differs';

/**
 * Whether the file goes over all links that lead to whoever has it: in a group, and when this device fetches it again. The first time between
 * two people it goes from one device to one.
 */
export const isShared = (record: OfferRecord, file: number): boolean =>
  record.group === true || factsOf(record, file).again === true;

const without = (devices: readonly DeviceId[] | undefined, device: DeviceId): DeviceId[] =>
  (devices ?? []).filter((one) => one !== device);
const withOne = (devices: readonly DeviceId[] | undefined, device: DeviceId): DeviceId[] =>
  devices?.includes(device) ? [...devices] : [...(devices ?? []), device];

/** A fact of an offer between two people: who has a copy. */
export function withCopyFact(
  record: OfferRecord,
  payload: SaidOf<'receipt' | 'cancel' | 'close'>,
  { device }: FactSource,
): OfferRecord {
  if (device === record.offered?.device || payload.kind === 'close') return record;
  const facts = factsOf(record, payload.file);
  const holders = holdersOf(facts);
  if (payload.kind === 'cancel')
    return holders.includes(device)
      ? withFileFacts(record, payload.file, { holders: without(holders, device) })
      : record;
  const other = facts.root !== undefined && !equalBytes(facts.root, payload.root);
  if (other || holders.includes(device)) return record;
  return withFileFacts(record, payload.file, { holders: withOne(holders, device) });
}

/** A fact of an offer in a group, of which the offer itself is known. */
export function withGroupFact(
  record: OfferRecord,
  payload: Exclude<OfferPayload, { kind: 'offer' }>,
  source: FactSource,
): OfferRecord {
  const files = record.offered?.files ?? [];
  if (source.device === record.offered?.device) return withSourcesWord(record, payload, source);
  if (payload.kind === 'answer') return withGroupAnswer(record, payload, source);
  if (payload.file >= files.length) return record;
  if (payload.kind === 'receipt') return withGroupReceipt(record, payload, source);
  return payload.kind === 'cancel' ? withoutPart(record, payload.file, source) : record;
}

/** The device that offered a file withdraws it, or binds it to its root: once, for what it said first is what all compare. */
function withSourcesWord(
  record: OfferRecord,
  payload: Exclude<OfferPayload, { kind: 'offer' }>,
  { mine }: FactSource,
): OfferRecord {
  if (payload.kind === 'answer' || payload.file >= (record.offered?.files.length ?? 0)) return record;
  const { cancelledBy, root } = factsOf(record, payload.file);
  if (payload.kind === 'cancel' && !cancelledBy)
    return withFileFacts(record, payload.file, { cancelledBy: mine ? 'me' : 'them' });
  if (payload.kind === 'close' && !root) return withFileFacts(record, payload.file, { root: payload.root });
  return record;
}

function withGroupAnswer(record: OfferRecord, payload: SaidOf<'answer'>, source: FactSource): OfferRecord {
  const { device, mine, lamport = 0 } = source;
  const files = record.offered?.files ?? [];
  const { verdict, chosen } = payload;
  if (verdict !== 'accepted' || (chosen && !validChoice(files, chosen))) return record;
  const answered: OfferRecord = mine ? { ...record, answer: { kind: verdict, by: device, lamport } } : record;
  return files.reduce((before, _, file) => {
    const one = chosen?.find((choice) => choice.file === file);
    if (chosen && !one) return before;
    const facts = factsOf(before, file);
    const part = one?.blocks;
    return withFileFacts(before, file, {
      takers: withOne(facts.takers, device),
      partial: part ? withOne(facts.partial, device) : without(facts.partial, device),
      ...(mine
        ? { cleared: false, gone: undefined, unwanted: undefined, unlisted: false, ...(part ? { blocks: part } : {}) }
        : {}),
    });
  }, answered);
}

function withGroupReceipt(
  record: OfferRecord,
  { file, root }: SaidOf<'receipt'>,
  { device, mine }: FactSource,
): OfferRecord {
  const facts = factsOf(record, file);
  const own = mine ? { receipt: root, receivedBy: device } : {};
  // Whoever wanted a part has blocks to give, and no copy.
  if (facts.partial?.includes(device)) return mine ? withFileFacts(record, file, own) : record;
  const told = withRootTold(facts, device, root);
  if (facts.holders?.includes(device) && !mine && !told) return record;
  const holders = withOne(facts.holders, device);
  return withFileFacts(record, file, { ...own, ...told, holders, takers: without(facts.takers, device) });
}

/** The device does not fetch the file any more, or has let go of its copy. */
function withoutPart(record: OfferRecord, file: number, { device, mine }: FactSource): OfferRecord {
  const facts = factsOf(record, file);
  const others = {
    holders: without(facts.holders, device),
    takers: without(facts.takers, device),
    partial: without(facts.partial, device),
    ...(facts.toldOtherwise && { toldOtherwise: facts.toldOtherwise.filter(([one]) => one !== device) }),
  };
  if (!mine) return withFileFacts(record, file, others);
  const { unlisted = false, gone, root, told, cancelledBy } = facts;
  const said = { ...(root && { root }), ...(told && { told }), ...(cancelledBy && { cancelledBy }) };
  // Its bytes are removed after this.
  const own = { ...others, ...said, unlisted, cleared: false, ...(gone ? { gone } : {}) };
  return { ...record, files: record.files.map((other, at) => (at === file ? own : other)) };
}
