/**
 * One try to reach a device, from the first signal until both sides proved their keys over a wire, or until it is given up. What becomes of the
 * wire then is its owner's.
 */
import { fromBase64, type Bytes } from '../../protocol/bytes.ts';
import type { SignalBody } from '../../protocol/envelope.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { AccountId, DeviceId, LinkId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import type { Clock, DeviceKeys, Random, Signatures } from '../ports.ts';
import { ProvenWire, type ProvenWireEvents } from '../session/proven-wire.ts';
import type { OpenWire, Wire, WireOptions } from '../session/wire.ts';
import type { LanesParts } from './lanes.ts';
import type { Link } from './link.ts';

export interface AttemptPorts {
  clock: Clock;
  random: Random;
  signatures: Signatures;
  keys: DeviceKeys;
  openWire: OpenWire;
  iceServers(): Promise<WireOptions['iceServers']>;
  /** The device and its account, if a link to it is allowed now: certified, of an accepted contact or of one's own account. */
  allowed(device: DeviceId): { account: AccountId; device: Device } | undefined;
}

export interface AttemptEvents {
  /** To be sent to the other side. */
  signal(to: Device, body: SignalBody): void;
  /** Both sides are proven. @returns the link that is made of it, if any. */
  proven(options: LanesParts['options'], wire: Wire): Link | undefined;
  /** What came over that link. */
  message(link: Link, bytes: Bytes): void;
  /** The other side speaks another version. */
  unsupported(): void;
  failed(reason: string): void;
  /** @param link what was made of the wire, if it came to that. */
  closed(link: Link | undefined, reason: string): void;
  /** Somebody's fault that costs the attempt and nothing else. */
  report(problem: unknown): void;
}

export interface Call {
  device: DeviceId;
  id: LinkId;
  epoch: number;
  role: 'initiator' | 'responder';
}

export class Attempt {
  readonly kind = 'ringing';
  readonly id: LinkId;
  readonly epoch: number;
  readonly role: Call['role'];
  /** Signals that were sent, and not yet a second time. */
  readonly #told: SignalBody[] = [];
  /** Absent while the ICE servers are being asked for; what comes until then waits. */
  #wire: ProvenWire | undefined;
  readonly #waiting: SignalBody[];
  readonly #cancelTimeout: () => void;
  #closed = false;

  /** @param first what the other side began with, if it did. */
  constructor(
    private readonly ports: AttemptPorts,
    private readonly events: AttemptEvents,
    private readonly call: Call,
    first?: SignalBody,
  ) {
    this.id = call.id;
    this.epoch = call.epoch;
    this.role = call.role;
    this.#waiting = first ? [first] : [];
    this.#cancelTimeout = ports.clock.after(limits.linkSetupMs, () => events.failed('timed out'));
  }

  start(): void {
    this.ports.iceServers().then(
      (iceServers) => {
        if (!this.#closed) this.#open(iceServers);
      },
      (problem: unknown) => {
        this.events.report(problem);
        this.events.failed('no ICE servers');
      },
    );
  }

  /** Whether the connection is there and the keys are being proven. */
  get connected(): boolean {
    return this.#wire?.connected === true;
  }

  /** What was sent, to be sent once more; empty the next time. */
  takeTold(): SignalBody[] {
    return this.#told.splice(0);
  }

  /** A signal of the other side. */
  signal(body: SignalBody): void {
    if (this.#wire) this.#wire.wire.signal(withoutIds(body));
    else if (this.#waiting.length < limits.signalsPerLink) this.#waiting.push(body);
  }

  /** A link was made of it. */
  settled(): void {
    this.#cancelTimeout();
  }

  /** It is given up. */
  close(): void {
    this.#closed = true;
    this.#cancelTimeout();
    this.#wire?.close();
  }

  #open(iceServers: WireOptions['iceServers']): void {
    const { device, id, epoch, role } = this.call;
    const allowed = this.ports.allowed(device);
    if (!allowed) {
      this.events.failed('not allowed any more');
      return;
    }
    const options = { link: id, epoch, role, peer: { id: device, signKey: fromBase64(allowed.device.sign) } };
    let link: Link | undefined;
    let proven: ProvenWire;
    const events: ProvenWireEvents = {
      signal: (signal) => {
        const body = { ...signal, link: id, epoch };
        this.#told.push(body);
        this.events.signal(allowed.device, body);
      },
      proven: () => (link = this.events.proven(options, proven.wire)),
      message: (bytes) => link && this.events.message(link, bytes),
      refused: (problem) => {
        this.events.report(problem);
        if (problem instanceof ProtocolError && problem.code === 'unsupported-version') this.events.unsupported();
        this.events.failed('handshake failed');
      },
      closed: (reason) => this.events.closed(link, reason),
    };
    try {
      proven = new ProvenWire(
        this.ports.openWire,
        { initiator: role === 'initiator', iceServers },
        this.ports,
        { ...options, lane: 0 },
        events,
      );
    } catch (problem) {
      this.events.report(problem); // browsers allow only so many connections
      this.events.failed('no connection to be had');
      return;
    }
    this.#wire = proven;
    for (const body of this.#waiting.splice(0)) proven.wire.signal(withoutIds(body));
  }
}

/** A signal as the wire takes it. */
export function withoutIds(body: SignalBody) {
  const { link: _link, epoch: _epoch, ...signal } = body;
  return signal;
}
