/** Answers offers for the person, where a rule of theirs allows it or they are voice messages (`rules.ts`), and the device has room. */
import type { Payload } from '../../protocol/entry.ts';
import type { AccountId, ConversationId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { ChatChoice } from '../devices/own-choices.ts';
import { readPayload } from '../feed/payload.ts';
import { Serial } from '../feed/serial.ts';
import type { Group } from '../groups/group.ts';
import type { People } from '../people/people.ts';
import type { Outcome } from '../outcome.ts';
import type { Clock, StoredEntry } from '../ports.ts';
import { isPromised, needsAnswer, standingOf, type OfferRecord } from './offer.ts';
import { allows, isShortVoice, isSpoken, isVerified, totalBytes } from './rules.ts';
import { isWithinLimits, spokenDevices, spokenWithinMs } from './spoken.ts';
import type { Transfers } from './transfers.ts';

/** What a rule leaves free on this device, so that there is room for messages and for what is accepted by hand. */
const spareBytes = 512 * 1024 * 1024;

/** After the storage failed. */
const retryMs = 1000;

type Offered = NonNullable<OfferRecord['offered']>;

export interface AutoAcceptPorts {
  clock: Clock;
  chosen(group: Group): ChatChoice;
  people: People;
  transfers: Transfers;
  blobs: Blobs;
  append(conversation: ConversationId, payload: Payload): Promise<Outcome>;
  report(problem: unknown): void;
}

export class AutoAccept {
  /** Answers in groups, one after the other. */
  readonly #line = new Serial();
  /** Offers in groups that are being answered, or were since the start. */
  readonly #answered = new Set<OfferId>();
  #stopped = false;

  constructor(private readonly ports: AutoAcceptPorts) {}

  /**
   * Accepts an offer that needs nobody's yes. Comes before the summary says that the entry is taken in: after a crash it is done again, and a second
   * answer changes nothing.
   */
  async apply(account: AccountId, entry: StoredEntry): Promise<void> {
    const { people, transfers } = this.ports;
    const payload = readPayload(entry);
    const record = payload.kind === 'offer' ? transfers.get(payload.offer) : undefined;
    const person = people.get(account);
    if (!person || !record?.offered || !needsAnswer(record)) return;
    // Under earlier keys somebody else may have offered it.
    if (record.conversation !== person.conversation) return;
    const spoken = isSpoken(record.offered.files, person);
    const ruled = person.acceptRule && isVerified(person) && allows(person.acceptRule, record.offered.files);
    if (!spoken && !ruled) return;
    if (!(await this.#hasRoom(record.offered))) return;
    if (!spoken) await transfers.markByRule(record.offer);
    await this.#accept(record);
  }

  /** What was to be accepted in groups when this device went off. Records have to be loaded. */
  begin(): void {
    for (const record of this.ports.transfers.all()) if (record.group && isPromised(record)) this.#answer(record.offer);
  }

  /** Resolves when nothing is written any more. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#line.idle();
  }

  /**
   * Accepts a voice message of a group for this device: it stays with those who were there, whoever leaves. Resolves when that is decided, durably.
   * The answer may need a new key of the group first, which is in force only when entries are taken in: whoever takes them in must not wait for it.
   */
  async applyInGroup(group: Group, entry: StoredEntry): Promise<void> {
    const payload = readPayload(entry);
    const record = payload.kind === 'offer' ? this.ports.transfers.get(payload.offer) : undefined;
    if (!record?.offered || record.offered.mine || standingOf(record, 0) !== 'waiting') return;
    if (record.unaskedAt === undefined) {
      if (!this.#mayComeUnasked(group, record.offered.files, entry.wall)) return;
      if (!this.#isWithinLimits(group, record.offered) || !(await this.#hasRoom(record.offered))) return;
      await this.ports.transfers.markUnasked(record.offer, this.ports.clock.now());
    }
    this.#answer(record.offer);
  }

  #mayComeUnasked(group: Group, files: Offered['files'], spokenAt: number): boolean {
    if (!group.me || group.devices.length > spokenDevices || !isShortVoice(files)) return false;
    const { muted, archived } = this.ports.chosen(group);
    return !(muted && archived) && spokenAt >= this.ports.clock.now() - spokenWithinMs;
  }

  #isWithinLimits(group: Group, offered: Offered): boolean {
    const spoken = ({ device, files }: Offered) => ({
      member: group.accountOf(device),
      sizeBytes: totalBytes(files),
    });
    const before = this.ports.transfers
      .all()
      .flatMap(({ account, unaskedAt: at, offered: other }) =>
        account === group.id && at !== undefined && other ? [{ ...spoken(other), at }] : [],
      );
    return isWithinLimits(spoken(offered), before, this.ports.clock.now());
  }

  #answer(offer: OfferId): void {
    if (this.#answered.has(offer)) return;
    this.#answered.add(offer);
    const answering = this.#line.run(async () => {
      const record = this.ports.transfers.get(offer);
      if (!this.#stopped && record && isPromised(record)) await this.#accept(record);
    });
    answering.catch((problem: unknown) => {
      this.ports.report(problem);
      this.#answered.delete(offer);
      this.ports.clock.after(retryMs, () => this.#answer(offer));
    });
  }

  async #hasRoom({ files }: Offered): Promise<boolean> {
    const { transfers, blobs } = this.ports;
    return (await blobs.freeBytes()) >= totalBytes(files) + transfers.bytesToCome() + spareBytes;
  }

  async #accept({ conversation, offer }: OfferRecord): Promise<void> {
    await this.ports.append(conversation, { kind: 'answer', offer, verdict: 'accepted' });
  }
}
