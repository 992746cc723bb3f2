/** `ArchiveActions` whose code is loaded when a conversation is exported or imported. */
import { guard, ok } from './action-result.ts';
import type { ArchiveActions } from './actions.ts';
import type { Running } from './running.ts';
import { talkOf } from './talk.ts';

export function lazyArchives(need: () => Pick<Running, 'engine' | 'store' | 'blobs'>): ArchiveActions {
  return {
    exportConversation: async (account, as) => {
      const { engine, store, blobs } = need();
      const talk = talkOf(engine, account);
      if (!talk) return { ok: false, error: { code: 'storage' } };
      return guard(async () => {
        const { exportJson, exportPage } = await import('./archives.ts');
        await (as === 'json' ? exportJson(engine, talk) : exportPage(engine, talk, store, blobs));
        return ok;
      });
    },
    importConversation: async (account, file) => {
      const { engine } = need();
      const talk = talkOf(engine, account);
      if (!talk) return { error: { code: 'another-conversation' } };
      return (await import('./archives.ts')).importFile(engine, talk, file);
    },
  };
}
