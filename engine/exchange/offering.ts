/** Offers as people make, answer and end them: each resolves when its entry is durable and taken into the record of the offer. */
import type { OfferedFile } from '../../protocol/entry.ts';
import type { AccountId, ConversationId, OfferId } from '../../protocol/ids.ts';
import { done, type Outcome } from '../outcome.ts';
import type { People } from '../people/people.ts';
import type { DeviceKeys } from '../ports.ts';
import { validChoice, type Choice } from './choice.ts';
import { isShared } from './copies.ts';
import type { Knocks } from './knocks.ts';
import { needsAnswer, standingOf, type OfferRecord } from './offer.ts';
import type { Outbox } from './outbox.ts';
import type { Projector } from './projector.ts';
import type { Transfers } from './transfers.ts';

export interface OfferingPorts {
  keys: DeviceKeys;
  people: People;
  transfers: Transfers;
  outbox: Outbox;
  projector: Projector;
  knocks: Knocks;
  /** Makes a contact of who asked. */
  accept(account: AccountId): Promise<Outcome>;
  report(problem: unknown): void;
}

export class Offering {
  constructor(private readonly ports: OfferingPorts) {}

  /** Offers files whose bytes the shell has made available to `Blobs` under this id. */
  async offer(conversation: ConversationId | undefined, offer: OfferId, files: OfferedFile[]): Promise<Outcome> {
    if (conversation === undefined) return { ok: false, error: { code: 'unknown-handle' } };
    const outcome = await this.ports.outbox.append(conversation, { kind: 'offer', offer, files });
    await this.#tellStranger((record) => record.offer === offer);
    return outcome;
  }

  /** Fetches a file that anybody of a group offered, or one that was here, for this device: from whoever has it. */
  async download(offer: OfferId, file: number): Promise<Outcome> {
    const { transfers } = this.ports;
    await transfers.kept.complete(offer, file);
    const record = transfers.get(offer);
    if (!record?.offered) return done;
    if (record.group) {
      if (standingOf(record, file) !== 'waiting') return done;
      return this.answer(offer, 'accepted', record.offered.files.length > 1 ? [{ file }] : undefined);
    }
    await transfers.kept.fetchAgain(offer, file);
    return done;
  }

  /**
   * Accepting the offer of a stranger accepts the person. With `chosen` only these files are accepted, ascending, and of a bundle only these
   * blocks, those of its manifest among them. In a group each answer is about this device alone.
   */
  async answer(offer: OfferId, verdict: 'accepted' | 'declined', chosen?: Choice): Promise<Outcome> {
    const record = this.ports.transfers.get(offer);
    if (!record || record.deleted || !(needsAnswer(record) || record.group)) return done;
    if (chosen && !validChoice(record.offered?.files ?? [], chosen)) return { ok: false, error: { code: 'malformed' } };
    const person = record.group ? undefined : this.ports.people.get(record.account as AccountId);
    if (verdict === 'accepted' && person && person.relation !== 'accepted' && person.relation !== 'outgoing') {
      const accepted = await this.ports.accept(person.account);
      if (!accepted.ok) return accepted;
    }
    const answer = { kind: 'answer', offer, verdict, ...(chosen ? { chosen } : {}) } as const;
    const outcome = await this.ports.outbox.append(record.conversation, answer);
    await this.ports.projector.idle();
    if (outcome.ok && verdict === 'declined') await this.ports.knocks.decline(record);
    return outcome;
  }

  async cancel(offer: OfferId, file: number): Promise<Outcome> {
    const { transfers } = this.ports;
    const record = transfers.get(offer);
    if (!record || isEnded(record, file)) return done;
    if (record.offered?.device !== this.ports.keys.id && isShared(record, file)) {
      await transfers.kept.letGo(offer, file);
      return done;
    }
    const outcome = await this.ports.outbox.append(record.conversation, { kind: 'cancel', offer, file });
    await this.#tellStranger((record) => record.offer === offer);
    return outcome;
  }

  /**
   * Of an offer that was deleted now, and came to the other as a knock, the entry that is deleted says nothing any more: only a `cancel` names it.
   * @param before the offers as they were.
   */
  async withdrawDeleted(before: readonly OfferRecord[]): Promise<void> {
    const { outbox, projector, transfers } = this.ports;
    await projector.idle();
    const isDeleted = ({ offer }: OfferRecord) => transfers.get(offer)?.deleted === true;
    const deleted = before.filter((record) => !record.deleted && isDeleted(record));
    for (const record of deleted)
      for (const file of record.offered?.files.keys() ?? [])
        if (!isEnded(record, file))
          await outbox.append(record.conversation, { kind: 'cancel', offer: record.offer, file });
    await this.#tellStranger((record) => deleted.some(({ offer }) => offer === record.offer));
  }

  /** Tells how these offers stand now to somebody whom no feed reaches yet. */
  async #tellStranger(which: (record: OfferRecord) => boolean): Promise<void> {
    const { knocks, projector, transfers } = this.ports;
    await projector.idle();
    for (const record of transfers.all().filter(which))
      knocks.repeat(record).catch((problem: unknown) => this.ports.report(problem));
  }
}

const isEnded = (record: OfferRecord, file: number): boolean =>
  ['done', 'cancelled', 'declined'].includes(standingOf(record, file));
