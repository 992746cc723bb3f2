/**
 * Offers of files and their transfers: facts from the feeds become records, records decide what is fetched and served over which link.
 *
 * Invariants 1 and 2: a file is done for the sender when the receipt is in the feed, for the receiver when every block was committed and the
 * root is the one that the sender bound the file to; only then is the receipt written.
 */
import { equalBytes, fromBase64 } from '../../protocol/bytes.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import type { Payload } from '../../protocol/entry.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Frame } from '../../protocol/frame.ts';
import type { AccountId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Link } from '../links/link.ts';
import { SinkError, SourceError, type Clock, type DeviceKeys, type Hashes, type Signatures } from '../ports.ts';
import type { Records } from '../records.ts';
import { blockCount } from '../transfer/blocks.ts';
import { IncomingBlob } from '../transfer/incoming-blob.ts';
import { LinkTransfers } from '../transfer/link-transfers.ts';
import { OfferedBlob } from '../transfer/offered-blob.ts';
import type { Found } from '../transfer/sender.ts';
import type { IncomingEvent, ReceiverEvent, SenderEvent, StopReason } from '../transfer/transfer-events.ts';
import {
  emptyOffer,
  factsOf,
  fileKey,
  standingOf,
  withFact,
  withFileFacts,
  withoutFailure,
  type FactSource,
  type FailureReason,
  type FileFacts,
  type OfferPayload,
  type OfferRecord,
} from './offer.ts';
import { Progress } from './progress.ts';

export interface TransfersPorts {
  clock: Clock;
  hashes: Hashes;
  signatures: Signatures;
  keys: DeviceKeys;
  blobs: Blobs;
  records: Records<OfferRecord>;
  /** Signing key (Ed25519, base64url) of a device of this person, also of a former one. */
  signKeyOf(account: AccountId, device: DeviceId): string | undefined;
  append(conversation: ConversationId, payload: Payload): Promise<void>;
  report(problem: unknown): void;
}

export interface TransfersEvents {
  changed(account: AccountId): void;
  /** The link is of no more use: nothing comes, or its peer broke the protocol. */
  broken(link: Link, problem: unknown): void;
}

/** Files of one peer that are open at a time: each holds a file handle and buffers. */
const openPerLink = 4;
/** How often the progress of a sent file is written down, so that a reload does not show less. */
const keepProgressMs = 500;
const busyRetryMs = 1000;

export class Transfers {
  readonly #records = new Map<OfferId, OfferRecord>();
  readonly #progress = new Map<string, Progress>();
  readonly #links = new Map<Link, LinkTransfers>();
  readonly #offered = new Map<string, Promise<OfferedBlob>>();
  readonly #incoming = new Map<string, { blob: Promise<IncomingBlob>; root: Bytes | undefined; fetchedBy: Set<Link> }>();
  /** Files whose last entry (root or receipt) is being written. */
  readonly #closing = new Set<string>();
  /** Files that are being closed, or whose bytes are being removed. */
  readonly #closed = new Map<string, Promise<void>>();
  readonly #clearing = new Set<string>();
  readonly #keptAt = new Map<string, number>();

  constructor(
    private readonly ports: TransfersPorts,
    private readonly events: TransfersEvents,
  ) {}

  async load(): Promise<void> {
    for (const record of await this.ports.records.all()) this.#records.set(record.offer, record);
    // Received parts are looked up at once, so that what is shown after a reload is what is there.
    for (const record of this.#records.values())
      for (const file of this.#filesToFetch(record)) this.#openIncoming(record, file);
  }

  get(offer: OfferId): OfferRecord | undefined {
    return this.#records.get(offer);
  }

  all(): OfferRecord[] {
    return [...this.#records.values()];
  }

  progressOf(offer: OfferId, file: number): Progress {
    const key = fileKey(offer, file);
    let progress = this.#progress.get(key);
    if (!progress) {
      progress = new Progress();
      const record = this.#records.get(offer);
      progress.doneBytes = (record && factsOf(record, file).doneBytes) ?? 0;
      this.#progress.set(key, progress);
    }
    return progress;
  }

  /** Whether anything is to be moved between this device and that one. */
  busyWith(account: AccountId, device: DeviceId): boolean {
    for (const record of this.#records.values()) {
      if (record.account !== account || !record.offered) continue;
      const here = this.ports.keys.id;
      const incoming = record.offered.device === device && record.answer.kind === 'accepted' && record.answer.by === here;
      const outgoing = record.offered.device === here && record.answer.kind === 'accepted' && record.answer.by === device;
      if ((incoming || outgoing) && record.offered.files.some((_, file) => standingOf(record, file) === 'accepted')) return true;
    }
    return false;
  }

  /** Takes a fact into the record of its offer and acts on it; resolves when it is durable. Facts come one after the other. */
  async addFact(account: AccountId, conversation: ConversationId, payload: OfferPayload, source: FactSource, knocked = false): Promise<void> {
    const before = this.#records.get(payload.offer) ?? emptyOffer(payload.offer, account, conversation);
    if (before.account !== account) throw new ProtocolError('not-allowed', 'an offer of another conversation');
    let after = withFact(before, payload, source);
    if (after === before) return;
    if (knocked && after.offered) after = { ...after, offered: { ...after.offered, knocked: true } };
    await this.#keep(after);
    this.#act(after);
  }

  linkOpened(link: Link): void {
    const transfers = new LinkTransfers({
      link,
      clock: this.ports.clock,
      keys: this.ports.keys,
      signatures: this.ports.signatures,
      own: this.ports.keys.id,
      find: (offer, file) => this.#find(link, offer, file),
      sending: (event) => this.#onSending(link, event),
      receiving: (event) => this.#onReceiving(link, event),
      fault: (problem) => this.events.broken(link, problem),
    });
    this.#links.set(link, transfers);
    for (const record of this.#records.values()) if (record.account === link.account) this.#act(record);
  }

  /** @returns whether it was a frame of transfers. @throws ProtocolError. */
  onFrame(link: Link, frame: Frame): boolean {
    if (frame.type === 'control' && frame.control.kind === 'available') {
      const { offer, file } = frame.control;
      const record = this.#records.get(offer);
      if (record?.account === link.account && record.offered?.device === link.device) {
        this.#quiet(offer, file);
        this.#act(record);
      }
      return true;
    }
    return this.#links.get(link)?.onFrame(frame) ?? false;
  }

  linkClosed(link: Link): void {
    this.#links.get(link)?.close();
    this.#links.delete(link);
    for (const { fetchedBy } of this.#incoming.values()) fetchedBy.delete(link);
    for (const record of this.#records.values()) {
      if (record.account !== link.account) continue;
      record.offered?.files.forEach((_, file) => {
        const progress = this.progressOf(record.offer, file);
        // What the other side said over the link holds no longer; whoever comes back says it again.
        if (progress.activity.kind === 'running' || progress.activity.kind === 'paused-there') progress.stopped({ kind: 'idle' });
        if (progress.activity.kind === 'needs-file' && !progress.activity.mine) progress.stopped({ kind: 'idle' });
      });
    }
    this.events.changed(link.account);
  }

  async pause(offer: OfferId, file: number): Promise<void> {
    const record = this.#records.get(offer);
    if (!record || !['accepted', 'waiting'].includes(standingOf(record, file))) return;
    void this.#stopStreams(record, file, 'paused');
    await this.#keep(withFileFacts(record, file, { paused: true }));
  }

  /** After a pause, or to try again after a failure. */
  async resume(offer: OfferId, file: number): Promise<void> {
    let record = this.#records.get(offer);
    if (!record) return;
    const { failed, paused } = factsOf(record, file);
    if (!failed && !paused) return;
    await this.#closed.get(fileKey(offer, file));
    if (failed === 'verification') await this.ports.blobs.remove(offer, file);
    record = withFileFacts(withoutFailure(record, file), file, { paused: false });
    await this.#keep(record);
    this.provided(offer, file);
  }

  /** The person gave this device access to the file again, or lets it go on: receivers may ask for it. */
  provided(offer: OfferId, file: number): void {
    const record = this.#records.get(offer);
    if (!record) return;
    this.#quiet(offer, file);
    if (record.offered?.mine)
      for (const link of this.#links.keys()) if (link.account === record.account) link.control({ kind: 'available', offer, file });
    this.#act(record);
  }

  async stop(): Promise<void> {
    for (const transfers of this.#links.values()) transfers.close();
    this.#links.clear();
    for (const { blob } of this.#incoming.values()) await blob.then((open) => open.close()).catch((problem: unknown) => this.ports.report(problem));
    for (const blob of this.#offered.values()) await blob.then((open) => open.close()).catch(() => undefined); // a source that did not open is closed
  }

  /** Does what a record asks for now; called whenever something about it changed. Safe to call at any time. */
  #act(record: OfferRecord): void {
    record.offered?.files.forEach((_, file) => {
      const standing = standingOf(record, file);
      if (standing === 'cancelled' || standing === 'declined' || standing === 'done') this.#finish(record, file, standing);
    });
    for (const [link] of this.#links) if (link.account === record.account) this.#pump(link);
    if (record.offered?.device === this.ports.keys.id && record.answer.kind === 'accepted') this.#bindRoots(record);
    for (const file of this.#filesToFetch(record)) this.#settle(record.offer, file);
    this.events.changed(record.account);
  }

  /** Fetches what this device accepted from the device at the other end, a few files at a time, in order. */
  #pump(link: Link): void {
    const transfers = this.#links.get(link);
    if (!transfers) return;
    let open = [...this.#incoming.values()].filter(({ fetchedBy }) => fetchedBy.has(link)).length;
    const records = [...this.#records.values()].sort((a, b) => (a.offered?.at ?? 0) - (b.offered?.at ?? 0));
    for (const record of records) {
      if (record.account !== link.account || record.offered?.device !== link.device) continue;
      for (const file of this.#filesToFetch(record)) {
        const { activity } = this.progressOf(record.offer, file);
        const incoming = this.#incoming.get(fileKey(record.offer, file));
        if (incoming?.fetchedBy.has(link) || activity.kind === 'needs-file' || activity.kind === 'paused-there' || activity.kind === 'verifying') continue;
        if (open >= openPerLink) return;
        open++;
        this.#fetch(link, transfers, record, file);
      }
    }
  }

  #fetch(link: Link, transfers: LinkTransfers, record: OfferRecord, file: number): void {
    const incoming = this.#openIncoming(record, file);
    incoming.fetchedBy.add(link);
    incoming.blob.then(
      (blob) => {
        if (!incoming.fetchedBy.has(link) || blob.state.kind !== 'running') return;
        const progress = this.progressOf(record.offer, file);
        progress.activity = { kind: 'running' };
        transfers.receiver.fetch(blob);
        this.events.changed(record.account);
      },
      () => undefined, // the failure was taken up where it was opened
    );
  }

  #openIncoming(record: OfferRecord, file: number) {
    const key = fileKey(record.offer, file);
    const there = this.#incoming.get(key);
    if (there) return there;
    const opening = this.#open(record, file);
    const incoming = { blob: opening, root: undefined, fetchedBy: new Set<Link>() };
    this.#incoming.set(key, incoming);
    opening.then(
      (blob) => {
        if (this.#incoming.get(key) === incoming) blob.start();
      },
      (problem: unknown) => {
        if (this.#incoming.get(key) === incoming) this.#incoming.delete(key);
        if (problem instanceof SinkError) this.#fail(record.offer, file, problem.kind);
        else this.ports.report(problem);
      },
    );
    return incoming;
  }

  async #open(record: OfferRecord, file: number): Promise<IncomingBlob> {
    const { offer, account, offered } = record;
    const publicKey = offered && this.ports.signKeyOf(account, offered.device);
    const sizeBytes = offered?.files[file]?.size;
    if (publicKey === undefined || sizeBytes === undefined) throw new Error('an accepted offer without its sender or size');
    // A file that was just paused may still be closing; two sinks of one file must never be open.
    await this.#closed.get(fileKey(offer, file));
    const sink = await this.ports.blobs.openSink(offer, file, sizeBytes);
    return new IncomingBlob({
      offer,
      file,
      sink,
      publicKey: fromBase64(publicKey),
      clock: this.ports.clock,
      hashes: this.ports.hashes,
      report: (event) => this.#onIncoming(offer, file, event),
      fault: (problem) => this.ports.report(problem),
    });
  }

  #onIncoming(offer: OfferId, file: number, event: IncomingEvent): void {
    const record = this.#records.get(offer);
    if (!record) return;
    const progress = this.progressOf(offer, file);
    switch (event.kind) {
      case 'progress':
        progress.doneBytes = event.doneBytes;
        progress.moved(this.ports.clock.now(), event.movedBytes);
        break;
      case 'bad-block':
        this.ports.report(new Error(`block ${event.block} did not have its hash`));
        break;
      case 'failed':
        this.#fail(offer, file, event.reason);
        return;
      case 'complete': {
        const incoming = this.#incoming.get(fileKey(offer, file));
        if (incoming) incoming.root = event.root;
        progress.stopped({ kind: 'verifying' });
        this.#settle(offer, file);
        break;
      }
    }
    this.events.changed(record.account);
  }

  /** Both roots are there: the receipt can be written, or the file is not what its sender says. */
  #settle(offer: OfferId, file: number): void {
    const key = fileKey(offer, file);
    const record = this.#records.get(offer);
    const root = record && factsOf(record, file).root;
    const incoming = this.#incoming.get(key);
    if (!record || !root || !incoming?.root) return;
    if (!equalBytes(root, incoming.root)) {
      this.#fail(offer, file, 'verification');
      return;
    }
    if (this.#closing.has(key)) return;
    this.#closing.add(key);
    this.#appendOnce(key, record.conversation, { kind: 'receipt', offer, file, root });
  }

  /** Opens the way to the receipt for files that are sent: binds each to its root as soon as all of it was hashed. */
  #bindRoots(record: OfferRecord): void {
    record.offered?.files.forEach((offered, file) => {
      if (standingOf(record, file) !== 'accepted' || factsOf(record, file).root) return;
      if (offered.size === 0) this.#bindRoot(record.offer, file);
      else if (this.#offered.has(fileKey(record.offer, file)) || this.progressOf(record.offer, file).activity.kind === 'idle') this.#bindRootIfHashed(record.offer, file, offered.size);
    });
  }

  #bindRootIfHashed(offer: OfferId, file: number, sizeBytes: number): void {
    this.#openOffered(offer, file, sizeBytes).then(
      (blob) => {
        if (blob.hashedBlocks === blockCount(sizeBytes)) this.#bindRoot(offer, file);
      },
      () => undefined, // a source that is gone is noticed, and said, when it is wanted
    );
  }

  #bindRoot(offer: OfferId, file: number): void {
    const key = fileKey(offer, file);
    const record = this.#records.get(offer);
    const sizeBytes = record?.offered?.files[file]?.size;
    if (!record || sizeBytes === undefined || factsOf(record, file).root || this.#closing.has(key)) return;
    this.#closing.add(key);
    this.#openOffered(offer, file, sizeBytes)
      .then((blob) => blob.root())
      .then(
        (root) => this.#appendOnce(key, record.conversation, { kind: 'close', offer, file, root }),
        (problem: unknown) => {
          this.#closing.delete(key);
          this.#sourceFailed(offer, file, problem);
        },
      );
  }

  #appendOnce(key: string, conversation: ConversationId, payload: OfferPayload): void {
    this.ports.append(conversation, payload).then(
      () => this.#closing.delete(key),
      (problem: unknown) => {
        this.#closing.delete(key);
        this.ports.report(problem);
      },
    );
  }

  async #find(link: Link, offer: OfferId, file: number): Promise<Found> {
    const record = this.#records.get(offer);
    const offered = record?.offered?.files[file];
    if (!record || !offered || record.account !== link.account || record.offered?.device !== this.ports.keys.id)
      return { kind: 'refused', reason: 'cancelled' };
    const standing = standingOf(record, file);
    if (standing === 'paused') return { kind: 'refused', reason: 'paused' };
    if (standing === 'failed') return { kind: 'refused', reason: factsOf(record, file).failed === 'changed' ? 'changed' : 'unavailable' };
    if (standing !== 'accepted' && standing !== 'waiting') return { kind: 'refused', reason: 'cancelled' };
    try {
      return { kind: 'blob', blob: await this.#openOffered(offer, file, offered.size) };
    } catch (problem) {
      const reason = this.#sourceFailed(offer, file, problem);
      return { kind: 'refused', reason };
    }
  }

  #openOffered(offer: OfferId, file: number, sizeBytes: number): Promise<OfferedBlob> {
    const key = fileKey(offer, file);
    let blob = this.#offered.get(key);
    if (!blob) {
      blob = this.ports.blobs.openSource(offer, file, sizeBytes).then((source) => new OfferedBlob(offer, file, source, this.ports.hashes));
      this.#offered.set(key, blob);
      blob.catch(() => this.#offered.delete(key));
    }
    return blob;
  }

  #sourceFailed(offer: OfferId, file: number, problem: unknown): StopReason {
    this.#closeOffered(offer, file);
    if (!(problem instanceof SourceError)) this.ports.report(problem);
    if (problem instanceof SourceError && problem.kind === 'changed') {
      this.#fail(offer, file, 'changed');
      return 'changed';
    }
    this.progressOf(offer, file).stopped({ kind: 'needs-file', mine: true });
    const account = this.#records.get(offer)?.account;
    if (account) this.events.changed(account);
    return 'unavailable';
  }

  #onSending(link: Link, event: SenderEvent): void {
    const { offer, file } = event;
    const progress = this.progressOf(offer, file);
    switch (event.kind) {
      case 'progress':
        progress.activity = { kind: 'running' };
        progress.moved(this.ports.clock.now(), event.movedBytes);
        this.#keepProgress(offer, file, event.doneBytes);
        break;
      case 'sent':
        progress.stopped({ kind: 'verifying' });
        this.#bindRoot(offer, file);
        break;
      case 'stopped':
        this.#sendingStopped(offer, file, event.by, event.reason);
    }
    this.events.changed(link.account);
  }

  #sendingStopped(offer: OfferId, file: number, by: 'peer' | 'me', reason: StopReason): void {
    const progress = this.progressOf(offer, file);
    if (reason === 'done') {
      progress.stopped({ kind: 'verifying' });
      this.#bindRoot(offer, file);
    } else if (by === 'peer' && (reason === 'paused' || reason === 'no-space')) progress.stopped({ kind: 'paused-there' });
    else if (by === 'me' && reason === 'changed') this.#fail(offer, file, 'changed');
    else if (by === 'me' && reason === 'unavailable') {
      this.#closeOffered(offer, file);
      progress.stopped({ kind: 'needs-file', mine: true });
    } else progress.stopped({ kind: 'idle' });
  }

  #onReceiving(link: Link, event: ReceiverEvent): void {
    if (event.kind === 'stalled') {
      this.events.broken(link, new Error('stalled'));
      return;
    }
    const { offer, file, reason } = event;
    this.#incoming.get(fileKey(offer, file))?.fetchedBy.delete(link);
    const progress = this.progressOf(offer, file);
    if (reason === 'unavailable') progress.stopped({ kind: 'needs-file', mine: false });
    else if (reason === 'paused') progress.stopped({ kind: 'paused-there' });
    else if (reason === 'changed') this.#fail(offer, file, 'changed');
    else {
      progress.stopped({ kind: 'idle' });
      if (reason === 'busy') this.ports.clock.after(busyRetryMs, () => this.#pump(link));
    }
    this.#pump(link);
    this.events.changed(link.account);
  }

  /** Shown only after it is written down, so that a reload never shows less. */
  #keepProgress(offer: OfferId, file: number, doneBytes: number): void {
    const key = fileKey(offer, file);
    const record = this.#records.get(offer);
    const now = this.ports.clock.now();
    if (!record || now - (this.#keptAt.get(key) ?? 0) < keepProgressMs || doneBytes <= (factsOf(record, file).doneBytes ?? -1)) return;
    this.#keptAt.set(key, now);
    this.#keepFacts(record, file, { doneBytes }).then(
      () => {
        const progress = this.progressOf(offer, file);
        progress.doneBytes = Math.max(progress.doneBytes, doneBytes);
        this.events.changed(record.account);
      },
      (problem: unknown) => this.ports.report(problem),
    );
  }

  #fail(offer: OfferId, file: number, reason: FailureReason): void {
    const record = this.#records.get(offer);
    if (!record) return;
    void this.#stopStreams(record, file, reason === 'no-space' ? 'no-space' : 'cancelled');
    this.#keepFacts(record, file, { failed: reason }).catch((problem: unknown) => this.ports.report(problem));
    this.events.changed(record.account);
  }

  /** Ended for good: lets go of what is open and of copies that nobody needs. */
  #finish(record: OfferRecord, file: number, standing: 'cancelled' | 'declined' | 'done'): void {
    const key = fileKey(record.offer, file);
    const open = this.#incoming.has(key) || this.#offered.has(key);
    const closed = open ? this.#stopStreams(record, file, standing === 'done' ? 'done' : 'cancelled') : Promise.resolve();
    const progress = this.progressOf(record.offer, file);
    if (progress.activity.kind !== 'idle') progress.stopped({ kind: 'idle' });
    if (standing === 'done') progress.doneBytes = record.offered?.files[file]?.size ?? progress.doneBytes;
    const kept = standing === 'done' && !record.offered?.mine;
    if (kept || factsOf(record, file).cleared) return;
    if (this.#clearing.has(key)) return;
    this.#clearing.add(key);
    closed
      .then(() => this.ports.blobs.remove(record.offer, file))
      .then(() => this.#keepFacts(record, file, { cleared: true }))
      .catch((problem: unknown) => this.ports.report(problem));
  }

  /** Stops whatever runs of a file at once; resolves when nothing of it is open any more. Never rejects. */
  #stopStreams(record: OfferRecord, file: number, reason: StopReason): Promise<void> {
    const key = fileKey(record.offer, file);
    const incoming = this.#incoming.get(key);
    this.#incoming.delete(key);
    for (const transfers of this.#links.values()) transfers.sender.stop(record.offer, file, reason);
    this.#closeOffered(record.offer, file);
    this.progressOf(record.offer, file).stopped({ kind: 'idle' });
    if (!incoming) return this.#closed.get(key) ?? Promise.resolve();
    const closed = this.#closeIncoming(incoming.blob, reason).finally(() => {
      if (this.#closed.get(key) === closed) this.#closed.delete(key);
    });
    this.#closed.set(key, closed);
    return closed;
  }

  async #closeIncoming(opening: Promise<IncomingBlob>, reason: StopReason): Promise<void> {
    const links = [...this.#links.values()];
    try {
      const blob = await opening;
      for (const { receiver } of links) receiver.stop(blob, reason);
      await blob.close();
    } catch (problem) {
      if (!(problem instanceof SinkError)) this.ports.report(problem); // that it could not be opened was said where it was
    }
  }

  #closeOffered(offer: OfferId, file: number): void {
    const key = fileKey(offer, file);
    const blob = this.#offered.get(key);
    this.#offered.delete(key);
    blob?.then(
      (open) => open.close(),
      () => undefined, // it never opened
    );
  }

  /** Forgets what the other side, or a missing file, held back. */
  #quiet(offer: OfferId, file: number): void {
    const progress = this.progressOf(offer, file);
    if (progress.activity.kind === 'needs-file' || progress.activity.kind === 'paused-there') progress.stopped({ kind: 'idle' });
  }

  /** Files of an offer that this device accepted and has not got. */
  #filesToFetch(record: OfferRecord): number[] {
    if (!record.offered || record.offered.mine || record.answer.kind !== 'accepted' || record.answer.by !== this.ports.keys.id) return [];
    return record.offered.files.flatMap((_, file) => (standingOf(record, file) === 'accepted' ? [file] : []));
  }

  /** Adds facts to whatever the record is by now. */
  async #keepFacts(record: OfferRecord, file: number, facts: FileFacts): Promise<void> {
    await this.#keep(withFileFacts(this.#records.get(record.offer) ?? record, file, facts));
  }

  /** In memory at once, so that the next fact builds on it; what is durable follows in order. */
  async #keep(record: OfferRecord): Promise<void> {
    this.#records.set(record.offer, record);
    this.events.changed(record.account);
    await this.ports.records.put(record.offer, record);
  }
}
