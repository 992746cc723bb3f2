/** What transfers need of the rest of the engine, and what they tell it. */
import type { Payload } from '../../protocol/entry.ts';
import type { ChatId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Link } from '../links/link.ts';
import type { Clock, DeviceKeys, Hashes, Random, Signatures } from '../ports.ts';
import type { Records } from '../records.ts';
import type { StoredOffer } from './offer-rows.ts';
import type { QueueOrder } from './transfer-queue.ts';

export interface TransfersPorts {
  clock: Clock;
  random: Random;
  hashes: Hashes;
  signatures: Signatures;
  keys: DeviceKeys;
  blobs: Blobs;
  records: Records<StoredOffer>;
  queue: Records<QueueOrder>;
  /** Signing key (Ed25519, base64url) of a device that may write there, also of a former one. */
  signKeyOf(conversation: ConversationId, device: DeviceId): string | undefined;
  /** Whether a device is certified, now, for somebody who may read this person's conversation, or this group's. */
  mayHave(account: ChatId, device: DeviceId): boolean;
  /** Whether a device is of somebody else in this group, now; each is of one that this person is not in any more. */
  isOthers(group: ChatId, device: DeviceId): boolean;
  online(device: DeviceId): boolean;
  /** Resolves when the entry is durable and taken into its record; to false when this device may not write there. */
  append(conversation: ConversationId, payload: Payload): Promise<boolean>;
  report(problem: unknown): void;
}

export interface SpeedLimits {
  upBytesPerSecond?: number | undefined;
  downBytesPerSecond?: number | undefined;
}

export interface TransfersEvents {
  changed(account: ChatId): void;
  /** The link is of no more use: nothing comes, or its peer broke the protocol. */
  broken(link: Link, problem: unknown): void;
}
