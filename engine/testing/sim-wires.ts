/**
 * Wires on a virtual clock. Descriptions name a wire; whoever gets the answer to its offer is joined to the other by a simulated link.
 * A wire can be closed by its user (the other side hears of it), killed with its process, or cut by the network: then each side hears of
 * it only when ICE gives up.
 */
import type { Bytes } from '../../protocol/bytes.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import type { Clock, Random } from '../ports.ts';
import type { OpenWire, Wire, WireEvents, WireOptions, WireSignal, WireStats } from '../session/wire.ts';
import { SimLink, type SimEnd, type SimLinkShape } from './sim-link.ts';

export interface WireShape extends SimLinkShape {
  /** From the answer to an open channel. */
  setupMs: number;
  /** From a silent end to the moment at which ICE gives up. */
  iceTimeoutMs: number;
}

const usual: WireShape = {
  bytesPerSecond: 2_000_000,
  delayMs: 10,
  queueBytes: 1_000_000,
  setupMs: 40,
  iceTimeoutMs: 15_000,
};

export class SimWires {
  readonly all = new Set<SimWire>();
  /** Every wire that was ever opened. */
  opened = 0;
  /** Whether bytes can pass between two devices now. */
  reachable: (a: DeviceId, b: DeviceId) => boolean = () => true;
  /** May replace a frame on its way; undefined drops it. */
  tamper: (frame: Bytes, from: SimWire) => Bytes | undefined = (frame) => frame;
  readonly shape: WireShape;
  #numbers = 0;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    shape: Partial<WireShape> = {},
  ) {
    this.shape = { ...usual, ...shape };
  }

  /** The port of one process; `alive` is asked before anything is told to it. */
  openerOf(device: DeviceId, alive: () => boolean = () => true): OpenWire {
    return (options, events) => {
      const wire = new SimWire(this, `${this.#numbers++}`, device, options, events, alive);
      this.all.add(wire);
      this.opened++;
      return wire;
    };
  }

  named(name: string): SimWire | undefined {
    return [...this.all].find((wire) => wire.name === name);
  }

  of(device: DeviceId): SimWire[] {
    return [...this.all].filter((wire) => wire.device === device);
  }

  /** The network between two devices fails for what is open now; nobody is told but by the silence. */
  cut(a: DeviceId, b: DeviceId): void {
    for (const wire of this.all) if (wire.device === a && wire.other?.device === b) wire.cut();
  }
}

export class SimWire implements Wire {
  other: SimWire | undefined;
  readonly fingerprint: string;
  sentBytes = 0;
  #end: SimEnd | undefined;
  #link: SimLink | undefined;
  #closed = false;
  #opened = false;
  readonly #early: { message: Bytes; urgent: boolean }[] = [];
  readonly #drained: (() => void)[] = [];

  constructor(
    private readonly net: SimWires,
    readonly name: string,
    readonly device: DeviceId,
    private readonly options: WireOptions,
    private readonly events: WireEvents,
    private readonly alive: () => boolean,
  ) {
    this.fingerprint = Buffer.from(net.random.bytes(32)).toString('hex');
    if (options.initiator) net.clock.after(1, () => this.#describe('offer'));
  }

  get isOpen(): boolean {
    return this.#opened && !this.#closed;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  signal(signal: WireSignal): void {
    if (this.#closed || signal.kind === 'ice') return;
    if (signal.type === (this.options.initiator ? 'offer' : 'answer') || this.other) {
      this.end('description out of place'); // as a real stack refuses it
      return;
    }
    const other = this.net.named(signal.sdp);
    if (!other || other.isClosed) return; // its candidates lead nowhere: the owner gives up in time
    if (this.options.initiator) this.#join(other);
    else this.#describe('answer');
  }

  send(message: Bytes, urgent: boolean): void {
    if (this.#closed) return;
    this.sentBytes += message.length;
    if (this.#end) this.#end.send(message);
    else this.#early.push({ message: message.slice(), urgent });
  }

  get bufferedBytes(): number {
    return this.#end?.bufferedBytes ?? 0;
  }

  whenDrained(run: () => void, lowBytes?: number): void {
    if (this.#closed) return;
    if (this.#end) this.#end.whenDrained(() => this.alive() && !this.#closed && run(), lowBytes);
    else this.#drained.push(run);
  }

  stats(): Promise<WireStats> {
    const { delayMs } = this.net.shape;
    return Promise.resolve({ path: 'direct', roundTripMs: 2 * delayMs, sentBytes: this.sentBytes });
  }

  /** By its user: the other side hears of it after the way there. */
  close(): void {
    const { other } = this;
    this.end('closed here');
    if (other?.other === this)
      this.net.clock.after(this.net.shape.delayMs, () => {
        if (this.net.reachable(this.device, other.device)) other.end('closed there');
        else other.endLater();
      });
  }

  /** Its process died. */
  kill(): void {
    this.#closed = true;
    this.net.all.delete(this);
    this.#link?.cut();
    this.other?.endLater();
  }

  cut(): void {
    this.#link?.cut();
    this.endLater();
    this.other?.endLater();
  }

  end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.net.all.delete(this);
    if (this.alive()) this.events.closed(reason);
  }

  endLater(): void {
    this.net.clock.after(this.net.shape.iceTimeoutMs, () => this.end('ICE failed'));
  }

  #describe(type: 'offer' | 'answer'): void {
    if (this.#closed || !this.alive()) return;
    this.events.signal({ kind: 'sdp', type, sdp: this.name });
    this.events.signal({ kind: 'ice', candidate: `candidate of ${this.name}`, mid: '0', line: 0 });
  }

  #join(other: SimWire): void {
    this.other = other;
    other.other = this;
    this.net.clock.after(this.net.shape.setupMs, () => {
      if (this.#closed || other.isClosed) return;
      if (!this.net.reachable(this.device, other.device)) return; // ICE finds no pair; the owners give up in time
      const link = new SimLink(this.net.clock, this.net.shape, this.device, other.device);
      this.#attach(link, link.a, other);
      other.#attach(link, link.b, this);
    });
  }

  #attach(link: SimLink, end: SimEnd, other: SimWire): void {
    this.#link = link;
    this.#end = end;
    this.#opened = true;
    end.onFrame = (frame) => {
      if (this.#closed || !this.alive()) return;
      if (!this.net.reachable(this.device, other.device)) {
        this.cut();
        return;
      }
      const arriving = this.net.tamper(frame, other);
      if (arriving) this.events.message(arriving.slice());
    };
    if (!this.alive()) return;
    this.events.open({ local: this.fingerprint, remote: other.fingerprint });
    for (const { message, urgent } of this.#early.splice(0)) this.send(message, urgent);
    for (const run of this.#drained.splice(0)) this.whenDrained(run);
  }
}
