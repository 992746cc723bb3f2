/**
 * Links to devices: made on demand, proven, watched, re-made, closed when idle. A wire is disposable; what wants to talk to a device says
 * so once and keeps being served until it no longer wants.
 *
 * Invariant 5: no frame reaches the engine before the handshake is through. No signal leaves before the person is an accepted contact.
 */
import { toBase64, type Bytes } from '../../protocol/bytes.ts';
import type { SignalBody } from '../../protocol/envelope.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { decodeFrame, type ControlFrame, type Frame } from '../../protocol/frame.ts';
import type { DeviceId, LinkId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import type { Wire } from '../session/wire.ts';
import { Attempt, withoutIds, type AttemptPorts, type Call } from './attempt.ts';
import { Faults } from './faults.ts';
import type { LaneFrame, LanesParts } from './lanes.ts';
import { Link } from './link.ts';
import { Retries } from './retries.ts';

export interface LinkPorts extends AttemptPorts {
  /** Seals and sends one signal; resolves to whether the server passed it on. */
  sendSignal(to: Device, body: SignalBody): Promise<boolean>;
  online(device: DeviceId): boolean;
}

export interface LinkEvents {
  opened(link: Link): void;
  /** A frame of a proven link. Throws ProtocolError for the peer's fault; the link is then closed. */
  frame(link: Link, frame: Frame): void;
  closed(link: Link, reason: string): void;
  /** Ringing started or was given up: for what is shown. */
  changed(device: DeviceId): void;
  /** Somebody's fault that costs a link or a signal and nothing else. */
  report(problem: unknown): void;
}

type State = Attempt | { kind: 'open'; id: LinkId; epoch: number; link: Link; wire: Wire; openedAt: number };

const watchMs = 1_000;
/** ICE may change the path of a link that stands. */
const measureMs = 15_000;
/** A link that lived this long was of use: the next one is not a repetition of a failure. */
const provenUseMs = 10_000;

export class Links {
  readonly #states = new Map<DeviceId, State>();
  readonly #wanted = new Set<DeviceId>();
  readonly #faults = new Faults();
  readonly #retries: Retries;
  /** Signals to one device keep their order although sealing takes turns. */
  readonly #outgoing = new Map<DeviceId, Promise<unknown>>();
  #cancelWatch: () => void;
  #epoch = 0;
  #extraLanes = 0;
  #stopped = false;

  constructor(
    private readonly ports: LinkPorts,
    private readonly events: LinkEvents,
  ) {
    this.#retries = new Retries({ ...ports, due: (device) => this.#ring(device) });
    this.#cancelWatch = ports.clock.after(watchMs, () => this.#watch());
  }

  open(device: DeviceId): Link | undefined {
    const state = this.#states.get(device);
    return state?.kind === 'open' ? state.link : undefined;
  }

  all(): Link[] {
    return [...this.#states.values()].flatMap((state) => (state.kind === 'open' ? [state.link] : []));
  }

  stateOf(device: DeviceId): 'none' | 'connecting' | 'open' {
    const state = this.#states.get(device);
    return state === undefined ? 'none' : state.kind === 'open' ? 'open' : 'connecting';
  }

  /** Whether what this device sends cannot be used: it broke the protocol again as soon as there was a new link. */
  isFaulty(device: DeviceId): boolean {
    return this.#faults.isFaulty(device);
  }

  /** From now on a link to this device is kept up whenever it is online. */
  want(device: DeviceId): void {
    this.#wanted.add(device);
    this.#ring(device);
  }

  unwant(device: DeviceId): void {
    this.#wanted.delete(device);
    this.#retries.cancel(device);
  }

  /** The device came online, or the network came back: no need to wait for the next retry. */
  nudge(device: DeviceId): void {
    this.#retries.forgive(device);
    this.#faults.endRest(device, this.ports.clock.now());
    this.#retries.cancel(device);
    if (!this.#wanted.has(device)) return;
    const state = this.#states.get(device);
    // Whoever was rung before the device came back cannot answer any more.
    if (state?.kind === 'ringing' && state.role === 'initiator' && !state.connected)
      this.#giveUp(device, state, 'replaced');
    this.#ring(device);
  }

  /** Closes what is not allowed any more: a contact that ended, a device that was revoked. */
  dropForbidden(): void {
    for (const device of this.#wanted) if (!this.ports.allowed(device)) this.unwant(device);
    for (const [device, state] of [...this.#states]) {
      const allowed = this.ports.allowed(device);
      if (allowed && (state.kind === 'ringing' || state.link.account === allowed.account)) continue;
      if (state.kind === 'open') state.link.control({ kind: 'bye', reason: 'blocked' });
      this.drop(device, 'not allowed any more');
    }
  }

  /** Closes a link of which the engine knows that it is of no more use as it is. */
  drop(device: DeviceId, reason: string): void {
    const state = this.#states.get(device);
    if (state?.kind === 'open') this.#closeLink(state, device, reason);
    else if (state) this.#giveUp(device, state, reason);
  }

  /** A signal that was opened and verified. In order per device. */
  onSignal(from: Device, body: SignalBody): void {
    if (this.#stopped || !this.ports.allowed(from.id)) return; // the contact ended while the signal was on its way
    const state = this.#states.get(from.id);
    if (body.kind === 'sdp' && body.type === 'offer') {
      if (this.#faults.restMs(from.id, this.ports.clock.now()) > 0) return;
      if (state?.id === body.link) return;
      if (state?.kind === 'ringing' && state.role === 'initiator' && this.ports.keys.id < from.id) {
        // Both rang: the lower id's link wins. That the other side rings at all may mean that this ring went to a connection that was dead.
        for (const told of state.takeTold()) this.#send(from, state, told);
        return;
      }
      if (state?.kind === 'ringing') this.#giveUp(from.id, state, 'replaced');
      if (state?.kind === 'open') this.#closeLink(state, from.id, 'replaced');
      if (!this.#hasRoom()) return; // whoever rings tries again
      this.#retries.cancel(from.id);
      this.#start({ device: from.id, id: body.link, epoch: body.epoch, role: 'responder' }, body);
      return;
    }
    if (state?.id !== body.link || state.epoch !== body.epoch) return; // of an attempt that was given up
    if (state.kind === 'open') state.wire.signal(withoutIds(body));
    else state.signal(body);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWatch();
    this.#retries.stop();
    for (const [device, state] of [...this.#states]) {
      if (state.kind === 'open') {
        state.link.control({ kind: 'bye', reason: 'shutdown' });
        this.#closeLink(state, device, 'shutdown');
      } else this.#giveUp(device, state, 'shutdown');
    }
  }

  #ring(device: DeviceId): void {
    if (this.#stopped || this.#states.has(device) || this.#retries.has(device)) return;
    if (!this.ports.allowed(device) || !this.ports.online(device)) return;
    if (!this.#hasRoom() || this.#faults.restMs(device, this.ports.clock.now()) > 0) {
      this.#retryLater(device);
      return;
    }
    const id = toBase64(this.ports.random.bytes(16)) as LinkId;
    this.#start({ device, id, epoch: this.#epoch++, role: 'initiator' });
  }

  #start(call: Call, first?: SignalBody): void {
    const { device } = call;
    const attempt: Attempt = new Attempt(
      this.ports,
      {
        signal: (to, body) => this.#send(to, attempt, body),
        proven: (options, wire) => this.#proven(device, attempt, options, wire),
        message: (link, bytes) => this.#take(link, bytes),
        unsupported: () => this.#faults.add(device, this.ports.clock.now()),
        failed: (reason) => this.#giveUp(device, attempt, reason),
        closed: (link, reason) => {
          const state = this.#states.get(device);
          if (state?.kind === 'open' && state.link === link) this.#forget(state, device, reason);
          else this.#giveUp(device, attempt, reason);
        },
        report: (problem) => this.events.report(problem),
      },
      call,
      first,
    );
    this.#states.set(device, attempt);
    this.events.changed(device);
    attempt.start();
  }

  #proven(device: DeviceId, attempt: Attempt, options: LanesParts['options'], wire: Wire): Link | undefined {
    if (this.#states.get(device) !== attempt) return undefined;
    const allowed = this.ports.allowed(device);
    if (!allowed) {
      this.#giveUp(device, attempt, 'not allowed any more');
      return undefined;
    }
    attempt.settled();
    const link: Link = new Link(attempt.id, allowed.account, device, wire, () => this.ports.clock.now(), {
      ...this.ports,
      options,
      takeRoom: () => this.#takeLane(),
      broken: (problem) => this.broken(link, problem),
      report: (problem) => this.events.report(problem),
    });
    this.#states.set(device, {
      kind: 'open',
      id: attempt.id,
      epoch: attempt.epoch,
      link,
      wire,
      openedAt: this.ports.clock.now(),
    });
    this.#retries.cancel(device);
    this.events.opened(link);
    this.events.changed(device);
    this.#measure(link);
    return link;
  }

  #measure(link: Link): void {
    const before = link.path;
    link.measures.measure().then(
      () => link.path !== before && this.events.changed(link.device),
      (problem: unknown) => this.events.report(problem),
    );
  }

  #takeLane(): (() => void) | undefined {
    if (this.#extraLanes >= limits.extraLanes) return undefined;
    this.#extraLanes++;
    return () => this.#extraLanes--;
  }

  /** What came over the link cannot be: it ends with a word about whose fault that is. */
  broken(link: Link, problem: unknown): void {
    this.events.report(problem);
    const state = this.#states.get(link.device);
    if (state?.kind !== 'open' || state.link !== link) return;
    const theirs = problem instanceof ProtocolError;
    if (theirs) this.#faults.add(link.device, this.ports.clock.now());
    link.control({ kind: 'bye', reason: theirs ? 'protocol' : 'shutdown' });
    this.#closeLink(state, link.device, theirs ? problem.message : 'failed here');
  }

  #take(link: Link, bytes: Bytes): void {
    const state = this.#states.get(link.device);
    if (state?.kind !== 'open' || state.link !== link) return; // closed while frames were waiting
    try {
      const frame = decodeFrame(bytes);
      link.heard(frame);
      if (frame.type === 'control' && frame.control.kind === 'bye') {
        this.#closeLink(state, link.device, `the other side said goodbye: ${frame.control.reason}`);
      } else if (frame.type === 'control' && isLaneFrame(frame.control)) link.lanes.onFrame(frame.control);
      else this.events.frame(link, frame);
    } catch (problem) {
      this.broken(link, problem);
    }
  }

  #send(to: Device, attempt: Attempt, body: SignalBody): void {
    const before = this.#outgoing.get(to.id) ?? Promise.resolve();
    const sent = before
      // What an attempt that was given up still had to say would only delay the next one.
      .then(() => (this.#states.get(to.id)?.id === attempt.id ? this.ports.sendSignal(to, body) : true))
      .then(
        (passedOn) => {
          // An SDP that nobody took means that the other side is not there: no use in waiting for the timeout.
          if (!passedOn && body.kind === 'sdp') this.#giveUp(to.id, attempt, 'signal was not passed on');
        },
        (problem: unknown) => this.events.report(problem),
      );
    this.#outgoing.set(to.id, sent);
    void sent.then(() => {
      if (this.#outgoing.get(to.id) === sent) this.#outgoing.delete(to.id);
    });
  }

  #giveUp(device: DeviceId, attempt: Attempt, reason: string): void {
    if (this.#states.get(device) !== attempt) return;
    this.#states.delete(device);
    attempt.close();
    this.events.changed(device);
    if (reason !== 'replaced') this.#retryLater(device);
  }

  #closeLink(state: Extract<State, { kind: 'open' }>, device: DeviceId, reason: string): void {
    this.#forget(state, device, reason);
    // A goodbye that was just written needs a moment to leave; closing at once would lose it.
    const { wire } = state;
    if (wire.bufferedBytes > 0) this.ports.clock.after(200, () => wire.close());
    else wire.close();
  }

  #forget(state: Extract<State, { kind: 'open' }>, device: DeviceId, reason: string): void {
    if (this.#states.get(device) !== state) return;
    this.#states.delete(device);
    state.link.lanes.close();
    // A link that breaks as soon as it is there must not be re-made without end at full speed.
    if (this.ports.clock.now() - state.openedAt >= provenUseMs) this.#retries.forgive(device);
    this.events.closed(state.link, reason);
    this.events.changed(device);
    if (reason !== 'replaced') this.#retryLater(device);
  }

  #retryLater(device: DeviceId): void {
    if (this.#stopped || !this.#wanted.has(device)) return;
    this.#retries.later(device, this.#faults.restMs(device, this.ports.clock.now()));
  }

  #hasRoom(): boolean {
    return this.#states.size < limits.openLinks || this.#closeIdlest();
  }

  #closeIdlest(): boolean {
    const idle = this.all().filter((link) => !this.#wanted.has(link.device));
    const idlest = idle.sort((a, b) => a.usedAt - b.usedAt)[0];
    if (!idlest) return false;
    this.#sayIdle(idlest);
    return true;
  }

  #sayIdle(link: Link): void {
    link.control({ kind: 'bye', reason: 'idle' } satisfies ControlFrame);
    this.drop(link.device, 'idle');
  }

  #watch(): void {
    if (this.#stopped) return;
    this.#cancelWatch = this.ports.clock.after(watchMs, () => this.#watch());
    for (const [device, state] of this.#states)
      if (state.kind === 'open' && this.ports.clock.now() - state.openedAt >= provenUseMs)
        if (this.#faults.forgive(device)) this.events.changed(device);
    for (const link of this.all()) {
      if (link.isSilent()) this.drop(link.device, 'silent');
      else if (!this.#wanted.has(link.device) && this.ports.clock.now() - link.usedAt > limits.linkIdleMs)
        this.#sayIdle(link);
      else if (link.measures.ageMs > measureMs) this.#measure(link);
    }
  }
}

function isLaneFrame(frame: ControlFrame): frame is LaneFrame {
  return frame.kind === 'lane' || frame.kind === 'lanes' || frame.kind === 'lane-closed';
}
