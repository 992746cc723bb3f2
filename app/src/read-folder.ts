/** Reads a chosen folder into the parts of a bundle, and says why when it cannot be. */
import { announce } from './announce.svelte.ts';
import { breather } from './bundle/breathe.ts';
import { gather, type ChosenFolder, type Gathered, type Gathering } from './bundle/gather.ts';
import { text } from './text.ts';

export async function readFolder(
  chosen: ChosenFolder,
  progress: { signal: AbortSignal; onprogress: (files: number) => void },
): Promise<Gathered | undefined> {
  const gathering = await gather(chosen, { ...progress, breathe: breather });
  if (gathering.kind === 'gathered') return gathering.gathered;
  const words = wordsFor(gathering, chosen.name);
  if (words) announce(words, 'bad');
  return undefined;
}

function wordsFor(gathering: Exclude<Gathering, { kind: 'gathered' }>, name: string): string | undefined {
  switch (gathering.kind) {
    case 'stopped':
      return undefined;
    case 'empty':
      return text.gathering.empty(name);
    case 'too-many':
      return text.gathering.tooMany(name, gathering.most);
    case 'path-too-long':
      return text.gathering.pathTooLong(shortened(gathering.path));
    case 'too-large':
      return text.gathering.tooLarge(name);
    case 'unreadable':
      return gathering.path === undefined
        ? text.gathering.unreadable(name)
        : text.gathering.unreadablePath(shortened(gathering.path));
  }
}

const shownUnits = 160;
/** Both ends of a long path: where it begins and what it is. */
const shortened = (path: string): string =>
  path.length <= shownUnits ? path : `${path.slice(0, shownUnits / 2)} … ${path.slice(-shownUnits / 2)}`;
