/**
 * The HTTP side of the server: sessions as cookies. Every POST carries JSON, needs an allowed Origin, and is answered with a `Result`
 * (`{ok: true, value}` or `{ok: false, error: {code}}`).
 */
import * as v from 'valibot';
import { AccountId, DeviceId, Signature } from './ids.ts';
import { limits } from './limits.ts';
import { Handle } from './names.ts';
import { DisplayName, Email, SignedDeviceList } from './people.ts';

export const Password = v.pipe(
  v.string(),
  v.minLength(limits.passwordMinLength),
  v.maxLength(limits.passwordMaxLength),
);
/** The account's root and vault private keys, encrypted under the recovery code on the device; opaque to the server. */
export const WrappedRecord = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]+$/),
  v.maxLength(Math.ceil((limits.wrappedRecordBytes * 4) / 3)),
);

/** POST /api/register → OwnAccount, sets the cookie. Errors: malformed, handle-taken, weak-password, rate-limited. */
export const RegisterRequest = v.strictObject({
  handle: Handle,
  displayName: v.optional(DisplayName),
  email: v.optional(Email),
  password: Password,
  wrapped: WrappedRecord,
  /** List 0, signed by the root, with the registering device alone. */
  list: SignedDeviceList,
});
export type RegisterRequest = v.InferInput<typeof RegisterRequest>;

/** POST /api/login → OwnAccount, sets the cookie. Errors: wrong-credentials, rate-limited. */
export const LoginRequest = v.strictObject({
  handle: v.pipe(v.string(), v.maxLength(limits.handleMaxLength)),
  password: v.pipe(v.string(), v.maxLength(limits.passwordMaxLength)),
});
export type LoginRequest = v.InferInput<typeof LoginRequest>;

/** POST /api/challenge → Challenge: 32 random bytes, base64url, good for one `ResumeRequest` within a minute. */
export const Challenge = v.object({ challenge: v.pipe(v.string(), v.length(43)) });
export type Challenge = v.InferOutput<typeof Challenge>;

/**
 * POST /api/resume → OwnAccount, sets the cookie: a device that lost it (browsers write cookies late, and drop them early) proves its key
 * under the domain `causeway/session/1`, CBOR `[challenge, account, device]`. Errors: not-allowed, unknown-device, account-deleted, rate-limited.
 */
export const ResumeRequest = v.strictObject({
  account: AccountId,
  device: DeviceId,
  challenge: v.pipe(v.string(), v.length(43)),
  signature: Signature,
});
export type ResumeRequest = v.InferInput<typeof ResumeRequest>;

/** POST /api/logout → null, clears the cookie of the session; with `forget` also the one that says that this browser was here before. */
export const LogoutRequest = v.strictObject({ forget: v.optional(v.boolean()) });
export type LogoutRequest = v.InferInput<typeof LogoutRequest>;

/**
 * POST /api/delete → null: the account of the session is removed for good, and both cookies are cleared. Its handle is never given out again.
 * Errors: not-allowed, wrong-credentials, rate-limited.
 */
export const DeleteRequest = v.strictObject({
  password: v.pipe(v.string(), v.maxLength(limits.passwordMaxLength)),
});
export type DeleteRequest = v.InferInput<typeof DeleteRequest>;

/** What the account itself sees. GET /api/session → OwnAccount, or `not-allowed` without a session. */
export const OwnAccount = v.object({
  id: AccountId,
  handle: Handle,
  displayName: DisplayName,
  email: v.optional(v.string()),
  wrapped: WrappedRecord,
  lists: v.array(SignedDeviceList),
});
export type OwnAccount = v.InferOutput<typeof OwnAccount>;
