/**
 * What the screens show: with `actions.ts` the one seam between the engine and the components. Snapshots are plain, replaced
 * as a whole, never mutated; components derive from them and call `Actions`. All names in here went through `protocol/names.ts`.
 */
import type { GuestState } from '../../../engine/devices/approval-guest.ts';
import type { GoneReason } from '../../../engine/exchange/offer.ts';
import type { AcceptRule } from '../../../engine/exchange/rules.ts';
import type { GroupEvent } from '../../../engine/groups/membership.ts';
import type { Path } from '../../../engine/session/wire.ts';
import type { EntryRef } from '../../../protocol/entry.ts';
import type { AccountId, ConversationId, DeviceId, OfferId } from '../../../protocol/ids.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { Relation } from '../../../protocol/people.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import type { KeepSettings } from '../kept/keep-rule.ts';
import type { MediaKind } from '../media-kind.ts';
import type { MemberFace } from './member-names.ts';
import type { Series } from './speed-series.ts';
import type { TransferSettings } from './transfer-settings.ts';

/** Where the whole app is. */
export type Phase =
  | { kind: 'starting' }
  /** The page has no secure context (plain http on another host): keys and storage do not work. */
  | { kind: 'insecure' }
  /** The browser lacks something that Causeway needs; `missing` names it. */
  | { kind: 'unsupported'; missing: string }
  /** Another tab of this browser runs the engine. */
  | { kind: 'other-tab' }
  /** `ended`: the server ended the session of whoever was logged in here; `revoked`: another device removed this one; `evicted`: the browser removed all data. */
  | { kind: 'welcome'; ended?: 'session' | 'revoked' | 'evicted' }
  /**
   * Everything of the account was removed from this browser. `incomplete`: some of it could not be. `stillKnown`: the server did not hear of
   * it, and takes this browser for logged in.
   */
  | { kind: 'erased'; account: boolean; incomplete: boolean; stillKnown: boolean }
  /** Right after registration or after new keys: shown once. */
  | { kind: 'recovery-code'; code: string }
  /** Logged in on a browser that is not a device of the account yet. */
  | {
      kind: 'needs-recovery';
      handle: string;
      /** Devices that can approve this one, and how it stands with the one that was asked. */
      devices: { id: DeviceId; name: string }[];
      /** It was one, and the browser removed its data. */
      evicted?: true;
      approval?: { name: string; state: GuestState };
    }
  | { kind: 'ready' };

/**
 * The connection to the signaling server. `offline`: not connected and trying. `deleted`: the account was deleted on another device; what
 * is here can be read.
 */
export type Connection = 'connecting' | 'online' | 'offline' | 'deleted';

export interface Me {
  handle: string;
  displayName: string;
  email: string;
  /** Public root key as text: seed of the avatar. */
  avatarSeed: string;
}

/** One device of this account. */
export interface DeviceRow {
  id: DeviceId;
  name: string;
  /** The one in front of the person. */
  here: boolean;
  online: boolean;
  addedAt: number;
  /** When it last went offline, when the server knows. */
  seenAt?: number;
}

/** A row of the list: a person, or a group, whose id stands for the account (`talk.ts`). */
export interface PersonRow {
  account: AccountId;
  group?: { members: number; online: number; pictureUrl?: string };
  /** The conversation with oneself, over one's own devices. */
  self?: true;
  handle: string;
  /** Empty when the person gave none; then the handle is shown. */
  displayName: string;
  /** Somebody else who is known has the same name. */
  namesake?: true;
  avatarSeed: string;
  relation: Relation;
  online: boolean;
  /** The account was deleted. */
  departed?: true;
  lastSeenAt?: number;
  /** The conversation with this person. */
  conversation: ConversationId;
  /** `author` in a group alone, told apart from namesakes. */
  last?: { text: string; at: number; mine: boolean; author?: string };
  unread: number;
  /** An unread message names this person. */
  mentioned: boolean;
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
  | {
      kind: 'waiting';
      needsAnswer: boolean;
      /** Both are there, and others come first. */ inLine?: boolean;
      tooSlow?: true;
      /** Nobody who is online has it. */
      nobody?: true;
    }
  /** `stalled`: nothing moved for so many seconds though it should; without a link one is being made. */
  | { kind: 'running'; stalled?: { seconds: number; reconnecting: boolean } }
  /** All bytes are here or there; hash or receipt is still awaited. */
  | { kind: 'verifying' }
  /** `byMe`: this person paused and can resume; else the other side did. `full`: it was the disk, and with room it goes on by itself. */
  | { kind: 'paused'; byMe: boolean; full?: true }
  /** The sender's browser no longer has the file: the person is asked for it again by name (`mine`), or waits for that. */
  | { kind: 'needs-file'; wrongFile?: 'other' | 'changed' }
  /** Anybody of the group may fetch it. Mine: so many of the others have it, and it goes to so many now, `sentBytes` to all of these. Theirs: `nobody` who is online has it. */
  | { kind: 'shared'; have: number; of: number; sendingTo: number; sentBytes?: number; paused?: true }
  | { kind: 'offered'; nobody?: true }
  | { kind: 'done' }
  /** It was received, and is not on this device any more, or came to another device of this person. */
  | { kind: 'gone'; reason: GoneReason | 'elsewhere'; nobody?: true }
  | { kind: 'declined' }
  | { kind: 'cancelled'; byMe: boolean }
  /** Something failed; `retry` is offered. */
  | { kind: 'failed'; reason: 'storage' | 'changed' | 'verification' };

/** One open link to somebody: the way, in words for everybody, and figures for those who ask. Whatever is not measured is absent. */
export interface PathView {
  path?: Path | undefined;
  roundTripMs?: number | undefined;
  /** Added by queues on the way, beyond the shortest round trip. */
  queueDelayMs?: number | undefined;
  lanes?: number | undefined;
  /** 0 to 1. */
  lossRatio?: number | undefined;
  bytesPerSecond?: number | undefined;
  receivedBytesPerSecond?: number | undefined;
}

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
  /** How the bytes travel, as far as that is known: by one way, or by several at once. */
  ways?: readonly Path[];
  /** Accepted by a rule of this person, without asking. */
  byRule?: boolean;
  /** The received file, or all of a bundle that could be had, is on this device and can be saved. */
  canSave: boolean;
  /** It is shown where it stands: a picture, a player. */
  media?: MediaView;
  /** It can be fetched, or fetched once more. */
  canDownload?: 'first' | 'again';
  /** Who has a copy, once anybody may. */
  copies?: CopiesView;
  /** It is many files, or a folder. */
  bundle?: BundleView;
  /** It is being written to where the person wants it. */
  saving?: { kind: 'zip' | 'folder' | 'file'; doneBytes: number; totalBytes: number };
}

export interface MediaView {
  kind: MediaKind;
  /** Pixels of the thumbnail, where there is one: their ratio is that of the whole. */
  width?: number;
  height?: number;
  /** The bytes should be on this device: it received them, or sent them. */
  here: boolean;
  /** Spoken for this conversation. `levels`: how loud it is from the beginning to the end, 0 to 255 each. */
  voice?: { durationMs: number; levels: readonly number[] };
}

/** Who has a copy of a file, by what their devices say. */
export interface CopiesView {
  /** On this device: a received one, or the file that was offered from here. */
  here: 'received' | 'offered' | 'none';
  /** Of others who have it, those who are online first. */
  names: string[];
  online: boolean;
}

export interface BundleView extends BundleSize {
  manifestBytes: number;
  /** Blocks that are to be moved, or may be while nobody answered. */
  accepted: Ranges;
  /** Of a received one those that are here; of a sent one those that came through, as far as they were sent since the start. */
  have: Ranges;
  /** A file of it that was changed, or is missing, where it is sent from, cleaned; and how many others are, too. */
  problem?: { kind: 'missing' | 'changed'; name: string; others: number };
  /** Its list of files is not what it says it is. */
  bad: boolean;
}

export interface BundleSize {
  files: number;
  /** 0 for loose files. */
  folders: number;
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

export interface MemberRow {
  account: AccountId;
  handle: string;
  displayName: string;
  /** Another member has the same name. */
  namesake?: true;
  avatarSeed: string;
  role: 'owner' | 'admin' | 'member';
  me: boolean;
  online: boolean;
  /** The account was deleted. */
  departed: boolean;
  mayRemove: boolean;
  mayChangeRole: boolean;
}

export interface InvitationView {
  invitation: string;
  /** Where this device has the secret. */
  code?: string;
  link?: string;
  approval: boolean;
  used: number;
  uses?: number;
  expiresAt?: number;
}

export interface GroupView {
  name: string;
  pictureUrl?: string;
  role: 'owner' | 'admin' | 'member';
  /** `out`: this account left, or was removed. */
  standing: 'in' | 'out' | 'deleted';
  members: MemberRow[];
  /** Of an admin: open invitations, and who waits to be let in. */
  invitations: InvitationView[];
  asking: { account: AccountId; handle: string; displayName: string; avatarSeed: string }[];
  /** Contacts who are no members. */
  contacts: { account: AccountId; handle: string; displayName: string; avatarSeed: string }[];
}

/** A group that this account asked to join. */
export interface JoiningRow {
  invitation: string;
  /** How its code begins: all that is known of a group before one is in it. */
  begins: string;
  standing: 'asking' | 'waiting' | 'refused' | 'gone';
}

export interface ConversationView {
  person: PersonRow;
  group?: GroupView;
  items: MessageItem[];
  /** Index into `items` of the first unread one when the conversation was opened; -1 for none. */
  firstUnread: number;
  /** A link is open and proven. */
  link: 'none' | 'connecting' | 'open';
  path?: Path;
  /** A device of the person breaks the protocol again and again. */
  unusable?: true;
  /** Every open link. */
  paths: PathView[];
  /** Nothing can be said any more, by a block or because one of both accounts was deleted. */
  closed: boolean;
  /** The keys in force were compared. */
  verified: boolean;
  acceptRule?: AcceptRule;
  /** The other's keys changed and the person has not acknowledged it. */
  keysChanged: boolean;
  /** The keys before them were compared: nothing is sent until it is acknowledged. */
  held: boolean;
  /** Older ones are on their way from others: about so many. */
  onTheWay?: number;
  /** There is more than `items` before, or after them. */
  hasOlder: boolean;
  hasNewer: boolean;
  /** The message that was asked for; `times` tells askings for the same one apart. */
  target?: { key: string; times: number };
  typing: boolean;
  /** In a group: the names of those who are writing. */
  writing?: string[];
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

export interface OfferedBundle extends BundleSize {
  manifestBytes: number;
}

export interface IncomingOffer {
  offer: OfferId;
  person: PersonRow;
  files: { name: string; sizeBytes: number; type: string; thumbnailUrl?: string; bundle?: OfferedBundle }[];
  totalBytes: number;
  /** What can be written here less what accepted files still need, once it is measured. */
  freeBytes?: number;
  at: number;
}

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

/** What all transfers together do; `progress` is of everything that ran since the last time nothing did, 0 to 1, absent while nothing runs. */
export interface Moving {
  running: number;
  /** Anything at all, also what is passed on to others of what came here: leaving the page would interrupt it. */
  any: boolean;
  /** 0 to 1; without what has no whole: a file that all of a group may fetch. */
  progress?: number;
}

/** Of what runs and what waits in line, in one direction. */
export interface Total {
  files: number;
  /** Of the files that go to one device. */
  doneBytes: number;
  sizeBytes: number;
  /** Of those that all of a group may fetch. */
  sharedBytes?: number;
  bytesPerSecond: number;
  secondsLeft?: number;
}

export interface TransferRow {
  person: PersonRow;
  file: FileCard;
  /** While it runs: each link that it goes over. */
  paths?: PathView[];
  /** In line: 0 is next, and `last` has nothing after it. */
  place?: number;
  last?: boolean;
}

export interface TransferGroup {
  kind: 'attention' | 'running' | 'in-line' | 'waiting' | 'paused' | 'finished';
  rows: TransferRow[];
}

export interface TransfersView {
  /** Those that have rows, in the order in which they are shown. */
  groups: TransferGroup[];
  down: Total;
  up: Total;
  series: Series;
  canPause: boolean;
  canResume: boolean;
}

/** Somebody behind the same address; all of it is the server's word until they are a contact. */
export interface NearbyRow {
  account: AccountId;
  handle: string;
  displayName: string;
  avatarSeed: string;
  /** Whether one of both has asked the other; contacts are not in the list. */
  asked: 'nobody' | 'me' | 'them';
}

export interface NearbyView {
  state: 'off' | 'turning-on' | 'on';
  /** Why it went off, or did not go on. */
  because?: ActionError['code'];
  people: NearbyRow[];
}

export type Theme = 'system' | 'light' | 'dark';

export interface View {
  phase: Phase;
  connection: Connection;
  me?: Me;
  /** Contacts and conversations, newest first; requests that came in are in `requests` alone. */
  people: PersonRow[];
  requests: PersonRow[];
  joining: JoiningRow[];
  /** The open conversation; absent when none is open. */
  conversation?: ConversationView;
  /** The one that was chosen and is still being read from the storage. */
  opening?: AccountId;
  /** Absent while nobody is logged in. */
  nearby?: NearbyView;
  /** Offers that wait for an answer, oldest first. */
  offers: IncomingOffer[];
  moving: Moving;
  /** Files that cannot go on before this person does something. */
  needingYou: number;
  /** Only while somebody looks at it (`watchTransfers`). */
  transfers?: TransfersView;
  transferSettings: TransferSettings;
  keepSettings: KeepSettings;
  /** A message could not be stored for want of room, and none was since. */
  storageFull: boolean;
  storage?: StorageView;
  /** Devices of this account, this one first. */
  devices?: DeviceRow[];
  /** A new device asks to join, and shows this code. */
  approval?: { guest: DeviceId; name: string; digits: string };
  /** History is coming from another device. */
  history?: { from: string; percent: number };
  theme: Theme;
  discretion: Discretion;
  /** A new version of the app is waiting. */
  updateReady: boolean;
}

/** An expected failure of an action; the sentence for it lives in `text.ts`. `no-server` when nothing answered. */
export interface ActionError {
  code:
    | ErrorCode
    | 'no-server'
    | 'wrong-recovery-code'
    | 'no-space'
    | 'storage'
    | 'unreadable'
    | 'yourself'
    | 'too-many-files'
    | 'not-saved'
    | 'no-space-for-zip'
    | 'no-room'
    | 'archive-too-large'
    | 'not-an-archive'
    | 'newer-version'
    | 'another-conversation'
    | 'wrong-join-code'
    | 'too-many-invitations'
    | 'not-a-picture';
  retryAfterMs?: number | undefined;
  neededBytes?: number;
  freeBytes?: number;
}
