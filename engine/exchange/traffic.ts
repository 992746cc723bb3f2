/**
 * The links that files go over: what each may serve, what comes in over it, how fast they may be together, and what the end of one leaves
 * unsaid. Who asks for a file is decided in `Incoming` and `Sharing`, who gets it in `Outgoing` and `Handout`.
 */
import type { ControlFrame, Frame } from '../../protocol/frame.ts';
import type { ChatId, DeviceId, OfferId } from '../../protocol/ids.ts';
import { blockCount } from '../transfer/blocks.ts';
import type { Link } from '../links/link.ts';
import type { Clock, DeviceKeys, Signatures } from '../ports.ts';
import { LinkTransfers } from '../transfer/link-transfers.ts';
import type { Found } from '../transfer/sender.ts';
import { SpeedLimit } from '../transfer/speed-limit.ts';
import type { HaveFrame, ReceiverEvent, SenderEvent } from '../transfer/transfer-events.ts';
import { isShared, mayHandOn } from './copies.ts';
import type { Decisions } from './decisions.ts';
import { Handout } from './handout.ts';
import type { Held } from './held.ts';
import type { Incoming } from './incoming.ts';
import { fileKey, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { Outgoing } from './outgoing.ts';
import type { Pausing } from './pausing.ts';
import type { ProgressBook } from './progress.ts';
import type { Sharing } from './sharing.ts';
import type { SpeedLimits } from './transfers-ports.ts';

export interface TrafficPorts {
  clock: Clock;
  signatures: Signatures;
  keys: DeviceKeys;
  offers: Offers;
  progress: ProgressBook;
  held: Held;
  /** Kept here; everybody else reads them. */
  links: Map<Link, LinkTransfers>;
  /** Links of which a pinned key says whose they are: over others go files of groups alone. Kept here, too. */
  direct: Set<Link>;
  sharing: Sharing;
  incoming: Incoming;
  outgoing: Outgoing;
  handout: Handout;
  pausing: Pausing;
  decisions: Decisions;
  mayHave(record: OfferRecord, device: DeviceId): boolean;
  changed(account: ChatId): void;
  /** The link is of no more use: nothing comes, or its peer broke the protocol. */
  broken(link: Link, problem: unknown): void;
  report(problem: unknown): void;
}

export class Traffic {
  readonly #upLimit = new SpeedLimit();
  readonly #downLimit = new SpeedLimit();

  constructor(private readonly ports: TrafficPorts) {}

  /** @param direct whether a pinned key says whose device it is: files between two people go over no other link. */
  linkOpened(link: Link, direct: boolean): void {
    const { clock, incoming, keys, links, sharing, signatures } = this.ports;
    const transfers = new LinkTransfers({
      link,
      clock,
      keys,
      signatures,
      own: keys.id,
      find: (offer, file) => this.#find(link, direct, offer, file),
      sending: (event) => this.#onSending(link, event),
      receiving: (event) => this.#onReceiving(link, event),
      fault: (problem) => this.ports.broken(link, problem),
      upLimit: this.#upLimit,
      downLimit: this.#downLimit,
    });
    links.set(link, transfers);
    sharing.linkOpened(transfers);
    link.figures = () => transfers.figures();
    if (direct) this.#directOpened(link);
    incoming.pump();
    this.ports.changed(link.account);
  }

  #directOpened(link: Link): void {
    const { decisions, held, outgoing } = this.ports;
    this.ports.direct.add(link);
    for (const record of this.ports.offers.ofAccount(link.account)) {
      for (const file of record.offered?.files.keys() ?? []) held.tell(link, record, file);
      decisions.settle(record);
    }
    outgoing.tellAvailable(link);
    outgoing.bindLater(link.account);
  }

  /** Whether files between two people go over a link. */
  serves(link: Link): boolean {
    return this.ports.direct.has(link);
  }

  /** The links that a file comes or goes over now. */
  linksOf(offer: OfferId, file: number): Link[] {
    return [...this.ports.links].flatMap(([link, transfers]) => (transfers.carries(offer, file) ? [link] : []));
  }

  /**
   * Limits over all links of this device together, in bytes per second, from now on; `Infinity` or absent for none. What was under way when
   * a limit was set still comes: at most the credit that was given, 8 MiB. @throws RangeError unless over 0.
   */
  setSpeedLimits({ upBytesPerSecond = Infinity, downBytesPerSecond = Infinity }: SpeedLimits): void {
    const now = this.ports.clock.now();
    this.#upLimit.set(now, upBytesPerSecond);
    this.#downLimit.set(now, downBytesPerSecond);
    for (const { sender, receiver } of this.ports.links.values()) {
      receiver.paceChanged();
      sender.paceChanged();
    }
  }

  /** @returns whether it was a frame of transfers. @throws ProtocolError. */
  onFrame(link: Link, frame: Frame): boolean {
    if (frame.type === 'control')
      switch (frame.control.kind) {
        case 'have':
          this.#onHave(link, frame.control);
          break;
        case 'available':
          return this.#onAvailable(link, frame, frame.control);
        case 'held':
          this.#onHeld(link, frame.control);
          return true;
      }
    return this.ports.links.get(link)?.onFrame(frame) ?? false;
  }

  /**
   * Somebody fetches a file of several sources who has just come: whoever has a copy is one of them. Who has all of it wants nothing, and all who
   * have it would wake each other.
   */
  #onHave(link: Link, { offer, file, begin, ranges }: HaveFrame): void {
    const { incoming, keys, sharing } = this.ports;
    const record = this.ports.offers.get(offer);
    if (!record || !begin || sharing.has(fileKey(offer, file))) return;
    const [first, end] = ranges[0] ?? [0, 0];
    if (first === 0 && end >= blockCount(record.offered?.files[file]?.size ?? 0)) return;
    if (record.offered?.device === keys.id || !this.ports.mayHave(record, link.device)) return;
    if (mayHandOn(record, file, keys.id))
      incoming.openCopy(record, file).catch((problem: unknown) => this.ports.report(problem));
  }

  #onAvailable(link: Link, frame: Frame, { offer, file }: FrameOf<'available'>): boolean {
    const { decisions, direct, held, incoming, links, progress } = this.ports;
    const record = this.ports.offers.get(offer);
    if (record && isShared(record, file)) {
      this.#goOnIfRight(link, record, file);
      return links.get(link)?.onFrame(frame) ?? true;
    }
    if (!direct.has(link)) return true;
    if (record?.account !== link.account || record.offered?.device !== link.device) return true;
    held.tell(link, record, file);
    // Said without need it costs nothing.
    const [rested, released] = [incoming.available(link, offer, file), progress.of(offer, file).release()];
    if (!this.#goOnIfRight(link, record, file) && (rested || released)) decisions.act(record);
    return true;
  }

  /** Whether what failed was the file at the other end, which is right again. */
  #goOnIfRight(link: Link, { offer, offered, files }: OfferRecord, file: number): boolean {
    if (offered?.device !== link.device || files[file]?.failed !== 'changed') return false;
    this.ports.pausing.resume(offer, file).catch((problem: unknown) => this.ports.report(problem));
    return true;
  }

  #onHeld(link: Link, { offer, file, reason }: FrameOf<'held'>): void {
    const { direct, held, offers } = this.ports;
    if (direct.has(link) && held.heard(link, offers.get(offer), file, reason)) this.ports.changed(link.account);
  }

  linkClosed(link: Link): void {
    const { direct, handout, incoming, links, outgoing, sharing } = this.ports;
    const transfers = links.get(link);
    links.delete(link);
    if (transfers) sharing.linkClosed(transfers);
    transfers?.close();
    handout.linkClosed(link);
    incoming.linkClosed(link);
    outgoing.linkClosed(link);
    if (direct.delete(link)) this.#directClosed(link);
    this.ports.changed(link.account);
  }

  #directClosed(link: Link): void {
    for (const record of this.ports.offers.ofAccount(link.account)) {
      const { offer, offered, answer } = record;
      const here = offered?.device === this.ports.keys.id;
      const peer = here && answer.kind !== 'waiting' ? answer.by : offered?.device;
      for (const file of offered?.files.keys() ?? []) {
        if (isShared(record, file)) continue;
        const progress = this.ports.progress.known(offer, file);
        // What the other side said over the link holds no longer; whoever comes back says it again.
        if (!progress) continue;
        const { activity, interrupted } = progress;
        // The last words about it can come only from there.
        const unsettled = activity.kind === 'verifying' && peer === link.device;
        const running = activity.kind === 'running' || unsettled;
        const theirs = activity.kind === 'needs-file' && !activity.mine;
        if (!running && activity.kind !== 'paused-there' && !theirs) continue;
        progress.stopped({ kind: 'idle' });
        progress.interrupted = running || interrupted;
      }
    }
  }

  #find(link: Link, direct: boolean, offer: OfferId, file: number): Promise<Found> {
    const record = this.ports.offers.get(offer);
    if (record && Handout.handles(record, file)) return this.ports.handout.find(link, record, file);
    return direct
      ? this.ports.outgoing.find(link, offer, file)
      : Promise.resolve({ kind: 'refused', reason: 'cancelled' });
  }

  #onSending(link: Link, event: SenderEvent): void {
    const { handout, outgoing, sharing } = this.ports;
    const record = this.ports.offers.get(event.offer);
    if (record && Handout.handles(record, event.file)) {
      sharing.moved(fileKey(event.offer, event.file));
      handout.onSending(link, record, event);
    } else {
      outgoing.onSending(link, event);
      this.ports.changed(link.account);
    }
  }

  #onReceiving(link: Link, event: ReceiverEvent): void {
    if (event.kind === 'stalled') this.ports.broken(link, new Error('stalled'));
    else {
      this.ports.incoming.refused(link, event.offer, event.file, event.reason);
      this.ports.changed(link.account);
    }
  }

  /** The app is shutting down: nothing goes over any link any more. */
  close(): void {
    for (const transfers of this.ports.links.values()) transfers.close();
  }
}

type FrameOf<K extends ControlFrame['kind']> = Extract<ControlFrame, { kind: K }>;
