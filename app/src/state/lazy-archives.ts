/** `ArchiveActions` whose code is loaded when a conversation is exported or imported. */
import { guard, ok } from './action-result.ts';
import type { ArchiveActions } from './actions.ts';
import type { Running } from './running.ts';

export function lazyArchives(need: () => Pick<Running, 'engine' | 'store'>): ArchiveActions {
  return {
    exportConversation: async (account, as) => {
      const { engine, store } = need();
      const person = engine.people.get(account);
      if (!person) return { ok: false, error: { code: 'storage' } };
      return guard(async () => {
        const { exportJson, exportPage } = await import('./archives.ts');
        await (as === 'json' ? exportJson(engine, person) : exportPage(engine, person, store));
        return ok;
      });
    },
    importConversation: async (account, file) => {
      const { engine } = need();
      const person = engine.people.get(account);
      if (!person) return { error: { code: 'another-conversation' } };
      return (await import('./archives.ts')).importFile(engine, person, file);
    },
  };
}
