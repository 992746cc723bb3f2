/**
 * An exported conversation as JSON, version 1: what people read (`messages`), and what proves it (`entries`, as they were signed). The first is
 * for people and programs, and nobody has to believe it; only the second is ever imported, and only what verifies. `docs/export.md` describes it.
 */
import * as v from 'valibot';
import { uint } from '../../../protocol/codec.ts';
import { AccountId, ConversationId, DeviceId, PublicKey } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';

/** Two hundred thousand messages fit; a file is read as a whole. */
export const archiveBytes = 256 * 1024 * 1024;
/** CBOR of the largest entry, as base64url. */
const wireUnits = Math.ceil(((limits.headerBytes + limits.payloadBytes + 256) * 4) / 3);

const ref = { conversation: ConversationId, device: DeviceId, sequence: uint() };
const name = v.pipe(v.string(), v.maxLength(limits.fileNameUnits));

export const ArchivedFile = v.strictObject({
  name,
  sizeBytes: uint(limits.fileBytes),
  type: v.pipe(v.string(), v.maxLength(limits.mimeLength)),
  /** Where it is in the ZIP; absent when it is not in there. */
  path: v.optional(v.string()),
});
export type ArchivedFile = v.InferOutput<typeof ArchivedFile>;

const said = {
  ...ref,
  author: AccountId,
  /** The author's clock, milliseconds since 1970. */
  at: uint(),
  reactions: v.optional(v.array(v.strictObject({ by: AccountId, emoji: v.string() }))),
};

export const ArchivedMessage = v.variant('kind', [
  v.strictObject({
    ...said,
    kind: v.literal('text'),
    /** The words that count, after the last edit. */
    text: v.string(),
    edited: v.optional(v.literal(true)),
    reply: v.optional(v.strictObject({ device: DeviceId, sequence: uint() })),
  }),
  v.strictObject({ ...said, kind: v.literal('files'), files: v.array(ArchivedFile) }),
  /** Its author took it back: what it said is nowhere in here. */
  v.strictObject({ ...said, kind: v.literal('deleted') }),
]);
export type ArchivedMessage = v.InferOutput<typeof ArchivedMessage>;

export const Archive = v.strictObject({
  format: v.literal('causeway-conversation'),
  version: v.literal(1),
  exportedAt: uint(),
  /** Both people; `root` is the key that the first device list of the account is signed with. */
  people: v.array(v.strictObject({ account: AccountId, handle: v.string(), displayName: v.string(), root: PublicKey })),
  /** Under earlier keys first. */
  conversations: v.array(ConversationId),
  messages: v.array(ArchivedMessage),
  /** `WireEntry` (docs/protocol.md) as base64url, ascending in each feed. Without salt and payload where what it said is gone, or disappears. */
  entries: v.array(v.strictObject({ conversation: ConversationId, wire: v.pipe(v.string(), v.maxLength(wireUnits)) })),
});
export type Archive = v.InferOutput<typeof Archive>;
export type ArchiveHead = Omit<Archive, 'messages' | 'entries'>;

export type ReadArchive = { kind: 'ok'; archive: Archive } | { kind: 'too-large' | 'not-an-archive' | 'newer-version' };

/** Checks what a person chose. Nothing in it is believed yet. */
export function parseArchive(text: string): ReadArchive {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'not-an-archive' }; // the parser's words would not help the person
  }
  const head = v.safeParse(v.object({ format: v.literal('causeway-conversation'), version: v.number() }), value);
  if (!head.success) return { kind: 'not-an-archive' };
  if (head.output.version > 1) return { kind: 'newer-version' };
  const parsed = v.safeParse(Archive, value, { abortEarly: true });
  return parsed.success ? { kind: 'ok', archive: parsed.output } : { kind: 'not-an-archive' };
}

/** The parts of the JSON text, so that no string holds all of it. */
export function* archiveText(
  head: ArchiveHead,
  messages: readonly ArchivedMessage[],
  entries: readonly Archive['entries'][number][],
): Generator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},\n"messages":[`;
  yield* rows(messages);
  yield '\n],\n"entries":[';
  yield* rows(entries);
  yield '\n]}\n';
}

function* rows(values: readonly unknown[]): Generator<string> {
  for (const [index, value] of values.entries()) yield `${index === 0 ? '' : ','}\n${JSON.stringify(value)}`;
}
