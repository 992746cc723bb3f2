/** What became of something that the person wanted. A refusal is expected, and told by its code; it is never thrown. */
import type { ErrorCode } from '../protocol/errors.ts';

export type Outcome =
  | { ok: true }
  | { ok: false; error: { code: ErrorCode | 'no-server' | 'yourself'; retryAfterMs?: number | undefined } };

export const done: Outcome = { ok: true };
