/**
 * Received files on this device: what they take in each conversation, removing and fetching them again, the limit (`kept/keep-rule.ts`), and that
 * what the browser removed is noticed.
 */
import type { Causeway } from '../../../engine/causeway.ts';
import { acceptedBytes, factsOf, fileKey, type OfferRecord } from '../../../engine/exchange/offer.ts';
import { readPayload } from '../../../engine/feed/payload.ts';
import { Serial } from '../../../engine/feed/serial.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import type { ConversationId, OfferId } from '../../../protocol/ids.ts';
import { fileName } from '../../../protocol/names.ts';
import { overLimit, type HeldFile, type KeepSettings } from '../kept/keep-rule.ts';
import { isMissing, type BlobStore } from '../platform/blob-store.ts';
import { guard, ok } from './action-result.ts';
import type { ActionResult, KeptActions } from './actions.ts';
import { allTalks, type Talk } from './talk.ts';
import type { PersonRow } from './view.ts';
import type { KeptConversation, KeptFile, KeptView } from './views/kept.ts';

interface Surroundings {
  engine: Causeway;
  store: BlobStore;
  settings: () => KeepSettings;
  rowOf: (talk: Talk) => PersonRow;
  report: (problem: unknown) => void;
}

/** Of how many entries the size of all is guessed. */
const sampledEntries = 100;
/** What the database needs for an entry beside its bytes: keys, an index, its hash. */
const entryOverheadBytes = 400;

export class KeptFiles implements KeptActions {
  /** Files are removed one after the other: each time what is there then is looked at. */
  readonly #line = new Serial();
  #stopped = false;

  constructor(private readonly around: Surroundings) {}

  /** Holds what should be here against what is here, then the limit. Files of other accounts of this browser are not touched. */
  begin(): void {
    this.#run(async () => {
      const { engine, store } = this.around;
      const { kept } = engine.transfers;
      const there = new Map(
        (await store.list()).flatMap(({ key, area, sizeBytes }) => (area === 'blobs' ? [[key, sizeBytes]] : [])),
      );
      for (const { record, file } of this.#files()) {
        const { offer } = record;
        const { gone, again } = factsOf(record, file);
        const bytes = there.get(fileKey(offer, file));
        // Of an empty file nothing can be lost.
        if (bytes === undefined && kept.isHere(offer, file) && acceptedBytes(record, file) > 0)
          await kept.lost(offer, file);
        else if (bytes !== undefined && gone !== undefined && !again) await store.remove({ offer, file });
      }
    });
    this.limitChanged();
  }

  /** Entries of this account were committed: a file may have come. */
  committed(entries: readonly StoredEntry[]): void {
    if (this.around.settings().atMostBytes === undefined) return;
    if (entries.some((entry) => readPayload(entry).kind === 'receipt')) this.limitChanged();
  }

  /** Removes what is over the limit. */
  limitChanged(): void {
    this.#run(async () => {
      const settings = this.around.settings();
      if (settings.atMostBytes === undefined) return;
      const { remove } = overLimit(await this.#held(await this.#sizes()), settings);
      const { kept } = this.around.engine.transfers;
      for (const { offer, file } of remove) {
        await kept.clear(offer, file, 'limit');
        await kept.clearCopy(offer, file);
      }
    });
  }

  /** The file was saved or opened. */
  used(offer: OfferId, file: number): void {
    this.#run(() => this.around.engine.transfers.kept.used(offer, file));
    this.limitChanged();
  }

  /** A received file, of which nothing is read yet. That the browser has removed it is noted, and rejects with `SinkError`. */
  async open(offer: OfferId, file: number): Promise<File> {
    try {
      return await this.around.store.finished({ offer, file });
    } catch (problem) {
      if (isMissing(problem)) await this.around.engine.transfers.kept.lost(offer, file);
      throw problem;
    }
  }

  async clearFiles(files: readonly { offer: OfferId; file: number }[]): Promise<ActionResult> {
    return guard(async () => {
      const { kept } = this.around.engine.transfers;
      for (const { offer, file } of files) {
        await kept.clear(offer, file, 'cleared');
        await kept.clearCopy(offer, file);
      }
      return ok;
    });
  }

  keptFiles(): Promise<KeptView> {
    return this.#line.run(() => this.#measure());
  }

  async #measure(): Promise<KeptView> {
    const { engine, rowOf, settings } = this.around;
    const sizes = await this.#sizes();
    const byConversation = new Map<ConversationId, KeptFile[]>();
    let lost = 0;
    for (const record of engine.transfers.all())
      for (const file of record.offered?.files.keys() ?? []) {
        if (factsOf(record, file).gone === 'lost') lost++;
        const one = this.#keptFile(record, file, sizes);
        if (one) byConversation.set(record.conversation, [...(byConversation.get(record.conversation) ?? []), one]);
      }
    const conversations: KeptConversation[] = [];
    for (const talk of allTalks(engine)) {
      const ids = [...talk.earlier, talk.conversation];
      const files = ids.flatMap((id) => byConversation.get(id) ?? []).sort((a, b) => b.sizeBytes - a.sizeBytes);
      const messagesBytes = (await Promise.all(ids.map((id) => this.#messagesBytes(id)))).reduce((a, b) => a + b, 0);
      const filesBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      if (filesBytes + messagesBytes > 0) conversations.push({ person: rowOf(talk), files, filesBytes, messagesBytes });
    }
    conversations.sort((a, b) => b.filesBytes - a.filesBytes || b.messagesBytes - a.messagesBytes);
    const { unsavedOverBytes } = overLimit(await this.#held(sizes), settings());
    return { conversations, unsavedOverBytes, lost };
  }

  stop(): void {
    this.#stopped = true;
  }

  #keptFile(record: OfferRecord, file: number, sizes: ReadonlyMap<string, number>): KeptFile | undefined {
    const { offer, offered } = record;
    const key = fileKey(offer, file);
    const sizeBytes = (sizes.get(`blobs/${key}`) ?? 0) + (sizes.get(`outbox/${key}`) ?? 0);
    const described = offered?.files[file];
    if (!described || sizeBytes === 0) return undefined;
    const { kept } = this.around.engine.transfers;
    return {
      offer,
      file,
      name: fileName(described.name),
      sizeBytes,
      at: offered.at,
      mine: offered.mine,
      canClear: kept.isHere(offer, file) || kept.isSpare(offer, file),
      used: offered.mine || factsOf(record, file).usedAt !== undefined,
    };
  }

  /** Roughly: from the newest ones and the number of all. */
  async #messagesBytes(conversation: ConversationId): Promise<number> {
    const { feeds } = this.around.engine;
    const lengths = await feeds.frontier(conversation);
    const count = [...lengths.values()].reduce((sum, length) => sum + length, 0);
    if (count === 0) return 0;
    const sample = await feeds.history(conversation, sampledEntries);
    const bytes = sample.reduce((sum, { wire, plain }) => sum + wire.length + (plain?.length ?? 0), 0);
    return Math.round(count * (bytes / Math.max(1, sample.length) + entryOverheadBytes));
  }

  /** Received files, and copies of sent ones that may go: these have been in use since they were offered. */
  async #held(sizes: ReadonlyMap<string, number>): Promise<HeldFile[]> {
    const { kept } = this.around.engine.transfers;
    const held: HeldFile[] = [];
    for (const { record, file } of this.#files()) {
      const { offer, offered } = record;
      const copyBytes = sizes.get(`outbox/${fileKey(offer, file)}`) ?? 0;
      if (kept.isHere(offer, file))
        held.push({ offer, file, sizeBytes: acceptedBytes(record, file), usedAt: factsOf(record, file).usedAt });
      else if (copyBytes > 0 && (await kept.mayGo(offer, file)))
        held.push({ offer, file, sizeBytes: copyBytes, usedAt: offered?.at });
    }
    return held;
  }

  /** Bytes on the disk, by `area/key`. */
  async #sizes(): Promise<Map<string, number>> {
    const stored = await this.around.store.list();
    return new Map(stored.map(({ key, area, sizeBytes }) => [`${area}/${key}`, sizeBytes]));
  }

  #files(): { record: OfferRecord; file: number }[] {
    return this.around.engine.transfers
      .all()
      .flatMap((record) => Array.from(record.offered?.files.keys() ?? [], (file) => ({ record, file })));
  }

  #run(work: () => Promise<void>): void {
    this.#line.run(async () => (this.#stopped ? undefined : work())).catch(this.around.report);
  }
}
