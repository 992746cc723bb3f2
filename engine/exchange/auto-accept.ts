/** Answers offers for the person, where a rule of theirs allows it (`rules.ts`) and the device has room. */
import type { Payload } from '../../protocol/entry.ts';
import type { AccountId, ConversationId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import { readPayload } from '../feed/payload.ts';
import type { People } from '../people/people.ts';
import type { StoredEntry } from '../ports.ts';
import { needsAnswer } from './offer.ts';
import { allows, isVerified, totalBytes } from './rules.ts';
import type { Transfers } from './transfers.ts';

/** What a rule leaves free on this device, so that there is room for messages and for what is accepted by hand. */
const spareBytes = 512 * 1024 * 1024;

export interface AutoAcceptPorts {
  people: People;
  transfers: Transfers;
  blobs: Blobs;
  append(conversation: ConversationId, payload: Payload): Promise<unknown>;
}

export class AutoAccept {
  constructor(private readonly ports: AutoAcceptPorts) {}

  /**
   * Accepts an offer that a rule allows. Comes before the summary says that the entry is taken in: after a crash it is done again, and a second
   * answer changes nothing.
   */
  async apply(account: AccountId, entry: StoredEntry): Promise<void> {
    const { people, transfers, blobs } = this.ports;
    const payload = readPayload(entry);
    const record = payload.kind === 'offer' ? transfers.get(payload.offer) : undefined;
    const person = people.get(account);
    const rule = person?.acceptRule;
    if (!rule || !isVerified(person) || !record?.offered || !needsAnswer(record)) return;
    // Under earlier keys somebody else may have offered it.
    if (record.conversation !== person.conversation || !allows(rule, record.offered.files)) return;
    const neededBytes = totalBytes(record.offered.files) + transfers.bytesToCome() + spareBytes;
    if ((await blobs.freeBytes()) < neededBytes) return;
    await transfers.markByRule(record.offer);
    await this.ports.append(record.conversation, { kind: 'answer', offer: record.offer, verdict: 'accepted' });
  }
}
