/**
 * How far all that runs has come, as one figure that does not jump back when a file is done: counted are all files that ran or waited in line
 * since the last time that nothing did. Pure.
 */
export interface BatchFile {
  key: string;
  doneBytes: number;
  sizeBytes: number;
  /** `stopped`: paused, failed, cancelled; it counts again when it goes on. */
  state: 'running' | 'in-line' | 'done' | 'stopped';
}

export class Batch {
  readonly #keys = new Set<string>();

  /** @returns 0 to 1; undefined while nothing runs. */
  progress(files: readonly BatchFile[]): number | undefined {
    if (!files.some(({ state }) => state === 'running')) {
      this.#keys.clear();
      return undefined;
    }
    let done = 0;
    let all = 0;
    for (const { key, doneBytes, sizeBytes, state } of files) {
      if (state === 'running' || state === 'in-line') this.#keys.add(key);
      else if (state === 'stopped') this.#keys.delete(key);
      if (!this.#keys.has(key)) continue;
      done += state === 'done' ? sizeBytes : doneBytes;
      all += sizeBytes;
    }
    return all === 0 ? 0 : done / all;
  }
}
