/**
 * The other devices of this account: which are online, when a link to one is wanted, what they are told. They are met as the person that this
 * account is to itself, and told of people, of what was read and of what was chosen by entries of that conversation, so that one rule brings everything across.
 */
import type { Payload } from '../../protocol/entry.ts';
import type { ServerEvent } from '../../protocol/events.ts';
import type { AccountId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Conversations } from '../exchange/conversations.ts';
import { needsAnswer } from '../exchange/offer.ts';
import type { Transfers } from '../exchange/transfers.ts';
import { Serial } from '../feed/serial.ts';
import type { Groups } from '../groups/groups.ts';
import type { Link } from '../links/link.ts';
import type { Links } from '../links/links.ts';
import type { People, Person } from '../people/people.ts';
import type { Clock } from '../ports.ts';
import type { OwnChoices } from './own-choices.ts';
import { factOf, gistOf } from './own-people.ts';

export interface OwnDevicesPorts {
  clock: Clock;
  people: People;
  groups: Groups;
  choices: OwnChoices;
  conversations: Conversations;
  transfers: Transfers;
  links: Links;
  self(): Person | undefined;
  /** The conversation with oneself is on the screen. */
  isLookedAt(): boolean;
  /** Writes into the conversation with oneself; resolves once what follows from it is taken in. */
  append(payload: Payload): Promise<unknown>;
  accept(offer: OfferId): Promise<unknown>;
  report(problem: unknown): void;
}

/** What changes together is looked at together. */
const checkMs = 200;
/** While somebody reads along, the other devices hear of it this often. */
const readMs = 5_000;

export class OwnDevices {
  readonly #line = new Serial();
  #cancelCheck: (() => void) | undefined;
  #cancelRead: (() => void) | undefined;
  /** People of whom the other devices may not know all; undefined while nobody was looked at. */
  #changedPeople: Set<AccountId> | undefined;
  #readAt = -Infinity;
  #stopped = false;
  /** When the other devices were last online, as the server says. */
  seenAt: ReadonlyMap<DeviceId, number> = new Map();

  constructor(private readonly ports: OwnDevicesPorts) {}

  /** All conversations that a device of this account may have. */
  conversations(): ConversationId[] {
    const { people, groups } = this.ports;
    const direct = people.all().flatMap(({ conversation, earlier }) => [conversation, ...earlier]);
    return [...direct, ...groups.all().flatMap((group) => groups.links.conversationsOf(group))];
  }

  async heard({ online, seenAt }: ServerEvent<'devices'>): Promise<void> {
    const self = this.ports.self();
    if (!self) return;
    this.seenAt = new Map(seenAt);
    await this.ports.people.presence(self.account, online);
    this.soon();
  }

  /** Something changed of a person. */
  personChanged(account: AccountId): void {
    this.#changedPeople?.add(account);
    this.soon();
  }

  /** Something changed that another device may have to hear of. */
  soon(): void {
    if (this.#stopped || (this.ports.self()?.devices.length ?? 0) === 0) return;
    this.#cancelCheck ??= this.ports.clock.after(checkMs, () => {
      this.#cancelCheck = undefined;
      this.#line.run(() => this.#check()).catch((problem: unknown) => this.ports.report(problem));
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelCheck?.();
    this.#cancelRead?.();
  }

  /** The device from which history is coming, and how much of it is here. */
  history(): { device: DeviceId; share: number; entries: number } | undefined {
    for (const link of this.#links()) {
      const history = this.ports.conversations.historyFrom(link);
      if (history) return { device: link.device, ...history };
    }
    return undefined;
  }

  #links(): Link[] {
    const { links } = this.ports;
    return (this.ports.self()?.devices ?? []).flatMap(({ id }) => links.open(id) ?? []);
  }

  async #check(): Promise<void> {
    const { people, links, transfers } = this.ports;
    const self = this.ports.self();
    if (!self || this.#stopped) return;
    await this.#tell();
    // What comes from a device of one's own needs nobody's yes.
    for (const record of transfers.all())
      if (record.account === self.account && needsAnswer(record)) await this.ports.accept(record.offer);
    for (const { id } of self.devices) {
      if (!people.online(self.account).has(id) && links.stateOf(id) === 'none') continue;
      const wanted = await this.#wanted(self, id);
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it may have been stopped meanwhile
      if (this.#stopped) return;
      if (wanted) links.want(id);
      else links.unwant(id);
    }
  }

  /** Entries only for what is news: who has one device writes none of these. */
  async #tell(): Promise<void> {
    const { people, conversations, clock } = this.ports;
    const changed = (this.#changedPeople ??= new Set(people.all().map(({ account }) => account)));
    for (const account of [...changed]) {
      const person = people.get(account);
      const fact = person && !people.isSelf(account) ? factOf(person) : undefined;
      // What becomes of it is a change again, and looked at once more; what fails stays for the next time.
      if (fact && gistOf(fact) !== person?.shared) await this.ports.append(fact);
      else changed.delete(account);
    }
    for (const log of this.ports.groups.untold()) {
      await this.ports.append({ kind: 'own-group', log });
      await this.ports.groups.told(log);
    }
    // What is said so is taken in, and told then, when the entry is.
    for (const choice of this.ports.choices.untold()) await this.ports.append(choice);
    const news = await conversations.summaries.readNews();
    if (news.length === 0) return;
    const waitMs = this.#readAt + readMs - clock.now();
    if (waitMs > 0) {
      this.#cancelRead ??= clock.after(waitMs, () => {
        this.#cancelRead = undefined;
        this.soon();
      });
      return;
    }
    this.#readAt = clock.now();
    for (const { conversation, read } of news)
      await this.ports.append({ kind: 'own-read', conversation, upTo: read.map(([id, length]) => [id, length]) });
  }

  async #wanted(self: Person, device: DeviceId): Promise<boolean> {
    const { conversations, transfers } = this.ports;
    if (this.ports.isLookedAt() || transfers.busyWith(self.account, device)) return true;
    for (const conversation of this.conversations())
      if (await conversations.owes(conversation, device, true)) return true;
    return false;
  }
}
