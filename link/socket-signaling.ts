/**
 * The signaling port over Socket.IO: stays connected, proves the device on every connection. Requests wait a little for that, then fail with
 * `no-server`; who wants to repeat them does so on `ready`.
 */
import { toBase64 } from '../protocol/bytes.ts';
import { encodeCbor } from '../protocol/codec.ts';
import { signedBytes } from '../protocol/domains.ts';
import type { Signature } from '../protocol/ids.ts';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import type { DeviceKeys } from '../engine/ports.ts';
import type { Signaling, SignalingEvents } from '../engine/signaling.ts';
import { listen, openSocket, request, type SocketOptions } from './socket.ts';

/** A person may act while the connection is still being made; after this they are told that there is none. */
const provenWaitMs = 5_000;

export interface SignalingOptions extends SocketOptions {
  keys: DeviceKeys;
  events: SignalingEvents;
  /**
   * The server knows no session: resolves to whether there is one again (`yes`), never will be (`no`, `revoked`, or `deleted` with the
   * account), or the server did not answer.
   */
  renew: () => Promise<'yes' | 'no' | 'revoked' | 'deleted' | 'no-server'>;
}

export function connectSignaling(options: SignalingOptions): Signaling {
  const { keys, events, report, renew } = options;
  const socket = openSocket(options);
  let ready = false;
  let stopped = false;
  const waiting = new Set<() => void>();

  function stop(reason: Parameters<SignalingEvents['stopped']>[0]): void {
    if (stopped) return;
    stopped = true;
    ready = false;
    socket.disconnect();
    events.stopped(reason);
  }

  /** Where Socket.IO does not reconnect by itself: after a disconnect or a refusal by the server. */
  function connectLater(): void {
    setTimeout(
      () => {
        if (!stopped && !socket.active) socket.connect();
      },
      1000 + Math.random() * 2000,
    );
  }

  async function prove(challenge: string, account: string): Promise<void> {
    const message = signedBytes('causeway/socket/1', encodeCbor([challenge, account, keys.id]));
    const signature = toBase64(await keys.sign(message)) as Signature;
    const answer = await request(socket, 'device:prove', { device: keys.id, signature }, report);
    if (answer.ok) {
      ready = true;
      events.ready(answer.value);
      for (const go of [...waiting]) go();
    } else if (answer.error.code === 'unknown-device') {
      stop('unknown-device');
    } else if (answer.error.code !== 'no-server') {
      report(new Error(`device:prove was refused: ${answer.error.code}`));
      socket.disconnect();
      connectLater();
    }
  }

  listen(socket, 'welcome', report, ({ protocol, challenge, account }) => {
    if (protocol !== PROTOCOL_VERSION) stop('unsupported-version');
    else prove(challenge, account).catch(report);
  });
  listen(socket, 'contact', report, (contact) => events.contact(contact));
  listen(socket, 'presence', report, (presence) => events.presence(presence));
  listen(socket, 'nearby', report, ({ people }) => events.nearby(people));
  listen(socket, 'signal', report, (signal) => events.signal(signal));
  listen(socket, 'knock', report, (knock, done) => {
    events.knock(knock).then(done, report);
  });
  listen(socket, 'account', report, (account) => events.account(account));
  listen(socket, 'devices', report, (devices) => events.devices(devices));
  listen(socket, 'approval', report, (approval) => events.approval(approval));
  listen(socket, 'group', report, (roster) => events.group(roster));
  listen(socket, 'group:member', report, (changed) => events.groupMember(changed));
  listen(socket, 'group:left', report, (left) => events.groupLeft(left));
  listen(socket, 'group:asked', report, (asked) => events.groupAsked(asked));
  listen(socket, 'group:replied', report, (replied) => events.groupReplied(replied));
  listen(socket, 'replaced', report, () => stop('replaced'));
  listen(socket, 'ended', report, ({ revoked }) => stop(revoked === true ? 'revoked' : 'ended'));
  listen(socket, 'deleted', report, () => stop('deleted'));
  socket.on('disconnect', () => {
    if (ready) events.lost();
    ready = false;
    if (!stopped && !socket.active) connectLater();
  });
  socket.on('connect_error', (error) => {
    if (error.message === 'not-allowed')
      renew().then((renewed) => {
        if (renewed === 'yes' && !stopped) socket.connect();
        else if (renewed === 'no') stop('ended');
        else if (renewed === 'revoked' || renewed === 'deleted') stop(renewed);
        else connectLater();
      }, report);
    else if (!stopped && !socket.active) connectLater();
  });

  /** Resolves when the device is proven on a connection, or after a while all the same. */
  function proven(): Promise<void> {
    if (ready || stopped) return Promise.resolve();
    return new Promise((go) => {
      const timer = setTimeout(decide, provenWaitMs);
      waiting.add(decide);
      function decide(): void {
        clearTimeout(timer);
        waiting.delete(decide);
        go();
      }
    });
  }

  return {
    async request(name, body) {
      await proven();
      return ready ? request(socket, name, body, report) : { ok: false, error: { code: 'no-server' } };
    },
    wake() {
      if (!stopped && !socket.connected) socket.disconnect().connect();
    },
    close() {
      stopped = true;
      socket.disconnect();
    },
  };
}
