/**
 * What the screens show: with `actions.ts` the one seam between the engine and the components. Snapshots are plain, replaced
 * as a whole, never mutated; components derive from them and call `Actions`. All names in here went through `protocol/names.ts`.
 * What is shown of messages, files, groups and transfers, and of what is kept, stands in `views/`.
 */
import type { GuestState } from '../../../engine/devices/approval-guest.ts';
import type { AcceptRule } from '../../../engine/exchange/rules.ts';
import type { Path } from '../../../engine/session/wire.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { AccountId, ConversationId, DeviceId } from '../../../protocol/ids.ts';
import type { Relation } from '../../../protocol/people.ts';
import type { KeepSettings } from '../kept/keep-rule.ts';
import type { TransferSettings } from './transfer-settings.ts';
import type { IncomingOffer } from './views/files.ts';
import type { GroupView, JoiningRow } from './views/groups.ts';
import type { StorageView } from './views/kept.ts';
import type { MessageItem } from './views/messages.ts';
import type { Moving, PathView, TransfersView } from './views/transfers.ts';

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
