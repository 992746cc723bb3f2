/** Port of the signaling server. Adapter: `link/socket-signaling.ts` (Socket.IO), `engine/testing` (in memory). */
import type { Result } from '../protocol/errors.ts';
import type { ClientEventName, ClientRequest, ClientResponse, ServerEvent } from '../protocol/events.ts';
import type { OwnAccount } from '../protocol/http.ts';
import type { Contact } from '../protocol/people.ts';

/** `no-server` when nothing answered in time or no connection is there. */
export type Answer<T> = Result<T> | { ok: false; error: { code: 'no-server' } };

export interface SignalingEvents {
  /** Connected, and this device is proven: the whole truth of the server at this moment. */
  ready(state: { account: OwnAccount; contacts: Contact[] }): void;
  /** Not connected any more; it is being tried again. */
  lost(): void;
  /**
   * This connection will not come back by itself: another one took over, the session ended, the device is not certified (`revoked`: any
   * more), or the account was deleted.
   */
  stopped(reason: 'replaced' | 'ended' | 'revoked' | 'deleted' | 'unknown-device' | 'unsupported-version'): void;
  contact(contact: Contact): void;
  presence(presence: ServerEvent<'presence'>): void;
  nearby(people: ServerEvent<'nearby'>['people']): void;
  signal(signal: ServerEvent<'signal'>): void;
  /** Resolves when the knock is taken for good; the server then forgets it. */
  knock(knock: ServerEvent<'knock'>): Promise<void>;
  account(account: OwnAccount): void;
  devices(devices: ServerEvent<'devices'>): void;
  approval(approval: ServerEvent<'approval'>): void;
  group(roster: ServerEvent<'group'>): void;
  groupMember(changed: ServerEvent<'group:member'>): void;
  groupLeft(left: ServerEvent<'group:left'>): void;
  groupAsked(asked: ServerEvent<'group:asked'>): void;
  groupReplied(replied: ServerEvent<'group:replied'>): void;
}

export interface Signaling {
  request: <Name extends ClientEventName>(
    name: Name,
    request: ClientRequest<Name>,
  ) => Promise<Answer<ClientResponse<Name>>>;
  /** Tries again at once, for example when the device wakes up. */
  wake(): void;
  close(): void;
}
