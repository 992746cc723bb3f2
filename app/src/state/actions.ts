/**
 * What a person can do: with `view.ts` the seam between the engine and the components. Whatever may fail as a matter of course says so in its
 * result; what else fails is a defect.
 */
import type { AcceptRule } from '../../../engine/exchange/rules.ts';
import type { Move } from '../../../engine/exchange/queue.ts';
import type { EntryRef } from '../../../protocol/entry.ts';
import type { AccountId, DeviceId, OfferId } from '../../../protocol/ids.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import type { BundleFiles } from '../bundle/bundle-files.ts';
import type { Gathered } from '../bundle/gather.ts';
import type { Chosen } from '../chosen-files.ts';
import type { KeepSettings } from '../kept/keep-rule.ts';
import type { TransferSettings } from './transfer-settings.ts';
import type { ActionError, Discretion, PersonRow, Theme } from './view.ts';
import type { MemberRow } from './views/groups.ts';
import type { KeptView } from './views/kept.ts';
import type { MessagePlace } from './views/messages.ts';

export type ActionResult = { ok: true } | { ok: false; error: ActionError };

export interface FoundMessage {
  key: string;
  place: MessagePlace;
  person: PersonRow;
  author: string;
  text: string;
  at: number;
}

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
  /** The newest messages with all these words, at most so many, of one person or of all. */
  search(words: string, most: number, account?: AccountId): Promise<FoundMessage[]>;
  /** Somebody is about to search: what that needs is brought into memory. */
  searchBegun(): void;
  /** Searching is over: what it holds in memory can go. */
  searchDone(): void;
}

/** `leftOut`: entries that are not of this conversation, or that nobody in it signed. */
export interface ImportOutcome {
  added: number;
  leftOut: number;
}

/** `account` is the id of the group's row. */
export interface GroupActions {
  create(name: string, picture?: File): Promise<ActionResult>;
  /** Without a picture the one that is there stays. */
  rename(account: AccountId, name: string, picture?: File | 'none'): Promise<ActionResult>;
  /** By a code or a link. */
  join(code: string): Promise<ActionResult>;
  stopJoining(invitation: string): void;
  invite(account: AccountId, bounds: { hours?: number; uses?: number; approval: boolean }): Promise<ActionResult>;
  uninvite(account: AccountId, invitation: string): Promise<ActionResult>;
  /** Sends a contact an invitation. */
  add(account: AccountId, contact: AccountId): Promise<ActionResult>;
  decide(account: AccountId, who: AccountId, verdict: 'admit' | 'refuse'): Promise<ActionResult>;
  remove(account: AccountId, member: AccountId): Promise<ActionResult>;
  setRole(account: AccountId, member: AccountId, role: MemberRow['role']): Promise<ActionResult>;
  leave(account: AccountId): Promise<ActionResult>;
  end(account: AccountId): Promise<ActionResult>;
}

/** One file of an offer that is accepted; of a bundle perhaps only a part. */
export interface ChosenFile {
  file: number;
  /** Blocks to be fetched, and entries of the manifest that were chosen; [first, end), ascending. */
  part?: { blocks: Ranges; entries: Ranges };
}

export interface BundleActions {
  /** Offers what was gathered as one file. */
  offer(account: AccountId, gathered: Gathered): Promise<ActionResult>;
  /** The sender chose the folder again after a reload; a card whose folder is another one says so. */
  provide(offer: OfferId, file: number, again: Gathered): Promise<ActionResult>;
  /**
   * The files of a bundle. Of an offer that nobody answered they are asked for first: `onprogress` is told which part (0 to 1) is here.
   * `absent`: they cannot be had now; `bad`: the list is not what the offer says.
   */
  files(
    offer: OfferId,
    file: number,
    waiting: { signal: AbortSignal; onprogress: (part: number) => void },
  ): Promise<BundleFiles | 'bad' | 'absent'>;
  acceptSome(offer: OfferId, chosen: readonly ChosenFile[]): Promise<ActionResult>;
  /** Downloads one file of a received bundle. */
  saveEntry(offer: OfferId, file: number, node: number): Promise<ActionResult>;
  /** Lets the person pick a place, and writes there: a file, or the files and folders of a bundle. */
  saveAs(offer: OfferId, file: number): Promise<ActionResult>;
  stopSaving(offer: OfferId, file: number): Promise<void>;
}

/** Good until `release`. */
export interface MediaSource {
  /** blob: */
  url: string;
  release: () => void;
}

export interface MediaActions {
  /** The picture drawn anew, for its place in the conversation or for the whole screen; undefined when it is not here or is none. */
  picture(offer: OfferId, file: number, size: 'inline' | 'large'): Promise<MediaSource | undefined>;
  /** What a player is given: the bytes under a type of a player. Nothing of it is read yet. */
  playable(offer: OfferId, file: number): Promise<MediaSource | undefined>;
}

export interface AccountActions {
  register(form: { handle: string; displayName: string; email: string; password: string }): Promise<ActionResult>;
  login(form: { handle: string; password: string }): Promise<ActionResult>;
  /** The person says that the recovery code is kept. */
  recoveryCodeSaved(): void;
  /** Certifies this browser with the recovery code. */
  recover(code: string): Promise<ActionResult>;
  /** Asks a device of the account to let this browser in; how it goes is in the phase. */
  askApproval(device: DeviceId): Promise<ActionResult>;
  cancelApproval(): void;
  /** Goes on without the recovery code: new keys, contacts are told, a new recovery code is shown. */
  startOver(password: string): Promise<ActionResult>;
  /** Keeps keys and history unless `remove`: then everything of this account leaves the browser. */
  logout(options: { remove: boolean }): Promise<ActionResult>;
  /** For good, on the server and in this browser. */
  deleteAccount(password: string): Promise<ActionResult>;
}

/** Of an account that is logged in: its devices, and what others see of it. */
export interface SelfActions {
  /** The codes are the same: the new device joins. */
  approveDevice(guest: DeviceId): Promise<ActionResult>;
  refuseDevice(): void;
  renameDevice(device: DeviceId, name: string): Promise<ActionResult>;
  revokeDevice(device: DeviceId): Promise<ActionResult>;
  updateProfile(profile: { displayName: string; email: string }): Promise<ActionResult>;
}

export interface ContactActions {
  /** Opens the conversation with an exact handle and asks the person to become a contact. */
  shareWith(handle: string): Promise<ActionResult>;
  /** Shows this person to those behind the same address who did the same, and them to this one, until it is switched off or the page goes. */
  setNearby(on: boolean): void;
  /** Asks somebody who is nearby to become a contact. */
  askNearby(handle: string): Promise<ActionResult>;
  answerRequest(account: AccountId, verdict: 'accept' | 'decline' | 'block'): Promise<ActionResult>;
  unblock(account: AccountId): Promise<ActionResult>;
  acknowledgeKeys(account: AccountId): void;
  /** Twelve groups of five digits, to compare. */
  safetyNumber(account: AccountId): Promise<string[] | undefined>;
  setVerified(account: AccountId, verified: boolean): void;
  /** Undefined for none. */
  setAcceptRule(account: AccountId, rule: AcceptRule | undefined): void;
}

export interface FileActions {
  /** `pasted` files and those up to 64 MiB are copied, so that a reload needs no click. Handles where the browser gives them. */
  attach(account: AccountId, files: Chosen[], options: { pasted: boolean }): Promise<ActionResult>;
  answerOffer(offer: OfferId, verdict: 'accept' | 'decline'): Promise<ActionResult>;
  /** Fetches a file of a group, or one that was here, from whoever has it. */
  downloadFile(offer: OfferId, file: number): Promise<ActionResult>;
  /** Removes a received file from this device. */
  removeFile(offer: OfferId, file: number): void;
  cancelFile(offer: OfferId, file: number): void;
  pauseFile(offer: OfferId, file: number): void;
  resumeFile(offer: OfferId, file: number): void;
  retryFile(offer: OfferId, file: number): void;
  /** After a reload: asks the browser for what was chosen before, on a click. @returns whether it goes on; else the person is to choose again. */
  reopenFile(offer: OfferId, file: number): Promise<boolean>;
  /** The sender was asked for this file after a reload, and chose: whichever files of the conversation are among it go on. */
  provideFiles(offer: OfferId, file: number, chosen: readonly Chosen[]): Promise<ActionResult>;
  /** Downloads the received file under its cleaned name; a bundle as a ZIP, which is written first. */
  saveFile(offer: OfferId, file: number): Promise<ActionResult>;
  /** Changes the place of a file that waits in line. */
  moveFile(offer: OfferId, file: number, move: Move): void;
  /** All that runs or waits in line. */
  pauseAll(): void;
  resumeAll(): void;
  /** Leaves finished files out of the list of transfers; the conversations keep them. */
  clearFinished(): void;
}

/** Received files on this device. */
export interface KeptActions {
  /** What is kept here, measured now. */
  keptFiles(): Promise<KeptView>;
  /** Removes received files from this device; what is not here as a whole stays. */
  clearFiles(files: readonly { offer: OfferId; file: number }[]): Promise<ActionResult>;
}

export interface ArchiveActions {
  /** Downloads a conversation: as JSON, or as a ZIP of a page, the JSON and the files that are here. */
  exportConversation(account: AccountId, as: 'json' | 'page'): Promise<ActionResult>;
  importConversation(account: AccountId, file: File): Promise<ImportOutcome | { error: ActionError }>;
}

export interface Actions extends AccountActions, SelfActions, ContactActions, FileActions, KeptActions, ArchiveActions {
  /** Takes the engine over from the other tab. */
  useHere(): void;
  open(account: AccountId): void;
  close(): void;
  sendText(account: AccountId, text: string, reply?: EntryRef): Promise<ActionResult>;
  readonly messages: MessageActions;
  readonly groups: GroupActions;
  readonly bundles: BundleActions;
  readonly media: MediaActions;
  /** Fills `View.transfers` from now on, or stops. */
  watchTransfers(watched: boolean): void;
  setTransferSettings(settings: TransferSettings): void;
  setKeepSettings(settings: KeepSettings): void;
  setTheme(theme: Theme): void;
  /** Asks the browser not to evict. */
  persistStorage(): Promise<void>;
  refreshStorage(): Promise<void>;
  /** Loads the waiting version; refused while a transfer runs (the screen says so). */
  applyUpdate(): void;
}
