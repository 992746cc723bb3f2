/**
 * Owns the connection to the server, and passes on what it says: first its whole truth at the moment of connecting, then what changed since. What
 * is still being taken in of an earlier connection is dropped.
 */
import type { AccountId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import type { AgreedClock } from './agreed-clock.ts';
import type { CausewayEvents } from './causeway-ports.ts';
import type { ApprovalHost } from './devices/approval-host.ts';
import type { LocalAccount } from './devices/local-account.ts';
import type { OwnDevices } from './devices/own-devices.ts';
import type { Conversations } from './exchange/conversations.ts';
import type { Knocks } from './exchange/knocks.ts';
import type { Groups } from './groups/groups.ts';
import type { IceServers } from './links/ice-servers.ts';
import type { Links } from './links/links.ts';
import type { Nearby } from './people/nearby.ts';
import type { People } from './people/people.ts';
import type { SealedRelay } from './sealed-relay.ts';
import type { Signaling, SignalingEvents } from './signaling.ts';

export interface ServerSessionPorts {
  connect(events: SignalingEvents): Signaling;
  account: LocalAccount;
  people: People;
  groups: Groups;
  links: Links;
  conversations: Conversations;
  nearby: Nearby;
  approvals: ApprovalHost;
  ownDevices: OwnDevices;
  knocks: Knocks;
  relay: SealedRelay;
  iceServers: IceServers;
  agreed: AgreedClock;
  report(problem: unknown): void;
}

export class ServerSession {
  #signaling: Signaling | undefined;
  #connected = false;
  /** Counts connections. */
  #connection = 0;
  /** Resolves when what the server said at the last connection is taken in. */
  #greeted: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    private readonly ports: ServerSessionPorts,
    private readonly events: Pick<CausewayEvents, 'changed' | 'stopped'>,
  ) {}

  get connected(): boolean {
    return this.#connected;
  }

  readonly request: Signaling['request'] = (name, body) =>
    this.#signaling?.request(name, body) ?? Promise.resolve({ ok: false, error: { code: 'no-server' } });

  /** The browser woke up, or the network is back. */
  wake(): void {
    this.#signaling?.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#signaling?.close();
  }

  /** Resolves once what the server said until now is taken in. */
  async heard(): Promise<void> {
    await this.#greeted;
    await this.ports.people.settled();
  }

  connect(): void {
    const { account, people, groups, links, conversations, nearby, approvals, ownDevices, relay } = this.ports;
    const report = (problem: unknown) => this.ports.report(problem);
    this.#signaling = this.ports.connect({
      ready: (state) => this.#ready(state),
      lost: () => {
        this.#disconnected();
        this.events.changed();
      },
      stopped: (reason) => {
        this.#disconnected();
        this.events.stopped(reason);
      },
      contact: (contact) => {
        this.#afterGreeting(async () => {
          await people.apply(contact);
          if (contact.relation === 'none') await this.#askDeparted([contact.account.id]);
        });
      },
      presence: ({ account: whose, online, lastSeenAt }) => {
        this.#afterGreeting(async () => {
          await people.presence(whose, online, lastSeenAt);
          for (const device of groups.presence({ account: whose, online })) {
            links.nudge(device);
            conversations.handOn(device);
          }
        });
      },
      nearby: (some) => nearby.take(some),
      signal: (signal) => {
        relay.takeSignal(signal).catch(report);
      },
      knock: (knock) => relay.takeKnock(knock),
      account: (own) => {
        account.take(own).catch(report);
      },
      devices: (devices) => this.#afterGreeting(() => ownDevices.heard(devices)),
      group: (roster) => this.#afterGreeting(() => groups.entered(roster)),
      groupMember: (changed) => this.#afterGreeting(() => groups.memberChanged(changed)),
      groupLeft: (left) => this.#afterGreeting(() => groups.memberLeft(left)),
      groupAsked: (asked) => this.#afterGreeting(() => groups.asked(asked)),
      groupReplied: (replied) => this.#afterGreeting(() => groups.replied(replied)),
      approval: (approval) => {
        approvals.take(approval).catch(report);
      },
    });
  }

  #ready({ account, contacts, serverAheadMs }: Parameters<SignalingEvents['ready']>[0]): void {
    if (this.#stopped) return;
    this.ports.agreed.heard(serverAheadMs);
    const { people, groups, conversations, nearby, knocks } = this.ports;
    const report = (problem: unknown) => this.ports.report(problem);
    this.#connected = true;
    this.ports.iceServers.forget();
    const connection = ++this.#connection;
    this.#greeted = this.ports.account
      .take(account)
      .catch(report)
      .then(async () => {
        if (connection !== this.#connection) return;
        await people.snapshot(contacts);
        knocks.repeatAll();
        nearby.connected().catch(report);
        this.#askDeparted(people.mayHaveDeparted()).catch(report);
        await groups.connected();
        conversations.handOn();
        this.events.changed();
      })
      .catch(report);
  }

  #disconnected(): void {
    const { people, groups, nearby } = this.ports;
    nearby.lost();
    this.#connected = false;
    this.#connection++;
    groups.disconnected();
    people.nobodyOnline().catch((problem: unknown) => this.ports.report(problem));
  }

  /** What the server said first is older, though verifying it takes longer. */
  #afterGreeting(work: () => unknown): void {
    const connection = this.#connection;
    this.#greeted
      .then(() => (connection === this.#connection ? work() : undefined))
      .catch((problem: unknown) => this.ports.report(problem));
  }

  /** Not heard now is asked again at the next connection. */
  async #askDeparted(accounts: readonly AccountId[]): Promise<void> {
    if (accounts.length === 0) return;
    const { people } = this.ports;
    const asked = accounts.slice(0, limits.contactsPerAccount);
    const answer = await this.request('people:departed', { accounts: asked });
    if (answer.ok) await people.departed(answer.value.departed.filter((account) => accounts.includes(account)));
  }
}
