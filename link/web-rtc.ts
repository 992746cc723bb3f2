/**
 * A `Wire` over simple-peer: it negotiates, we drive its data channel ourselves. A failed connection destroys the peer and there is no ICE
 * restart, so a wire is thrown away and made anew. Never `end()`: simple-peer would destroy itself a second later and lose what is queued.
 */
import SimplePeer from 'simple-peer';
import type { Bytes } from '../protocol/bytes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { limits } from '../protocol/limits.ts';
import { fingerprintOf } from '../engine/session/fingerprint.ts';
import { pathOf, type Candidate } from './path.ts';
import type { OpenWire, Wire, WireEvents, WireOptions, WireSignal, WireStats } from '../engine/session/wire.ts';

/** A shallow queue is what keeps SCTP fast (docs/decisions): above this nothing more is given to the channel. */
const highWaterBytes = 256 * 1024;
const lowWaterBytes = 128 * 1024;
/** `bufferedamountlow` may be missed while the queue runs empty; a poll makes sure that nothing waits for it for ever. */
const watchdogMs = 250;
const earlyMessages = 4;

/** What simple-peer keeps to itself and we need. */
interface Insides {
  _channel: RTCDataChannel | null;
  _pc: RTCPeerConnection;
}

export const openWebRtc: OpenWire = (options, events) => new WebRtcWire(options, events);

class WebRtcWire implements Wire {
  readonly #peer: SimplePeer.Instance & Insides;
  readonly #events: WireEvents;
  readonly #urgent: Bytes[] = [];
  readonly #queue: Bytes[] = [];
  #queuedBytes = 0;
  readonly #early: Bytes[] = [];
  #drained: { run: () => void; lowBytes: number }[] = [];
  sentBytes = 0;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #open = false;
  #closed = false;

  constructor(options: WireOptions, events: WireEvents) {
    this.#events = events;
    this.#peer = new SimplePeer({
      initiator: options.initiator,
      trickle: true,
      channelName: 'causeway',
      config: {
        iceServers: options.iceServers.map(({ urls, username, credential }) => ({
          urls,
          ...(username ? { username } : {}),
          ...(credential ? { credential } : {}),
        })),
      },
    }) as SimplePeer.Instance & Insides;
    this.#peer.on('signal', (signal) => this.#onSignal(signal));
    this.#peer.on('connect', () => this.#onOpen());
    if (this.#peer._channel) this.#listen(this.#peer._channel);
    else this.#peer._pc.addEventListener('datachannel', ({ channel }) => this.#listen(channel));
    this.#peer.on('error', (error) => this.#fail(error.message));
    this.#peer.on('close', () => this.#fail('closed'));
  }

  signal(signal: WireSignal): void {
    if (this.#closed) return; // signals of a connection that was given up may still arrive; simple-peer would throw
    if (signal.kind === 'sdp') this.#peer.signal({ type: signal.type, sdp: signal.sdp });
    else
      this.#peer.signal({
        type: 'candidate',
        candidate: { candidate: signal.candidate, sdpMid: signal.mid, sdpMLineIndex: signal.line } as RTCIceCandidate,
      });
  }

  send(message: Bytes, urgent: boolean): void {
    if (this.#closed) return;
    this.sentBytes += message.length;
    const before = urgent ? this.#urgent.length : this.#urgent.length + this.#queue.length;
    if (before === 0 && this.#takes(message)) {
      this.#give(message);
      return;
    }
    (urgent ? this.#urgent : this.#queue).push(message.slice());
    this.#queuedBytes += message.length;
    this.#pump();
  }

  get bufferedBytes(): number {
    return this.#queuedBytes + (this.#peer._channel?.bufferedAmount ?? 0);
  }

  whenDrained(run: () => void, lowBytes = lowWaterBytes): void {
    if (this.#closed) return;
    if (this.#open && this.bufferedBytes <= lowBytes) {
      queueMicrotask(run);
      return;
    }
    this.#drained.push({ run, lowBytes });
    this.#awaitLow();
    this.#watch();
  }

  async stats(): Promise<WireStats> {
    if (!this.#open || this.#closed) return { path: undefined, roundTripMs: undefined, sentBytes: undefined };
    const reports = new Map<string, Record<string, unknown>>();
    (await this.#peer._pc.getStats()).forEach((report: Record<string, unknown>, id) => reports.set(id, report));
    const all = [...reports.values()];
    const selectedId = all.find((report) => report['type'] === 'transport')?.['selectedCandidatePairId'];
    const pair =
      (typeof selectedId === 'string' ? reports.get(selectedId) : undefined) ??
      all.find(
        (report) =>
          report['type'] === 'candidate-pair' && report['nominated'] === true && report['state'] === 'succeeded',
      );
    if (!pair) return { path: undefined, roundTripMs: undefined, sentBytes: undefined };
    const [local, remote] = [pair['localCandidateId'], pair['remoteCandidateId']].map((id) => {
      const report = reports.get(String(id));
      const text = (name: string) => (typeof report?.[name] === 'string' ? report[name] : '');
      return { type: text('candidateType'), address: text('address') || text('ip') };
    }) as [Candidate, Candidate];
    const seconds = pair['currentRoundTripTime'];
    const sent = pair['bytesSent'];
    return {
      path: pathOf(local, remote),
      roundTripMs: typeof seconds === 'number' ? 1000 * seconds : undefined,
      sentBytes: typeof sent === 'number' ? sent : undefined,
    };
  }

  close(): void {
    this.#fail('closed here');
  }

  #onSignal(signal: SimplePeer.SignalData): void {
    if (signal.type === 'offer' || signal.type === 'answer') {
      if (signal.sdp !== undefined) this.#events.signal({ kind: 'sdp', type: signal.type, sdp: signal.sdp });
    } else if (signal.type === 'candidate') {
      const { candidate, sdpMid, sdpMLineIndex } = signal.candidate;
      this.#events.signal({
        kind: 'ice',
        candidate: candidate || '',
        mid: sdpMid ?? null,
        line: sdpMLineIndex ?? null,
      });
    }
    // Renegotiation and transceiver requests belong to media, which a wire does not carry.
  }

  /** Past simple-peer's stream, which sets two timers for each message. From the first message on, so that none overtakes another. */
  #listen(channel: RTCDataChannel): void {
    channel.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => this.#onMessage(new Uint8Array(data));
  }

  #onOpen(): void {
    const channel = this.#peer._channel;
    const { localDescription, remoteDescription } = this.#peer._pc;
    if (!channel || !localDescription || !remoteDescription) {
      this.#fail('open without a channel or a description');
      return;
    }
    let fingerprints: { local: string; remote: string };
    try {
      fingerprints = { local: fingerprintOf(localDescription.sdp), remote: fingerprintOf(remoteDescription.sdp) };
    } catch (error) {
      this.#fail(error instanceof ProtocolError ? error.message : 'fingerprint');
      return;
    }
    this.#open = true;
    channel.bufferedAmountLowThreshold = lowWaterBytes;
    channel.addEventListener('bufferedamountlow', () => this.#pump());
    this.#events.open(fingerprints);
    for (const message of this.#early.splice(0)) this.#onMessage(message);
    this.#pump();
  }

  /**
   * The other side may find the channel open, and say hello, before simple-peer tells so here: what comes until then waits. An honest peer
   * sends one small frame before it is answered.
   */
  #onMessage(message: Bytes): void {
    if (this.#closed) return;
    if (this.#open) this.#events.message(message);
    else if (this.#early.length < earlyMessages) this.#early.push(message);
    else this.#fail('too much before the channel was open');
  }

  /** Gives the channel what it can take without a deep queue; urgent messages first. */
  #pump(): void {
    if (!this.#canSend) return;
    for (;;) {
      const message = this.#urgent[0] ?? this.#queue[0];
      if (!message || !this.#takes(message)) break;
      (this.#urgent.length > 0 ? this.#urgent : this.#queue).shift();
      this.#queuedBytes -= message.length;
      if (!this.#give(message)) return;
    }
    const { bufferedBytes } = this;
    const due = this.#drained.filter(({ lowBytes }) => bufferedBytes <= lowBytes);
    if (due.length > 0) {
      this.#drained = this.#drained.filter((waiter) => !due.includes(waiter));
      for (const { run } of due) run();
    }
    this.#awaitLow();
    this.#watch();
  }

  get #canSend(): boolean {
    return this.#open && !this.#closed && this.#peer._channel?.readyState === 'open';
  }

  #takes(message: Bytes): boolean {
    const bufferedBytes = this.#peer._channel?.bufferedAmount ?? 0;
    return (
      this.#canSend && (bufferedBytes === 0 || bufferedBytes + message.length <= highWaterBytes + limits.chunkBytes)
    );
  }

  /** @returns whether the channel took it; it is over with one that did not. */
  #give(message: Bytes): boolean {
    try {
      this.#peer._channel?.send(message);
      return true;
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : 'send failed');
      return false;
    }
  }

  /** Goes on until it finds that nothing waits: while a file is sent something does every few milliseconds, and a timer for each costs time. */
  #watch(): void {
    if (this.#queuedBytes === 0 && this.#drained.length === 0) return;
    this.#watchdog ??= setInterval(() => {
      if (this.#queuedBytes > 0 || this.#drained.length > 0) {
        this.#pump();
        return;
      }
      clearInterval(this.#watchdog);
      this.#watchdog = undefined;
    }, watchdogMs);
  }

  /** Has the channel tell when it is as empty as anybody waits for, or can take more of what waits here. */
  #awaitLow(): void {
    const channel = this.#peer._channel;
    if (!this.#open || !channel) return;
    const awaited = this.#drained.map(({ lowBytes }) => lowBytes);
    const low = this.#queuedBytes > 0 || awaited.length === 0 ? lowWaterBytes : Math.max(...awaited);
    if (channel.bufferedAmountLowThreshold !== low) channel.bufferedAmountLowThreshold = low;
  }

  #fail(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watchdog);
    this.#drained = [];
    this.#peer.destroy();
    this.#events.closed(reason);
  }
}
