/** The line of both directions as it is on this device: how many at a time, and the order that the person gave, which outlives a reload. */
import type { Records } from '../records.ts';
import { inOrder, moved, nextOf, type Move, type Queued } from './queue.ts';

export interface QueueOrder {
  /** Keys of files (`fileKey`), first in line first. */
  keys: string[];
}

/** A few keep a link full while one of them waits for a disk; more would only make each of them later. */
export const defaultAtOnce = 3;
const recordKey = 'order';

export class TransferQueue {
  #order: readonly string[] = [];
  #atOnce = defaultAtOnce;

  constructor(
    private readonly records: Records<QueueOrder>,
    /** Whether a file can still come to run: the others are left out of the order when it is next written. */
    private readonly alive: (key: string) => boolean,
  ) {}

  async load(): Promise<void> {
    const [kept] = await this.records.all();
    this.#order = kept?.keys ?? [];
  }

  /** Files in each direction, over all links. */
  get atOnce(): number {
    return this.#atOnce;
  }

  /** Those that run already go on. */
  setAtOnce(files: number): void {
    this.#atOnce = Math.max(1, Math.floor(files));
  }

  inOrder<T extends Queued>(queued: readonly T[]): T[] {
    return inOrder(queued, this.#order);
  }

  /** @param line in order. */
  next<T extends Queued>(line: readonly T[], running: readonly Queued[]): T | undefined {
    return nextOf(line, running, this.#atOnce, this.#order);
  }

  /** At once; resolves when it is durable. @param line keys of one direction, in order. */
  async move(line: readonly string[], key: string, move: Move): Promise<void> {
    this.#order = moved(this.#order, line, key, move).filter((one) => this.alive(one));
    await this.records.put(recordKey, { keys: [...this.#order] });
  }
}
