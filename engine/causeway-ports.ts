/** What the engine needs of its shell, and what it tells it. */
import type { EntryRef } from '../protocol/entry.ts';
import type { OwnAccount } from '../protocol/http.ts';
import type { ChatId, ConversationId } from '../protocol/ids.ts';
import type { Blobs } from './blobs.ts';
import type { KeptChoice } from './devices/own-choices.ts';
import type { DeliveryRow } from './exchange/deliveries.ts';
import type { StoredOffer } from './exchange/offer-rows.ts';
import type { Summary } from './exchange/summaries.ts';
import type { QueueOrder } from './exchange/transfer-queue.ts';
import type { KnownFork } from './feed/log.ts';
import type { GroupCrypto } from './groups/ports.ts';
import type { GroupRow } from './groups/rows.ts';
import type { Sealing } from './identity/envelope.ts';
import type { Annotation } from './messages/annotation.ts';
import type { Expiry } from './messages/expiries.ts';
import type { ConversationMarks } from './messages/messages.ts';
import type { Person } from './people/people.ts';
import type { Clock, DeviceKeys, FeedStore, Hashes, Random, Signatures, StoredEntry } from './ports.ts';
import type { Lookup, Records } from './records.ts';
import type { OpenWire } from './session/wire.ts';
import type { Signaling, SignalingEvents } from './signaling.ts';

export interface CausewayPorts {
  clock: Clock;
  random: Random;
  hashes: Hashes;
  signatures: Signatures;
  keys: DeviceKeys & Sealing;
  openWire: OpenWire;
  connect(events: SignalingEvents): Signaling;
  feeds: FeedStore;
  blobs: Blobs;
  people: Records<Person>;
  offers: Records<StoredOffer>;
  summaries: Records<Summary>;
  deliveries: Records<DeliveryRow>;
  queue: Records<QueueOrder>;
  choices: Records<KeptChoice>;
  annotations: Lookup<Annotation>;
  marks: Records<ConversationMarks>;
  expiries: Records<Expiry>;
  groups: Records<GroupRow>;
  forks: Records<KnownFork>;
  crypto: GroupCrypto;
  /** Somebody's fault, or an expected failure that costs nothing but an attempt; for the log. */
  report(problem: unknown): void;
}

export interface CausewayEvents {
  /** Something that is shown changed; of one person, or of all. */
  changed(chat?: ChatId): void;
  /** Entries of one conversation were committed. */
  committed(entries: readonly StoredEntry[]): void;
  /** The newest entries of a conversation can be shown, while others before them are on their way. */
  ahead(conversation: ConversationId): void;
  /** Messages were edited, deleted, reacted to, or disappeared. */
  altered(conversation: ConversationId, messages: readonly EntryRef[]): void;
  /** The server's word on this account: to be kept for the next start. */
  account(account: OwnAccount): void;
  /** The connection will not come back by itself. */
  stopped(reason: Parameters<SignalingEvents['stopped']>[0]): void;
}
