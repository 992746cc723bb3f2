/** The HTTP side of the server: accounts and sessions. Every outcome is a value; a server that does not answer is `no-server`. */
import * as v from 'valibot';
import { WireError } from '../../../protocol/errors.ts';
import { encodeCbor } from '../../../protocol/codec.ts';
import { toBase64 } from '../../../protocol/bytes.ts';
import { signedBytes } from '../../../protocol/domains.ts';
import {
  Challenge,
  OwnAccount,
  type DeleteRequest,
  type LoginRequest,
  type LogoutRequest,
  type RegisterRequest,
} from '../../../protocol/http.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import type { DeviceKeys } from '../../../engine/ports.ts';
import type { Answer } from '../../../engine/signaling.ts';

const requestTimeoutMs = 15_000;

export const register = (request: RegisterRequest): Promise<Answer<OwnAccount>> =>
  call('POST', 'register', OwnAccount, request);
export const login = (request: LoginRequest): Promise<Answer<OwnAccount>> => call('POST', 'login', OwnAccount, request);
export const logout = (request: LogoutRequest): Promise<Answer<null>> => call('POST', 'logout', v.null(), request);
export const deleteAccount = (request: DeleteRequest): Promise<Answer<null>> =>
  call('POST', 'delete', v.null(), request);
/** A device whose cookie is gone proves its key instead of asking the person for the password. */
export async function resume(account: AccountId, keys: DeviceKeys): Promise<Answer<OwnAccount>> {
  const asked = await call('POST', 'challenge', Challenge, {});
  if (!asked.ok) return asked;
  const { challenge } = asked.value;
  const signature = await keys.sign(signedBytes('causeway/session/1', encodeCbor([challenge, account, keys.id])));
  return call('POST', 'resume', OwnAccount, { account, device: keys.id, challenge, signature: toBase64(signature) });
}
export const session = (): Promise<Answer<OwnAccount>> => call('GET', 'session', OwnAccount);

async function call<T>(
  method: 'GET' | 'POST',
  path: string,
  schema: v.GenericSchema<unknown, T>,
  body?: unknown,
): Promise<Answer<T>> {
  let answer: unknown;
  try {
    const response = await fetch(`/api/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    answer = await response.json();
  } catch {
    return { ok: false, error: { code: 'no-server' } }; // no connection, no answer in time, or not our server's answer
  }
  const parsed = v.safeParse(
    v.variant('ok', [
      v.object({ ok: v.literal(true), value: schema }),
      v.object({ ok: v.literal(false), error: WireError }),
    ]),
    answer,
  );
  if (!parsed.success) return { ok: false, error: { code: 'no-server' } };
  return parsed.output;
}
