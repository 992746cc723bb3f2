/** What the screens show of files and folders, where they stand in a conversation and while they wait for an answer. */
import type { GoneReason } from '../../../../engine/exchange/offer.ts';
import type { Path } from '../../../../engine/session/wire.ts';
import type { Ranges } from '../../../../engine/transfer/blocks.ts';
import type { OfferId } from '../../../../protocol/ids.ts';
import type { MediaKind } from '../../media-kind.ts';
import type { PersonRow } from '../view.ts';

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
  | { kind: 'failed'; reason: 'storage' | 'changed' | 'verification' | 'differs' };

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
  /** Not all of its group got the same, as far as is known: what is here is not what its sender binds it to, or that is not known. */
  contents?: 'differs' | 'disputed';
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
