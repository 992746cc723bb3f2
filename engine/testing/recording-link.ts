/** A link end that keeps what is sent, decoded; nothing is delivered. */
import type { Bytes } from '../../protocol/bytes.ts';
import { decodeFrame, type ControlFrame, type Frame } from '../../protocol/frame.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import type { LinkPort } from '../ports.ts';

export class RecordingLink implements LinkPort {
  readonly frames: Frame[] = [];
  bufferedBytes = 0;
  #waiting: (() => void)[] = [];

  constructor(readonly device: DeviceId) {}

  send(frame: Bytes): void {
    this.frames.push(decodeFrame(frame.slice()));
  }

  whenDrained(run: () => void): void {
    this.#waiting.push(run);
  }

  drain(): void {
    this.bufferedBytes = 0;
    for (const run of this.#waiting.splice(0)) run();
  }

  /** Control frames of one kind, oldest first. */
  control<Kind extends ControlFrame['kind']>(kind: Kind): Extract<ControlFrame, { kind: Kind }>[] {
    return this.frames
      .flatMap((frame) => (frame.type === 'control' ? [frame.control] : []))
      .filter((control): control is Extract<ControlFrame, { kind: Kind }> => control.kind === kind);
  }

  get chunks(): Extract<Frame, { type: 'chunk' }>[] {
    return this.frames.filter((frame) => frame.type === 'chunk');
  }

  get acks(): Extract<Frame, { type: 'ack' }>[] {
    return this.frames.filter((frame) => frame.type === 'ack');
  }
}
