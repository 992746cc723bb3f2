/** What a person does with files: offer them, answer an offer, pause, move and retry, save what came. Bundles are in `bundles.ts`. */
import type { Causeway } from '../../../engine/causeway.ts';
import { acceptedBytes, fileKey } from '../../../engine/exchange/offer.ts';
import type { Move } from '../../../engine/exchange/queue.ts';
import type { AccountId, OfferId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { fileName } from '../../../protocol/names.ts';
import type { Chosen } from '../chosen-files.ts';
import type { DeviceBlobs } from '../platform/device-blobs.ts';
import { saveAs } from '../platform/save.ts';
import { makeThumbnail } from '../platform/thumbnails.ts';
import { guard, ok, resultOf } from './action-result.ts';
import type { ActionResult, FileActions } from './actions.ts';
import type { Bundles } from './bundles.ts';
import { matchChosen, missedWith } from './chosen-again.ts';
import type { KeptFiles } from './kept-files.ts';
import { intoOffers, thumbnailBudget } from './outgoing-files.ts';
import { roomFor } from './room-for.ts';
import type { Thumbnails } from './thumbnails.ts';

interface Surroundings {
  engine: Causeway;
  kept: KeptFiles;
  blobs: DeviceBlobs;
  thumbnails: Thumbnails;
  bundles: () => Promise<Bundles>;
  report: (problem: unknown) => void;
}

export class Files implements FileActions {
  constructor(private readonly around: Surroundings) {}

  async attach(account: AccountId, files: Chosen[], options: { pasted: boolean }): Promise<ActionResult> {
    const person = this.around.engine.people.get(account);
    const stranger = person !== undefined && person.relation !== 'accepted';
    return guard(async () => {
      for (const some of intoOffers(files, stranger)) {
        const outcome = await this.#offer(account, some, options);
        if (!outcome.ok) return outcome;
      }
      return ok;
    });
  }

  async answerOffer(offer: OfferId, verdict: 'accept' | 'decline'): Promise<ActionResult> {
    return guard(async () => {
      const { engine, blobs } = this.around;
      const record = engine.transfers.get(offer);
      // Between two people the offer itself says what is free.
      if (record?.group && verdict === 'accept') {
        const files = [...(record.offered?.files.keys() ?? [])];
        const neededBytes = files.reduce((sum, file) => sum + acceptedBytes(record, file), 0);
        const room = await roomFor(engine, blobs, neededBytes);
        if (!room.ok) return room;
      }
      return resultOf(await engine.answerOffer(offer, verdict === 'accept' ? 'accepted' : 'declined'));
    });
  }

  downloadFile(offer: OfferId, file: number): Promise<ActionResult> {
    const { engine, blobs, bundles } = this.around;
    return guard(async () => {
      const record = engine.transfers.get(offer);
      const room = await roomFor(engine, blobs, record ? acceptedBytes(record, file) : 0);
      if (!room.ok) return room;
      const bundle = record?.offered?.files[file]?.bundle;
      return bundle ? (await bundles()).download(offer, file) : resultOf(await engine.download(offer, file));
    });
  }

  removeFile(offer: OfferId, file: number): void {
    this.around.engine.transfers.kept.letGo(offer, file).catch(this.around.report);
  }

  cancelFile(offer: OfferId, file: number): void {
    this.around.engine.cancelFile(offer, file).catch(this.around.report);
  }

  pauseFile(offer: OfferId, file: number): void {
    this.around.engine.transfers.pause(offer, file).catch(this.around.report);
  }

  resumeFile(offer: OfferId, file: number): void {
    this.around.engine.transfers.resume(offer, file).catch(this.around.report);
  }

  retryFile(offer: OfferId, file: number): void {
    this.#retry(offer, file).catch(this.around.report);
  }

  async #retry(offer: OfferId, file: number): Promise<void> {
    const { engine, blobs } = this.around;
    const record = engine.transfers.get(offer);
    const offered = record?.offered?.files[file];
    // A file of a bundle that is as it was again can be read; one that is not there is looked for anew.
    const moved = blobs.problemsOf(offer, file).every(({ kind }) => kind === 'missing');
    if (offered && moved && record.files[file]?.failed === 'changed') await blobs.unchoose(offer, file, offered);
    await engine.transfers.resume(offer, file);
  }

  async provideFiles(offer: OfferId, file: number, chosen: readonly Chosen[]): Promise<ActionResult> {
    const { engine, blobs, thumbnails } = this.around;
    const missed = missedWith(engine, offer).filter(({ bundle }) => !bundle);
    const { matches, wrong } = matchChosen(missed, fileKey(offer, file), chosen);
    for (const { missed: one, kind } of wrong) thumbnails.setWrong(fileKey(one.offer, one.file), kind);
    return guard(async () => {
      for (const { missed: one, chosen: found } of matches) {
        await blobs.provide(one.offer, one.file, found);
        this.#goOn(one);
      }
      return ok;
    });
  }

  async reopenFile(offer: OfferId, file: number): Promise<boolean> {
    const { engine, blobs, thumbnails } = this.around;
    const offered = engine.transfers.get(offer)?.offered?.files[file];
    const found = offered && (await blobs.askForSource(offer, file, offered));
    if (found === 'changed') thumbnails.setWrong(fileKey(offer, file), 'changed');
    if (found !== 'here') return false;
    this.#goOn({ offer, file });
    // The browser may have asked for all of them in one.
    for (const one of missedWith(engine, offer)) if (await blobs.hasSource(one.offer, one.file)) this.#goOn(one);
    return true;
  }

  #goOn({ offer, file }: { offer: OfferId; file: number }): void {
    this.around.thumbnails.setWrong(fileKey(offer, file), undefined);
    this.around.engine.transfers.provided(offer, file);
  }

  async saveFile(offer: OfferId, file: number): Promise<ActionResult> {
    const { engine, kept, bundles } = this.around;
    const offered = engine.transfers.get(offer)?.offered?.files[file];
    if (!offered) return { ok: false, error: { code: 'storage' } };
    return guard(async () => {
      if (offered.bundle) return (await bundles()).saveZip(offer, file);
      saveAs(await kept.open(offer, file), fileName(offered.name));
      kept.used(offer, file);
      return ok;
    });
  }

  moveFile(offer: OfferId, file: number, move: Move): void {
    this.around.engine.transfers.move(offer, file, move).catch(this.around.report);
  }

  pauseAll(): void {
    this.around.engine.transfers.together.pause().catch(this.around.report);
  }

  resumeAll(): void {
    this.around.engine.transfers.together.resume().catch(this.around.report);
  }

  clearFinished(): void {
    this.around.engine.transfers.together.unlistFinished().catch(this.around.report);
  }

  async #offer(account: AccountId, files: readonly Chosen[], { pasted }: { pasted: boolean }): Promise<ActionResult> {
    const { engine, blobs } = this.around;
    const offer = engine.newOfferId();
    const budget = thumbnailBudget(files.length);
    const offered = [];
    for (const [index, { file, handle, voice }] of files.entries()) {
      await blobs.attach(offer, index, file, { pasted, ...(handle ? { handle } : {}) });
      const thumbnail = await makeThumbnail(file, budget);
      offered.push({
        name: file.name.slice(0, limits.fileNameUnits),
        size: file.size,
        type: file.type.slice(0, limits.mimeLength),
        modifiedAt: Math.max(0, file.lastModified),
        ...(thumbnail ? { thumbnail } : {}),
        ...(voice ? { voice } : {}),
      });
    }
    return resultOf(await engine.offer(account, offer, offered));
  }
}
