/**
 * Decides which devices this one may be linked with, and with which of them a link is wanted: that follows from who is a contact or a member, from
 * what is on the screen, and from what there is to send. The own devices want theirs by `OwnDevices`. Keeps what each link serves in step with it.
 */
import type { AccountId, ChatId, ConversationId, DeviceId, GroupId } from '../../protocol/ids.ts';
import type { Device } from '../../protocol/people.ts';
import type { LocalAccount } from '../devices/local-account.ts';
import type { OwnDevices } from '../devices/own-devices.ts';
import type { Conversations } from '../exchange/conversations.ts';
import { isHeld } from '../exchange/rules.ts';
import type { Transfers } from '../exchange/transfers.ts';
import type { Group } from '../groups/group.ts';
import type { Groups } from '../groups/groups.ts';
import type { People, Person } from '../people/people.ts';
import type { Links } from './links.ts';

export interface LinkPolicyPorts {
  account: LocalAccount;
  people: People;
  groups: Groups;
  links: Links;
  conversations: Conversations;
  transfers: Transfers;
  ownDevices: OwnDevices;
  report(problem: unknown): void;
}

export class LinkPolicy {
  #lookedAt: ChatId | undefined;
  /** Devices that a link was wanted to for files of several sources, when that was last looked at. */
  #partners = '';
  #stopped = false;

  constructor(
    private readonly ports: LinkPolicyPorts,
    /** Something that is shown of a person or a group is different now. */
    private readonly changed: (chat: ChatId | undefined) => void,
  ) {}

  stop(): void {
    this.#stopped = true;
  }

  /** Whose conversation is on the screen: worth a link, whatever there is to send. */
  get lookedAt(): ChatId | undefined {
    return this.#lookedAt;
  }

  lookAt(chat: ChatId | undefined): void {
    this.#lookedAt = chat;
  }

  /**
   * Who a device is of by keys that are pinned here, of a contact or of this account. With nobody else direct conversations and files are shared:
   * whose a device is in a group is the word of whoever let it in, and of those about to let this account in the word of the server.
   */
  certified(device: DeviceId): { account: AccountId; device: Device } | undefined {
    const { account, people } = this.ports;
    const own = people.get(account.id)?.devices.find(({ id }) => id === device);
    if (own) return { account: account.id, device: own };
    const found = people.byDevice(device);
    if (account.isMine(device) || found?.person.relation !== 'accepted' || isHeld(found.person)) return undefined;
    return { account: found.person.account, device: found.device };
  }

  /** Who a device is of and what its keys are, if this one may be linked with it. */
  allowed(device: DeviceId): { account: AccountId; device: Device } | undefined {
    const { account, people, groups } = this.ports;
    const certified = this.certified(device);
    if (certified || account.isMine(device)) return certified;
    return people.byDevice(device)?.person.relation === 'accepted' ? undefined : groups.links.allowed(device);
  }

  online(device: DeviceId): boolean {
    const { people, groups } = this.ports;
    const found = this.allowed(device);
    return found !== undefined && (people.online(found.account).has(device) || groups.links.isOnline(device));
  }

  /** Whether a device is certified, now, for somebody who may read a conversation; of the own devices all may. */
  mayRead(chat: ChatId, device: DeviceId): boolean {
    const { account, groups } = this.ports;
    const group = groups.byId(chat as GroupId);
    if (group) return group.me !== undefined && group.device(device) !== undefined;
    const of = this.certified(device)?.account;
    return of !== undefined && (of === chat || of === account.id);
  }

  /** Whether a device is of somebody else who is in a group, now. Of one that this person is not in any more, where nobody asks here, each is. */
  isOthers(chat: ChatId, device: DeviceId): boolean {
    const group = this.ports.groups.byId(chat as GroupId);
    return !group?.me || (group.device(device) !== undefined && !this.ports.account.isMine(device));
  }

  /** Something moves. Links of a group are looked at anew when others are wanted: it is told several times a second. */
  transfersChanged(chat: ChatId): void {
    const group = this.ports.groups.byId(chat as GroupId);
    const partners = [...this.ports.transfers.partners()].join(' ');
    const news = partners !== this.#partners;
    this.#partners = partners;
    if (group && news) this.groupChanged(group);
    else if (group) this.changed(chat);
    else this.personChanged(chat as AccountId);
    if (news) this.ports.ownDevices.soon();
  }

  /** What is shared with whom follows from the logs of groups. */
  align(): void {
    const { links, groups, conversations } = this.ports;
    links.dropForbidden();
    const isNoGroup = (conversation: ConversationId) => groups.of(conversation) === undefined;
    for (const link of links.all()) conversations.align(link, groups.links.conversationsWith(link.device), isNoGroup);
    conversations.authorsChanged();
  }

  /** Which members' devices are worth a link: those to hand on to, as long as there is something they have not got. */
  groupChanged(group: Group | undefined): void {
    const { account, groups, links, ownDevices, transfers } = this.ports;
    this.changed(group?.id);
    if (this.#stopped) return;
    transfers.accessChanged();
    ownDevices.soon();
    for (const device of groups.links.hosts()) links.want(device);
    if (!group || !groups.links.isAmong(group)) return;
    const near = groups.links.neighbours(group);
    const partners = transfers.partners();
    for (const { id } of group.devices) {
      if (account.isMine(id) || (!near.has(id) && !partners.has(id) && links.stateOf(id) === 'none')) continue;
      this.#reconsider(id);
    }
  }

  /** A device has all that is here of a conversation: its link may be of no more use. */
  level(device: DeviceId): void {
    if (!this.#stopped && this.ports.groups.links.allowed(device)) this.#reconsider(device);
  }

  /** Whether a link to each device of a person is wanted follows from what there is to do. */
  personChanged(account: AccountId): void {
    const { people, links, conversations } = this.ports;
    this.changed(account);
    const person = people.get(account);
    if (!person || this.#stopped) return;
    links.dropForbidden();
    this.#dropOutdated(person);
    if (person.relation !== 'accepted') {
      for (const conversation of [person.conversation, ...person.earlier]) conversations.known(conversation);
      return;
    }
    conversations.authorsChanged();
    for (const conversation of [person.conversation, ...person.earlier]) conversations.known(conversation);
    if (people.isSelf(account)) return; // see `OwnDevices`
    for (const { id } of person.devices) {
      if (!people.online(account).has(id) && links.stateOf(id) === 'none') continue;
      this.#reconsider(id);
    }
  }

  /** A link serves what it began with; it is made anew when its device became that of a contact, or ceased to be, as a fellow member's may. */
  #dropOutdated({ account, conversation }: Person): void {
    const { links, conversations, transfers } = this.ports;
    for (const link of links.all()) {
      if (link.account !== account) continue;
      const certified = this.certified(link.device)?.account === account;
      if (certified ? !conversations.serves(link, conversation) : transfers.serves(link))
        links.drop(link.device, 'other keys');
    }
  }

  #reconsider(device: DeviceId): void {
    const { people, groups, links } = this.ports;
    const person = people.byDevice(device)?.person;
    const direct = person?.relation === 'accepted' ? this.#wantedBy(person, device) : Promise.resolve(false);
    const shared = groups.all().length + groups.joining().length > 0;
    (shared ? direct.then((wanted) => wanted || this.#wantedByGroups(device)) : direct).then(
      (wanted) => {
        if (this.#stopped || !this.allowed(device)) return;
        if (wanted) links.want(device);
        else links.unwant(device);
      },
      (problem: unknown) => this.ports.report(problem),
    );
  }

  async #wantedBy(person: Person, device: DeviceId): Promise<boolean> {
    const { conversations, transfers } = this.ports;
    if (this.#lookedAt === person.account || transfers.busyWith(person.account, device)) return true;
    return conversations.owes(person.conversation, device);
  }

  #wantedByGroups(device: DeviceId): boolean {
    const { groups, conversations, transfers } = this.ports;
    if (transfers.partners().has(device)) return true;
    for (const group of groups.all()) {
      if (!groups.links.isAmong(group) || !groups.links.neighbours(group).has(device)) continue;
      if (!group.me) return true;
      if (this.#lookedAt === group.id || !group.keys.some) return true;
      for (const conversation of groups.links.conversationsOf(group))
        if (!conversations.isLevel(conversation, device)) return true;
    }
    return groups.links.hosts().includes(device);
  }
}
