/** Events about one's own account and devices: proof, device lists, a new identity, profile. */
import { limits } from '../../protocol/limits.ts';
import { shownName } from '../../protocol/names.ts';
import type { SignedDeviceList } from '../../protocol/people.ts';
import { bodyOf, checkFirstList, checkNextList, deviceIds } from '../accounts/device-lists.ts';
import { checkProof } from '../accounts/device-proof.ts';
import { confirmPassword } from '../accounts/passwords.ts';
import { ownAccount } from '../accounts/views.ts';
import { refuse } from '../refusal.ts';
import type { AccountRecord } from '../store/store.ts';
import type { Connection } from './connection.ts';
import { accountOf, type EventFunctions, type EventParts } from './events.ts';
import { deliverWaiting } from './relay-events.ts';

export function accountEvents(
  parts: EventParts,
): EventFunctions<'device:prove' | 'devices:append' | 'identity:reset' | 'account:update'> {
  const { store, directory, people, knocks, nearby } = parts;

  return {
    async 'device:prove'(connection, { device, signature }, now) {
      const account = await accountOf(store, connection);
      if (connection.device !== undefined && connection.device !== device) refuse('not-allowed');
      const { challenge } = connection;
      checkProof(account, { domain: 'causeway/socket/1', challenge, device, signature });
      const session = await store.session(connection.sessionHash);
      if (!session || session.expiresAt <= now) refuse('not-allowed');
      if (session.device !== device) await store.bindSession(session.hash, device);
      const isNew = connection.device === undefined;
      connection.hold();
      try {
        directory.prove(connection, device)?.end('replaced');
        connection.guest = undefined;
        if (isNew) await people.presenceChanged(connection.account);
        else people.tellDevices(account, connection);
        // Read only now: a change after this is an event, one before is in here.
        const current = await accountOf(store, connection);
        if (!current.devices.includes(device)) refuse('unknown-device');
        const value = { account: ownAccount(current), contacts: await people.contactsOf(connection.account) };
        return { value, after: () => begin(connection, isNew, now) };
      } catch (error) {
        directory.unprove(connection);
        connection.release();
        throw error;
      }
    },

    async 'devices:append'(connection, { list }) {
      const account = await accountOf(store, connection);
      const newest = account.lists.at(-1) ?? refuse('internal');
      if (newest.body === list.body && newest.signature === list.signature && newest.signer === list.signer)
        return { value: null };
      const wrong = checkNextList(list, newest);
      if (wrong) refuse(wrong);
      if (account.lists.length >= limits.deviceListsPerAccount) refuse('too-large');
      const outcome = await store.appendList(account.id, bodyOf(list).number, list, deviceIds(list));
      if (outcome !== 'ok') refuse(outcome === 'stale-list' ? 'stale-list' : 'not-allowed');
      const current = await devicesChanged(connection, account);
      return { value: null, after: () => void endIfRevoked(connection, current) };
    },

    async 'identity:reset'(connection, { password, wrapped, list }) {
      const account = await accountOf(store, connection);
      await confirmPassword(parts, account, password);
      const wrong = checkFirstList(list);
      if (wrong) refuse(wrong);
      const outcome = await store.resetIdentity(account.id, {
        wrapped,
        list,
        devices: deviceIds(list),
        keepSession: connection.sessionHash,
      });
      if (outcome !== 'ok') refuse('not-allowed');
      await devicesChanged(connection, account);
      return { value: null, after: () => void beginAgain(connection, list) };
    },

    async 'account:update'(connection, { displayName, email }) {
      const account = await accountOf(store, connection);
      const updated = await store.updateProfile(account.id, {
        displayName:
          displayName === undefined ? undefined : shownName(displayName, limits.displayNameMaxLength) || account.handle,
        email,
      });
      if (!updated) refuse('not-allowed');
      await people.accountChanged(updated, connection);
      nearby.changed(updated.id);
      return { value: ownAccount(updated) };
    },
  };

  function begin(connection: Connection, isNew: boolean, now: number): void {
    connection.release();
    if (isNew) deliverWaiting(parts, connection, now);
  }

  /** Ends what the change cut off, apart from the caller's own connection, and tells everybody who should know. */
  async function devicesChanged(caller: Connection, before: AccountRecord): Promise<AccountRecord> {
    const current = await accountOf(store, caller);
    for (const device of before.devices) if (!current.devices.includes(device)) knocks.forgetDevice(device);
    for (const connection of directory.connectionsOf(current.id))
      if (connection !== caller) await endIfRevoked(connection, current);
    await people.accountChanged(current, caller);
    nearby.changed(current.id);
    return current;
  }

  async function endIfRevoked(connection: Connection, { devices }: AccountRecord): Promise<void> {
    const revoked = connection.device !== undefined && !devices.includes(connection.device);
    if (revoked || !(await store.session(connection.sessionHash))) connection.end('ended', revoked);
  }

  /** After a reset the connection that asked for it has no device, unless the new list has the same; it may prove the new one. */
  async function beginAgain(connection: Connection, list: SignedDeviceList): Promise<void> {
    if (connection.device === undefined || deviceIds(list).includes(connection.device)) return;
    directory.unprove(connection);
    await people.presenceChanged(connection.account);
    connection.welcome(Date.now());
  }
}
