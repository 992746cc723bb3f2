/**
 * The one encoding for what is signed, hashed or sent over a link: deterministic CBOR (RFC 8949 section 4.2.1).
 * Decoding is strict: one value, no indefinite lengths, no duplicate keys, no tags, no floats, text keys only. Objects come back without
 * a prototype-polluting path: cborg creates plain objects and `__proto__` is refused here.
 */
import { decode, decodeFirst, encode } from 'cborg';
import * as v from 'valibot';
import type { Bytes } from './bytes.ts';
import { ProtocolError } from './errors.ts';

export const encodeCbor = (value: unknown): Bytes => encode(value);

const strictly = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
};

/** @throws ProtocolError `malformed` when the bytes are not one deterministic CBOR value. */
export const decodeCbor = (bytes: Uint8Array): unknown => refusing((): unknown => decode(bytes, strictly));

/** The same, of a value that zeros may follow. @throws ProtocolError `malformed`. */
export function decodePaddedCbor(bytes: Uint8Array): unknown {
  const [value, padding] = refusing((): [unknown, Uint8Array] => decodeFirst(bytes, strictly));
  if (padding.some((byte) => byte !== 0)) throw new ProtocolError('malformed', 'more than one value');
  return value;
}

function refusing<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new ProtocolError('malformed', error instanceof Error ? error.message : 'not CBOR');
  }
}

/** Decodes and validates. @throws ProtocolError `malformed`. */
export function decodeAs<Schema extends v.GenericSchema>(schema: Schema, bytes: Uint8Array): v.InferOutput<Schema> {
  return parseAs(schema, decodeCbor(bytes));
}

/** Validates a value that came from outside. @throws ProtocolError `malformed` naming the path of the first issue. */
export function parseAs<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new ProtocolError('malformed', `${v.getDotPath(issue) ?? 'value'}: ${issue.message}`);
}

/** Schema for bytes of exactly, or at most, so many bytes. Copies nothing. */
export const bytesOf = (length: number) =>
  v.custom<Bytes>((value) => value instanceof Uint8Array && value.length === length, `not ${length} bytes`);
export const bytesUpTo = (max: number) =>
  v.custom<Bytes>((value) => value instanceof Uint8Array && value.length <= max, `not at most ${max} bytes`);
export const uint = (max: number = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
