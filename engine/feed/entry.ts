/**
 * Owns one entry: how it is written, and what is checked before anything of it is believed. A verified entry has a deterministic header of
 * its conversation, signed by the authoring device, and a payload of the size and salted hash that the header names. Whether it continues
 * its feed is `chain.ts`.
 */
import { concatBytes, equalBytes, type Bytes } from '../../protocol/bytes.ts';
import { decodeAs, encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { EntryHeader, WireEntry } from '../../protocol/entry.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Clock, DeviceKeys, Hashes, Random, Signatures, StoredEntry } from '../ports.ts';

const ENTRY_VERSION = 1;
const SALT_BYTES = 16;
/** CBOR around the four byte strings of `WireEntry`, generously. */
const WIRE_OVERHEAD_BYTES = 128;

/** `previous` of sequence 0. */
export const NO_PREVIOUS: Bytes = new Uint8Array(32);

/** The public signing key (Ed25519, 32 bytes) of a device that may write in the conversation. */
export type AuthorLookup = (device: DeviceId) => Uint8Array | undefined;

/** Where an entry goes: its feed's next sequence and head hash, and what its author had of the others. */
export interface Place {
  conversation: ConversationId;
  sequence: number;
  previous: Bytes;
  heads: readonly (readonly [DeviceId, number])[];
  lamport: number;
}

export interface VerifiedEntry {
  entry: StoredEntry;
  previous: Bytes;
}

/** Encrypts payloads of conversations that have keys. */
export interface PayloadCipher {
  /** Undefined when the conversation has no keys of its own: the payload travels as it is. */
  seal(place: CipherPlace, payload: Bytes): Promise<{ key: number; bytes: Bytes }> | undefined;
  /** What it says; `unknown` when this device does not have the key (yet), `wrong` when it is not under it. */
  open(place: CipherPlace, key: number, payload: Bytes): Promise<Bytes | 'unknown' | 'wrong'>;
}
export type CipherPlace = Pick<StoredEntry, 'conversation' | 'device' | 'sequence'>;

export type ReadOutcome =
  | { kind: 'ok'; verified: VerifiedEntry }
  /** Nothing is known against it: the lookup has no key for its device (yet). */
  | { kind: 'unknown-author'; device: DeviceId }
  /** Its payload cannot be read (yet). */
  | { kind: 'unknown-key'; device: DeviceId }
  | { kind: 'bad'; error: ProtocolError };

const ENTRY_DOMAIN = 'causeway/entry/1';

/** Signs an entry with this device's key. `payload` is CBOR of at most `limits.payloadBytes`. Nothing is stored. */
export async function writeEntry(
  ports: { hashes: Hashes; device: DeviceKeys; clock: Pick<Clock, 'now'>; random: Random; cipher?: PayloadCipher },
  place: Place,
  said: Bytes,
): Promise<StoredEntry> {
  const sealing = ports.cipher?.seal({ ...place, device: ports.device.id }, said);
  const sealed = sealing && (await sealing);
  const payload = sealed?.bytes ?? said;
  const salt = ports.random.bytes(SALT_BYTES);
  const wall = ports.clock.now();
  const header: EntryHeader = {
    version: ENTRY_VERSION,
    conversation: place.conversation,
    device: ports.device.id,
    sequence: place.sequence,
    previous: place.previous,
    heads: place.heads.map(([device, length]) => [device, length]),
    lamport: place.lamport,
    wall,
    key: sealed?.key ?? 0,
    payloadHash: await ports.hashes.sha256(concatBytes(salt, payload)),
    payloadSize: payload.length,
  };
  const headerBytes = encodeCbor(header);
  const signature = await ports.device.sign(signedBytes(ENTRY_DOMAIN, headerBytes));
  const wire: WireEntry = [headerBytes, signature, salt, payload];
  return {
    conversation: place.conversation,
    device: ports.device.id,
    sequence: place.sequence,
    lamport: place.lamport,
    wall,
    clamped: false,
    wire: encodeCbor(wire),
    hash: await ports.hashes.sha256(headerBytes),
    ...(sealed ? { plain: said } : {}),
  };
}

const isBare = (salt: Uint8Array, payload: Uint8Array): boolean => salt.length === 0 && payload.length === 0;

/** The entry without its salt and payload: what is kept of it once they are dropped. The same entry when they were already. */
export function withoutPayload(entry: StoredEntry): StoredEntry {
  const [header, signature, salt, payload] = decodeAs(WireEntry, entry.wire);
  if (isBare(salt, payload)) return entry;
  const nothing = new Uint8Array(0);
  const wire: WireEntry = [header, signature, nothing, nothing];
  const { plain: _, ...rest } = entry;
  return { ...rest, wire: encodeCbor(wire) };
}

/** Where an entry says that it is; nothing of it is verified. Undefined when it is none. */
export function placeOfWire(wire: Uint8Array): { device: DeviceId; sequence: number } | undefined {
  try {
    const { device, sequence } = decodeAs(EntryHeader, decodeAs(WireEntry, wire)[0]);
    return { device, sequence };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Decodes and verifies an entry that came from outside; its payload may have been dropped. A wall time more than `limits.wallSkewMs` ahead becomes now, and is marked. */
export async function readEntry(
  ports: { hashes: Hashes; signatures: Signatures; clock: Pick<Clock, 'now'>; cipher?: PayloadCipher },
  conversation: ConversationId,
  wire: Uint8Array,
  authors: AuthorLookup,
): Promise<ReadOutcome> {
  try {
    return await verify(ports, conversation, wire, authors);
  } catch (error) {
    if (error instanceof ProtocolError) return { kind: 'bad', error };
    throw error;
  }
}

async function verify(
  ports: { hashes: Hashes; signatures: Signatures; clock: Pick<Clock, 'now'>; cipher?: PayloadCipher },
  conversation: ConversationId,
  wire: Uint8Array,
  authors: AuthorLookup,
): Promise<ReadOutcome> {
  if (wire.length > limits.headerBytes + limits.payloadBytes + WIRE_OVERHEAD_BYTES)
    throw new ProtocolError('too-large', `entry of ${wire.length} bytes`);
  const [headerBytes, signature, salt, payload] = decodeAs(WireEntry, wire);
  const header = readHeader(headerBytes);
  if (header.conversation !== conversation) throw new ProtocolError('malformed', 'entry of another conversation');
  const bare = isBare(salt, payload);
  if (!bare && salt.length !== SALT_BYTES) throw new ProtocolError('malformed', 'salt');
  if (!bare && header.payloadSize !== payload.length) throw new ProtocolError('malformed', 'payload size');
  const publicKey = authors(header.device);
  if (!publicKey) return { kind: 'unknown-author', device: header.device };
  const [payloadHash, hash, signed] = await Promise.all([
    ports.hashes.sha256(concatBytes(salt, payload)),
    ports.hashes.sha256(headerBytes),
    ports.signatures.verify(publicKey, signedBytes(ENTRY_DOMAIN, headerBytes), signature),
  ]);
  if (!bare && !equalBytes(payloadHash, header.payloadHash)) throw new ProtocolError('malformed', 'payload hash');
  if (!signed) throw new ProtocolError('malformed', 'entry signature');
  const now = ports.clock.now();
  const clamped = header.wall > now + limits.wallSkewMs;
  const { device, sequence, lamport, previous } = header;
  const wall = clamped ? now : header.wall;
  // The wire bytes may be a view into a whole frame, which storage would keep alive.
  const entry = { conversation, device, sequence, lamport, wall, clamped, wire: wire.slice(), hash };
  if (header.key === 0 || bare || !ports.cipher) return { kind: 'ok', verified: { entry, previous } };
  const plain = await ports.cipher.open(entry, header.key, payload);
  if (plain === 'unknown') return { kind: 'unknown-key', device };
  // Under a key that is known and yet not readable: kept, so that the feed goes on, and shown as unreadable.
  return { kind: 'ok', verified: { entry: plain === 'wrong' ? entry : { ...entry, plain }, previous } };
}

/** @throws ProtocolError `malformed`, `unsupported-version`. */
function readHeader(bytes: Uint8Array): EntryHeader {
  const header = decodeAs(EntryHeader, bytes);
  if (header.version !== ENTRY_VERSION) throw new ProtocolError('unsupported-version', `entry ${header.version}`);
  if (!equalBytes(encodeCbor(header), bytes)) throw new ProtocolError('malformed', 'header is not deterministic');
  if ((header.sequence === 0) !== equalBytes(header.previous, NO_PREVIOUS))
    throw new ProtocolError('malformed', 'previous hash at the start of a feed');
  header.heads.forEach(([device], index) => {
    const before = header.heads[index - 1];
    if (device === header.device || (before && before[0] >= device)) throw new ProtocolError('malformed', 'heads');
  });
  return header;
}
