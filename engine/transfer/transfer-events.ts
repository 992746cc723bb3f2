/** What the transfer part tells its owner. Texts for people live in the shells. */
import type { ControlFrame } from '../../protocol/frame.ts';
import type { DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Ranges } from './blocks.ts';

export type StopReason = Extract<ControlFrame, { kind: 'stop' }>['reason'];
export type WantFrame = Extract<ControlFrame, { kind: 'want' }>;
export type MoreFrame = Extract<ControlFrame, { kind: 'more' }>;
export type DropFrame = Extract<ControlFrame, { kind: 'drop' }>;
export type HaveFrame = Extract<ControlFrame, { kind: 'have' }>;
export type UnreadableFrame = Extract<ControlFrame, { kind: 'unreadable' }>;
export type LeavesFrame = Extract<ControlFrame, { kind: 'leaves' }>;

/** Of a file that is being sent over one link. */
export type SenderEvent = { offer: OfferId; file: number } &
  /** The receiver lacks these blocks. */
  (
    | { kind: 'asked'; ranges: Ranges }
    /**
     * `doneBytes`: of the file, durable at the receiver. `movedBytes`: sent by this stream so far, for the speed. `arrived`: blocks that came through
     * since this was last told.
     */
    | { kind: 'progress'; doneBytes: number; movedBytes: number; arrived: Ranges }
    /** All that was asked for is sent; the receiver has still to check and write it. */
    | { kind: 'sent' }
    /** The stream is over: `done` when the receiver has what it asked for, else why. */
    | { kind: 'stopped'; by: 'peer' | 'me'; reason: StopReason }
  );

/** Of a file that is being received, from whatever source. */
export type IncomingEvent =
  /** `doneBytes`: had, verified and durable; never decreases. `movedBytes`: arrived since this blob was opened, for the speed. */
  | { kind: 'progress'; doneBytes: number; movedBytes: number }
  /** A block did not have the hash that its sender signed; it was thrown away. */
  | { kind: 'bad-block'; block: number }
  /** Ends this blob: open it anew with a fresh sink to try again. `changed`: all is had but what the sender cannot read. */
  | { kind: 'failed'; reason: 'no-space' | 'storage' | 'verification' | 'changed' }
  /** All blocks are had; `root` is what the sender's `close` entry must say. */
  | { kind: 'complete'; root: Uint8Array<ArrayBuffer> };

/** Of the receiving side of one link. */
export type ReceiverEvent =
  | { kind: 'stopped'; offer: OfferId; file: number; reason: StopReason }
  /** Nothing came for 5 s though it was due. The link is to be made anew. */
  | { kind: 'stalled' };

/** Of the sources of a file that several have. */
export type SourceEvent =
  /** It sent a block, or leaves, that the offering device did not sign: it is not asked for this file again. */
  | { kind: 'banned'; device: DeviceId; reason: 'bad-block' | 'forged-leaves' }
  /** It has blocks, by its word, and did not deliver in time: it loses its turn. */
  | { kind: 'late'; device: DeviceId };
