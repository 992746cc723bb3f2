/** Answers offers for the person, where a rule of theirs allows it or they are voice messages (`rules.ts`), and the device has room. */
import type { Payload } from '../../protocol/entry.ts';
import type { AccountId, ConversationId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { ChatChoice } from '../devices/own-choices.ts';
import { readPayload } from '../feed/payload.ts';
import type { Group } from '../groups/group.ts';
import type { People } from '../people/people.ts';
import type { StoredEntry } from '../ports.ts';
import { needsAnswer, standingOf, type OfferRecord } from './offer.ts';
import { allows, isShortVoice, isSpoken, isVerified, totalBytes } from './rules.ts';
import type { Transfers } from './transfers.ts';

/** What a rule leaves free on this device, so that there is room for messages and for what is accepted by hand. */
const spareBytes = 512 * 1024 * 1024;

/** What was spoken in a group before that comes when somebody asks for it: whoever is new there does not fetch years. */
const spokenWithinMs = 30 * 24 * 3600_000;
/**
 * In groups of more devices what is spoken comes when somebody asks for it: of each that fetches it all others hold two entries, some 500 bytes; of this
 * many together as much as eight seconds of speech at 24 kbit/s.
 */
const spokenDevices = 50;

export interface AutoAcceptPorts {
  /** Milliseconds since 1970. */
  now(): number;
  chosen(group: Group): ChatChoice;
  people: People;
  transfers: Transfers;
  blobs: Blobs;
  append(conversation: ConversationId, payload: Payload): Promise<unknown>;
}

export class AutoAccept {
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

  /** Accepts a voice message of a group for this device: it stays with those who were there, whoever leaves. */
  async applyInGroup(group: Group, entry: StoredEntry): Promise<void> {
    const payload = readPayload(entry);
    const record = payload.kind === 'offer' ? this.ports.transfers.get(payload.offer) : undefined;
    if (!record?.offered || record.offered.mine || standingOf(record, 0) !== 'waiting') return;
    if (!group.me || group.devices.length > spokenDevices || !isShortVoice(record.offered.files)) return;
    const { muted, archived } = this.ports.chosen(group);
    if ((muted && archived) || entry.wall < this.ports.now() - spokenWithinMs) return;
    if (await this.#hasRoom(record.offered)) await this.#accept(record);
  }

  async #hasRoom({ files }: NonNullable<OfferRecord['offered']>): Promise<boolean> {
    const { transfers, blobs } = this.ports;
    return (await blobs.freeBytes()) >= totalBytes(files) + transfers.bytesToCome() + spareBytes;
  }

  async #accept({ conversation, offer }: OfferRecord): Promise<void> {
    await this.ports.append(conversation, { kind: 'answer', offer, verdict: 'accepted' });
  }
}
