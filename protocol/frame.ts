/**
 * Frames of a link: one data channel message each. Byte 0 is the type:
 *
 *   0 control   CBOR of `ControlFrame`
 *   1 chunk     u32 stream, u32 block, u32 offset within the block, then 1 to `chunkBytes` bytes of the block
 *   2 ack       u32 stream, f64 bytes of chunks received over this lane since it opened, over all streams (what the sender's window
 *               counts), f64 credit limit of this stream since it was opened, f64 bytes of this stream settled since: durably written or
 *               thrown away. A byte of the file counts once against the credit, however often it is sent
 *
 * A link has lane 0 and may have more, each an own connection: on those there are chunks and acks alone.
 *
 * The receiver numbers its streams upwards; the device with the smaller id takes even numbers, the other one odd ones, so that both can
 * receive over one link. Integers are big-endian. Goal: nothing that a peer sends allocates more than its own length. Non-goal: compression.
 */
import * as v from 'valibot';
import { concatBytes, type Bytes } from './bytes.ts';
import { bytesOf, bytesUpTo, decodeAs, encodeCbor, uint } from './codec.ts';
import { ProtocolError } from './errors.ts';
import { ConversationId, DeviceId, LinkId, OfferId } from './ids.ts';
import { limits } from './limits.ts';

const frontier = v.pipe(v.array(v.tuple([DeviceId, uint()])), v.maxLength(limits.feedsPerConversation));
const u32 = uint(0xffff_ffff);
const range = v.tuple([u32, u32]);
const wantedRanges = v.pipe(v.array(range), v.minLength(1), v.maxLength(limits.rangesPerWant));
const lane = uint(limits.lanesPerLink - 1);
const extraLane = v.pipe(lane, v.minValue(1));

/** What browsers write into SDP and candidates. */
const ascii = v.regex(/^[\x20-\x7e\t\r\n]*$/);

/** SDP or ICE of one lane: as in an envelope, but the link is proven already and needs no server. */
const LaneSignal = v.variant('kind', [
  v.strictObject({
    kind: v.literal('sdp'),
    type: v.picklist(['offer', 'answer']),
    sdp: v.pipe(v.string(), v.maxLength(limits.sdpLength), ascii),
  }),
  v.strictObject({
    kind: v.literal('ice'),
    candidate: v.pipe(v.string(), v.maxLength(limits.candidateLength), ascii),
    mid: v.nullable(v.pipe(v.string(), v.maxLength(16), ascii)),
    line: v.nullable(uint(64)),
  }),
]);

export const ControlFrame = v.variant('kind', [
  // Session: the only frames before both sides proved their device keys (invariant 5).
  v.strictObject({
    kind: v.literal('hello'),
    version: uint(255),
    link: LinkId,
    epoch: uint(),
    lane,
    device: DeviceId,
    nonce: bytesOf(32),
    expiresAt: uint(),
  }),
  v.strictObject({ kind: v.literal('proof'), signature: bytesOf(64) }),
  /** The sender closes the link on purpose; `idle` may be re-made at will, `replaced` not by itself. */
  v.strictObject({
    kind: v.literal('bye'),
    reason: v.picklist(['idle', 'replaced', 'protocol', 'shutdown', 'blocked']),
  }),
  // Lanes
  /** How many lanes in all the sender of this frame would like for what it sends. The initiator of the link opens as many as either wants. */
  v.strictObject({ kind: v.literal('lanes'), wanted: v.pipe(uint(limits.lanesPerLink), v.minValue(1)) }),
  /** A signal of the `attempt`th connection that is to be this lane. Only the initiator of the link makes SDP offers. */
  v.strictObject({ kind: v.literal('lane'), lane: extraLane, attempt: u32, signal: LaneSignal }),
  /** This lane is given up, or is not to be had. */
  v.strictObject({ kind: v.literal('lane-closed'), lane: extraLane, attempt: u32 }),
  // Feeds
  /** How many entries of each feed of a conversation the sender has. */
  v.strictObject({ kind: v.literal('frontier'), conversation: ConversationId, have: frontier }),
  v.strictObject({
    kind: v.literal('entries'),
    conversation: ConversationId,
    entries: v.pipe(
      v.array(bytesUpTo(limits.payloadBytes + limits.headerBytes + 1024)),
      v.minLength(1),
      v.maxLength(limits.entriesPerBatch),
    ),
  }),
  /** The newest entries of a conversation of which the peer lacks much, ahead of all that comes before them. Once for each link. */
  v.strictObject({
    kind: v.literal('newest'),
    conversation: ConversationId,
    entries: v.pipe(
      v.array(bytesUpTo(limits.payloadBytes + limits.headerBytes + 1024)),
      v.minLength(1),
      v.maxLength(limits.newestEntries),
    ),
  }),
  /** Signed by the sender's device after its commit: it holds entries 0 to length - 1 of `author`, whose last header has this hash. */
  v.strictObject({
    kind: v.literal('committed'),
    conversation: ConversationId,
    author: DeviceId,
    length: uint(),
    head: bytesOf(32),
    signature: bytesOf(64),
  }),
  /** The person is writing in this conversation. Nothing of it is stored, and nobody answers it. */
  v.strictObject({ kind: v.literal('typing'), conversation: ConversationId }),
  /**
   * What the person of `device` lets a group know beside what is written in its chat: how far they have read, or, with nothing in `read`, that
   * they are writing now. Signed by that device under the domain `causeway/group-note/1`, CBOR `[conversation, device, at, read]`; members hand it on.
   */
  v.strictObject({
    kind: v.literal('note'),
    conversation: ConversationId,
    device: DeviceId,
    at: uint(),
    read: v.pipe(v.array(v.tuple([DeviceId, uint()])), v.maxLength(limits.readFeeds)),
    signature: bytesOf(64),
  }),
  // Transfers
  /** The receiver opens stream `stream` and asks for the blocks in `ranges` ([first, end) pairs, ascending), with an initial credit in bytes. */
  v.strictObject({
    kind: v.literal('want'),
    stream: u32,
    offer: OfferId,
    file: uint(limits.filesPerOffer - 1),
    ranges: wantedRanges,
    credit: uint(),
  }),
  /** The receiver asks for further blocks on a stream that is open. */
  v.strictObject({ kind: v.literal('more'), stream: u32, ranges: wantedRanges }),
  /** The receiver got these blocks elsewhere: what has not begun to go out on the stream is not needed any more. */
  v.strictObject({ kind: v.literal('drop'), stream: u32, ranges: wantedRanges }),
  /**
   * The sender cannot read these blocks of the stream, since some of the files in them are not what was offered: they are not sent, the other
   * blocks are.
   */
  v.strictObject({ kind: v.literal('unreadable'), stream: u32, ranges: wantedRanges }),
  /** SHA-256 of consecutive blocks, signed by the offering device under the domain `causeway/leaves/1`, CBOR `[offer, file, first, hashes]`. */
  v.strictObject({
    kind: v.literal('leaves'),
    stream: u32,
    first: u32,
    hashes: v.pipe(v.array(bytesOf(32)), v.minLength(1), v.maxLength(limits.leafBatchBlocks)),
    signature: bytesOf(64),
  }),
  /**
   * This device takes part in fetching or serving a file that several have, and can serve the blocks in `ranges` beside those that it told
   * before over this link. `begin`: it told nothing before that counts, and asks for what the peer has.
   */
  v.strictObject({
    kind: v.literal('have'),
    offer: OfferId,
    file: uint(limits.filesPerOffer - 1),
    ranges: v.pipe(v.array(range), v.maxLength(limits.rangesPerHave)),
    begin: v.boolean(),
  }),
  /** The sender can serve this file again, after a `stop` with `unavailable`: the receiver may want it now. */
  v.strictObject({ kind: v.literal('available'), offer: OfferId, file: uint(limits.filesPerOffer - 1) }),
  /** The receiver, which accepted this file, does not want it for now: said when a link opens, and to `available`, so that its sender can say who waits for whom. */
  v.strictObject({
    kind: v.literal('held'),
    offer: OfferId,
    file: uint(limits.filesPerOffer - 1),
    reason: v.picklist(['paused', 'no-space']),
  }),
  /** The stream ends before its time: the receiver stops wanting, or the sender cannot go on. */
  v.strictObject({
    kind: v.literal('stop'),
    stream: u32,
    reason: v.picklist([
      'paused',
      'cancelled',
      'unavailable',
      'changed',
      'no-space',
      'done',
      'busy',
      'bad-block',
      'too-slow',
    ]),
  }),
]);
export type ControlFrame = v.InferOutput<typeof ControlFrame>;

export type Frame =
  | { type: 'control'; control: ControlFrame }
  | { type: 'chunk'; stream: number; block: number; offset: number; data: Bytes }
  | { type: 'ack'; stream: number; receivedBytes: number; creditBytes: number; settledBytes: number };

export const CHUNK_HEADER_BYTES = 13;
const ACK_BYTES = 29;

export const encodeControl = (control: ControlFrame): Bytes => concatBytes([0], encodeCbor(control));

/** Writes the header of a chunk into `target`, whose bytes from `CHUNK_HEADER_BYTES` on are the data. */
export function writeChunkHeader(target: Uint8Array, stream: number, block: number, offset: number): void {
  const view = new DataView(target.buffer, target.byteOffset, CHUNK_HEADER_BYTES);
  view.setUint8(0, 1);
  view.setUint32(1, stream);
  view.setUint32(5, block);
  view.setUint32(9, offset);
}

export function encodeAck(stream: number, receivedBytes: number, creditBytes: number, settledBytes: number): Bytes {
  const bytes = new Uint8Array(ACK_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 2);
  view.setUint32(1, stream);
  view.setFloat64(5, receivedBytes);
  view.setFloat64(13, creditBytes);
  view.setFloat64(21, settledBytes);
  return bytes;
}

/** `data` of a chunk is a view into `bytes`. @throws ProtocolError `malformed` or `too-large`. */
export function decodeFrame(bytes: Bytes): Frame {
  if (bytes.length > limits.frameBytes) throw new ProtocolError('too-large', `frame of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (bytes[0]) {
    case 0:
      if (bytes.length > limits.controlFrameBytes)
        throw new ProtocolError('too-large', `control frame of ${bytes.length} bytes`);
      return { type: 'control', control: decodeAs(ControlFrame, bytes.subarray(1)) };
    case 1: {
      const size = bytes.length - CHUNK_HEADER_BYTES;
      if (size < 1) throw new ProtocolError('malformed', 'empty chunk');
      const offset = view.getUint32(9);
      if (offset + size > limits.blockBytes) throw new ProtocolError('malformed', 'chunk reaches over its block');
      return {
        type: 'chunk',
        stream: view.getUint32(1),
        block: view.getUint32(5),
        offset,
        data: bytes.subarray(CHUNK_HEADER_BYTES),
      };
    }
    case 2: {
      if (bytes.length !== ACK_BYTES) throw new ProtocolError('malformed', 'ack of a wrong length');
      const [receivedBytes, creditBytes, settledBytes] = [5, 13, 21].map((at) => {
        const bytes = view.getFloat64(at);
        if (!Number.isSafeInteger(bytes) || bytes < 0) throw new ProtocolError('malformed', 'ack out of range');
        return bytes;
      }) as [number, number, number];
      return { type: 'ack', stream: view.getUint32(1), receivedBytes, creditBytes, settledBytes };
    }
    default:
      throw new ProtocolError('malformed', `frame type ${bytes[0] ?? 'missing'}`);
  }
}
