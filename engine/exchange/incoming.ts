/**
 * Files that this device accepted: opened a few at a time (`queue.ts`), fetched over whatever link leads to the device that has them, or to
 * several that do (`sharing.ts`), and acknowledged by the receipt when every block is committed and the root is the one that the sender bound
 * the file to (invariants 1 and 2). A file that several fetch stays open for the others for a while.
 */
import { equalBytes, fromBase64, type Bytes } from '../../protocol/bytes.ts';
import type { ChatId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import type { Blobs } from '../blobs.ts';
import type { Link } from '../links/link.ts';
import { SinkError, type Clock, type DeviceKeys, type Hashes } from '../ports.ts';
import { IncomingBlob } from '../transfer/incoming-blob.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import type { IncomingEvent, StopReason } from '../transfer/transfer-events.ts';
import { isOther } from './agreement.ts';
import { isShared } from './copies.ts';
import type { LastWords } from './last-words.ts';
import type { Ranges } from '../transfer/blocks.ts';
import { manifestBlocks } from './choice.ts';
import {
  acceptedBlocks,
  acceptedBytes,
  factsOf,
  fileKey,
  standingOf,
  type FailureReason,
  type OfferRecord,
} from './offer.ts';
import type { Offers } from './offers.ts';
import type { ProgressBook } from './progress.ts';
import type { Stalls } from './stalls.ts';
import type { Queued } from './queue.ts';
import type { Sharing } from './sharing.ts';
import type { TransferQueue } from './transfer-queue.ts';

export interface IncomingPorts {
  clock: Clock;
  hashes: Hashes;
  keys: DeviceKeys;
  blobs: Blobs;
  offers: Offers;
  progress: ProgressBook;
  lastWords: LastWords;
  stalls: Stalls;
  queue: TransferQueue;
  links: ReadonlyMap<Link, LinkTransfers>;
  /** Whether files between two people go over the link. */
  isDirect(link: Link): boolean;
  sharing: Sharing;
  signKeyOf(conversation: ConversationId, device: DeviceId): string | undefined;
  /** Ends the file here: for good, or until there is room. */
  fail(offer: OfferId, file: number, reason: FailureReason | 'no-space'): void;
  act(offer: OfferId): void;
  changed(account: ChatId): void;
  report(problem: unknown): void;
}

/** How long a sender that was busy is left alone, unless it says that the turn of a file has come. */
const busyRetryMs = 1000;
/** The same for a file that was refused for another reason. */
const refusedRetryMs = 10_000;
/** The same for a sender that was too slow: each time twice as long. */
const slowRetryMs = 30_000;
const slowRetryMaxMs = 600_000;

/** Until its person lets it go on. */
const stopped = (record: OfferRecord, file: number): boolean => ['paused', 'failed'].includes(standingOf(record, file));

/** A file of several sources that nothing comes of for so long leaves its place to the next one in line. */
const quietMs = 10_000;
/** A copy that nobody asked for is closed: a browser opens only so many files. */
const copyIdleMs = 30_000;
/**
 * Copies open at a time: each costs a browser three open files. One more takes the place of one that nobody asked for in the last seconds; when
 * there is none, whoever asks is told that it is not to be had now.
 */
const copiesMax = 32;
const copyInUseMs = 5000;

/** A file that could be fetched now; `from` where one link leads to it, and absent where several may. */
interface Download extends Queued {
  from?: { link: Link; transfers: LinkTransfers };
  record: OfferRecord;
}

interface Opened {
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

export class Incoming {
  readonly #open = new Map<string, Opened>();
  /** Files that are being closed: two sinks of one file must never be open. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #resting = new Map<Link, Map<string, () => void>>();
  /** Bundles whose manifest is asked for before they are answered. */
  readonly #manifests = new Set<string>();
  /** Blocks that were had when a file was closed. */
  readonly #have = new Map<string, Ranges>();
  /** How often the sender of a file was too slow. */
  readonly #slowTimes = new Map<string, number>();
  /** Senders that have no place free, until they are asked again, and the files that they called meanwhile. */
  readonly #busy = new Map<Link, { called: Set<string>; cancel: () => void }>();
  /** Copies that are being opened for others. */
  readonly #copies = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(private readonly ports: IncomingPorts) {}

  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  /** Resolves when nothing of the file is being closed. */
  async closed(key: string): Promise<void> {
    await this.#closing.get(key);
  }

  /** Files of an offer that this device accepted and has not got, and bundles whose manifest it asked for. */
  filesToFetch(record: OfferRecord): number[] {
    const { offered, answer } = record;
    const own = answer.kind === 'accepted' && answer.by === this.ports.keys.id;
    return [...(offered?.files.keys() ?? [])].filter((file) => {
      const standing = standingOf(record, file);
      const again = factsOf(record, file).again === true;
      if (offered?.mine && !again) return false;
      if (standing === 'waiting') return this.#manifests.has(fileKey(record.offer, file));
      return standing === 'accepted' && (own || again);
    });
  }

  /** Asks for the manifest of a bundle that is not answered yet, to choose from it. */
  fetchManifest(record: OfferRecord, file: number): void {
    const key = fileKey(record.offer, file);
    if (standingOf(record, file) !== 'waiting' || this.#manifests.has(key)) return;
    if (!record.offered?.files[file]?.bundle || record.offered.mine) return;
    this.#manifests.add(key);
    this.#openBlob(record, file);
  }

  /** The offer was answered: what was opened for its manifest alone is closed. */
  answered({ offer }: OfferRecord, file: number): void {
    const key = fileKey(offer, file);
    this.#manifests.delete(key);
    if (this.#open.get(key)?.manifestOnly) void this.stop(offer, file, 'paused');
  }

  /** Blocks of a file that are had, verified and durable, as far as it was opened since the start. */
  haveRanges(offer: OfferId, file: number): Ranges {
    const key = fileKey(offer, file);
    return this.#open.get(key)?.ready?.haveRanges ?? this.#have.get(key) ?? [];
  }

  /** Whether the manifest of a bundle is being asked for before the answer. */
  fetchingManifest(offer: OfferId, file: number): boolean {
    return this.#manifests.has(fileKey(offer, file));
  }

  /** Nothing is kept of a file that ended without being received. */
  forget(key: string): void {
    this.#have.delete(key);
    this.#manifests.delete(key);
  }

  /** Looks up what there is of files that were begun, so that what is shown after a reload is what is there. */
  lookUp(record: OfferRecord): void {
    const { offered, answer } = record;
    for (const file of this.filesToFetch(record))
      if (factsOf(record, file).doneBytes !== undefined) this.#openBlob(record, file);
    if (offered?.mine !== false || answer.kind !== 'accepted' || answer.by !== this.ports.keys.id) return;
    // Of a bundle that does not go on by itself it is shown which files are whole.
    for (const [file, { bundle }] of offered.files.entries())
      if (bundle && stopped(record, file) && factsOf(record, file).doneBytes !== undefined)
        this.#lookInto(record, file);
  }

  #lookInto(record: OfferRecord, file: number): void {
    const { offer, account } = record;
    this.#openBlob(record, file).blob.then(
      () => {
        const now = this.ports.offers.get(offer);
        if (!now || !stopped(now, file)) return; // it goes on
        return this.stop(offer, file, 'paused').then(() => this.ports.changed(account));
      },
      () => undefined, // the failure was taken up where it was opened
    );
  }

  /** Fetches what this device accepted from whoever is connected, a few files at a time, in the order of the line. */
  pump(): void {
    if (this.#stopped) return;
    this.#fetchManifests();
    const running = this.#running();
    if (running.length >= this.ports.queue.atOnce) return;
    const called = ({ from, key }: Download) => !from || (this.#busy.get(from.link)?.called.has(key) ?? true);
    const line = this.line().filter(called);
    for (;;) {
      const next = this.ports.queue.next(line, running);
      if (!next) return;
      line.splice(line.indexOf(next), 1);
      running.push(next);
      if (next.from) {
        this.#busy.get(next.from.link)?.called.delete(next.key);
        this.#fetch(next.from.link, next.from.transfers, next.record, next.file);
      } else this.#share(next.record, next.file);
    }
  }

  /** Files that are not fetched though their sender is connected, in order. */
  line(): Download[] {
    const all: Download[] = [];
    for (const { link, transfers, record, file } of this.#fetchable()) {
      if (standingOf(record, file) === 'waiting' || this.#isHeld(record, file)) continue;
      all.push({ from: { link, transfers }, record, ...this.#queued(record, file) });
    }
    for (const { record, file } of this.#sharable())
      if (standingOf(record, file) === 'accepted') all.push({ record, ...this.#queued(record, file) });
    return this.ports.queue.inOrder(all);
  }

  /** Somebody waits for them, and they are small: they stand in no line. */
  #fetchManifests(): void {
    for (const { link, transfers, record, file } of this.#fetchable())
      if (standingOf(record, file) === 'waiting' && !this.#isHeld(record, file))
        this.#fetch(link, transfers, record, file);
    for (const { record, file } of this.#sharable())
      if (standingOf(record, file) === 'waiting') this.#share(record, file);
  }

  /** Files of several sources that are not open for them, of which somebody who may have them is linked. */
  #sharable(): { record: OfferRecord; file: number }[] {
    return this.ports.offers.shared().flatMap((record) => {
      const files = this.filesToFetch(record).filter(
        (file) =>
          isShared(record, file) && !this.#open.get(fileKey(record.offer, file))?.shared && !this.#isHeld(record, file),
      );
      return files.length > 0 && this.ports.sharing.reaches(record) ? files.map((file) => ({ record, file })) : [];
    });
  }

  /** Whether it is no use to ask for the file now: whatever holds it back says when that is over. */
  #isHeld(record: OfferRecord, file: number): boolean {
    const { kind } = this.ports.progress.of(record.offer, file).activity;
    return ['needs-file', 'paused-there', 'no-space', 'verifying'].includes(kind);
  }

  /** What is neither fetched nor left alone for a while, of those who are connected. */
  #fetchable(): { link: Link; transfers: LinkTransfers; record: OfferRecord; file: number }[] {
    return [...this.ports.links].flatMap(([link, transfers]) => {
      if (!this.ports.isDirect(link)) return [];
      const resting = this.#resting.get(link);
      const records = this.ports.offers
        .ofAccount(link.account)
        .filter(({ offered }) => offered?.device === link.device);
      return records.flatMap((record) =>
        this.filesToFetch(record)
          .filter((file) => {
            const key = fileKey(record.offer, file);
            return !isShared(record, file) && !resting?.has(key) && !this.#open.get(key)?.fetchedBy.has(link);
          })
          .map((file) => ({ link, transfers, record, file })),
      );
    });
  }

  /** Whether a file of this sender would have to wait for its turn, here or there. */
  full(link: Link): boolean {
    return this.#busy.has(link) || this.#running().length >= this.ports.queue.atOnce;
  }

  /** The sender ended a stream. Asking again at once would go round in circles. */
  refused(link: Link, offer: OfferId, file: number, reason: StopReason): void {
    const incoming = this.#open.get(fileKey(offer, file));
    if (incoming?.shared) return; // its other sources go on
    incoming?.fetchedBy.delete(link);
    if (incoming) incoming.turnedAway = reason === 'busy';
    const progress = this.ports.progress.of(offer, file);
    if (reason === 'unavailable') progress.stopped({ kind: 'needs-file', mine: false });
    else if (reason === 'paused') progress.stopped({ kind: 'paused-there', reason });
    else if (reason === 'changed' && incoming) this.#failed(incoming, offer, file, 'changed');
    else if (reason === 'too-slow') {
      const key = fileKey(offer, file);
      const times = this.#slowTimes.get(key) ?? 0;
      this.#slowTimes.set(key, times + 1);
      progress.stopped({ kind: 'too-slow' });
      this.#rest(link, key, Math.min(slowRetryMaxMs, slowRetryMs * 2 ** times));
    } else {
      progress.stopped({ kind: 'idle' });
      if (reason === 'busy') this.#leaveAlone(link);
      else this.#rest(link, fileKey(offer, file), refusedRetryMs);
    }
    this.pump();
  }

  /** The sender says that it can serve a file again, or that its turn has come. */
  available(link: Link, offer: OfferId, file: number): boolean {
    const resting = this.#resting.get(link);
    const key = fileKey(offer, file);
    const rested = resting?.get(key);
    rested?.();
    resting?.delete(key);
    const busy = this.#busy.get(link);
    busy?.called.add(key);
    return rested !== undefined || busy !== undefined;
  }

  linkClosed(link: Link): void {
    for (const { fetchedBy } of this.#open.values()) fetchedBy.delete(link);
    for (const cancel of this.#resting.get(link)?.values() ?? []) cancel();
    this.#resting.delete(link);
    this.#busy.get(link)?.cancel();
    this.#busy.delete(link);
  }

  /** Both roots are there: the receipt can be written, or the file is not what its sender says. */
  settle(record: OfferRecord, file: number): void {
    const { offer, conversation } = record;
    const { root } = factsOf(record, file);
    const incoming = this.#open.get(fileKey(offer, file));
    const got = incoming?.root;
    if (!got || incoming.manifestOnly || standingOf(record, file) !== 'accepted') return;
    // In a group the leaves that the offering device signed are enough: it need not be there any more.
    if (!root && !record.group) return;
    if (root && !record.group && !equalBytes(root, got)) this.ports.fail(offer, file, 'verification');
    else if (isOther(record, file, got)) this.ports.fail(offer, file, 'differs');
    else
      this.ports.lastWords.say(
        fileKey(offer, file),
        conversation,
        () => Promise.resolve({ kind: 'receipt', offer, file, root: got }),
        () => this.ports.act(offer),
      );
  }

  /** Stops fetching at once; resolves when the file is closed. Never rejects. */
  stop(offer: OfferId, file: number, reason: StopReason): Promise<void> {
    const key = fileKey(offer, file);
    const incoming = this.#open.get(key);
    if (!incoming) return this.closed(key);
    this.#open.delete(key);
    this.ports.sharing.end(key, reason);
    if (incoming.ready) this.#have.set(key, incoming.ready.haveRanges);
    const closing = this.#close(incoming.blob, reason).finally(() => {
      if (this.#closing.get(key) === closing) this.#closing.delete(key);
    });
    this.#closing.set(key, closing);
    return closing;
  }

  async stopAll(): Promise<void> {
    this.#stopped = true;
    for (const link of [...this.#resting.keys(), ...this.#busy.keys()]) this.linkClosed(link);
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all([...open.map(({ blob }) => this.#close(blob, 'paused')), ...this.#closing.values()]);
  }

  /** A file that is whole now goes on to others, if it is one that several fetch. @returns whether it stays open for that. */
  keepOpen(key: string): boolean {
    const incoming = this.#open.get(key);
    if (!incoming?.shared || (!incoming.copy && !this.#roomForCopy())) return false;
    incoming.copy = true;
    return true;
  }

  #roomForCopy(): boolean {
    const copies = [...this.#open.values()].filter(({ copy }) => copy);
    if (copies.length < copiesMax) return true;
    const quietest = copies
      .map(({ offer, file }) => ({ offer, file, quietMs: this.ports.sharing.quietMs(fileKey(offer, file)) ?? 0 }))
      .reduce((one, other) => (other.quietMs > one.quietMs ? other : one));
    if (quietest.quietMs < copyInUseMs) return false;
    void this.stop(quietest.offer, quietest.file, 'done');
    return true;
  }

  /** Opens a file that is here whole, for others who lack it. One that came over a single link lacks what they need to trust it. */
  openCopy(record: OfferRecord, file: number): Promise<void> {
    const key = fileKey(record.offer, file);
    const under = this.#copies.get(key);
    if (under) return under;
    if (this.#stopped || this.#open.has(key) || !this.#roomForCopy()) return Promise.resolve();
    const opening = this.#openCopy(record, file).finally(() => this.#copies.delete(key));
    this.#copies.set(key, opening);
    return opening;
  }

  async #openCopy(record: OfferRecord, file: number): Promise<void> {
    const key = fileKey(record.offer, file);
    const incoming = this.#openBlob(record, file);
    incoming.copy = true;
    incoming.shared = true;
    try {
      const blob = await incoming.blob;
      const [first] = acceptedBlocks(record, file);
      const provable = first === undefined || (await blob.sink.signedLeaves(first[0])) !== undefined;
      if (this.#open.get(key) !== incoming) return;
      if (provable) this.ports.sharing.begin(record, file, blob);
      else await this.stop(record.offer, file, 'unavailable');
    } catch (problem) {
      if (!(problem instanceof SinkError)) throw problem;
      this.ports.report(problem);
      await this.stop(record.offer, file, 'unavailable');
    }
  }

  /** Nothing of a file that several fetch came or went for so long. */
  quiet(offer: OfferId, file: number, forMs: number): void {
    const record = this.ports.offers.get(offer);
    const incoming = this.#open.get(fileKey(offer, file));
    if (!record || !incoming) return;
    if (incoming.copy) {
      if (forMs >= copyIdleMs) void this.stop(offer, file, 'done');
      return;
    }
    const progress = this.ports.progress.of(offer, file);
    if (forMs < quietMs || progress.activity.kind !== 'running') return;
    progress.stopped({ kind: 'idle' });
    this.pump();
    this.ports.changed(record.account);
  }

  #share(record: OfferRecord, file: number): void {
    const { offer, account } = record;
    const incoming = this.#openBlob(record, file);
    incoming.shared = true;
    incoming.blob.then(
      (blob) => {
        if (this.#open.get(fileKey(offer, file)) !== incoming || blob.state.kind !== 'running') return;
        // Whether anybody who is linked has any of it shows when something comes.
        this.ports.sharing.begin(record, file, blob);
        this.ports.changed(account);
      },
      () => undefined, // the failure was taken up where it was opened
    );
  }

  #fetch(link: Link, transfers: LinkTransfers, record: OfferRecord, file: number): void {
    const { offer, account } = record;
    const incoming = this.#openBlob(record, file);
    incoming.fetchedBy.add(link);
    incoming.blob.then(
      (blob) => {
        // Stopped, or the link closed, while it opened.
        if (this.#open.get(fileKey(offer, file)) !== incoming || !incoming.fetchedBy.has(link)) return;
        if (incoming.root && !incoming.manifestOnly && standingOf(record, file) === 'accepted') {
          // All of it came before the link was cut; its sender has still to bind it to its root.
          this.ports.progress.of(offer, file).stopped({ kind: 'verifying' });
          this.ports.changed(account);
        }
        if (blob.state.kind !== 'running') return;
        if (!incoming.manifestOnly) {
          if (!incoming.turnedAway) this.ports.progress.of(offer, file).begun();
          this.ports.stalls.moved(account);
        }
        transfers.receiver.fetch(blob);
        this.ports.changed(account);
      },
      () => undefined, // the failure was taken up where it was opened
    );
  }

  #openBlob(record: OfferRecord, file: number): Opened {
    const { offer } = record;
    const key = fileKey(offer, file);
    const there = this.#open.get(key);
    if (there) return there;
    // One that was stopped, for instance to begin anew, has no more to say.
    const report = (event: IncomingEvent) => {
      if (this.#open.get(key) === incoming) this.#onEvent(incoming, offer, file, event);
    };
    const incoming: Opened = {
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
    this.#open.set(key, incoming);
    incoming.blob.then(
      (blob) => {
        if (this.#open.get(key) !== incoming) return;
        incoming.ready = blob;
        blob.start();
      },
      (problem: unknown) => {
        if (!(problem instanceof SinkError)) this.ports.report(problem);
        if (this.#open.get(key) !== incoming) return;
        this.#open.delete(key);
        this.#failed(incoming, offer, file, problem instanceof SinkError ? problem.kind : 'storage');
      },
    );
    return incoming;
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

  #onEvent(incoming: Opened, offer: OfferId, file: number, event: IncomingEvent): void {
    const record = this.ports.offers.get(offer);
    if (!record) return;
    const progress = this.ports.progress.of(offer, file);
    if (incoming.manifestOnly && event.kind === 'progress') return;
    if (incoming.copy) {
      if (event.kind === 'failed') void this.stop(offer, file, 'unavailable');
      return;
    }
    switch (event.kind) {
      case 'progress':
        if (incoming.turnedAway && incoming.fetchedBy.size > 0) {
          incoming.turnedAway = false;
          progress.begun();
        }
        if (incoming.shared && event.movedBytes > incoming.movedBytes) {
          this.ports.sharing.moved(fileKey(offer, file));
          if (progress.activity.kind === 'idle') progress.begun();
        }
        incoming.movedBytes = event.movedBytes;
        progress.doneBytes = event.doneBytes;
        progress.moved(this.ports.clock.now(), event.movedBytes);
        this.ports.stalls.moved(record.account);
        break;
      case 'bad-block':
        this.ports.report(new Error(`block ${event.block} did not have its hash`));
        break;
      case 'failed':
        this.#failed(incoming, offer, file, event.reason);
        return;
      case 'complete':
        incoming.root = event.root;
        if (incoming.manifestOnly) {
          this.answered(record, file);
          break;
        }
        this.#slowTimes.delete(fileKey(offer, file));
        // Cut off from its sender, nobody is there whose word could be awaited.
        progress.stopped({ kind: incoming.shared || incoming.fetchedBy.size > 0 ? 'verifying' : 'idle' });
        this.settle(record, file);
        this.pump();
        break;
    }
    this.ports.changed(record.account);
  }

  /** A manifest that cannot be had is no failure of the file: it may be asked for again, or the bundle accepted as a whole. */
  #failed(incoming: Opened, offer: OfferId, file: number, reason: FailureReason | 'no-space'): void {
    if (incoming.copy) return; // nothing of what its person has is worse for it
    if (!incoming.manifestOnly) {
      this.ports.fail(offer, file, reason);
      return;
    }
    const record = this.ports.offers.get(offer);
    if (!record) return;
    this.answered(record, file);
    this.ports.changed(record.account);
  }

  #rest(link: Link, key: string, delayMs: number): void {
    if (!this.ports.links.has(link)) return;
    const resting = this.#resting.get(link) ?? new Map<string, () => void>();
    this.#resting.set(link, resting);
    resting.get(key)?.();
    resting.set(
      key,
      this.ports.clock.after(delayMs, () => {
        resting.delete(key);
        this.pump();
      }),
    );
  }

  #leaveAlone(link: Link): void {
    if (!this.ports.links.has(link)) return;
    const before = this.#busy.get(link);
    before?.cancel();
    const cancel = this.ports.clock.after(busyRetryMs, () => {
      this.#busy.delete(link);
      this.pump();
    });
    this.#busy.set(link, { called: before?.called ?? new Set(), cancel });
  }

  #running(): Queued[] {
    const moves = ({ offer, file, shared, fetchedBy }: Opened) =>
      shared ? (this.ports.sharing.quietMs(fileKey(offer, file)) ?? 0) < quietMs : fetchedBy.size > 0;
    const fetched = [...this.#open.values()].filter(
      (opened) => !opened.root && !opened.manifestOnly && !opened.copy && moves(opened),
    );
    return fetched.flatMap(({ offer, file }) => {
      const record = this.ports.offers.get(offer);
      return record ? this.#queued(record, file) : [];
    });
  }

  #queued(record: OfferRecord, file: number): Queued {
    const { offer, offered } = record;
    const leftBytes = acceptedBytes(record, file) - this.ports.progress.of(offer, file).doneBytes;
    return { key: fileKey(offer, file), at: offered?.at ?? 0, file, leftBytes };
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
