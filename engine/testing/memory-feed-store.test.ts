import { feedStoreConformance } from './feed-store-conformance.ts';
import { MemoryFeedStore } from './memory-feed-store.ts';

feedStoreConformance(() => {
  const store = new MemoryFeedStore();
  return Promise.resolve({ store, reopen: () => Promise.resolve(store) });
});
