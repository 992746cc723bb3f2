/** The way out of a request that is answered with a code: the caller's doing, so it is neither logged nor a fault of the server. */
import type { ErrorCode } from '../protocol/errors.ts';

export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(readonly wire: { code: ErrorCode; retryAfterMs?: number }) {
    super(wire.code);
  }
}

/** @throws Refusal always. */
export function refuse(code: ErrorCode, retryAfterMs?: number): never {
  throw new Refusal(retryAfterMs === undefined ? { code } : { code, retryAfterMs });
}
