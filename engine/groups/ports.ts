/** What groups need of the outside beside the ports of the engine. Keys are raw bytes: AES-256-GCM 32, Ed25519 seeds and public keys 32. */
import type { Bytes } from '../../protocol/bytes.ts';
import type { ClientEventName, ClientRequest, ClientResponse } from '../../protocol/events.ts';
import type { GroupPayload } from '../../protocol/group.ts';
import type { RosterChange } from '../../protocol/group-roster.ts';
import type { AccountId, ConversationId, DeviceId, GroupId, PublicKey } from '../../protocol/ids.ts';
import type { SignedDeviceList } from '../../protocol/people.ts';
import type { Feeds } from '../feed/log.ts';
import type { Sealing } from '../identity/envelope.ts';
import type { Clock, Hashes, Random, Signatures } from '../ports.ts';
import type { Records } from '../records.ts';
import type { Answer } from '../signaling.ts';
import type { GroupRow } from './rows.ts';

export interface GroupCrypto {
  /** AES-256-GCM with a nonce of 12 bytes; the tag is at the end. `context` is bound and not part of the result. */
  encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, context: Uint8Array): Promise<Bytes>;
  /** Undefined when it was not made with this key, nonce and context, or was altered. */
  decrypt(key: Uint8Array, nonce: Uint8Array, box: Uint8Array, context: Uint8Array): Promise<Bytes | undefined>;
  /** The Ed25519 key of a seed. */
  signerOf(seed: Uint8Array): Promise<{ publicKey: Bytes; sign: (message: Uint8Array) => Promise<Bytes> }>;
}

export interface GroupPorts {
  clock: Clock;
  random: Random;
  hashes: Hashes;
  signatures: Signatures;
  crypto: GroupCrypto;
  keys: Sealing & { readonly id: DeviceId };
  feeds: Feeds;
  rows: Records<GroupRow>;
  own(): {
    account: AccountId;
    root: PublicKey;
    handle: string;
    displayName: string;
    lists: readonly SignedDeviceList[];
  };
  /** Writes into a log or a chat; whether it was committed. */
  append(conversation: ConversationId, payload: GroupPayload): Promise<boolean>;
  /** Resolves once what was committed until now is taken in. */
  settled(): Promise<void>;
  isMine(device: DeviceId): boolean;
  /** Whether this device has entries of this account that `device` has not acknowledged to it. */
  owes(conversation: ConversationId, device: DeviceId): Promise<boolean>;
  request<Name extends ClientEventName>(name: Name, body: ClientRequest<Name>): Promise<Answer<ClientResponse<Name>>>;
  change(group: GroupId, change: RosterChange): Promise<boolean>;
  report(problem: unknown): void;
}

export type GroupOutcome =
  { ok: true } | { ok: false; code: 'unknown-invitation' | 'not-allowed' | 'malformed' | 'offline' | 'no-server' };
