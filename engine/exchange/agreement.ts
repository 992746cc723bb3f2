/**
 * Whether all who have a file of a group have the same one. The offering device signs the leaves for each receiver, so it could give two of
 * them different bytes, and nobody else could. It binds the file to a root (`close`) once it knows that, and every receipt names the root of
 * what its device got: whatever differs shows to all who hold the entries, whether or not they ever met over a link.
 *
 * Invariant: what the offering device says decides. What others say of roots refuses nothing, for a receipt proves nothing about anybody but
 * its author: a single member could take a file from all others by it.
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { factsOf, type FileFacts, type OfferRecord } from './offer.ts';

export type Agreement =
  /** Nothing speaks against it. */
  | 'same'
  /** Receipts name different roots, and the offering device has not said which it is. */
  | 'disputed'
  /** What came to this device is not what the offering device bound the file to. */
  | 'differs';

export function agreementOn(record: OfferRecord, file: number): Agreement {
  const facts = factsOf(record, file);
  const { root, receipt, blocks } = facts;
  if (!record.group) return 'same';
  if (!root) return isDisputed(facts) ? 'disputed' : 'same';
  // Whoever wanted a part of it has the root of that part.
  return receipt && !blocks && !equalBytes(root, receipt) ? 'differs' : 'same';
}

/** Whether what came, all of the file or a part of it, is another file than that of the offering device, as far as it said. */
export function isOther(record: OfferRecord, file: number, got: Bytes): boolean {
  const { root, blocks } = factsOf(record, file);
  return record.group === true && root !== undefined && !blocks && !equalBytes(root, got);
}

/** Whether a holder has, by its own word, another file than that of the offering device. */
export function isContradicted(facts: FileFacts, holder: DeviceId): boolean {
  const theirs = rootOf(facts, holder);
  return facts.root !== undefined && theirs !== undefined && !equalBytes(facts.root, theirs);
}

/** The receipt of a device for the whole file names this root; undefined when that is known. */
export function withRootTold(
  facts: FileFacts,
  device: DeviceId,
  root: Bytes,
): Pick<FileFacts, 'told' | 'toldOtherwise'> | undefined {
  const { told = root, toldOtherwise = [], holders = [] } = facts;
  const before = holders.includes(device) ? rootOf(facts, device) : undefined;
  if (before && equalBytes(before, root)) return undefined;
  const others = toldOtherwise.filter(([one]) => one !== device);
  return { told, toldOtherwise: equalBytes(told, root) ? others : [...others, [device, root]] };
}

function isDisputed({ holders = [], told, toldOtherwise = [] }: FileFacts): boolean {
  const [first, ...others] = toldOtherwise;
  if (!told || !first) return false;
  return holders.length > toldOtherwise.length || others.some(([, root]) => !equalBytes(root, first[1]));
}

/** Of a holder; undefined when its receipt was taken before roots were kept. */
const rootOf = ({ told, toldOtherwise = [] }: FileFacts, holder: DeviceId): Bytes | undefined =>
  toldOtherwise.find(([device]) => device === holder)?.[1] ?? told;
