/** A source that the blob worker has open. */
import type { Bytes } from '../../../protocol/bytes.ts';
import { SourceError, type BlobSource } from '../../../engine/ports.ts';
import type { LeafTable } from '../../../engine/transfer/leaf-table.ts';
import type { WorkerPort } from './worker-port.ts';

export class WorkerSource implements BlobSource {
  #closed = false;

  constructor(
    private readonly port: WorkerPort,
    private readonly handle: number,
    readonly sizeBytes: number,
    private readonly known: LeafTable,
  ) {}

  leaves(): LeafTable {
    return this.known;
  }

  async read(index: number): Promise<{ data: Bytes; hash: Bytes }> {
    if (this.#closed) throw new SourceError('gone');
    const answer = await this.port.ask({ kind: 'read', handle: this.handle, block: index });
    if (answer.kind !== 'block') throw new Error(`the blob worker answered ${answer.kind}`);
    return { data: new Uint8Array(answer.data), hash: new Uint8Array(answer.hash) };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A worker that is gone has closed it.
    void this.port.ask({ kind: 'close', handle: this.handle }).catch(() => undefined);
  }
}
