/**
 * Signals and knocks, which the server passes on between devices and cannot read: sealed for the device that they are for, and taken only from a
 * device that may send them.
 */
import type { KnockBody, SignalBody } from '../protocol/envelope.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { ServerEvent } from '../protocol/events.ts';
import type { RequestId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import type { Device } from '../protocol/people.ts';
import type { LocalAccount } from './devices/local-account.ts';
import type { Knocks } from './exchange/knocks.ts';
import type { Projector } from './exchange/projector.ts';
import { Serial } from './feed/serial.ts';
import type { Groups } from './groups/groups.ts';
import type { Envelopes } from './identity/envelope.ts';
import type { LinkPolicy } from './links/link-policy.ts';
import type { Links } from './links/links.ts';
import type { People } from './people/people.ts';
import type { Signaling } from './signaling.ts';

export interface SealedRelayPorts {
  account: LocalAccount;
  people: People;
  groups: Groups;
  links: Links;
  policy: LinkPolicy;
  projector: Projector;
  knocks: Knocks;
  envelopes: Envelopes;
  request: Signaling['request'];
  /** Resolves once what the server said until now is taken in. */
  heard(): Promise<void>;
  report(problem: unknown): void;
}

export class SealedRelay {
  /** Signals are opened in the order in which they came. */
  readonly #inbox = new Serial();

  constructor(private readonly ports: SealedRelayPorts) {}

  /** Resolves to whether the server took it. */
  async sendSignal(to: Device, body: SignalBody): Promise<boolean> {
    const box = await this.ports.envelopes.seal(to, body);
    return (await this.ports.request('signal', { to: to.id, box })).ok;
  }

  /** Resolves to whether the server took it. */
  async sendKnock(to: Device, id: RequestId, body: KnockBody): Promise<boolean> {
    const box = await this.ports.envelopes.seal(to, body, limits.knockTtlMs);
    return (await this.ports.request('knock', { to: to.id, id, box })).ok;
  }

  /** @throws ProtocolError when it is of no contact, or no signal. */
  takeSignal(signal: ServerEvent<'signal'>): Promise<void> {
    return this.#inbox.run(() => this.#open(signal));
  }

  async #open({ account, device, box }: ServerEvent<'signal'>): Promise<void> {
    const { groups, policy, envelopes, links } = this.ports;
    // Who signals may have been named by the server a moment ago.
    await this.ports.heard();
    const found = policy.allowed(device);
    // Who let this account in a moment ago may be faster than the log that says so. They ring again.
    if (!found && groups.isFellow(account)) return;
    if (found?.account !== account) throw new ProtocolError('not-allowed', 'a signal of somebody who is no contact');
    const body = await envelopes.open(found.device, box);
    if (body.kind !== 'sdp' && body.kind !== 'ice') throw new ProtocolError('malformed', `${body.kind} as a signal`);
    links.onSignal(found.device, body);
  }

  /** A knock that cannot be used is reported and taken all the same: it would come again and again. */
  async takeKnock({ account, device, box }: ServerEvent<'knock'>): Promise<void> {
    const { people, envelopes, projector, knocks } = this.ports;
    await this.ports.heard();
    const found = people.byDevice(device);
    if (found?.person.account !== account || found.person.relation === 'blocked') return;
    if (this.ports.account.isMine(device)) return;
    try {
      const body = await envelopes.open(found.device, box);
      await projector.run(() => knocks.take(found.person, device, body));
    } catch (problem) {
      if (!(problem instanceof ProtocolError)) throw problem;
      this.ports.report(problem);
    }
  }
}
