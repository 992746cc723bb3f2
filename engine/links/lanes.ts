/**
 * The lanes of one link beside lane 0: connections of their own, brokered by control frames over lane 0 and never by the server. The
 * initiator of the link opens them, as many as either side wants; each is proven by the same handshake, with its lane number in what is
 * signed (invariant 5). A lane that fails costs nothing but itself; a peer that breaks the protocol on one costs the link.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { decodeFrame, type ControlFrame, type Frame } from '../../protocol/frame.ts';
import { limits } from '../../protocol/limits.ts';
import type { HandshakeOptions, HandshakePorts } from '../session/handshake.ts';
import { ProvenWire } from '../session/proven-wire.ts';
import type { OpenWire, WireOptions } from '../session/wire.ts';
import type { LaneEvents, LanePort, LanesPort } from '../ports.ts';
import { Liveness } from './liveness.ts';

export type LaneFrame = Extract<ControlFrame, { kind: 'lanes' | 'lane' | 'lane-closed' }>;

export interface LanesParts extends HandshakePorts {
  /** Of lane 0. */
  options: Pick<HandshakeOptions, 'link' | 'epoch' | 'role' | 'peer'>;
  openWire: OpenWire;
  iceServers(): Promise<WireOptions['iceServers']>;
  /** Sends over lane 0. */
  control(frame: ControlFrame): void;
  /** Asks for one more connection of the device; the function that comes back returns it. Undefined when there are too many. */
  takeRoom(): (() => void) | undefined;
  /** The peer's fault, or a defect: the link is to be closed. */
  broken(problem: unknown): void;
  report(problem: unknown): void;
}

/** Making a connection costs a page some 30 ms and more at a time: a few are made at once, the next when these are there. */
const openingMax = 8;
/** A lane that owes an answer for this long is given up. */
const silentMaxMs = 5_000;
/** After a lane failed, none is opened for so long, doubled with each failure in a row. */
const firstRetryMs = 2_000;
const lastRetryMs = 120_000;
const minuteMs = 60_000;
/** Parts of so many minutes of the other side fall into one of this side, by what is under way for longer or shorter. */
const PEER_MINUTES = 2;

interface Attempt {
  readonly number: number;
  readonly attempt: number;
  wire: ProvenWire | undefined;
  lane: Lane | undefined;
  signals: number;
  readonly waiting: Extract<LaneFrame, { kind: 'lane' }>['signal'][];
  release: () => void;
  cancelTimeout: () => void;
}

class Lane implements LanePort {
  readonly liveness: Liveness;

  constructor(
    private readonly proven: ProvenWire,
    now: () => number,
  ) {
    this.liveness = new Liveness(now);
  }

  send(frame: Bytes): void {
    this.liveness.sent(frame);
    // An ack is small and awaited: it does not queue behind chunks.
    this.proven.wire.send(frame, frame[0] !== 1);
  }

  get bufferedBytes(): number {
    return this.proven.wire.bufferedBytes;
  }

  whenDrained(run: () => void, lowBytes?: number): void {
    this.proven.wire.whenDrained(run, lowBytes);
  }
}

export class Lanes implements LanesPort {
  readonly #attempts = new Map<number, Attempt>();
  /** The newest attempt of each lane. */
  readonly #newest = new Map<number, number>();
  #mine = 1;
  #theirs = 1;
  #events: LaneEvents | undefined;
  #minute = { since: -Infinity, attempts: 0 };
  #failures = 0;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(private readonly parts: LanesParts) {}

  /** Lanes that carry data, lane 0 included. */
  get count(): number {
    return 1 + this.#open().length;
  }

  /** When anything was last heard on any of them. */
  get heardAt(): number {
    return Math.max(-Infinity, ...this.#open().map(({ lane }) => lane.liveness.heardAt));
  }

  listen(events: LaneEvents): void {
    this.#events = events;
    for (const { number, lane } of this.#open()) events.opened(number, lane);
  }

  want(count: number): void {
    const wanted = Math.min(limits.lanesPerLink, Math.max(1, Math.floor(count)));
    if (wanted === this.#mine || this.#closed) return;
    this.#mine = wanted;
    if (this.parts.options.role === 'initiator') this.#adjust();
    else this.parts.control({ kind: 'lanes', wanted });
  }

  /** @throws ProtocolError on what a peer that keeps the protocol does not send. */
  onFrame(frame: LaneFrame): void {
    if (this.#closed) return;
    switch (frame.kind) {
      case 'lanes':
        if (this.parts.options.role === 'responder')
          throw new ProtocolError('not-allowed', 'lanes are wished of the initiator');
        this.#theirs = frame.wanted;
        this.#adjust();
        return;
      case 'lane':
        this.#signal(frame);
        return;
      case 'lane-closed': {
        const attempt = this.#attempts.get(frame.lane);
        if (attempt?.attempt !== frame.attempt) return;
        if (attempt.lane === undefined) this.#failed();
        this.#end(attempt);
      }
    }
  }

  /** Gives up lanes that do not answer. To be called every now and then. @returns the longest time that any lane owes an answer. */
  watch(): number {
    let longest = 0;
    for (const attempt of this.#open()) {
      const silentMs = attempt.lane.liveness.silentMs(attempt.lane.bufferedBytes);
      longest = Math.max(longest, silentMs);
      if (silentMs > silentMaxMs) this.#giveUp(attempt);
    }
    return longest;
  }

  /** The wires of lanes that carry data. */
  wires(): ProvenWire['wire'][] {
    return this.#open().map(({ wire }) => wire.wire);
  }

  /** Lane 0 is gone. Nothing is told any more. */
  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    for (const attempt of [...this.#attempts.values()]) this.#end(attempt);
  }

  #open(): (Attempt & { lane: Lane; wire: ProvenWire })[] {
    return [...this.#attempts.values()].filter(
      (attempt): attempt is Attempt & { lane: Lane; wire: ProvenWire } => attempt.lane !== undefined,
    );
  }

  #adjust(): void {
    const wanted = Math.max(this.#mine, this.#theirs);
    for (const attempt of [...this.#attempts.values()]) if (attempt.number >= wanted) this.#giveUp(attempt, false);
    if (this.#cancelRetry !== undefined) return;
    for (let number = 1; number < wanted; number++) {
      if (this.#attempts.size - this.#open().length >= openingMax) return;
      if (this.#attempts.has(number) || !this.#mayAttempt()) continue;
      if (this.#start(number, (this.#newest.get(number) ?? -1) + 1)) continue;
      this.#failed();
      return; // there is no room for the others either
    }
  }

  /** @throws ProtocolError */
  #signal({ lane: number, attempt: attemptNumber, signal }: Extract<LaneFrame, { kind: 'lane' }>): void {
    const { role } = this.parts.options;
    let attempt = this.#attempts.get(number);
    if (signal.kind === 'sdp' && signal.type === 'offer') {
      if (role === 'initiator') throw new ProtocolError('not-allowed', 'an SDP offer for a lane by the responder');
      if (attemptNumber <= (this.#newest.get(number) ?? -1))
        throw new ProtocolError('not-allowed', `attempt ${attemptNumber} of lane ${number} is not new`);
      if (!this.#mayAttempt(PEER_MINUTES)) throw new ProtocolError('rate-limited', 'too many lanes in a minute');
      if (attempt !== undefined) this.#end(attempt);
      attempt = this.#start(number, attemptNumber);
    }
    if (attempt?.attempt !== attemptNumber) return; // of one that was given up
    if (++attempt.signals > limits.signalsPerLink)
      throw new ProtocolError('rate-limited', `too many signals for lane ${number}`);
    if (attempt.wire === undefined) attempt.waiting.push(signal);
    else attempt.wire.wire.signal(signal);
  }

  #mayAttempt(times = 1): boolean {
    const now = this.parts.clock.now();
    if (now - this.#minute.since >= minuteMs) this.#minute = { since: now, attempts: 0 };
    return this.#minute.attempts++ < times * limits.laneAttemptsPerMinute;
  }

  #start(number: number, attemptNumber: number): Attempt | undefined {
    this.#newest.set(number, attemptNumber);
    const release = this.parts.takeRoom();
    if (release === undefined) {
      this.parts.control({ kind: 'lane-closed', lane: number, attempt: attemptNumber });
      return undefined;
    }
    const attempt: Attempt = {
      number,
      attempt: attemptNumber,
      wire: undefined,
      lane: undefined,
      signals: 0,
      waiting: [],
      release,
      cancelTimeout: this.parts.clock.after(limits.linkSetupMs, () => this.#giveUp(attempt)),
    };
    this.#attempts.set(number, attempt);
    this.parts.iceServers().then(
      (iceServers) => {
        if (this.#attempts.get(number) === attempt) this.#openWire(attempt, iceServers);
      },
      (problem: unknown) => {
        this.parts.report(problem);
        this.#giveUp(attempt);
      },
    );
    return attempt;
  }

  #openWire(attempt: Attempt, iceServers: WireOptions['iceServers']): void {
    const { number, attempt: attemptNumber } = attempt;
    const { options, openWire, clock } = this.parts;
    try {
      attempt.wire = new ProvenWire(
        openWire,
        { initiator: options.role === 'initiator', iceServers },
        this.parts,
        { ...options, lane: number },
        {
          signal: (signal) => this.parts.control({ kind: 'lane', lane: number, attempt: attemptNumber, signal }),
          proven: () => {
            if (this.#attempts.get(number) !== attempt || attempt.wire === undefined) return;
            attempt.cancelTimeout();
            attempt.lane = new Lane(attempt.wire, () => clock.now());
            this.#failures = 0;
            this.#events?.opened(number, attempt.lane);
            if (options.role === 'initiator') this.#adjust();
          },
          message: (bytes) => this.#message(attempt, bytes),
          refused: (problem) => {
            if (this.#attempts.get(number) === attempt) this.parts.broken(problem);
          },
          closed: () => this.#giveUp(attempt),
        },
      );
    } catch (problem) {
      this.parts.report(problem); // browsers allow only so many connections
      this.#giveUp(attempt);
      return;
    }
    for (const signal of attempt.waiting.splice(0)) attempt.wire.wire.signal(signal);
  }

  #message(attempt: Attempt, bytes: Bytes): void {
    if (this.#attempts.get(attempt.number) !== attempt || attempt.lane === undefined) return;
    try {
      const frame: Frame = decodeFrame(bytes);
      if (frame.type === 'control')
        throw new ProtocolError('not-allowed', `${frame.control.kind} on lane ${attempt.number}`);
      attempt.lane.liveness.heard(frame);
      this.#events?.frame(attempt.number, frame);
    } catch (problem) {
      this.parts.broken(problem);
    }
  }

  #giveUp(attempt: Attempt, failed = true): void {
    if (this.#attempts.get(attempt.number) !== attempt) return;
    this.parts.control({ kind: 'lane-closed', lane: attempt.number, attempt: attempt.attempt });
    if (failed) this.#failed();
    this.#end(attempt);
  }

  #end(attempt: Attempt): void {
    if (this.#attempts.get(attempt.number) !== attempt) return;
    this.#attempts.delete(attempt.number);
    attempt.cancelTimeout();
    attempt.release();
    const wasOpen = attempt.lane !== undefined;
    attempt.wire?.close();
    if (wasOpen && !this.#closed) this.#events?.closed(attempt.number);
  }

  #failed(): void {
    if (this.#closed || this.#cancelRetry !== undefined) return;
    const delayMs = Math.min(lastRetryMs, firstRetryMs * 2 ** this.#failures++);
    this.#cancelRetry = this.parts.clock.after(delayMs, () => {
      this.#cancelRetry = undefined;
      if (this.parts.options.role === 'initiator') this.#adjust();
    });
  }
}
