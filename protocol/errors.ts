/**
 * Error codes of the wire. They are stable; their sentences live in the shells (`app/`, later `peer/`).
 * An unknown code from a newer counterpart becomes `unknown`, so that nothing crashes on it.
 */
import * as v from 'valibot';

export const errorCodes = [
  'malformed', // the message does not fit its schema
  'too-large', // the message or a part of it is over a limit
  'not-allowed', // the caller may not do this (no session, no proven device, no accepted contact, wrong Origin)
  'rate-limited', // too many of these; try again after `retryAfterMs`
  'handle-taken', // the handle, or one that looks like it, belongs to somebody
  'wrong-credentials', // handle or password is wrong; which one is not said
  'weak-password', // the password is too short or on the list of common ones
  'unknown-handle', // nobody has this handle
  'unknown-device', // the device is not in the newest device list of its account
  'account-deleted', // this account was deleted, from another of its devices
  'stale-list', // a device list does not follow the newest one
  'too-many-requests', // unanswered contact requests are at their limit, on either side
  'elsewhere', // the connection comes from another network than the one that was named
  'nearby-full', // as many people as may see each other behind this address do already
  'nearby-unavailable', // the server cannot tell which network the connection comes from
  'unknown-invitation', // no group has an open invitation with this id
  'offline', // the recipient device is not connected
  'unsupported-version', // the counterpart speaks another protocol version
  'shutting-down', // the server stops; connect again
  'internal', // the server's own fault; it is in its log
  'unknown',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export const WireError = v.object({
  code: v.pipe(
    v.string(),
    v.transform((code): ErrorCode =>
      (errorCodes as readonly string[]).includes(code) ? (code as ErrorCode) : 'unknown',
    ),
  ),
  retryAfterMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
});
export type WireError = v.InferOutput<typeof WireError>;

/** The peer's fault: what it sent breaks the protocol. The link it came over is closed with this code. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(
    readonly code: ErrorCode,
    detail: string,
  ) {
    super(`${code}: ${detail}`);
  }
}

/** Answer to an acknowledged event and body of an HTTP answer. */
export type Result<T> = { ok: true; value: T } | { ok: false; error: WireError };
