/** Both directions of transfer over one link, and which frame goes where. */
import { encodeControl, type Frame } from '../../protocol/frame.ts';
import type { DeviceId, OfferId } from '../../protocol/ids.ts';
import { Rate } from './rate.ts';
import { Receiver, type ReceiverParts } from './receiver.ts';
import { Sender, type SenderParts } from './sender.ts';
import type { HaveFrame, ReceiverEvent, SenderEvent, StopReason } from './transfer-events.ts';

export type LinkTransfersParts = Omit<SenderParts & ReceiverParts, 'parity' | 'report'> & {
  /** This device. */
  own: DeviceId;
  sending: (event: SenderEvent) => void;
  receiving: (event: ReceiverEvent) => void;
};

/** A file that several devices have, as a link sees it. */
export interface SharedFile {
  readonly offer: OfferId;
  readonly file: number;
  /** The device at the other end told what it has. @throws ProtocolError when that is not of this file. */
  told(by: LinkTransfers, frame: HaveFrame): void;
  /** The other end does not go on sending. */
  stopped(by: LinkTransfers, reason: StopReason): void;
  /** The other end can serve again. */
  available(by: LinkTransfers): void;
}

export class LinkTransfers {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly #received = new Rate();
  readonly #shared = new Map<string, SharedFile>();

  constructor(private readonly parts: LinkTransfersParts) {
    const parity = parts.own < parts.link.device ? 0 : 1;
    this.sender = new Sender({ ...parts, parity: parity === 0 ? 1 : 0, report: parts.sending });
    this.receiver = new Receiver({ ...parts, parity, report: (event) => this.#receiving(event) });
    parts.link.lanes?.listen({
      opened: (number, lane) => {
        this.receiver.laneOpened(number, lane);
        this.sender.laneOpened(number, lane);
      },
      closed: (number) => {
        this.receiver.laneClosed(number);
        this.sender.laneClosed(number);
      },
      frame: (number, frame) => this.#onLaneFrame(number, frame),
    });
  }

  /** The device at the other end. */
  get device(): DeviceId {
    return this.parts.link.device;
  }

  /**
   * What is seen of the way there and back; undefined in a direction in which nothing goes. How fast something comes is known from the second
   * time on that somebody looks.
   */
  figures(): { bytesPerSecond?: number; queueDelayMs?: number; receivedBytesPerSecond?: number } {
    const { window } = this.sender;
    const now = this.parts.clock.now();
    this.#received.sample(now, this.receiver.receivedBytes);
    const receivedBytesPerSecond = this.receiver.openStreams > 0 ? this.#received.bytesPerSecond(now) : undefined;
    return {
      ...(window.inFlightBytes > 0 && { bytesPerSecond: window.bytesPerSecond, queueDelayMs: window.queueDelayMs }),
      ...(receivedBytesPerSecond !== undefined && { receivedBytesPerSecond }),
    };
  }

  /** Whether a file comes or goes over this link now. */
  carries(offer: OfferId, file: number): boolean {
    return this.sender.carries(offer, file) || this.receiver.carries(offer, file);
  }

  /** From now on this file hears what the other end says about it. */
  share(shared: SharedFile): void {
    this.#shared.set(keyOf(shared.offer, shared.file), shared);
  }

  unshare(shared: SharedFile): void {
    this.#shared.delete(keyOf(shared.offer, shared.file));
  }

  tell(frame: HaveFrame): void {
    this.parts.link.send(encodeControl(frame));
  }

  /** Streams open in either direction: the link is in use. */
  get openStreams(): number {
    return this.sender.openStreams + this.receiver.openStreams;
  }

  /** @returns whether it was a frame of transfers. @throws ProtocolError when the peer broke the protocol; the link is then to be closed. */
  onFrame(frame: Frame): boolean {
    switch (frame.type) {
      case 'chunk':
      case 'ack':
        this.#onLaneFrame(0, frame);
        return true;
      case 'control':
        break;
    }
    const { control } = frame;
    switch (control.kind) {
      case 'want':
        this.sender.want(control);
        return true;
      case 'more':
        this.sender.more(control);
        return true;
      case 'drop':
        this.sender.drop(control);
        return true;
      case 'have':
        // Of a file that this device does not fetch or serve to several neither this nor `available` matters.
        this.#sharedOf(control)?.told(this, control);
        return true;
      case 'available':
        this.#sharedOf(control)?.available(this);
        return true;
      case 'unreadable':
        this.receiver.unreadable(control);
        return true;
      case 'leaves':
        this.receiver.leaves(control);
        return true;
      case 'stop':
        if (this.receiver.owns(control.stream)) this.receiver.stopped(control.stream, control.reason);
        else this.sender.stopped(control.stream, control.reason);
        return true;
      default:
        return false;
    }
  }

  #onLaneFrame(lane: number, frame: Exclude<Frame, { type: 'control' }>): void {
    if (frame.type === 'chunk') this.receiver.chunk(frame.stream, frame.block, frame.offset, frame.data, lane);
    else this.sender.ack(frame.stream, frame.receivedBytes, frame.creditBytes, frame.settledBytes, lane);
  }

  /** The link is gone. */
  close(): void {
    this.sender.close();
    this.receiver.close();
  }

  #receiving(event: ReceiverEvent): void {
    if (event.kind === 'stopped') this.#sharedOf(event)?.stopped(this, event.reason);
    this.parts.receiving(event);
  }

  #sharedOf({ offer, file }: { offer: OfferId; file: number }): SharedFile | undefined {
    return this.#shared.get(keyOf(offer, file));
  }
}

const keyOf = (offer: OfferId, file: number): string => `${offer}-${file}`;
