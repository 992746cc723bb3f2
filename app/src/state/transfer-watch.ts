/**
 * What all transfers together do, looked at twice a second while anything runs and not at all otherwise: the figures for the title and the icon, and the
 * series for the graph.
 */
import type { Causeway } from '../../../engine/causeway.ts';
import { acceptedBytes, factsOf, fileKey, standingOf, type OfferRecord } from '../../../engine/exchange/offer.ts';
import { Batch, type BatchFile } from './batch.ts';
import { isSharedOut, nothingMoves, runs, transferring } from './snapshot.ts';
import { SpeedSeries, type Series } from './speed-series.ts';
import type { Moving } from './views/transfers.ts';

const lookMs = 500;

export class TransferWatch {
  moving: Moving = nothingMoves;
  readonly #series = new SpeedSeries();
  readonly #batch = new Batch();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Somebody looks at the graph, which goes on when nothing moves. */
  #shown = false;

  constructor(
    private readonly engine: Causeway,
    private readonly changed: () => void,
  ) {}

  /** To be called whenever anything changed. */
  wake(): void {
    if (this.#timer === undefined && transferring(this.engine)) this.#begin();
  }

  show(shown: boolean): void {
    this.#shown = shown;
    if (shown && this.#timer === undefined) this.#begin();
  }

  series(now: number): Series {
    return this.#series.at(now);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.moving = nothingMoves;
  }

  #begin(): void {
    this.#timer = setInterval(() => this.#look(), lookMs);
    this.#look();
  }

  #look(): void {
    const now = Date.now();
    const any = transferring(this.engine);
    const progress = this.#batch.progress(filesOf(this.engine));
    this.moving = { running: runningOf(this.engine), any, ...(progress === undefined ? {} : { progress }) };
    if (any) this.#series.sample(now, speedsOf(this.engine, now));
    else if (!this.#shown || !this.#series.any(now)) this.stop();
    this.changed();
  }
}

type Visit = (record: OfferRecord, file: number) => void;

function eachFile(engine: Causeway, visit: Visit): void {
  for (const record of engine.transfers.all()) record.offered?.files.forEach((_, file) => visit(record, file));
}

function runningOf(engine: Causeway): number {
  let running = 0;
  eachFile(engine, (record, file) => {
    if (runs(engine, record, file)) running += 1;
  });
  return running;
}

/** What has a whole of which a part is done. */
function filesOf(engine: Causeway): BatchFile[] {
  const files: BatchFile[] = [];
  eachFile(engine, (record, file) => {
    if (isSharedOut(record, file)) return;
    const state = runs(engine, record, file)
      ? 'running'
      : standingOf(record, file) === 'done'
        ? 'done'
        : engine.transfers.inLine(record, file)
          ? 'in-line'
          : 'stopped';
    const { doneBytes } = engine.transfers.progressOf(record.offer, file);
    files.push({ key: fileKey(record.offer, file), doneBytes, sizeBytes: acceptedBytes(record, file), state });
  });
  return files;
}

function speedsOf(engine: Causeway, now: number): { down: number; up: number } {
  const speeds = { down: 0, up: 0 };
  eachFile(engine, (record, file) => {
    const speed = engine.transfers.progressOf(record.offer, file).bytesPerSecond(now) ?? 0;
    speeds[record.offered?.mine && !factsOf(record, file).again ? 'up' : 'down'] += speed;
    speeds.up += engine.transfers.uploadOf(record.offer, file)?.bytesPerSecond(now) ?? 0;
  });
  return speeds;
}
