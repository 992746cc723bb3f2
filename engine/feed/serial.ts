/** Owns one line of work: each task begins after the one before it has ended, well or badly. */
export class Serial {
  #tail: Promise<void> = Promise.resolve();

  /** Resolves or rejects as `work` does; a rejection is the caller's and does not stop the line. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    const done = () => undefined;
    this.#tail = result.then(done, done);
    return result;
  }

  /** Resolves once everything that has been given until now has ended. */
  idle(): Promise<void> {
    return this.#tail;
  }
}
