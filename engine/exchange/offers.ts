/** The records of all offers: in memory at once, so that the next fact builds on it, and then durable, in order, as far as they changed. */
import type { ChatId, ConversationId, OfferId } from '../../protocol/ids.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Records } from '../records.ts';
import { isShared } from './copies.ts';
import {
  emptyOffer,
  factsOf,
  withFact,
  withFileFacts,
  withoutFailure,
  type FactSource,
  type FileFacts,
  type OfferPayload,
  type OfferRecord,
} from './offer.ts';
import {
  bareChanged,
  bareOf,
  deviceRowKey,
  deviceRowOf,
  devicesChanged,
  isDeviceRow,
  joined,
  type DeviceRow,
  type StoredOffer,
} from './offer-rows.ts';

export class Offers {
  readonly #records = new Map<OfferId, OfferRecord>();
  readonly #byAccount = new Map<ChatId, Set<OfferId>>();
  /** Those of which a file goes over several links. */
  readonly #shared = new Set<OfferId>();
  /** As they are durable. */
  readonly #written = new Map<OfferId, OfferRecord>();
  /** Records whose last write failed: what is in memory is not durable. */
  readonly #unwritten = new Set<OfferId>();

  constructor(
    private readonly records: Records<StoredOffer>,
    private readonly changed: (account: ChatId) => void,
  ) {}

  async load(): Promise<void> {
    const rows = new Map<OfferId, DeviceRow[]>();
    const bare: OfferRecord[] = [];
    for (const stored of await this.records.all()) {
      if (!isDeviceRow(stored)) bare.push(stored);
      else rows.set(stored.of, [...(rows.get(stored.of) ?? []), stored]);
    }
    for (const stored of bare) {
      const own = rows.get(stored.offer) ?? [];
      this.#written.set(stored.offer, joined(bareOf(stored), own));
      this.#set(withoutFullDisk(joined(stored, own)));
    }
  }

  get(offer: OfferId): OfferRecord | undefined {
    return this.#records.get(offer);
  }

  all(): OfferRecord[] {
    return [...this.#records.values()];
  }

  ofAccount(account: ChatId): OfferRecord[] {
    return [...(this.#byAccount.get(account) ?? [])].flatMap((offer) => this.#records.get(offer) ?? []);
  }

  /** Offers in groups, and those of which this device fetches a file again. */
  shared(): OfferRecord[] {
    return [...this.#shared].flatMap((offer) => this.#records.get(offer) ?? []);
  }

  /**
   * Takes a fact in; resolves when it is durable, to whether it was news. Taken again after a failed write it is written again, and news.
   * @throws ProtocolError when the offer is of another person.
   */
  async add(
    account: ChatId,
    conversation: ConversationId,
    payload: OfferPayload,
    source: FactSource,
    { knocked = false, inGroup = false }: { knocked?: boolean; inGroup?: boolean },
  ): Promise<boolean> {
    const before = this.#records.get(payload.offer) ?? emptyOffer(payload.offer, account, conversation, inGroup);
    if (before.account !== account) throw new ProtocolError('not-allowed', 'an offer of another conversation');
    const after = withFact(before, payload, source, knocked);
    if (after === before && !this.#unwritten.has(payload.offer)) return false;
    await this.keep(after);
    return true;
  }

  /** Adds facts of one file to whatever the record is by now. */
  async keepFacts(offer: OfferId, file: number, facts: FileFacts): Promise<void> {
    const record = this.#records.get(offer);
    if (record) await this.keep(withFileFacts(record, file, facts));
  }

  async keep(record: OfferRecord): Promise<void> {
    this.#set(record);
    this.changed(record.account);
    try {
      await this.#write(record);
      if (this.#records.get(record.offer) === record) this.#unwritten.delete(record.offer);
    } catch (problem) {
      this.#unwritten.add(record.offer);
      throw problem;
    }
  }

  /** Overlapping writes of one record each hold all that differs from what is durable, and end in order. */
  async #write(record: OfferRecord): Promise<void> {
    const { offer } = record;
    const before = this.#written.get(offer);
    const writes = [...devicesChanged(before, record)].map((device) =>
      this.records.put(deviceRowKey(offer, device), deviceRowOf(record, device)),
    );
    if (!before || bareChanged(before, record)) writes.push(this.records.put(offer, bareOf(record)));
    await Promise.all(writes);
    this.#written.set(offer, record);
  }

  #set(record: OfferRecord): void {
    this.#records.set(record.offer, record);
    const shared = record.group === true || record.files.some((_, file) => isShared(record, file));
    this.#shared[shared ? 'add' : 'delete'](record.offer);
    const ofAccount = this.#byAccount.get(record.account);
    if (ofAccount) ofAccount.add(record.offer);
    else this.#byAccount.set(record.account, new Set([record.offer]));
  }
}

/** Records that an earlier version wrote, to which a full disk was a failure: it is a wait, and what waits is found out anew. */
function withoutFullDisk(record: OfferRecord): OfferRecord {
  const full = (file: number) => (factsOf(record, file).failed as string | undefined) === 'no-space';
  return record.files.reduce((before, _, file) => (full(file) ? withoutFailure(before, file) : before), record);
}
