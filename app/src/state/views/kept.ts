/** What the screens show of the room that this device gives to files and messages. */
import type { OfferId } from '../../../../protocol/ids.ts';
import type { PersonRow } from '../view.ts';

export interface KeptFile {
  offer: OfferId;
  file: number;
  /** Cleaned name. */
  name: string;
  /** On the disk of this device. */
  sizeBytes: number;
  at: number;
  /** The copy of a file that is being sent, or was. */
  mine: boolean;
  canClear: boolean;
  /** It was saved or opened. */
  used: boolean;
}

export interface KeptConversation {
  person: PersonRow;
  /** Largest first. */
  files: KeptFile[];
  filesBytes: number;
  /** Roughly. */
  messagesBytes: number;
}

export interface KeptView {
  /** Those that take most first. */
  conversations: KeptConversation[];
  /** By how much files that were neither saved nor opened are over the limit. */
  unsavedOverBytes: number;
  /** Files that the browser removed. */
  lost: number;
}

export interface StorageView {
  usedBytes: number;
  quotaBytes: number;
  /** The browser promised not to evict. */
  persisted: boolean;
}
