/** Who becomes a contact: asking somebody, and answering who asked, both through the server. */
import type { AccountId } from '../../protocol/ids.ts';
import type { Handle } from '../../protocol/names.ts';
import { done, type Outcome } from '../outcome.ts';
import type { Signaling } from '../signaling.ts';
import type { People } from './people.ts';

export type RequestVerdict = 'accept' | 'decline' | 'block' | 'unblock' | 'remove';

export interface ContactRequestsPorts {
  /** The handle of this account. */
  own(): Handle;
  people: People;
  request: Signaling['request'];
}

export class ContactRequests {
  constructor(private readonly ports: ContactRequestsPorts) {}

  /** Finds a person by exact handle and asks them to become a contact, unless they are one or were asked. */
  async ask(handle: Handle): Promise<Outcome & { account?: AccountId }> {
    const { people, request } = this.ports;
    if (handle === this.ports.own()) return { ok: false, error: { code: 'yourself' } };
    let person = people.byHandle(handle);
    if (!person || person.relation === 'none') {
      const found = await request('people:lookup', { handle });
      if (!found.ok) return person && found.error.code === 'no-server' ? { ok: true, account: person.account } : found;
      if (found.value.handle !== handle) return { ok: false, error: { code: 'unknown' } }; // not whom the person asked for
      person = await people.meet(found.value);
      if (!person) return { ok: false, error: { code: 'unknown' } };
    }
    if (person.relation === 'none' || person.relation === 'incoming') {
      const asked = await request('contact:request', { account: person.account });
      if (!asked.ok) return asked;
      await people.apply(asked.value);
    }
    return { ok: true, account: person.account };
  }

  async answer(account: AccountId, verdict: RequestVerdict): Promise<Outcome> {
    const answer = await this.ports.request('contact:answer', { account, verdict });
    if (!answer.ok) return answer;
    await this.ports.people.apply(answer.value);
    return done;
  }
}
