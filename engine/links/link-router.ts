/** What goes over an open link: which conversations it serves, whom each of its frames is for, and what ends it for a fault. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Frame } from '../../protocol/frame.ts';
import type { OwnDevices } from '../devices/own-devices.ts';
import type { Conversations } from '../exchange/conversations.ts';
import type { Transfers } from '../exchange/transfers.ts';
import type { Groups } from '../groups/groups.ts';
import type { GroupNotes } from '../groups/notes.ts';
import type { Typing } from '../messages/typing.ts';
import type { People } from '../people/people.ts';
import type { Link } from './link.ts';
import type { LinkPolicy } from './link-policy.ts';
import type { Links } from './links.ts';

export interface LinkRouterPorts {
  people: People;
  groups: Groups;
  links: Links;
  conversations: Conversations;
  transfers: Transfers;
  ownDevices: OwnDevices;
  typing: Typing;
  notes: GroupNotes;
  policy: LinkPolicy;
  report(problem: unknown): void;
}

export class LinkRouter {
  constructor(private readonly ports: LinkRouterPorts) {}

  opened(link: Link): void {
    const { people, groups, conversations, transfers, ownDevices, policy } = this.ports;
    const certified = policy.certified(link.device)?.account === link.account;
    const person = certified ? people.get(link.account) : undefined;
    const own = person !== undefined && people.isSelf(person.account);
    const direct = person && !own ? [person.conversation] : [];
    const shared = groups.links.conversationsWith(link.device);
    conversations.linkOpened(link, [...(own ? ownDevices.conversations() : direct), ...shared], own);
    transfers.linkOpened(link, certified);
    this.ports.notes.linkOpened(link);
  }

  closed(link: Link): void {
    this.ports.conversations.linkClosed(link);
    if (this.ports.transfers.serves(link)) this.ports.typing.over(link.account);
    this.ports.transfers.linkClosed(link);
  }

  /** @throws ProtocolError when the frame is out of place. */
  route(link: Link, frame: Frame): void {
    const { people, conversations, transfers, typing } = this.ports;
    const isDirect = transfers.serves(link);
    if (transfers.onFrame(link, frame)) return;
    if (frame.type !== 'control') throw new ProtocolError('malformed', `${frame.type} out of place`);
    const { control } = frame;
    switch (control.kind) {
      case 'frontier':
      case 'entries':
      case 'newest':
      case 'committed':
        conversations.onFrame(link, control);
        return;
      case 'typing':
        if (isDirect && people.get(link.account)?.conversation === control.conversation) typing.heard(link.account);
        return;
      case 'note':
        this.ports.notes.onFrame(link, control);
        return;
      default:
        // A fellow member may take this account for a contact a moment longer, or sooner, than it is one.
        if (!isDirect) return;
        throw new ProtocolError('not-allowed', `${control.kind} out of place`);
    }
  }

  /** What came over a link cannot be used: it ends, and the other side is told when the fault is theirs. */
  broken(link: Link, problem: unknown): void {
    const { links } = this.ports;
    if (problem instanceof ProtocolError) {
      links.broken(link, problem);
      return;
    }
    this.ports.report(problem);
    if (links.open(link.device) === link)
      links.drop(link.device, problem instanceof Error ? problem.message : 'broken');
  }
}
