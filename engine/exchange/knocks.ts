/**
 * Offers to and from people who are no contacts yet: sealed, through the server, which keeps them in memory for a while. The sender repeats them
 * whenever it connects, as long as they wait. Once both are contacts the feed carries everything and knocks are over.
 */
import { ProtocolError } from '../../protocol/errors.ts';
import { KnockBody } from '../../protocol/envelope.ts';
import { parseAs } from '../../protocol/codec.ts';
import { limits } from '../../protocol/limits.ts';
import type { AccountId, DeviceId, OfferId, RequestId } from '../../protocol/ids.ts';
import type { Device } from '../../protocol/people.ts';
import type { Person } from '../people/people.ts';
import { needsAnswer, standingOf, type OfferRecord } from './offer.ts';
import type { Transfers } from './transfers.ts';

export interface KnocksPorts {
  transfers: Transfers;
  person(account: AccountId): Person | undefined;
  /** Seals and sends; resolves to whether the server took it. */
  send(to: Device, id: RequestId, body: KnockBody): Promise<boolean>;
  now(): number;
  report(problem: unknown): void;
}

export class Knocks {
  constructor(private readonly ports: KnocksPorts) {}

  /** To be called on every connection: repeats what waits. */
  repeatAll(): void {
    for (const record of this.ports.transfers.all()) this.#guard(this.repeat(record));
  }

  /** Tells the other side how an offer of this device stands, unless the feed does. */
  async repeat(record: OfferRecord): Promise<void> {
    const person = this.#personOf(record);
    if (!person || !isAsked(person) || !record.offered?.mine) return;
    const waiting = record.offered.files.some((_, file) => standingOf(record, file) === 'waiting');
    const withdrawn = record.offered.files.every((_, file) => standingOf(record, file) === 'cancelled');
    if (waiting) {
      const files = record.offered.files.map(({ name, size, type, modifiedAt }) => ({
        name,
        size,
        type,
        ...(modifiedAt === undefined ? {} : { modifiedAt }),
      }));
      await this.#send(person, record.offer, {
        kind: 'offer',
        offer: record.offer,
        files,
        offeredAt: record.offered.at,
      });
    } else if (withdrawn) await this.#send(person, record.offer, { kind: 'withdraw', offer: record.offer });
  }

  /** In groups nobody knocks. */
  #personOf({ account, group }: OfferRecord): Person | undefined {
    return group ? undefined : this.ports.person(account as AccountId);
  }

  /** This person declined an offer of somebody who is no contact. */
  async decline(record: OfferRecord): Promise<void> {
    const person = this.#personOf(record);
    const device = person?.everyDevice.find(({ id }) => id === record.offered?.device);
    if (!person || !device || !isAsked(person)) return;
    await this.ports.send(device, record.offer as string as RequestId, { kind: 'decline', offer: record.offer });
  }

  /** Takes an opened knock. @throws ProtocolError when it is none, or a contact's, whose feed is the place for it. */
  async take(person: Person, device: DeviceId, raw: unknown): Promise<void> {
    const body = parseAs(KnockBody, raw);
    const { transfers } = this.ports;
    const source = { device, mine: false, at: this.ports.now() };
    const { account, conversation } = person;
    if (person.relation === 'none' || person.relation === 'blocked')
      throw new ProtocolError('not-allowed', 'a knock of somebody who may not');
    switch (body.kind) {
      case 'offer': {
        const waiting = transfers
          .all()
          .filter((record) => record.account === account && record.offered?.knocked && needsAnswer(record));
        if (waiting.length >= limits.knocksPerSender && !waiting.some((record) => record.offer === body.offer))
          throw new ProtocolError('rate-limited', 'too many offers wait already');
        await transfers.addFact(
          account,
          conversation,
          { kind: 'offer', offer: body.offer, files: body.files },
          source,
          { knocked: true },
        );
        return;
      }
      case 'withdraw': {
        const files = this.#filesOf(body.offer, account, false);
        for (let file = 0; file < files; file++)
          await transfers.addFact(account, conversation, { kind: 'cancel', offer: body.offer, file }, source);
        return;
      }
      case 'decline':
        if (this.#filesOf(body.offer, account, true) > 0)
          await transfers.addFact(
            account,
            conversation,
            { kind: 'answer', offer: body.offer, verdict: 'declined' },
            source,
          );
    }
  }

  /** How many files an offer of this person, or to this person, has; 0 when there is no such offer. */
  #filesOf(offer: OfferId, account: AccountId, mine: boolean): number {
    const record = this.ports.transfers.get(offer);
    return record?.account === account && record.offered?.mine === mine ? record.offered.files.length : 0;
  }

  async #send(person: Person, offer: OfferId, body: KnockBody): Promise<void> {
    for (const device of person.devices) await this.ports.send(device, offer as string as RequestId, body);
  }

  #guard(work: Promise<void>): void {
    work.catch((problem: unknown) => this.ports.report(problem));
  }
}

/** Knocks are for the time between a request and its answer; the server passes none at others. */
const isAsked = ({ relation }: Person): boolean => relation === 'outgoing' || relation === 'incoming';
