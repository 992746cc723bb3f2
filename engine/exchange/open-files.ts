/** Received files whose bytes are open for writing here. Two sinks of one file are never open: one that is being closed is waited for. */
import { fromBase64, type Bytes } from '../../protocol/bytes.ts';
import type { ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Link } from '../links/link.ts';
import { SinkError, type Clock, type Hashes } from '../ports.ts';
import type { Ranges } from '../transfer/blocks.ts';
import { IncomingBlob } from '../transfer/incoming-blob.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { IncomingEvent, StopReason } from '../transfer/transfer-events.ts';
import { manifestBlocks } from './choice.ts';
import { acceptedBlocks, factsOf, fileKey, standingOf, type FailureReason, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import type { Sharing } from './sharing.ts';

export interface OpenFile {
  /** Of a bundle that is not accepted: to choose from. */
  manifestOnly: boolean;
  /** Once it is open. */
  ready: IncomingBlob | undefined;
  offer: OfferId;
  file: number;
  blob: Promise<IncomingBlob>;
  /** Of the bytes that came, once all did. */
  root: Bytes | undefined;
  fetchedBy: Set<Link>;
  /** As it was last reported. */
  movedBytes: number;
  /** Its sender had no place for it when it was last asked: it runs only when something comes. */
  turnedAway: boolean;
  /** It goes over all links to whoever may have it. */
  shared: boolean;
  /** It is whole, and open for others alone. */
  copy: boolean;
}

export interface OpenFilesPorts {
  clock: Clock;
  hashes: Hashes;
  blobs: Blobs;
  offers: Offers;
  links: ReadonlyMap<Link, LinkTransfers>;
  sharing: Sharing;
  signKeyOf(conversation: ConversationId, device: DeviceId): string | undefined;
  /** Of a file that is still open. */
  told(open: OpenFile, event: IncomingEvent): void;
  /** It did not open. */
  failed(open: OpenFile, reason: FailureReason | 'no-space'): void;
  report(problem: unknown): void;
}

export class OpenFiles {
  readonly #open = new Map<string, OpenFile>();
  readonly #closing = new Map<string, Promise<void>>();
  /** Blocks that were had when a file was closed. */
  readonly #have = new Map<string, Ranges>();
  #stopped = false;

  constructor(private readonly ports: OpenFilesPorts) {}

  get(key: string): OpenFile | undefined {
    return this.#open.get(key);
  }

  all(): OpenFile[] {
    return [...this.#open.values()];
  }

  /** Blocks of a file that are had, verified and durable, as far as it was opened since the start. */
  haveRanges(key: string): Ranges {
    return this.#open.get(key)?.ready?.haveRanges ?? this.#have.get(key) ?? [];
  }

  /** The blocks of a file that was closed are of no more interest. */
  forget(key: string): void {
    this.#have.delete(key);
  }

  /** Resolves when nothing of the file is being closed. */
  async closed(key: string): Promise<void> {
    await this.#closing.get(key);
  }

  /** Opens a file, unless it is open: all of what was accepted, or its manifest while nobody answered. */
  open(record: OfferRecord, file: number): OpenFile {
    const { offer } = record;
    const key = fileKey(offer, file);
    const there = this.#open.get(key);
    if (there) return there;
    // One that was stopped, for instance to begin anew, has no more to say.
    const report = (event: IncomingEvent) => {
      if (this.#open.get(key) === open) this.ports.told(open, event);
    };
    const open: OpenFile = {
      offer,
      file,
      manifestOnly: standingOf(record, file) === 'waiting',
      ready: undefined,
      blob: this.#newBlob(record, file, report),
      root: undefined,
      fetchedBy: new Set(),
      movedBytes: 0,
      turnedAway: false,
      shared: false,
      copy: false,
    };
    this.#open.set(key, open);
    open.blob.then(
      (blob) => {
        if (this.#open.get(key) !== open) return;
        open.ready = blob;
        blob.start();
      },
      (problem: unknown) => {
        if (!(problem instanceof SinkError)) this.ports.report(problem);
        if (this.#open.get(key) !== open) return;
        this.#open.delete(key);
        this.ports.failed(open, problem instanceof SinkError ? problem.kind : 'storage');
      },
    );
    return open;
  }

  async #newBlob(record: OfferRecord, file: number, report: (event: IncomingEvent) => void): Promise<IncomingBlob> {
    const { offer, offered } = record;
    const publicKey = offered && this.ports.signKeyOf(record.conversation, offered.device);
    const described = offered?.files[file];
    if (publicKey === undefined || described === undefined)
      throw new Error('an accepted offer without its sender or size');
    const waiting = standingOf(record, file) === 'waiting';
    const wanted = waiting ? manifestBlocks(described) : acceptedBlocks(record, file);
    if (!waiting && factsOf(record, file).doneBytes === undefined)
      this.ports.offers
        .keepFacts(offer, file, { doneBytes: 0 })
        .catch((problem: unknown) => this.ports.report(problem));
    await this.closed(fileKey(offer, file)); // a file that was just paused may still be closing
    if (this.#stopped) throw new SinkError('storage');
    const sink = await this.ports.blobs.openSink(offer, file, described.size, wanted);
    return new IncomingBlob({
      offer,
      file,
      sink,
      wanted,
      publicKey: fromBase64(publicKey),
      clock: this.ports.clock,
      hashes: this.ports.hashes,
      report,
      fault: (problem) => this.ports.report(problem),
    });
  }

  /** Stops fetching at once; resolves when the file is closed. Never rejects. */
  stop(offer: OfferId, file: number, reason: StopReason): Promise<void> {
    const key = fileKey(offer, file);
    const open = this.#open.get(key);
    if (!open) return this.closed(key);
    this.#open.delete(key);
    this.ports.sharing.end(key, reason);
    if (open.ready) this.#have.set(key, open.ready.haveRanges);
    const closing = this.#close(open.blob, reason).finally(() => {
      if (this.#closing.get(key) === closing) this.#closing.delete(key);
    });
    this.#closing.set(key, closing);
    return closing;
  }

  async stopAll(): Promise<void> {
    this.#stopped = true;
    const open = this.all();
    this.#open.clear();
    await Promise.all([...open.map(({ blob }) => this.#close(blob, 'paused')), ...this.#closing.values()]);
  }

  async #close(opening: Promise<IncomingBlob>, reason: StopReason): Promise<void> {
    const links = [...this.ports.links.values()];
    try {
      const blob = await opening;
      for (const { receiver } of links) receiver.stop(blob, reason);
      await blob.close();
    } catch (problem) {
      if (!(problem instanceof SinkError)) this.ports.report(problem); // that it could not be opened was said where it was
    }
  }
}
