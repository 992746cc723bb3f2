/** What the receiver is told of a stream beside its bytes: signed leaves, without which it can settle nothing, and blocks that cannot be read. */
import { encodeControl } from '../../protocol/frame.ts';
import { limits } from '../../protocol/limits.ts';
import type { DeviceKeys, LinkPort } from '../ports.ts';
import type { OutgoingStream } from './outgoing-stream.ts';

export interface StreamProofsPorts {
  link: LinkPort;
  keys: DeviceKeys;
  isOpen(stream: OutgoingStream): boolean;
  /** Leaves that were due are sent, or are being signed. */
  told(stream: OutgoingStream): void;
  failed(stream: OutgoingStream, error: unknown): void;
  fault(error: unknown): void;
}

export class StreamProofs {
  constructor(private readonly ports: StreamProofsPorts) {}

  /** Signs and sends all leaves that are due. */
  sendLeaves(stream: OutgoingStream): void {
    for (const { first, hashes } of stream.dueBatches.splice(0)) {
      this.#signAndSend(stream, first, hashes).catch((error: unknown) => this.ports.failed(stream, error));
    }
    stream.blob.advance().catch((error: unknown) => this.ports.fault(error));
    this.ports.told(stream);
  }

  /** Names the blocks that could not be read since this was last told, if any. */
  tellUnreadable(stream: OutgoingStream): void {
    const ranges = stream.takeUnreadable().map(([first, end]): [number, number] => [first, end]);
    if (ranges.length === 0 || !this.ports.isOpen(stream)) return;
    while (ranges.length > 0) {
      const some = ranges.splice(0, limits.rangesPerWant);
      this.ports.link.send(encodeControl({ kind: 'unreadable', stream: stream.number, ranges: some }));
    }
    this.sendLeaves(stream);
  }

  async #signAndSend(stream: OutgoingStream, first: number, hashes: Uint8Array<ArrayBuffer>[]): Promise<void> {
    const proofs = await stream.blob.prove(first, hashes, this.ports.keys);
    if (!this.ports.isOpen(stream)) return;
    for (const signed of proofs) {
      const leaves = { first: signed.first, hashes: [...signed.hashes], signature: signed.signature };
      this.ports.link.send(encodeControl({ kind: 'leaves', stream: stream.number, ...leaves }));
    }
    stream.unsignedBatches--;
    this.ports.told(stream);
  }
}
