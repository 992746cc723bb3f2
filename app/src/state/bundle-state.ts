/** What the screens show of bundles beside what the engine knows: small, and there before anything of a bundle is loaded. By file key. */
import type { Records } from '../../../engine/records.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import type { FileCard } from './views/files.ts';

/** Which entries of a manifest were chosen ([first, end), ascending). */
export interface BundleChoice {
  key: string;
  entries: Ranges;
}

export type Saving = NonNullable<FileCard['saving']>;

export class BundleState {
  readonly #choices = new Map<string, Ranges>();
  readonly #saving = new Map<string, Saving>();
  readonly #bad = new Set<string>();

  constructor(
    private readonly records: Records<BundleChoice>,
    private readonly changed: () => void,
  ) {}

  async load(): Promise<void> {
    for (const { key, entries } of await this.records.all()) this.#choices.set(key, entries);
  }

  /** All were chosen, or another device chose, when it is undefined. */
  choice(key: string): Ranges | undefined {
    return this.#choices.get(key);
  }

  /** Resolves when it is durable. An answer names blocks alone, and the last block of a chosen file may hold files that were not. */
  async keepChoice(key: string, entries: Ranges): Promise<void> {
    await this.records.put(key, { key, entries });
    this.#choices.set(key, entries);
  }

  /** From now on all of it is wanted. Resolves when that is durable. */
  async dropChoice(key: string): Promise<void> {
    if (!this.#choices.has(key)) return;
    await this.records.delete(key);
    this.#choices.delete(key);
  }

  saving(key: string): Saving | undefined {
    return this.#saving.get(key);
  }

  setSaving(key: string, saving: Saving | undefined): void {
    if (saving) this.#saving.set(key, saving);
    else this.#saving.delete(key);
    this.changed();
  }

  /** Its list of files is not what it says it is. */
  isBad(key: string): boolean {
    return this.#bad.has(key);
  }

  setBad(key: string): void {
    this.#bad.add(key);
    this.changed();
  }
}
