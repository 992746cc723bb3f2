/**
 * A wire that lets nothing through before both sides proved their device keys over it (invariant 5). Frames of the handshake are taken one
 * after the other, and what follows the proof waits for it; from then on messages are handed on as they come.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { decodeFrame, encodeControl } from '../../protocol/frame.ts';
import { Handshake, type HandshakeOptions, type HandshakePorts } from './handshake.ts';
import type { OpenWire, Wire, WireOptions, WireSignal } from './wire.ts';

export interface ProvenWireEvents {
  signal(signal: WireSignal): void;
  /** Both sides are proven. */
  proven(): void;
  /** A message after the proof. */
  message(bytes: Bytes): void;
  /** The other side is not who it should be, or breaks the protocol. The wire is of no use. */
  refused(problem: unknown): void;
  closed(reason: string): void;
}

export class ProvenWire {
  readonly wire: Wire;
  #handshake: Handshake | undefined;
  #proven = false;
  /** What waits for the handshake; undefined when nothing does any more. */
  #turn: Promise<void> | undefined = Promise.resolve();
  #over = false;

  /** @throws what `openWire` throws: browsers allow only so many connections. */
  constructor(
    openWire: OpenWire,
    wireOptions: WireOptions,
    private readonly ports: HandshakePorts,
    private readonly options: Omit<HandshakeOptions, 'localFingerprint' | 'remoteFingerprint'>,
    private readonly events: ProvenWireEvents,
  ) {
    this.wire = openWire(wireOptions, {
      signal: (signal) => events.signal(signal),
      open: ({ local, remote }) => {
        this.#handshake = new Handshake(this.ports, {
          ...this.options,
          localFingerprint: local,
          remoteFingerprint: remote,
        });
        this.wire.send(encodeControl(this.#handshake.hello()), true);
      },
      message: (bytes) => this.#message(bytes),
      closed: (reason) => {
        this.#over = true;
        events.closed(reason);
      },
    });
  }

  /** Whether the connection is there and the keys are being proven, or are. */
  get connected(): boolean {
    return this.#handshake !== undefined;
  }

  close(): void {
    this.#over = true;
    this.wire.close();
  }

  #message(bytes: Bytes): void {
    if (this.#turn === undefined) {
      this.events.message(bytes);
      return;
    }
    const mine: Promise<void> = this.#turn.then(async () => {
      if (this.#over) return;
      if (this.#proven) this.events.message(bytes);
      else await this.#shake(bytes);
    });
    this.#turn = mine;
    void mine.then(() => {
      // Nothing waits any more: from here on messages are taken as they come.
      if (this.#proven && this.#turn === mine) this.#turn = undefined;
    });
  }

  async #shake(bytes: Bytes): Promise<void> {
    try {
      const frame = decodeFrame(bytes);
      if (frame.type !== 'control' || this.#handshake === undefined)
        throw new ProtocolError('not-allowed', `a ${frame.type} before the proof`);
      const { send, proven } = await this.#handshake.onFrame(frame.control);
      if (this.#over) return;
      for (const control of send) this.wire.send(encodeControl(control), true);
      if (!proven) return;
    } catch (problem) {
      this.#over = true;
      this.events.refused(problem);
      return;
    }
    this.#proven = true;
    this.events.proven();
  }
}
