/** Whom the words of a message name: `@handle` of somebody who is in the conversation. Everything else with an @ is text. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { mentionedHandles } from '../rich-text.ts';
import { faceOf } from './member-names.ts';
import type { Talk } from './talk.ts';
import type { Mentions } from './views/messages.ts';

/** By handle, everybody else in the conversation. */
function othersIn(engine: Causeway, { group, person }: Talk): Map<string, AccountId> {
  const own = engine.account.id;
  if (person) return new Map(person.account === own ? [] : [[person.handle.toLowerCase(), person.account]]);
  const members = [...(group?.membership?.members.keys() ?? [])].filter((account) => account !== own);
  return new Map(
    members.flatMap((account): [string, AccountId][] => {
      const face = group && faceOf(group, account);
      return face ? [[face.handle.toLowerCase(), account]] : [];
    }),
  );
}

/** Whom a text that is about to be sent names, each once. */
export function accountsNamed(engine: Causeway, talk: Talk, text: string): AccountId[] {
  const others = othersIn(engine, talk);
  return [...new Set(mentionedHandles(text).flatMap((handle) => others.get(handle) ?? []))];
}

/** What of a text is drawn as a mention. */
export function mentionsIn(engine: Causeway, talk: Talk, text: string): Mentions {
  const found = mentionedHandles(text);
  if (found.length === 0) return { handles: [] };
  const own = engine.account.handle.toLowerCase();
  const others = othersIn(engine, talk);
  const handles = found.filter((handle) => handle === own || others.has(handle));
  return { handles, ...(handles.includes(own) ? { mine: own } : {}) };
}
