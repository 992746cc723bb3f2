/**
 * What later entries say of one message, folded. Every fold takes the last in the order of the conversation, so it does not depend on the
 * order in which the entries came, and folding one twice changes nothing. Pure.
 */
import type { EntryRef } from '../../protocol/entry.ts';
import type { AccountId, ConversationId } from '../../protocol/ids.ts';
import { compareEntries, type Position } from '../feed/order.ts';

export interface Annotation {
  /** Its author took it back: nothing else counts any more. Only texts and offers can be taken back; of anything else this says nothing. */
  deleted: boolean;
  /** The words that replace those of the message. */
  edit?: { text: string; place: Position };
  /** All edits that were seen: what they say goes when the message goes. */
  edits: EntryRef[];
  /** The last word of each person; without `emoji` the reaction was taken back. */
  reactions: (readonly [AccountId, { emoji?: string; place: Position }])[];
}

export const plain: Annotation = { deleted: false, edits: [], reactions: [] };

/** Key of a message among all conversations. */
export const messageKey = (conversation: ConversationId, { device, sequence }: EntryRef): string =>
  `${conversation}/${device}/${sequence}`;

const later = (place: Position, than: Position | undefined): boolean => !than || compareEntries(place, than) > 0;

export function withEdit(before: Annotation, text: string, place: Position): Annotation {
  const ref = { device: place.device, sequence: place.sequence };
  const known = before.edits.some(({ device, sequence }) => device === ref.device && sequence === ref.sequence);
  const edits = known ? before.edits : [...before.edits, ref];
  if (before.deleted || !later(place, before.edit?.place)) return { ...before, edits };
  return { ...before, edits, edit: { text, place } };
}

export function withReaction(
  before: Annotation,
  by: AccountId,
  emoji: string | undefined,
  place: Position,
): Annotation {
  const others = before.reactions.filter(([account]) => account !== by);
  const last = before.reactions.find(([account]) => account === by)?.[1];
  if (!later(place, last?.place)) return before;
  const reaction = [by, { ...(emoji === undefined ? {} : { emoji }), place }] as const;
  // Sorted, so that what is stored does not depend on who came first.
  return { ...before, reactions: [...others, reaction].sort(([a], [b]) => (a < b ? -1 : 1)) };
}

export const withDeletion = ({ edits, reactions }: Annotation): Annotation => ({ deleted: true, edits, reactions });
