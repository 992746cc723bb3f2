/** A feed store that says when there is no room for what is to be written, and when there is again. */
import type { FeedStore } from '../../../engine/ports.ts';

const isFull = (problem: unknown): boolean => problem instanceof DOMException && problem.name === 'QuotaExceededError';

export function watchedFeeds(store: FeedStore, told: (full: boolean) => void): FeedStore {
  const watched = async (write: Promise<void>): Promise<void> => {
    try {
      await write;
      told(false);
    } catch (problem) {
      if (isFull(problem)) told(true);
      throw problem;
    }
  };
  return {
    heads: (...args) => store.heads(...args),
    range: (...args) => store.range(...args),
    history: (...args) => store.history(...args),
    historyAfter: (...args) => store.historyAfter(...args),
    append: (entries) => watched(store.append(entries)),
    replace: (entries) => watched(store.replace(entries)),
  };
}
