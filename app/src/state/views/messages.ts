/** What the screens show of messages: how far each got, what is said of it, and what the app tells between them. */
import type { GroupEvent } from '../../../../engine/groups/membership.ts';
import type { EntryRef } from '../../../../protocol/entry.ts';
import type { ConversationId } from '../../../../protocol/ids.ts';
import type { MemberFace } from '../member-names.ts';
import type { FileCard } from './files.ts';

/** How far a message got; nothing is shown as more than it is (invariant 3). */
export type Delivery = 'queued' | 'sent' | 'delivered' | 'read';

/** An entry of some conversation. */
export type MessagePlace = EntryRef & { conversation: ConversationId };

export interface Reaction {
  emoji: string;
  count: number;
  /** This person is among them. */
  mine: boolean;
  names: string[];
}

/** The message that another one answers. */
export interface Quote {
  place: MessagePlace;
  author: string;
  /** The beginning of what it says, or the names of its files; absent when it is gone. */
  text?: string;
}

/** Handles, lower case, that a text names by `@`: those of people here, and this person's own where it is among them. */
export interface Mentions {
  handles: string[];
  mine?: string;
}

/** What people do to a message. `place` is absent where nothing can be said of it: it was written under earlier keys, or has no entry yet. */
interface Said {
  delivery: Delivery;
  place?: MessagePlace;
  reactions: Reaction[];
  /** An own message in a group: who has read it, and of how many. Absent for who does not let others know. */
  readBy?: { faces: MemberFace[]; of: number };
}

export type MessageItem = {
  key: string;
  at: number;
  /** The clock of the device that wrote it was ahead: `at` is when it came. */
  clockAhead?: true;
  mine: boolean;
  author: string;
  /** In a group: tells namesakes apart. */
  by?: { handle: string; avatarSeed: string };
} &
  /** Told by the app itself: the other added a device of this name. */
  (
    | { kind: 'notice'; notice: 'device-added'; name: string }
    /** A device of this name wrote two histories; only the one that came first counts here. */
    | { kind: 'notice'; notice: 'forked'; name: string }
    | ({ kind: 'text'; text: string; edited: boolean; disappears: boolean; quote?: Quote; mentions?: Mentions } & Said)
    | ({ kind: 'files'; files: FileCard[] } & Said)
    /** Its author took it back. */
    | { kind: 'deleted' }
    /** Of a group: `who` are those to whom it happened, `mine` when that is this person. */
    | { kind: 'event'; what: GroupEvent['what']; who: string[]; doneBy?: string; byMe: boolean }
    /** From now on messages disappear after this time; 0 not any more. */
    | { kind: 'timer'; afterMs: number }
    /** Told by the app itself: the other's keys changed, an entry needs a newer version. */
    | { kind: 'notice'; notice: 'keys-changed' | 'needs-newer-version' | 'contact-accepted' }
  );
