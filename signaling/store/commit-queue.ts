/**
 * Changes that become durable together. They run one after the other on the staged tables and wait there; all that come within `commitDelayMs`,
 * or while a write is under way, are one write. When it is durable they are applied to the durable tables, and acknowledged. When it fails,
 * everything staged is taken back and every waiting change is refused: a later one may rest on an earlier one.
 */
import type { Low } from 'lowdb';
import type { Row } from './durable-file.ts';
import {
  StoreWriteError,
  type AccountRecord,
  type PairRecord,
  type SessionRecord,
  type TombstoneRecord,
} from './store.ts';
import { pairKey, tableNames, Tables, type AnyRecord, type Change, type TableName } from './tables.ts';

/** Short beside the fsync, long enough that a burst is one write. */
const commitDelayMs = 10;

interface Waiting {
  resolve(): void;
  reject(error: StoreWriteError): void;
}

export class CommitQueue {
  readonly durable = new Tables();
  /** The durable tables with all changes that wait: read and changed within `change` alone. */
  readonly staged = new Tables();
  #changes = new Map<string, Change>();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #healthy = true;
  #closed = false;

  constructor(
    private readonly low: Low<Iterable<Row>>,
    rows: Iterable<Row>,
  ) {
    for (const [table, record] of rows) {
      const change = { table, key: keyOf(table, record), record } as Change;
      this.durable.apply(change);
      this.staged.apply(change);
    }
  }

  /** Whether the last write was done. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** Takes no more changes; resolves when those that wait are durable, or refused. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#startWrite();
    }
    while (this.#writing) await this.#writing;
  }

  /** Runs `make` on the staged tables now; resolves with its result once that, and all it may have seen, is durable. */
  change<T>(make: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreWriteError('the store is closed'));
    const result = make();
    const idle = this.#changes.size === 0 && !this.#writing;
    if (idle) return Promise.resolve(result);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: () => resolve(result), reject });
      this.#schedule();
    });
  }

  put(change: Change): void {
    this.staged.apply(change);
    this.#changes.set(`${change.table} ${change.key}`, change);
  }

  #schedule(): void {
    if (this.#writing || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#startWrite();
    }, commitDelayMs);
  }

  #startWrite(): void {
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) {
        if (this.#closed) this.#startWrite();
        else this.#schedule();
      }
    });
  }

  /** Never rejects: who waits is told. */
  async #write(): Promise<void> {
    const changes = this.#changes;
    const waiting = this.#waiting;
    this.#changes = new Map();
    this.#waiting = [];
    try {
      if (changes.size > 0) {
        this.low.data = snapshot(this.durable, changes);
        await this.low.write();
        this.#healthy = true;
        for (const change of changes.values()) this.durable.apply(change);
      }
      for (const one of waiting) one.resolve();
    } catch (error) {
      this.#healthy = false;
      const failure = new StoreWriteError('the store could not be written', { cause: error });
      const alsoLost = [...changes.values(), ...this.#changes.values()];
      this.#changes = new Map();
      for (const { table, key } of alsoLost)
        this.staged.apply({ table, key, record: this.durable.get(table, key) } as Change);
      for (const one of [...waiting, ...this.#waiting.splice(0)]) one.reject(failure);
    } finally {
      this.low.data = [];
    }
  }
}

/** The durable records with the changes laid over them; durable tables do not change while a write runs. */
function* snapshot(durable: Tables, changes: ReadonlyMap<string, Change>): Generator<Row> {
  for (const table of tableNames)
    for (const [key, record] of durable[table] as Map<string, AnyRecord>)
      if (!changes.has(`${table} ${key}`)) yield [table, record];
  for (const change of changes.values()) if (change.record) yield [change.table, change.record];
}

function keyOf(table: TableName, record: AnyRecord): string {
  if (table === 'session') return (record as SessionRecord).hash;
  if (table === 'pair') return pairKey((record as PairRecord).low, (record as PairRecord).high);
  return (record as AccountRecord | TombstoneRecord).id;
}
