/** What is being written about a message: an answer to it, or other words in its place. */
import type { AccountId } from '../../protocol/ids.ts';
import type { MessageItem } from './state/views/messages.ts';

export interface Composing {
  kind: 'reply' | 'edit';
  item: MessageItem;
  /** With whom. */
  account: AccountId;
  /** How far an edit came when its conversation was left. */
  words?: string;
}

/** What stands in the field when an edit begins, or goes on. */
export const editedWords = ({ kind, item, words }: Composing): string | undefined =>
  kind === 'edit' && item.kind === 'text' ? (words ?? item.text) : undefined;
