/**
 * Conversations over links: one `ConversationSync` per open link, who holds what of this device's feed, and the summary that a list of
 * people shows. Everything that is durable here can be rebuilt from the feeds except what was read.
 */
import { fromBase64 } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { DeviceKeys, Signatures, StoredEntry } from '../ports.ts';
import { Delivery, type DeliveryRecord, type DeliveryState } from '../feed/delivery.ts';
import type { Fork } from '../feed/chain.ts';
import type { Feeds } from '../feed/log.ts';
import { readPayload } from '../feed/payload.ts';
import { ConversationSync, type FeedFrame, type SyncEvent } from '../feed/sync.ts';
import type { Link } from '../links/link.ts';
import type { Person } from '../people/people.ts';
import type { Records } from '../records.ts';

export interface Summary {
  conversation: ConversationId;
  last?: { kind: 'text'; text: string; at: number; mine: boolean } | { kind: 'files'; names: string[]; at: number; mine: boolean };
  /** Messages of others since the conversation was last looked at. */
  unread: number;
  /** Entries of each feed that this summary, and all else that follows from entries, has taken in. */
  taken: (readonly [DeviceId, number])[];
}

export interface DeliveryRow {
  conversation: ConversationId;
  acknowledged: DeliveryRecord;
}

export interface ConversationsPorts {
  feeds: Feeds;
  signatures: Signatures;
  keys: DeviceKeys;
  summaries: Records<Summary>;
  deliveries: Records<DeliveryRow>;
  /** Devices that may write: those ever certified for the person and for this account. */
  authorsOf(person: Person): ReadonlyMap<DeviceId, string>;
  isMine(device: DeviceId): boolean;
  report(problem: unknown): void;
}

export interface ConversationsEvents {
  changed(conversation: ConversationId): void;
  forked(conversation: ConversationId, fork: Fork): void;
  /** The link has to go: its peer broke the protocol, or this side failed. */
  broken(link: Link, problem: unknown): void;
}

export class Conversations {
  readonly #syncs = new Map<Link, ConversationSync>();
  readonly #summaries = new Map<ConversationId, Summary>();
  readonly #deliveries = new Map<ConversationId, Delivery>();
  #looking: ConversationId | undefined;

  constructor(
    private readonly ports: ConversationsPorts,
    private readonly events: ConversationsEvents,
  ) {}

  async load(): Promise<void> {
    for (const summary of await this.ports.summaries.all()) this.#summaries.set(summary.conversation, summary);
    for (const { conversation, acknowledged } of await this.ports.deliveries.all())
      this.#deliveries.set(conversation, new Delivery(acknowledged));
  }

  summary(conversation: ConversationId): Summary {
    return this.#summaries.get(conversation) ?? { conversation, unread: 0, taken: [] };
  }

  /** How many entries of a feed were taken in. */
  taken(conversation: ConversationId, device: DeviceId): number {
    return new Map(this.summary(conversation).taken).get(device) ?? 0;
  }

  /** The conversation on the screen: what comes in there is read. */
  lookAt(conversation: ConversationId | undefined): void {
    this.#looking = conversation;
    const summary = conversation === undefined ? undefined : this.#summaries.get(conversation);
    if (summary && summary.unread > 0) this.#keepSummary({ ...summary, unread: 0 }).catch((problem: unknown) => this.ports.report(problem));
  }

  deliveryOf(conversation: ConversationId, sequence: number, recipients: readonly DeviceId[]): DeliveryState {
    return this.#deliveries.get(conversation)?.stateOf(sequence, recipients) ?? 'queued';
  }

  /** Whether this device has entries that `device` has not acknowledged. */
  async owes(conversation: ConversationId, device: DeviceId): Promise<boolean> {
    const length = (await this.ports.feeds.frontier(conversation)).get(this.ports.keys.id) ?? 0;
    return length > 0 && this.deliveryOf(conversation, length - 1, [device]) !== 'delivered';
  }

  linkOpened(link: Link, person: Person): void {
    const { conversation } = person;
    const sync = new ConversationSync({
      ports: { signatures: this.ports.signatures, device: this.ports.keys },
      feeds: this.ports.feeds,
      conversation,
      peer: link.device,
      authors: (device) => {
        const key = this.ports.authorsOf(person).get(device);
        return key === undefined ? undefined : fromBase64(key);
      },
      send: (frame) => link.control(frame),
      report: (event) => this.#onSync(link, conversation, event),
    });
    this.#syncs.set(link, sync);
    this.#watch(link, sync.start());
  }

  onFrame(link: Link, frame: FeedFrame, person: Person): void {
    const sync = this.#syncs.get(link);
    if (!sync) return;
    if (frame.conversation !== person.conversation) throw new ProtocolError('not-allowed', 'frame of another conversation');
    this.#watch(link, sync.onFrame(frame));
  }

  linkClosed(link: Link, conversation: ConversationId): void {
    this.#syncs.get(link)?.close();
    this.#syncs.delete(link);
    this.#deliveries.get(conversation)?.linkClosed(link.device);
    this.events.changed(conversation);
  }

  /** To be called with every batch of committed entries of one conversation, once all else that follows from them is durable. */
  async onCommitted(entries: readonly StoredEntry[]): Promise<void> {
    const conversation = entries[0]?.conversation;
    if (conversation === undefined) return;
    for (const [link, sync] of this.#syncs) this.#watch(link, sync.onLocal(entries));
    let summary = this.summary(conversation);
    const taken = new Map(summary.taken);
    for (const entry of entries) {
      if (entry.sequence < (taken.get(entry.device) ?? 0)) continue;
      summary = this.#summarise(summary, entry);
      taken.set(entry.device, entry.sequence + 1);
    }
    await this.#keepSummary({ ...summary, taken: [...taken] });
    this.events.changed(conversation);
  }

  #summarise(summary: Summary, entry: StoredEntry): Summary {
    const payload = readPayload(entry);
    if (payload.kind !== 'text' && payload.kind !== 'offer') return summary;
    const mine = this.ports.isMine(entry.device);
    const unread = mine || entry.conversation === this.#looking ? summary.unread : summary.unread + 1;
    if (summary.last && summary.last.at > entry.wall) return { ...summary, unread };
    const common = { at: entry.wall, mine };
    const last =
      payload.kind === 'text'
        ? ({ kind: 'text', text: payload.text.slice(0, 200), ...common } as const)
        : ({ kind: 'files', names: payload.files.slice(0, 3).map((file) => file.name), ...common } as const);
    return { ...summary, unread, last };
  }

  async #keepSummary(summary: Summary): Promise<void> {
    this.#summaries.set(summary.conversation, summary);
    await this.ports.summaries.put(summary.conversation, summary);
  }

  #onSync(link: Link, conversation: ConversationId, event: SyncEvent): void {
    if (event.kind === 'fork') {
      this.events.forked(conversation, event.fork);
      return;
    }
    if (event.kind === 'unknown-author') return; // asked again when the device list has grown
    if (event.author !== this.ports.keys.id) return;
    const delivery = this.#deliveries.get(conversation) ?? new Delivery();
    this.#deliveries.set(conversation, delivery);
    if (event.kind === 'sent') delivery.sent(link.device, event.length);
    else if (delivery.acknowledged(link.device, event.length)) {
      const row = { conversation, acknowledged: delivery.record() };
      this.ports.deliveries.put(conversation, row).catch((problem: unknown) => this.ports.report(problem));
    }
    this.events.changed(conversation);
  }

  #watch(link: Link, work: Promise<void>): void {
    work.catch((problem: unknown) => this.events.broken(link, problem));
  }
}
