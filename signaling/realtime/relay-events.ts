/**
 * The two things that the server hands on, both sealed: signals to somebody who is there, knocks to somebody who may be. Nothing else
 * passes from one client to another, and both are counted.
 */
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import { iceServers } from '../ice-servers.ts';
import { refuse } from '../refusal.ts';
import { relationOf, shuns } from '../store/relations.ts';
import type { PairRecord } from '../store/store.ts';
import type { Connection } from './connection.ts';
import type { EventFunctions, EventParts } from './events.ts';
import type { Knock } from './knocks.ts';

export function relayEvents(parts: EventParts): EventFunctions<'signal' | 'knock' | 'approval' | 'ice:servers'> {
  const { store, directory, groups, knocks, settings, counters } = parts;

  return {
    async signal(connection, { to, box }) {
      const { owner, pair } = await recipientOf(connection, to);
      const { account } = connection;
      const known =
        owner === account || relationOf(pair, account) === 'accepted' || (await groups.share(account, owner));
      if (!known) refuse('not-allowed');
      const target = directory.device(owner, to);
      if (!target?.hasRoom()) refuse('offline');
      count(box);
      target.send('signal', { ...senderOf(connection), box });
      return { value: null };
    },

    async knock(connection, { to, id, box }, now) {
      const { owner, pair } = await recipientOf(connection, to);
      if (!['outgoing', 'incoming', 'accepted'].includes(relationOf(pair, connection.account))) refuse('not-allowed');
      if (shuns(pair, owner)) return { value: null };
      const knock: Knock = { event: { ...senderOf(connection), id, box }, toAccount: owner, to, at: now };
      knocks.put(knock);
      const target = directory.device(owner, to);
      if (target) deliver(parts, target, knock);
      return { value: null };
    },

    async approval(connection, { from, to, box }) {
      const target =
        connection.device === undefined ? await hostOf(connection, from.id, to) : guestOf(connection, from.id, to);
      if (!target.hasRoom()) refuse('offline');
      count(box);
      target.send('approval', { from, box });
      return { value: null };
    },

    async 'ice:servers'(connection, _request, now) {
      const pairs = await store.pairsOf(connection.account);
      const hasContact =
        pairs.some((pair) => relationOf(pair, connection.account) === 'accepted') ||
        (await groups.fellows(connection.account)).size > 0;
      return { value: { iceServers: iceServers(settings, connection.account, hasContact, now) } };
    },
  };

  async function recipientOf(
    connection: Connection,
    to: DeviceId,
  ): Promise<{ owner: AccountId; pair: PairRecord | undefined }> {
    const owner = (await store.accountOfDevice(to)) ?? refuse('unknown-device');
    return { owner: owner.id, pair: await store.pair(connection.account, owner.id) };
  }

  /** The device that a guest asks. A guest takes no id that anybody has, and keeps the first one that it took. */
  async function hostOf(connection: Connection, from: DeviceId, to: DeviceId): Promise<Connection> {
    const { account } = connection;
    const taken = directory.connectionsOf(account).some((other) => other !== connection && other.guest === from);
    if (taken || (connection.guest ?? from) !== from) refuse('not-allowed');
    if (await store.accountOfDevice(from)) refuse('not-allowed');
    if ((await store.accountOfDevice(to))?.id !== account) refuse('not-allowed');
    connection.guest = from;
    return directory.device(account, to) ?? refuse('offline');
  }

  /** The guest that a device answers. */
  function guestOf({ account, device }: Connection, from: DeviceId, to: DeviceId): Connection {
    if (from !== device) refuse('not-allowed');
    return directory.connectionsOf(account).find(({ guest }) => guest === to) ?? refuse('offline');
  }

  function count(box: string): void {
    counters.relayedEnvelopes++;
    counters.relayedBytes += box.length;
  }
}

/** Hands a device what waited for it. */
export function deliverWaiting(parts: EventParts, connection: Connection, now: number): void {
  if (connection.device === undefined) return;
  for (const knock of parts.knocks.waitingFor(connection.device, now)) deliver(parts, connection, knock);
}

/** Forgotten once acknowledged; else it waits for the device's next connection. */
function deliver({ knocks, counters }: EventParts, target: Connection, knock: Knock): void {
  if (!target.hasRoom()) return;
  counters.relayedEnvelopes++;
  counters.relayedBytes += knock.event.box.length;
  void target.sendForAck('knock', knock.event).then((taken) => taken && knocks.forget(knock));
}

const senderOf = (connection: Connection): { account: AccountId; device: DeviceId } => ({
  account: connection.account,
  device: connection.device ?? refuse('not-allowed'),
});
