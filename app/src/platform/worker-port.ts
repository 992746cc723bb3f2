/** How sinks and sources talk to the blob worker. */
import type { Answer, Request, ToWorker } from '../workers/blob-protocol.ts';

export interface WorkerPort {
  /** Rejects with `SinkError` or `SourceError`. */
  ask(request: Request, transfer?: Transferable[]): Promise<Answer>;
  post(message: ToWorker, transfer: Transferable[]): void;
}
