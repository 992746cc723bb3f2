/** What a person does with bundles: offer one, choose of one, look into one, save it. Loaded with the first bundle. */
import type { Causeway } from '../../../engine/causeway.ts';
import { isHere } from '../../../engine/exchange/copies.ts';
import { acceptedBlocks, acceptedBytes, fileKey, standingOf } from '../../../engine/exchange/offer.ts';
import { rangesBytes, type Ranges } from '../../../engine/transfer/blocks.ts';
import { RankedBlocks } from '../../../engine/transfer/ranked-blocks.ts';
import type { OfferedFile } from '../../../protocol/entry.ts';
import type { AccountId, OfferId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { fileName } from '../../../protocol/names.ts';
import { covers, storedAt } from '../bundle/bundle-blocks.ts';
import { BundleFiles, rangesOf } from '../bundle/bundle-files.ts';
import { BundleTree } from '../bundle/bundle-tree.ts';
import type { Gathered } from '../bundle/gather.ts';
import { keyOf, type BlobStore } from '../platform/blob-store.ts';
import type { DeviceBlobs } from '../platform/device-blobs.ts';
import { pickFile, pickFolder, writeFile, writeTree, type Writing } from '../platform/save-as.ts';
import { saveAs } from '../platform/save.ts';
import type { BundleState, Saving } from './bundle-state.ts';
import type { KeptFiles } from './kept-files.ts';
import { roomFor } from './room-for.ts';
import type { ActionResult, BundleActions, ChosenFile } from './actions.ts';

export interface BundlesPorts {
  engine: Causeway;
  store: BlobStore;
  blobs: DeviceBlobs;
  kept: KeptFiles;
  state: BundleState;
  /** Calls `run` whenever something changed, until the function that comes back is called. */
  listen(run: () => void): () => void;
  report: (problem: unknown) => void;
}

interface Described extends Omit<OfferedFile, 'thumbnail' | 'bundle'> {
  bundle: NonNullable<OfferedFile['bundle']>;
}

/** Trees that are kept: the ones that were looked at last. */
const keptTrees = 4;
/** A ZIP has about this much beside the bytes of each file: two headers with its path. */
const zipBytesPerFile = 400;
const tellEveryMs = 200;
const ok: ActionResult = { ok: true };

export class Bundles implements BundleActions {
  readonly #files = new Map<string, BundleFiles>();
  readonly #stops = new Map<string, AbortController>();
  /** ZIPs that downloads may still read. */
  readonly #zips = new Set<File>();

  constructor(private readonly ports: BundlesPorts) {}

  async offer(account: AccountId, gathered: Gathered): Promise<ActionResult> {
    const { engine, blobs } = this.ports;
    const offer = engine.newOfferId();
    const manifestBytes = await blobs.attachBundle(offer, 0, gathered);
    if (manifestBytes === undefined) return { ok: false, error: { code: 'too-many-files' } };
    const { name, fileCount, folderCount, contentBytes } = gathered;
    const outcome = await engine.offer(account, offer, [
      {
        name: name.slice(0, limits.fileNameUnits),
        size: manifestBytes + contentBytes,
        type: '',
        bundle: { manifestBytes, files: fileCount, folders: folderCount },
      },
    ]);
    if (!outcome.ok) await blobs.forget(offer, 0);
    return outcome;
  }

  async provide(offer: OfferId, file: number, again: Gathered): Promise<ActionResult> {
    const { engine, blobs, state } = this.ports;
    const offered = this.#offered(offer, file);
    if (!offered) return ok;
    const { size: sizeBytes, bundle } = offered;
    const problem = await blobs.provideBundle(offer, file, { manifestBytes: bundle.manifestBytes, sizeBytes }, again);
    state.setSaving(fileKey(offer, file), undefined); // shown anew, the problem with it
    if (!problem) engine.transfers.provided(offer, file);
    return ok;
  }

  async files(
    offer: OfferId,
    file: number,
    waiting: { signal: AbortSignal; onprogress: (part: number) => void },
  ): Promise<BundleFiles | 'bad' | 'absent'> {
    const { store, state } = this.ports;
    const key = fileKey(offer, file);
    const known = this.#files.get(key);
    if (known) return known;
    const offered = this.#offered(offer, file);
    const mine = this.ports.engine.transfers.get(offer)?.offered?.mine ?? false;
    if (!offered || (!mine && !(await this.#manifestHere(offer, file, offered, waiting)))) return 'absent';
    const columns = await store.tree(this.#onDisk(offer, file, offered, mine ? 'manifests' : 'blobs'));
    if (columns === 'bad') state.setBad(key);
    if (typeof columns === 'string') return columns;
    const files = new BundleFiles(new BundleTree(columns), state.choice(key));
    this.#keep(key, files);
    return files;
  }

  async acceptSome(offer: OfferId, chosen: readonly ChosenFile[]): Promise<ActionResult> {
    const { engine, state, blobs } = this.ports;
    const record = engine.transfers.get(offer);
    if (record?.group) {
      const bytesOf = ({ file, part }: ChosenFile) => {
        const sizeBytes = record.offered?.files[file]?.size ?? 0;
        return part ? rangesBytes(sizeBytes, part.blocks) : sizeBytes;
      };
      const room = await roomFor(
        engine,
        blobs,
        chosen.reduce((sum, one) => sum + bytesOf(one), 0),
      );
      if (!room.ok) return room;
    }
    for (const { file, part } of chosen) {
      if (!part) continue;
      await state.keepChoice(fileKey(offer, file), part.entries);
      this.#files.delete(fileKey(offer, file));
    }
    return engine.answerOffer(
      offer,
      'accepted',
      chosen.map(({ file, part }) => ({
        file,
        ...(part ? { blocks: part.blocks.map(([first, end]): [number, number] => [first, end]) } : {}),
      })),
    );
  }

  /** Fetches all of it; what was chosen before does not count any more. */
  async download(offer: OfferId, file: number): Promise<ActionResult> {
    const { engine, state } = this.ports;
    const record = engine.transfers.get(offer);
    // Fetched again it is what was accepted then.
    if (record?.group && standingOf(record, file) === 'waiting') {
      await state.dropChoice(fileKey(offer, file));
      this.#files.delete(fileKey(offer, file));
    }
    return engine.download(offer, file);
  }

  async saveZip(offer: OfferId, file: number): Promise<ActionResult> {
    const { engine, store, state } = this.ports;
    const record = engine.transfers.get(offer);
    const offered = this.#offered(offer, file);
    if (!record || !offered) return { ok: false, error: { code: 'storage' } };
    const totalBytes = acceptedBytes(record, file);
    const neededBytes = totalBytes + offered.bundle.files * zipBytesPerFile;
    let freeBytes = await store.freeBytes();
    if (freeBytes < neededBytes && (await this.#removeZips())) freeBytes = await store.freeBytes();
    if (freeBytes < neededBytes) return { ok: false, error: { code: 'no-space-for-zip', neededBytes, freeBytes } };
    const whole = standingOf(record, file) === 'done';
    const files = whole ? undefined : await this.#filesHere(offer, file);
    if (typeof files === 'string') return { ok: false, error: { code: 'storage' } };
    const entries = files
      ? rangesOf(this.#leavesHere(offer, file, files).map((node) => files.tree.entry(node)))
      : state.choice(fileKey(offer, file));
    const what = {
      bundle: this.#onDisk(offer, file, offered, 'blobs'),
      blocks: acceptedBlocks(record, file),
      ...(entries ? { entries } : {}),
    };
    return this.#whileSaving(offer, file, { kind: 'zip', doneBytes: 0, totalBytes }, async ({ signal, told }) => {
      const zip = await store.zip(what, { signal, onprogress: told });
      if (!zip) return;
      this.#zips.add(zip);
      saveAs(zip, fileName(`${offered.name}.zip`), () => {
        this.#removeZip(zip).catch(this.ports.report);
      });
    });
  }

  /** A ZIP is a second copy of all that is in it. */
  async #removeZip(zip: File): Promise<void> {
    if (this.#zips.delete(zip)) await this.ports.store.removeZip(zip);
  }

  /** There is no room for another one: downloads that have not read theirs by now are begun again by who wants them. @returns whether there were any. */
  async #removeZips(): Promise<boolean> {
    const zips = [...this.#zips];
    await Promise.all(zips.map((zip) => this.#removeZip(zip)));
    return zips.length > 0;
  }

  async saveEntry(offer: OfferId, file: number, node: number): Promise<ActionResult> {
    const files = this.#files.get(fileKey(offer, file));
    if (!files) return { ok: false, error: { code: 'storage' } };
    const bytes = this.#bytesOf(offer, file, files.tree, await this.ports.kept.open(offer, file))(node);
    if (!bytes) return { ok: false, error: { code: 'storage' } };
    saveAs(bytes, files.tree.name(node));
    return ok;
  }

  async saveAs(offer: OfferId, file: number): Promise<ActionResult> {
    const { engine, kept } = this.ports;
    const record = engine.transfers.get(offer);
    const described = record?.offered?.files[file];
    if (!record || !described) return { ok: false, error: { code: 'storage' } };
    const totalBytes = acceptedBytes(record, file);
    try {
      if (!described.bundle) {
        const target = await pickFile(fileName(described.name));
        if (!target) return ok;
        const bytes = await kept.open(offer, file);
        return await this.#whileSaving(offer, file, { kind: 'file', doneBytes: 0, totalBytes }, ({ writing }) =>
          writeFile(target, bytes, writing),
        );
      }
      const into = await pickFolder();
      if (!into) return ok;
      const files = await this.#filesHere(offer, file);
      if (typeof files === 'string') return { ok: false, error: { code: 'storage' } };
      const { tree } = files;
      const leaves = this.#leavesHere(offer, file, files);
      const bytesOf = this.#bytesOf(offer, file, tree, await kept.open(offer, file));
      return await this.#whileSaving(offer, file, { kind: 'folder', doneBytes: 0, totalBytes }, ({ writing }) =>
        writeTree(into, tree, leaves, bytesOf, writing),
      );
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return { ok: false, error: { code: error.name === 'QuotaExceededError' ? 'no-space' : 'not-saved' } };
    }
  }

  stopSaving(offer: OfferId, file: number): Promise<void> {
    this.#stops.get(fileKey(offer, file))?.abort();
    return Promise.resolve();
  }

  /** One saving of a file at a time; its progress is on the card. Stopped by the person it is no failure. */
  async #whileSaving(
    offer: OfferId,
    file: number,
    begun: Saving,
    save: (how: { signal: AbortSignal; told: (doneBytes: number) => void; writing: Writing }) => Promise<void>,
  ): Promise<ActionResult> {
    const { state } = this.ports;
    const key = fileKey(offer, file);
    if (this.#stops.has(key)) return ok;
    const stop = new AbortController();
    this.#stops.set(key, stop);
    state.setSaving(key, begun);
    let moved = 0;
    let toldAt = 0;
    const told = (doneBytes: number): void => {
      moved = doneBytes;
      if (Date.now() - toldAt < tellEveryMs) return;
      toldAt = Date.now();
      state.setSaving(key, { ...begun, doneBytes: Math.min(doneBytes, begun.totalBytes) });
    };
    const { signal } = stop;
    try {
      await save({ signal, told, writing: { signal, onprogress: (movedBytes) => told(moved + movedBytes) } });
      if (!signal.aborted) this.ports.kept.used(offer, file);
      return ok;
    } catch (error) {
      if (signal.aborted) return ok;
      throw error;
    } finally {
      this.#stops.delete(key);
      state.setSaving(key, undefined);
    }
  }

  #filesHere(offer: OfferId, file: number): Promise<BundleFiles | 'bad' | 'absent'> {
    return this.files(offer, file, { signal: new AbortController().signal, onprogress: () => undefined });
  }

  /** Files and empty folders that were chosen and are whole. */
  #leavesHere(offer: OfferId, file: number, files: BundleFiles): number[] {
    const { tree } = files;
    const have = this.#have(offer, file);
    return Array.from({ length: tree.count }, (_, node) => node).filter(
      (node) => tree.isLeaf(node) && files.isChosen(node) && files.isWhole(node, have),
    );
  }

  /** Bytes of single files of a received bundle. */
  #bytesOf(offer: OfferId, file: number, tree: BundleTree, stored: File): (node: number) => Blob | undefined {
    const record = this.ports.engine.transfers.get(offer);
    const ranked = new RankedBlocks(record ? acceptedBlocks(record, file) : []);
    return (node) => {
      const sizeBytes = tree.sizeBytes(node);
      const at = sizeBytes === 0 ? 0 : storedAt(tree.start(node), ranked);
      return at === undefined ? undefined : stored.slice(at, at + sizeBytes);
    };
  }

  /** Waits until the manifest is here, asking for it when nobody answered the offer yet. */
  async #manifestHere(
    offer: OfferId,
    file: number,
    { bundle: { manifestBytes } }: Described,
    { signal, onprogress }: { signal: AbortSignal; onprogress: (part: number) => void },
  ): Promise<boolean> {
    const { transfers, people } = this.ports.engine;
    const record = transfers.get(offer);
    const manifest = { start: 0, sizeBytes: manifestBytes };
    const arrived = (): boolean => covers(this.#have(offer, file), manifest);
    if (arrived()) return true;
    // Nothing is fetched from somebody who was not accepted.
    if (!record || (!record.group && people.get(record.account as AccountId)?.relation !== 'accepted')) return false;
    transfers.fetchManifest(offer, file);
    return new Promise((resolve) => {
      const check = (): void => {
        const record = transfers.get(offer);
        const accepted = record !== undefined && ['accepted', 'paused', 'failed'].includes(standingOf(record, file));
        const comes = accepted || transfers.fetchingManifest(offer, file);
        const here = arrived();
        const [first] = this.#have(offer, file);
        onprogress(Math.min(1, ((first?.[1] ?? 0) * limits.blockBytes) / manifestBytes));
        if (!here && comes && !signal.aborted) return;
        unlisten();
        signal.removeEventListener('abort', check);
        resolve(here && !signal.aborted);
      };
      const unlisten = this.ports.listen(check);
      signal.addEventListener('abort', check);
      check();
    });
  }

  #have(offer: OfferId, file: number): Ranges {
    const { engine } = this.ports;
    const record = engine.transfers.get(offer);
    if (record && isHere(record, file, engine.device)) return acceptedBlocks(record, file);
    return engine.transfers.haveRanges(offer, file);
  }

  #offered(offer: OfferId, file: number): Described | undefined {
    const described = this.ports.engine.transfers.get(offer)?.offered?.files[file];
    return described?.bundle ? { ...described, bundle: described.bundle } : undefined;
  }

  #onDisk(offer: OfferId, file: number, { size, bundle }: Described, area: 'blobs' | 'manifests') {
    const { manifestBytes } = bundle;
    return { key: keyOf({ offer, file }), area, manifestBytes, contentBytes: size - manifestBytes };
  }

  #keep(key: string, files: BundleFiles): void {
    this.#files.set(key, files);
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= keptTrees) break;
      this.#files.delete(oldest);
    }
  }
}
