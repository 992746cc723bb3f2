/**
 * What the screens show and what a person can do: the one seam between the engine and the components. Snapshots are plain, replaced
 * as a whole, never mutated; components derive from them and call `Actions`. All names in here went through `protocol/names.ts`.
 */
import type { EntryRef } from '../../../protocol/entry.ts';
import type { AccountId, ConversationId, OfferId } from '../../../protocol/ids.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { Relation } from '../../../protocol/people.ts';

/** Where the whole app is. */
export type Phase =
  | { kind: 'starting' }
  /** The page has no secure context (plain http on another host): keys and storage do not work. */
  | { kind: 'insecure' }
  /** The browser lacks something that Causeway needs; `missing` names it. */
  | { kind: 'unsupported'; missing: string }
  /** Another tab of this browser runs the engine. */
  | { kind: 'other-tab' }
  /** `ended`: the server ended the session of whoever was logged in here. */
  | { kind: 'welcome'; ended?: true }
  /** Right after registration or after new keys: shown once. */
  | { kind: 'recovery-code'; code: string }
  /** Logged in on a browser that is not a device of the account yet. */
  | { kind: 'needs-recovery'; handle: string }
  | { kind: 'ready' };

/** The connection to the signaling server. `offline`: not connected and trying. */
export type Connection = 'connecting' | 'online' | 'offline';

export interface Me {
  handle: string;
  displayName: string;
  email: string;
  /** Public root key as text: seed of the avatar. */
  avatarSeed: string;
}

export interface PersonRow {
  account: AccountId;
  handle: string;
  /** Empty when the person gave none; then the handle is shown. */
  displayName: string;
  avatarSeed: string;
  relation: Relation;
  online: boolean;
  lastSeenAt?: number;
  /** The conversation with this person. */
  conversation: ConversationId;
  last?: { text: string; at: number; mine: boolean };
  unread: number;
  /** Kept on this device alone. */
  pinned: boolean;
  muted: boolean;
  archived: boolean;
  /** Running transfers with this person: 0 to 1 over all of them, absent when none runs. */
  progress?: number;
}

/** How far a message got; nothing is shown as more than it is (invariant 3). */
export type Delivery = 'queued' | 'sent' | 'delivered' | 'read';

export type FileStatus =
  /** Not accepted yet, or the other side is away. Mine: "Waiting for NAME". Theirs: it waits for my answer (`needsAnswer`) or for its sender. */
  | { kind: 'waiting'; needsAnswer: boolean }
  | { kind: 'running' }
  /** All bytes are here or there; hash or receipt is still awaited. */
  | { kind: 'verifying' }
  /** `byMe`: this person paused and can resume; else the other side did. */
  | { kind: 'paused'; byMe: boolean }
  /** The sender's browser no longer has the file: the person is asked for it again by name (`mine`), or waits for that. */
  | { kind: 'needs-file'; wrongFile: boolean }
  | { kind: 'done' }
  | { kind: 'declined' }
  | { kind: 'cancelled'; byMe: boolean }
  /** Something failed; `retry` is offered. */
  | { kind: 'failed'; reason: 'no-space' | 'storage' | 'changed' | 'verification' };

export interface FileCard {
  /** Stable key of this file: offer and index. */
  offer: OfferId;
  file: number;
  /** Cleaned name. */
  name: string;
  sizeBytes: number;
  type: string;
  /** A drawn-anew raster thumbnail (blob: URL), when there is one. */
  thumbnailUrl?: string;
  mine: boolean;
  status: FileStatus;
  doneBytes: number;
  /** While running: bytes per second over the last seconds, and seconds left; absent until known. */
  bytesPerSecond?: number;
  secondsLeft?: number;
  /** How the bytes travel, when known. */
  path?: 'direct' | 'relayed';
  /** The received file is on this device and can be saved. */
  canSave: boolean;
}

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

/** What people do to a message. `place` is absent where nothing can be said of it: it was written under earlier keys, or has no entry yet. */
interface Said {
  delivery: Delivery;
  place?: MessagePlace;
  reactions: Reaction[];
}

export type MessageItem = { key: string; at: number; mine: boolean; author: string } & (
  | ({ kind: 'text'; text: string; edited: boolean; disappears: boolean; quote?: Quote } & Said)
  | ({ kind: 'files'; files: FileCard[] } & Said)
  /** Its author took it back. */
  | { kind: 'deleted' }
  /** From now on messages disappear after this time; 0 not any more. */
  | { kind: 'timer'; afterMs: number }
  /** Told by the app itself: the other's keys changed, an entry needs a newer version. */
  | { kind: 'notice'; notice: 'keys-changed' | 'needs-newer-version' | 'contact-accepted' }
);

export interface ConversationView {
  person: PersonRow;
  items: MessageItem[];
  /** Index into `items` of the first unread one when the conversation was opened; -1 for none. */
  firstUnread: number;
  /** A link is open and proven. */
  link: 'none' | 'connecting' | 'open';
  path?: 'direct' | 'relayed';
  /** The other's keys changed and the person has not acknowledged it. */
  keysChanged: boolean;
  /** There is more than `items` before, or after them. */
  hasOlder: boolean;
  hasNewer: boolean;
  /** The message that was asked for; `times` tells askings for the same one apart. */
  target?: { key: string; times: number };
  typing: boolean;
  /** After this time new messages disappear; 0 when they stay. */
  timerMs: number;
  /** What was begun and not sent when the conversation was opened. */
  draft: string;
}

/** What this person lets others know, and is let know in turn. */
export interface Discretion {
  read: boolean;
  typing: boolean;
}

export interface FoundMessage {
  key: string;
  place: MessagePlace;
  person: PersonRow;
  author: string;
  text: string;
  at: number;
}

export interface IncomingOffer {
  offer: OfferId;
  person: PersonRow;
  files: { name: string; sizeBytes: number; type: string; thumbnailUrl?: string }[];
  totalBytes: number;
  /** Free space of this browser's storage, when it says so. */
  freeBytes?: number;
  at: number;
}

export interface StorageView {
  usedBytes: number;
  quotaBytes: number;
  /** The browser promised not to evict. */
  persisted: boolean;
}

export type Theme = 'system' | 'light' | 'dark';

export interface View {
  phase: Phase;
  connection: Connection;
  me?: Me;
  /** Contacts and conversations, newest first; requests that came in are in `requests` alone. */
  people: PersonRow[];
  requests: PersonRow[];
  /** The open conversation; absent when none is open. */
  conversation?: ConversationView;
  /** Offers that wait for an answer, oldest first. */
  offers: IncomingOffer[];
  storage?: StorageView;
  theme: Theme;
  discretion: Discretion;
  /** A new version of the app is waiting. */
  updateReady: boolean;
}

/** An expected failure of an action; the sentence for it lives in `text.ts`. `no-server` when nothing answered. */
export interface ActionError {
  code: ErrorCode | 'no-server' | 'wrong-recovery-code' | 'no-space' | 'storage' | 'unreadable' | 'yourself';
  retryAfterMs?: number | undefined;
}
export type ActionResult = { ok: true } | { ok: false; error: ActionError };

export interface MessageActions {
  edit(account: AccountId, message: EntryRef, text: string): Promise<ActionResult>;
  delete(account: AccountId, message: EntryRef): Promise<ActionResult>;
  /** Without an emoji the reaction is taken back. */
  react(account: AccountId, message: EntryRef, emoji?: string): Promise<ActionResult>;
  /** After this time new messages disappear; 0 when they stay. */
  setTimer(account: AccountId, afterMs: number): Promise<ActionResult>;
  /** The person is writing; what is there is kept as a draft. */
  writing(account: AccountId, draft: string): void;
  setChat(account: AccountId, chosen: Partial<Pick<PersonRow, 'pinned' | 'muted' | 'archived'>>): void;
  setDiscretion(discretion: Discretion): void;

  /** More of the open conversation; resolve when it is shown. */
  showOlder(): Promise<void>;
  showNewer(): Promise<void>;
  showNewest(): Promise<void>;
  /** Opens the conversation at a message. */
  show(account: AccountId, place: MessagePlace): Promise<void>;
  /** Shows the first message of the open conversation from this time on. */
  showDate(at: number): Promise<void>;
  /** The newest messages with all these words, of one person or of all. */
  search(words: string, account?: AccountId): Promise<FoundMessage[]>;
  /** Searching is over: what it holds in memory can go. */
  searchDone(): void;
}

export interface Actions {
  register(form: { handle: string; displayName: string; email: string; password: string }): Promise<ActionResult>;
  login(form: { handle: string; password: string }): Promise<ActionResult>;
  /** The person says that the recovery code is kept. */
  recoveryCodeSaved(): void;
  /** Certifies this browser with the recovery code. */
  recover(code: string): Promise<ActionResult>;
  /** Goes on without the recovery code: new keys, contacts are told, a new recovery code is shown. */
  startOver(password: string): Promise<ActionResult>;
  /** Keeps keys and history unless `remove`. */
  logout(options: { remove: boolean }): Promise<ActionResult>;
  /** Takes the engine over from the other tab. */
  useHere(): void;

  /** Opens the conversation with an exact handle and asks the person to become a contact. */
  shareWith(handle: string): Promise<ActionResult>;
  open(account: AccountId): void;
  close(): void;
  answerRequest(account: AccountId, verdict: 'accept' | 'decline' | 'block'): Promise<ActionResult>;
  unblock(account: AccountId): Promise<ActionResult>;
  acknowledgeKeys(account: AccountId): void;

  sendText(account: AccountId, text: string, reply?: EntryRef): Promise<ActionResult>;
  readonly messages: MessageActions;
  /** `pasted` files and those up to 64 MiB are copied, so that a reload needs no click. Handles where the browser gives them. */
  attach(
    account: AccountId,
    files: { file: File; handle?: FileSystemFileHandle }[],
    options: { pasted: boolean },
  ): Promise<ActionResult>;
  answerOffer(offer: OfferId, verdict: 'accept' | 'decline'): Promise<ActionResult>;
  cancelFile(offer: OfferId, file: number): void;
  pauseFile(offer: OfferId, file: number): void;
  resumeFile(offer: OfferId, file: number): void;
  retryFile(offer: OfferId, file: number): void;
  /** The sender chose the file again after a reload. */
  provideFile(offer: OfferId, file: number, chosen: File): Promise<ActionResult>;
  /** Downloads the received file under its cleaned name. */
  saveFile(offer: OfferId, file: number): Promise<ActionResult>;

  updateProfile(profile: { displayName: string; email: string }): Promise<ActionResult>;
  setTheme(theme: Theme): void;
  /** Asks the browser not to evict. */
  persistStorage(): Promise<void>;
  refreshStorage(): Promise<void>;
  /** Loads the waiting version; refused while a transfer runs (the screen says so). */
  applyUpdate(): void;
}
