/**
 * How a browser becomes a device of an account: registration, login on a known browser, certification by the recovery code, and new keys when
 * that is lost. Private keys never leave this browser in the clear.
 */
import * as v from 'valibot';
import {
  generateAccountKeys,
  keysWork,
  newRecoveryCode,
  unwrapAccountKeys,
  type AccountKeys,
} from '../../../keys/account-keys.ts';
import {
  describeDevice,
  generateDeviceKeys,
  hashes,
  signatures,
  type DeviceKeyPairs,
} from '../../../keys/web-crypto.ts';
import { firstList, listWith, signList, verifyChain } from '../../../engine/identity/device-list.ts';
import { requestUnproven } from '../../../link/socket.ts';
import type { OwnAccount } from '../../../protocol/http.ts';
import { Handle } from '../../../protocol/names.ts';
import type { Device, SignedDeviceList } from '../../../protocol/people.ts';
import * as api from '../platform/api.ts';
import { readIdentity, readSetting, writeIdentity, writeSetting, type Identity } from '../platform/database.ts';
import { deviceName } from '../platform/environment.ts';
import type { ActionError } from './view.ts';

export type SessionOutcome =
  | { kind: 'in'; identity: Identity }
  /** The password was right, but this browser is not a device of the account. */
  | { kind: 'needs-recovery'; account: OwnAccount }
  | { kind: 'error'; error: ActionError };

const failed = (error: ActionError): SessionOutcome => ({ kind: 'error', error });

export async function register(
  form: { handle: string; displayName: string; email: string; password: string },
  report: (problem: unknown) => void,
): Promise<SessionOutcome> {
  const handle = v.safeParse(Handle, form.handle.trim());
  if (!handle.success) return failed({ code: 'malformed' });
  const made = await newKeys();
  if (!made) return failed({ code: 'storage' });
  const { keys, device, pairs, code, list } = made;
  const answer = await api.register({
    handle: handle.output,
    password: form.password,
    ...(form.displayName.trim() ? { displayName: form.displayName.trim() } : {}),
    ...(form.email.trim() ? { email: form.email.trim() } : {}),
    wrapped: await keys.wrap(code),
    list,
  });
  if (!answer.ok) return failed(answer.error);
  return adopt(answer.value, device, pairs, code, report);
}

export async function login(
  form: { handle: string; password: string },
  report: (problem: unknown) => void,
): Promise<SessionOutcome> {
  const answer = await api.login({ handle: form.handle.trim().toLowerCase(), password: form.password });
  if (!answer.ok) return failed(answer.error);
  return enter(answer.value, report);
}

/** A browser that was logged in and not a device yet when it was closed or reloaded; undefined when that session is over. */
export async function resumeVisit(
  account: OwnAccount,
  report: (problem: unknown) => void,
): Promise<SessionOutcome | undefined> {
  const answer = await api.session();
  if (answer.ok) return answer.value.id === account.id ? enter(answer.value, report) : undefined;
  return answer.error.code === 'not-allowed' ? undefined : { kind: 'needs-recovery', account };
}

async function enter(account: OwnAccount, report: (problem: unknown) => void): Promise<SessionOutcome> {
  const chain = await verifyChain(account.lists, { hashes, signatures });
  const certified = (device: Device) => chain.newest.devices.some(({ id }) => id === device.id);
  const identity = await readIdentity(account.id);
  if (identity && certified(identity.device))
    return { kind: 'in', identity: await writeIdentity({ ...identity, account }) };
  // A registration or an approval that was cut off after the server had it: its keys are still here.
  const pending = await readSetting('pending');
  if (pending && certified(pending.device)) return adopt(account, pending.device, pending.pairs, pending.code, report);
  return { kind: 'needs-recovery', account };
}

/** Certifies this browser with the recovery code. */
export async function recover(
  account: OwnAccount,
  typed: string,
  report: (problem: unknown) => void,
): Promise<SessionOutcome> {
  const fresh = await api.session();
  if (!fresh.ok) return failed(fresh.error);
  const keys = await unwrapAccountKeys(fresh.value.wrapped, typed);
  const chain = await verifyChain(fresh.value.lists, { hashes, signatures });
  if (keys?.root !== chain.newest.root) return failed({ code: 'wrong-recovery-code' });
  const made = await newDevice();
  if (!made) return failed({ code: 'storage' });
  const { device, pairs } = made;
  await writeSetting('pending', { device, pairs });
  const list = await signList(listWith(chain, device), keys.signer);
  const answer = await requestUnproven({ report }, 'devices:append', { list });
  if (!answer.ok) return failed(answer.error);
  return adopt(
    { ...fresh.value, id: account.id, lists: [...fresh.value.lists, list] },
    device,
    pairs,
    undefined,
    report,
  );
}

/** Replaces the account's keys: the recovery code is lost. Contacts are told. */
export async function startOver(
  account: OwnAccount,
  password: string,
  report: (problem: unknown) => void,
): Promise<SessionOutcome> {
  const made = await newKeys();
  if (!made) return failed({ code: 'storage' });
  const { keys, device, pairs, code, list } = made;
  const wrapped = await keys.wrap(code);
  const answer = await requestUnproven({ report }, 'identity:reset', { password, wrapped, list });
  if (!answer.ok) return failed(answer.error);
  return adopt({ ...account, wrapped, lists: [list] }, device, pairs, code, report);
}

export interface NewDevice {
  device: Device;
  pairs: DeviceKeyPairs;
}

/** Keys that this browser has proven to keep: written, read back, signed with. @returns undefined when it does not keep them. */
export async function newDevice(): Promise<NewDevice | undefined> {
  const pairs = await generateDeviceKeys();
  const device = await describeDevice(pairs, deviceName(), Date.now());
  await writeSetting('pending', { device, pairs });
  const kept = await readSetting('pending');
  if (!kept || kept.device.id !== device.id || !(await keysWork(kept.pairs))) return undefined;
  return { device, pairs: kept.pairs };
}

async function newKeys(): Promise<
  (NewDevice & { keys: AccountKeys; code: string; list: SignedDeviceList }) | undefined
> {
  const made = await newDevice();
  if (!made) return undefined;
  const keys = await generateAccountKeys();
  const code = await newRecoveryCode();
  await writeSetting('pending', { ...made, code });
  return { ...made, keys, code, list: await signList(firstList(keys.root, keys.vault, made.device), keys.signer) };
}

export async function adopt(
  account: OwnAccount,
  device: Device,
  keys: DeviceKeyPairs,
  recoveryCode: string | undefined,
  report: (problem: unknown) => void,
): Promise<SessionOutcome> {
  const identity = await writeIdentity({
    account,
    device,
    keys,
    ...(recoveryCode === undefined ? {} : { recoveryCode }),
  });
  await writeSetting('pending', undefined);
  await writeSetting('visiting', undefined);
  // Without the promise the browser may clear the keys when space is short; it decides by itself, and says so in the settings.
  navigator.storage.persist().catch(report);
  return { kind: 'in', identity };
}
