/**
 * What a link knows about its way through the network, asked of the connections now and then. Loss is an estimate: what the network was
 * given, without the wrapping of each packet, over what was to be sent; the rest was sent again.
 */
import type { Path, Wire } from '../session/wire.ts';

/** Everything the expert view shows of a link. */
export interface LinkStats {
  path: Path | undefined;
  roundTripMs: number | undefined;
  /** The queue that everybody together keeps at the bottleneck; undefined while nothing is sent. */
  queueDelayMs: number | undefined;
  lanes: number;
  /** Part of what this side sent that had to be sent again, 0 to 1; undefined until a megabyte went out since the last look. */
  lossRatio: number | undefined;
  /** Sent and acknowledged; undefined while nothing is sent. */
  bytesPerSecond: number | undefined;
  receivedBytesPerSecond: number | undefined;
}

/** Asked at most so often, and only while somebody looks or a minute has passed. */
const minAgeMs = 1_000;
/** So many connections are asked; more would not tell more. */
const askedWires = 4;
/** Around a full packet of 1,190 bytes of data: SCTP 28, DTLS 29 to 37, as `bytesSent` of a candidate pair counts them. */
const wrapping = 1.055;
const lossFromBytes = 1024 * 1024;

export class LinkMeasures {
  path: Path | undefined;
  roundTripMs: number | undefined;
  lossRatio: number | undefined;
  #at = -Infinity;
  #running: Promise<void> | undefined;
  /** Payload bytes given to each wire so far, and what its network got for them, when last looked at. */
  readonly #before = new Map<Wire, { payload: number; sent: number }>();

  constructor(
    private readonly now: () => number,
    private readonly wires: () => readonly Wire[],
  ) {}

  get ageMs(): number {
    return this.now() - this.#at;
  }

  /** Asks the connections, unless that was just done. Rejects when one of them does. */
  measure(): Promise<void> {
    if (this.ageMs < minAgeMs) return this.#running ?? Promise.resolve();
    this.#at = this.now();
    this.#running = this.#ask().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #ask(): Promise<void> {
    const wires = this.wires().slice(0, askedWires);
    let payload = 0;
    let sent = 0;
    for (const wire of wires) {
      const { sentBytes: payloadBytes } = wire;
      const stats = await wire.stats();
      if (wire === wires[0]) {
        this.path = stats.path ?? this.path;
        this.roundTripMs = stats.roundTripMs;
      }
      if (stats.sentBytes === undefined) continue;
      const before = this.#before.get(wire);
      const given = payloadBytes - wire.bufferedBytes;
      if (before !== undefined && given - before.payload < lossFromBytes / wires.length) continue;
      this.#before.set(wire, { payload: given, sent: stats.sentBytes });
      if (before === undefined) continue;
      payload += given - before.payload;
      sent += stats.sentBytes - before.sent;
    }
    for (const wire of this.#before.keys()) if (!wires.includes(wire)) this.#before.delete(wire);
    if (sent > 0) this.lossRatio = Math.min(1, Math.max(0, 1 - (payload * wrapping) / sent));
  }
}
